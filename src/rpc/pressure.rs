//! How much of the configured rate the API bears: half after throttling, then more, step by step.

use std::time::Duration;

use tokio::time::Instant;

/// No rate falls below this part of the configured one.
const LEAST_SHARE: f64 = 1.0 / 16.0;

/// Nor below this many requests a second, unless so few are configured: a poll must get on.
const LEAST_RATE: f64 = 0.1;

/// What is regained of the configured rate with each [`STEP_TIME`].
const STEP: f64 = 1.0 / 8.0;

/// Time without throttling for one step up. The vendor counts some quotas by the minute, so a
/// step shows within two whether it was too much.
const STEP_TIME: Duration = Duration::from_secs(30);

/// How long at least a fall is given to show its effect: quotas refill by the second or slower.
const LEAST_PAUSE: Duration = Duration::from_secs(1);

/// Throttling is over after so long without any. The rate has long been full by then; sooner, an
/// account that is throttled at every poll would get its start and end told at every poll.
const CALM: Duration = Duration::from_secs(15 * 60);

/// A rate that gives way to throttling. Nothing here waits or reads a clock.
#[derive(Debug)]
pub(super) struct Pressure {
    /// Requests a second.
    configured: f64,
    least: f64,
    fallen: Option<Fallen>,
}

#[derive(Debug)]
struct Fallen {
    /// Requests a second after the last throttled answer.
    rate: f64,
    /// When that came.
    last_throttled: Instant,
    /// Requests sent before then went at a higher rate, and say nothing of the present one.
    judged_from: Instant,
}

impl Pressure {
    /// None yet; `configured` requests a second are allowed.
    pub(super) fn new(configured: f64) -> Self {
        let least = (configured * LEAST_SHARE).max(LEAST_RATE.min(configured));
        Self { configured, least, fallen: None }
    }

    /// Requests a second allowed at `now`.
    pub(super) fn rate(&self, now: Instant) -> f64 {
        let Some(Fallen { rate, last_throttled, .. }) = &self.fallen else { return self.configured };
        let quiet = now.saturating_duration_since(*last_throttled);
        let steps = (quiet.as_secs() / STEP_TIME.as_secs()) as f64;
        (rate + steps * STEP * self.configured).min(self.configured)
    }

    /// A request that was sent at `sent` was throttled, as its answer says at `now`. That halves
    /// the rate, but only once for all the requests that went at a higher one.
    pub(super) fn throttled(&mut self, sent: Instant, now: Instant) {
        let before = self.rate(now);
        let is_old = self.fallen.as_ref().is_some_and(|fallen| sent < fallen.judged_from);
        let rate = if is_old { before } else { (before / 2.0).max(self.least) };
        let judged_from = match &self.fallen {
            Some(fallen) if is_old => fallen.judged_from,
            _ => now + Duration::from_secs_f64(1.0 / rate).max(LEAST_PAUSE),
        };
        self.fallen = Some(Fallen { rate, last_throttled: now, judged_from });
    }

    /// Whether there has been no throttling for long.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let quiet = |fallen: &Fallen| now.saturating_duration_since(fallen.last_throttled);
        self.fallen.as_ref().is_none_or(|fallen| quiet(fallen) >= CALM)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const FULL: f64 = 2.0;

    /// Long enough for every step.
    const LONG: Duration = Duration::from_secs(8 * 30);

    /// The rate after each throttled answer to a request sent 20 s after the one before.
    fn falls(configured: f64, count: usize) -> Vec<f64> {
        let mut pressure = Pressure::new(configured);
        let mut now = Instant::now();
        let mut rates = Vec::new();
        for _ in 0..count {
            now += 20 * SECOND;
            pressure.throttled(now, now);
            rates.push(pressure.rate(now));
        }
        rates
    }

    #[test]
    fn throttling_halves_the_rate_down_to_a_sixteenth() {
        assert_eq!(falls(16.0, 6), [8.0, 4.0, 2.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_low_rate_falls_to_one_request_in_ten_seconds_or_not_at_all() {
        assert_eq!(falls(0.4, 3), [0.2, 0.1, 0.1]);
        assert_eq!(falls(0.05, 2), [0.05, 0.05]);
    }

    #[test]
    fn requests_refused_together_halve_the_rate_once() {
        let (mut pressure, sent) = (Pressure::new(FULL), Instant::now());
        for answer in 1..=5 {
            pressure.throttled(sent, sent + answer * SECOND);
        }
        assert_eq!(pressure.rate(sent + 5 * SECOND), FULL / 2.0);
    }

    #[test]
    fn a_request_sent_at_the_lower_rate_halves_it_again() {
        let (mut pressure, start) = (Pressure::new(FULL), Instant::now());
        pressure.throttled(start, start);
        pressure.throttled(start + SECOND / 2, start + 3 * SECOND);
        assert_eq!(pressure.rate(start + 3 * SECOND), FULL / 2.0, "within one interval of the lower rate");
        pressure.throttled(start + SECOND, start + 3 * SECOND);
        assert_eq!(pressure.rate(start + 3 * SECOND), FULL / 4.0);
    }

    #[test]
    fn quiet_gives_an_eighth_back_each_half_minute() {
        let (mut pressure, start) = (Pressure::new(FULL), Instant::now());
        pressure.throttled(start, start);
        let rates = [0, 29, 30, 60, 119, 120, 9999].map(|second| pressure.rate(start + second * SECOND));
        assert_eq!(rates, [1.0, 1.0, 1.25, 1.5, 1.75, 2.0, 2.0]);
    }

    #[test]
    fn throttling_that_counts_no_more_still_holds_recovery_back() {
        let (mut pressure, start) = (Pressure::new(FULL), Instant::now());
        pressure.throttled(start, start);
        pressure.throttled(start, start + 29 * SECOND);
        assert_eq!(pressure.rate(start + 58 * SECOND), 1.0);
        assert_eq!(pressure.rate(start + 59 * SECOND), 1.25);
    }

    #[test]
    fn it_is_over_after_a_long_calm_only() {
        let (mut pressure, start) = (Pressure::new(FULL), Instant::now());
        assert!(pressure.is_over(start));
        pressure.throttled(start, start);
        assert!(!pressure.is_over(start + CALM - SECOND));
        assert!(pressure.is_over(start + CALM));
        assert!(LONG < CALM);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_refused_the_rate_stays_within_bounds_falls_at_once_and_comes_back(
            configured in 0.001f64..1000.0,
            // Pause before an answer, how long before it the request was sent, whether it was throttled.
            answers in proptest::collection::vec((0u64..60_000, 0u64..5_000, any::<bool>()), 0..60),
        ) {
            let mut pressure = Pressure::new(configured);
            let least = (configured / 16.0).max(configured.min(0.1));
            let mut now = Instant::now();
            // When the rate last fell, and how low.
            let mut last_fall: Option<(Instant, f64)> = None;
            for (pause, under_way, is_throttled) in answers {
                let waiting = pressure.rate(now);
                now += Duration::from_millis(pause);
                let before = pressure.rate(now);
                prop_assert!(before >= waiting, "it fell from {waiting} to {before} by itself");
                if is_throttled {
                    let sent = now - Duration::from_millis(under_way);
                    pressure.throttled(sent, now);
                    let after = pressure.rate(now);
                    let is_news = last_fall.is_none_or(|(fell, rate)| {
                        sent >= fell + Duration::from_secs_f64((1.0 / rate).max(1.0))
                    });
                    let expected = if is_news { (before / 2.0).max(least) } else { before };
                    prop_assert_eq!(after, expected);
                    if is_news {
                        last_fall = Some((now, after));
                    }
                }
                prop_assert!((least..=configured).contains(&pressure.rate(now)));
            }
            prop_assert_eq!(pressure.rate(now + LONG), configured);
        }
    }
}
