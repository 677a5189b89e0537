//! When everything is listed, and when only what changed.

use std::time::Duration;

use tokio::time::Instant;

/// Between two full listings that something calls for, and after one that failed, at least this
/// much time passes, while delta polls go on.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// A full listing takes no more than one part in so many of the time.
const PARTS: u32 = 4;

/// When the next full listing is due. Before the first good one that is always.
#[derive(Debug)]
pub(super) struct Plan {
    every: Duration,
    due: Option<Instant>,
    /// When a full listing may begin that something calls for.
    earliest: Option<Instant>,
    /// When something called for one last.
    called_at: Option<Instant>,
    /// Until when delta polls are not to be tried, for they can't be relied on.
    unfit_until: Option<Instant>,
}

impl Plan {
    /// A full listing every `every`, the first one now.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, due: None, earliest: None, called_at: None, unfit_until: None }
    }

    /// Whether a full listing is to begin at `now`.
    pub(super) fn is_full_due(&self, now: Instant) -> bool {
        !self.may_use_deltas(now) || self.due.is_none_or(|due| now >= due)
    }

    /// Whether delta polls can be relied on, as far as is known at `now`.
    pub(super) fn may_use_deltas(&self, now: Instant) -> bool {
        self.unfit_until.is_none_or(|until| now >= until)
    }

    /// A full listing was good, which began at `began` and took `took`. It does not answer what
    /// called for one meanwhile: its rows may have been read before.
    pub(super) fn full_succeeded(&mut self, began: Instant, took: Duration) {
        self.due = Some(began + self.every.max(took.saturating_mul(PARTS)));
        self.earliest = Some(began + self.patience().max(took.saturating_mul(PARTS)));
        if let Some(called_at) = self.called_at.take().filter(|at| *at > began) {
            self.call_for_full(called_at);
        }
    }

    /// The last good full listing took `took`, and began `ago` before `now`, in another process.
    pub(super) fn resume(&mut self, now: Instant, ago: Duration, took: Duration) {
        let most = took.saturating_mul(PARTS);
        self.due = Some(now + self.every.max(most).saturating_sub(ago));
        self.earliest = Some(now + self.patience().max(most).saturating_sub(ago));
    }

    /// A full listing failed at `now`. Delta polls go on meanwhile, if there has ever been a good
    /// one.
    pub(super) fn full_failed(&mut self, now: Instant) {
        self.due = self.due.map(|_| now + self.patience());
    }

    /// A delta poll found that something is missing: everything is to be listed soon.
    pub(super) fn call_for_full(&mut self, now: Instant) {
        self.called_at = Some(now);
        let soon = self.earliest.map_or(now, |earliest| earliest.max(now));
        self.due = self.due.map(|due| due.min(soon));
    }

    /// Everything is to be listed at once.
    pub(super) fn full_is_due(&mut self, now: Instant) {
        self.call_for_full(now);
        self.due = self.due.map(|_| now);
    }

    /// What called for a full listing under the plan `before` still does.
    pub(super) fn heed_calls_to(&mut self, before: &Self) {
        if let Some(called_at) = before.called_at {
            self.call_for_full(called_at);
        }
    }

    fn patience(&self) -> Duration {
        PATIENCE.min(self.every)
    }

    /// Delta polls can't be relied on: everything is listed at each poll for a while from `now` on.
    pub(super) fn fall_back(&mut self, now: Instant) {
        self.unfit_until = Some(now + self.every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);

    fn after(every: Duration, took: Duration) -> (Plan, Instant) {
        let (mut plan, began) = (Plan::new(every), Instant::now());
        assert!(plan.is_full_due(began));
        plan.full_succeeded(began, took);
        (plan, began)
    }

    #[test]
    fn full_listings_are_apart_by_the_interval_and_by_four_times_what_they_take() {
        let (plan, began) = after(6 * HOUR, MINUTE);
        assert!(!plan.is_full_due(began + 6 * HOUR - MINUTE) && plan.is_full_due(began + 6 * HOUR));
        let (plan, began) = after(6 * HOUR, 2 * HOUR);
        assert!(!plan.is_full_due(began + 7 * HOUR) && plan.is_full_due(began + 8 * HOUR));
    }

    #[test]
    fn a_process_goes_on_with_the_plan_of_the_one_before() {
        let (mut plan, now) = (Plan::new(6 * HOUR), Instant::now());
        plan.resume(now, 5 * HOUR, MINUTE);
        assert!(!plan.is_full_due(now) && plan.is_full_due(now + HOUR));
        plan.resume(now, 7 * HOUR, MINUTE);
        assert!(plan.is_full_due(now));
    }

    #[test]
    fn one_that_something_calls_for_comes_no_sooner_than_15_minutes_after_the_last() {
        let (mut plan, began) = after(6 * HOUR, MINUTE);
        plan.call_for_full(began + MINUTE);
        assert!(!plan.is_full_due(began + 14 * MINUTE) && plan.is_full_due(began + 15 * MINUTE));
        let (mut plan, began) = after(6 * HOUR, MINUTE);
        plan.call_for_full(began + HOUR);
        assert!(plan.is_full_due(began + HOUR));
    }

    #[test]
    fn one_that_failed_is_tried_again_later_but_the_first_at_once() {
        let (mut plan, began) = after(HOUR, MINUTE);
        plan.full_failed(began + HOUR);
        assert!(!plan.is_full_due(began + HOUR + MINUTE) && plan.is_full_due(began + HOUR + 15 * MINUTE));
        let mut plan = Plan::new(HOUR);
        plan.full_failed(began);
        assert!(plan.is_full_due(began));
    }

    #[test]
    fn without_deltas_every_poll_is_a_full_one_until_they_are_tried_again() {
        let (mut plan, began) = after(HOUR, MINUTE);
        plan.fall_back(began + MINUTE);
        plan.full_succeeded(began + 30 * MINUTE, MINUTE);
        assert!(plan.is_full_due(began + 31 * MINUTE) && !plan.may_use_deltas(began + 31 * MINUTE));
        assert!(plan.may_use_deltas(began + 61 * MINUTE) && !plan.is_full_due(began + 61 * MINUTE));
    }

    #[test]
    fn what_calls_for_a_full_listing_while_one_is_under_way_calls_for_the_next() {
        let (mut plan, began) = after(6 * HOUR, MINUTE);
        let second = began + 6 * HOUR;
        plan.call_for_full(second + MINUTE);
        plan.full_succeeded(second, 10 * MINUTE);
        assert!(!plan.is_full_due(second + 39 * MINUTE) && plan.is_full_due(second + 40 * MINUTE));
        plan.full_succeeded(second + 40 * MINUTE, MINUTE);
        assert!(!plan.is_full_due(second + 2 * HOUR), "it was answered");
    }
}
