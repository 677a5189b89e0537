//! When polls start.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far apart the first polls of two sources are, if the interval allows.
const FIRST_POLL_GAP: Duration = Duration::from_secs(2);

/// When the first poll of source `index` of `sources` starts, after the start of the process:
/// the first polls are spread evenly over the interval, or over 2 s for each source if that is less.
pub fn first_delay(index: usize, sources: usize, interval: Duration) -> Duration {
    let sources = u32::try_from(sources.max(1)).unwrap_or(u32::MAX);
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let span = interval.min(FIRST_POLL_GAP.saturating_mul(sources));
    (span / sources).saturating_mul(index)
}

/// Ticks at a fixed interval, one poll at a time. A tick that falls into a poll is skipped, and
/// the next poll waits for the next tick after its end: polls that always take a little longer than
/// the interval start at every second tick, and never one right after the other.
#[derive(Debug)]
pub(super) struct Schedule {
    next: Instant,
    interval: Duration,
}

impl Schedule {
    /// The first tick is `delay` from now.
    pub(super) fn new(delay: Duration, interval: Duration) -> Self {
        Self { next: Instant::now() + delay, interval }
    }

    /// How long until the next tick.
    pub(super) fn until_next(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Waits for the next tick.
    pub(super) async fn tick(&mut self) {
        sleep_until(self.next).await;
        self.next += self.interval;
    }

    /// Leaves out the ticks that are in the past, which a poll ran over, and counts them.
    pub(super) fn skip_missed(&mut self) -> u64 {
        let now = Instant::now();
        let mut missed = 0;
        while self.next < now {
            self.next += self.interval;
            missed += 1;
        }
        missed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn first_polls_are_two_seconds_apart() {
        assert_eq!([0, 1, 2].map(|index| first_delay(index, 3, 120 * SECOND)), [0, 2, 4].map(|n| n * SECOND));
    }

    #[test]
    fn the_first_polls_of_many_sources_fit_into_the_interval() {
        assert_eq!(first_delay(0, 100, 10 * SECOND), Duration::ZERO);
        assert!(first_delay(99, 100, 10 * SECOND) < 10 * SECOND);
        assert_eq!(first_delay(1, 100, 10 * SECOND), SECOND / 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_fits_the_interval_skips_nothing() {
        let mut schedule = Schedule::new(Duration::ZERO, 10 * SECOND);
        schedule.tick().await;
        tokio::time::advance(9 * SECOND).await;
        assert_eq!(schedule.skip_missed(), 0);
        assert_eq!(schedule.until_next(), SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_within_a_poll_are_skipped_and_counted() {
        let mut schedule = Schedule::new(Duration::ZERO, 10 * SECOND);
        schedule.tick().await;
        tokio::time::advance(35 * SECOND).await;
        assert_eq!(schedule.skip_missed(), 3);
        assert_eq!(schedule.until_next(), 5 * SECOND);
    }

    /// When polls that take `durations` start and end, and how many ticks each made be skipped.
    async fn polls(interval: Duration, durations: &[Duration]) -> Vec<(Duration, Duration, u64)> {
        let origin = Instant::now();
        let mut schedule = Schedule::new(Duration::ZERO, interval);
        let mut polls = Vec::new();
        for &duration in durations {
            schedule.tick().await;
            let start = origin.elapsed();
            tokio::time::advance(duration).await;
            polls.push((start, origin.elapsed(), schedule.skip_missed()));
        }
        polls
    }

    #[tokio::test(start_paused = true)]
    async fn polls_a_little_longer_than_the_interval_start_at_every_second_tick() {
        let polls = polls(10 * SECOND, &[11 * SECOND; 4]).await;
        let starts: Vec<_> = polls.iter().map(|(start, ..)| start.as_secs()).collect();
        assert_eq!(starts, [0, 20, 40, 60]);
        assert!(polls.iter().all(|(.., skipped)| *skipped == 1), "{polls:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_ends_at_a_tick_skips_none() {
        let polls = polls(10 * SECOND, &[10 * SECOND; 3]).await;
        let starts: Vec<_> = polls.iter().map(|(start, ..)| start.as_secs()).collect();
        assert_eq!(starts, [0, 10, 20]);
        assert!(polls.iter().all(|(.., skipped)| *skipped == 0), "{polls:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn polls_never_overlap_and_every_tick_is_one_or_skipped(
            millis in proptest::collection::vec(0u64..60_000, 1..30),
        ) {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let durations: Vec<_> = millis.into_iter().map(Duration::from_millis).collect();
            let interval = 10 * SECOND;
            let polls = runtime.block_on(polls(interval, &durations));
            let mut ticks = 0;
            let mut last_end = Duration::ZERO;
            for (start, end, skipped) in polls {
                prop_assert_eq!(start, interval * ticks);
                prop_assert!(start >= last_end);
                // No later than the first tick after the end of the one before.
                prop_assert!(start <= last_end + interval);
                ticks += 1 + u32::try_from(skipped).unwrap();
                last_end = end;
            }
        }
    }
}
