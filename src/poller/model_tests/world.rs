//! A fleet, the exporter that polls it, and the model.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::test_runner::TestCaseError;

use crate::clock::{Clock, ClockHand, UnixMillis};
use crate::ledger::TargetsShown;
use crate::model::Listing;
use crate::poller::fake::{Answer, Cloud, FakeTask, HOUR, NOW, body, config};
use crate::poller::{Config, Source};

use super::compare;
use super::fleet::{Fleet, MINUTE};
use super::hidden::Between;
use super::history::{Choice, Event, History, Step};
use super::model::Model;
use super::restored::reloaded;
use super::series::SeriesOrder;

/// One run of a history.
pub(super) struct World {
    listing: Listing,
    choice: Choice,
    fleet: Fleet,
    cloud: Cloud,
    /// What the cloud shows.
    shown: Cloud,
    faulty: Arc<AtomicBool>,
    shifting: Arc<AtomicBool>,
    clock: Clock,
    hand: ClockHand,
    source: Source,
    model: Model,
    order: SeriesOrder,
    /// Whether a poll of this exporter was good.
    has_polled: bool,
    /// The tasks at the last poll, and when that was.
    before: Vec<FakeTask>,
    last_poll: i64,
}

impl World {
    pub(super) fn new(listing: Listing, history: &History) -> Self {
        let choice = history.choice;
        let fleet = Fleet::new(listing, &history.old);
        let shown = Cloud::with([]);
        let (faulty, shifting) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (is_faulty, is_shifting, good) = (Arc::clone(&faulty), Arc::clone(&shifting), shown.clone());
        let cloud = Cloud::scripted([], move |params, _| {
            if is_faulty.load(Ordering::Relaxed) {
                return Answer::Refused(500, "ServerError");
            }
            let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
            if is_flat && listing == Listing::PerRoot {
                return Answer::Body(body(Vec::new(), 0, 10));
            }
            let mut page = good.page(params);
            // The first row of a second page has moved to the first one, which is read already.
            if params["CurrentPage"] == "2" && is_shifting.swap(false, Ordering::Relaxed) {
                page["List"].as_array_mut().unwrap().remove(0);
            }
            Answer::Body(page)
        });
        let (clock, hand) = Clock::manual(UnixMillis::new(NOW).unwrap());
        let source = cloud.source_at(settings(listing, choice), clock.clone());
        Self {
            listing,
            choice,
            fleet,
            cloud,
            shown,
            faulty,
            shifting,
            clock,
            hand,
            source,
            model: Model::new(listing, choice),
            order: SeriesOrder::default(),
            has_polled: false,
            before: Vec::new(),
            last_poll: NOW,
        }
    }

    /// Lets time pass, lets the events happen, and polls.
    pub(super) async fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        tokio::time::advance(Duration::from_secs(step.minutes as u64 * 60)).await;
        self.move_clock(step.minutes);
        for event in &step.events {
            self.happen(event);
        }
        self.poll().await
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Fault => self.faulty.store(true, Ordering::Relaxed),
            Event::Shift => self.shifting.store(true, Ordering::Relaxed),
            Event::Restart => {
                self.source = self.cloud.source_at(settings(self.listing, self.choice), self.clock.clone());
                self.model = Model::new(self.listing, self.choice);
                self.order = SeriesOrder::default();
                self.has_polled = false;
            }
            Event::Resume => {
                let standing = self.source.standing();
                self.source = self.cloud.source_at(settings(self.listing, self.choice), self.clock.clone());
                let standing = standing.map(|standing| reloaded(standing, shown(self.choice)));
                standing.into_iter().for_each(|standing| self.source.resume(standing));
                // Until its first poll there is no snapshot.
                self.has_polled = false;
            }
            Event::SetClock(minutes) => self.move_clock(minutes),
            _ => self.fleet.happen(event, self.now()),
        }
    }

    /// A poll, and the one that it called for, if any.
    pub(super) async fn poll(&mut self) -> Result<(), TestCaseError> {
        *self.shown.tasks.lock().unwrap() = self.fleet.tasks.clone();
        let between = Between {
            listing: self.listing,
            before: &self.before,
            after: &self.fleet.tasks,
            last_poll: self.last_poll,
            now: self.now(),
        };
        let needs_full = between.hides_something();
        // A target that is forgotten by a poll which does not see its new end loses what was before.
        let is_ambiguous = between.is_ambiguous() || (needs_full && self.choice.keep < 24 * HOUR);
        self.poll_once(is_ambiguous).await;
        if self.faulty.swap(false, Ordering::Relaxed) {
            // What failed has changed nothing; the next one is good.
            self.check("after a poll that failed")?;
            self.poll_once(is_ambiguous).await;
        }
        let is_short = self.source.subscribe().borrow().snapshot.as_ref().is_some_and(|s| s.missing_rows > 0);
        self.poll_once(needs_full || is_short).await;
        let now = self.now();
        self.has_polled = true;
        self.model.poll(&self.fleet.tasks, now);
        self.before.clone_from(&self.fleet.tasks);
        self.last_poll = now;
        self.fleet.was_polled(now);
        self.check(if needs_full { "after a full listing" } else { "after a poll" })
    }

    async fn poll_once(&mut self, of_everything: bool) {
        if of_everything {
            self.source.poll_full().await;
        } else {
            self.source.poll().await;
        }
    }

    fn check(&mut self, when: &str) -> Result<(), TestCaseError> {
        let published = self.source.subscribe().borrow().clone();
        let mut mistakes = compare::differences(&compare::totals(&published.counters), &self.model.totals);
        if published.snapshot.is_some() != self.has_polled {
            mistakes.push(format!("a snapshot is there: {}", published.snapshot.is_some()));
        }
        if let Some(snapshot) = &published.snapshot {
            mistakes.extend(compare::types(snapshot));
            mistakes.extend(compare::differences(&compare::gauges(snapshot), &self.model.gauges));
            mistakes.extend(compare::running(snapshot, &self.model));
            mistakes.extend(compare::failing(snapshot, &self.model));
            mistakes.extend(self.order.mistakes(snapshot, &self.model.targets));
        }
        if mistakes.is_empty() {
            return Ok(());
        }
        let minutes = (self.now() - NOW) / MINUTE;
        Err(TestCaseError::fail(format!("minute {minutes}, {when}: {}", mistakes.join("; "))))
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millis() as i64
    }

    fn move_clock(&self, minutes: i64) {
        self.hand.set(UnixMillis::new(self.now() + minutes * MINUTE).unwrap());
    }
}

fn shown(choice: Choice) -> TargetsShown {
    TargetsShown { which: choice.which, names: true, limit: choice.limit }
}

fn settings(listing: Listing, choice: Choice) -> Config {
    let targets = shown(choice);
    Config { page_size: 10, full_every: 6 * HOUR, keep_targets: choice.keep, targets, ..config(listing) }
}
