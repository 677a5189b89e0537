//! When a failed request is sent again: how often, after what delay, until when.
//!
//! Why not a crate: see `docs/decisions/0002-own-retry-and-token-bucket.md`.

use std::time::Duration;

use tokio::time::Instant;

use super::Config;
use super::errors::Retry;

/// Greatest delay after the first failure; it doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(500);
/// The same after throttling: a quota refills by the second or slower.
const FIRST_DELAY_THROTTLED: Duration = Duration::from_secs(2);
/// No delay of our own is longer.
const LONGEST_DELAY: Duration = Duration::from_secs(20);
/// No delay that the server asks for is followed for longer: the next poll is a better time.
const LONGEST_ADVICE: Duration = Duration::from_secs(30);
/// All attempts together end within this, below the default of `poll.stall_timeout`, so that a
/// poll fails for what is wrong and not for the time it took to find out.
const LONGEST_CALL: Duration = Duration::from_secs(90);

/// The attempts of one call.
#[derive(Debug)]
pub(super) struct Attempts {
    left: u32,
    failed: u32,
    request_timeout: Duration,
    /// From the first attempt on; the wait for it at the rate limit does not count.
    deadline: Option<Instant>,
    overall: Duration,
    tried_once: bool,
    tried_new_time: bool,
    tried_new_key: bool,
    random: fastrand::Rng,
}

impl Attempts {
    /// At most `max_attempts`, which all end within `max_attempts` times `request_timeout` and
    /// within [`LONGEST_CALL`]; but one attempt always has its whole `request_timeout`.
    pub(super) fn new(config: &Config) -> Self {
        let Config { max_attempts, request_timeout, .. } = *config;
        let overall = request_timeout.saturating_mul(max_attempts).min(LONGEST_CALL).max(request_timeout);
        Self {
            left: max_attempts.max(1),
            failed: 0,
            request_timeout,
            deadline: None,
            overall,
            tried_once: false,
            tried_new_time: false,
            tried_new_key: false,
            random: fastrand::Rng::new(),
        }
    }

    /// Starts an attempt and tells when it must end.
    pub(super) fn start(&mut self) -> Instant {
        let now = Instant::now();
        let deadline = *self.deadline.get_or_insert(now + self.overall);
        self.left = self.left.saturating_sub(1);
        deadline.min(now + self.request_timeout)
    }

    /// When all attempts must have ended; `None` before the first one.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How long to wait before the next attempt; `None` if there shall be none. `advice` is how
    /// long the server asks to wait: never less than that, unless it is absurdly long.
    pub(super) fn after_failure(&mut self, retry: Retry, advice: Option<Duration>) -> Option<Duration> {
        let first = match retry {
            Retry::Never => return None,
            Retry::Once if std::mem::replace(&mut self.tried_once, true) => return None,
            Retry::NewTime if std::mem::replace(&mut self.tried_new_time, true) => return None,
            Retry::NewKey if std::mem::replace(&mut self.tried_new_key, true) => return None,
            Retry::NewTime | Retry::NewKey => Duration::ZERO,
            Retry::Once | Retry::Backoff => FIRST_DELAY,
            Retry::Throttled => FIRST_DELAY_THROTTLED,
        };
        if self.left == 0 {
            return None;
        }
        let delay = match advice {
            // Spread, as many clients may have got the same advice at the same time.
            Some(advice) => advice.min(LONGEST_ADVICE) + self.up_to(first),
            None => self.up_to(first.saturating_mul(1 << self.failed.min(16)).min(LONGEST_DELAY)),
        };
        self.failed += 1;
        let ends_too_late = self.deadline.is_some_and(|deadline| Instant::now() + delay >= deadline);
        (!ends_too_late).then_some(delay)
    }

    /// Full jitter: anything from nothing to all of it, so that clients that failed together
    /// do not come back together.
    fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(max_attempts: u32, request_timeout: u64) -> Attempts {
        let request_timeout = Duration::from_secs(request_timeout);
        Attempts::new(&Config { max_attempts, request_timeout, ..Config::default() })
    }

    /// The delays of `count` calls in which every attempt fails at once, by attempt.
    fn delays(count: usize, retry: Retry) -> Vec<Vec<Duration>> {
        let mut all = Vec::new();
        for _ in 0..count {
            let mut attempts = attempts(5, 30);
            attempts.start();
            let mut one = Vec::new();
            while let Some(delay) = attempts.after_failure(retry, None) {
                one.push(delay);
                attempts.start();
            }
            all.push(one);
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn delays_fill_a_range_from_zero_that_doubles() {
        let delays = delays(400, Retry::Backoff);
        for attempt in 0..4 {
            let bound = FIRST_DELAY * (1 << attempt);
            let of_attempt: Vec<_> = delays.iter().map(|one| one[attempt]).collect();
            assert!(of_attempt.iter().all(|delay| *delay <= bound));
            assert!(of_attempt.iter().any(|delay| *delay < bound / 4), "nothing in the lowest quarter");
            assert!(of_attempt.iter().any(|delay| *delay > bound / 4 * 3), "nothing in the highest quarter");
        }
        assert!(delays.iter().all(|one| one.len() == 4), "5 attempts have 4 pauses");
    }

    #[tokio::test(start_paused = true)]
    async fn some_failures_are_tried_once_more_or_never() {
        assert_eq!(delays(1, Retry::Never)[0].len(), 0);
        assert_eq!(delays(1, Retry::Once)[0].len(), 1);
        assert_eq!(delays(1, Retry::NewTime)[0], [Duration::ZERO]);
        assert_eq!(delays(1, Retry::NewKey)[0], [Duration::ZERO]);
    }

    #[tokio::test(start_paused = true)]
    async fn advice_is_a_least_delay_up_to_its_cap() {
        let second = Duration::from_secs(1);
        for _ in 0..100 {
            let delay = attempts(5, 30).after_failure(Retry::Backoff, Some(second)).unwrap();
            assert!(second <= delay && delay <= second + FIRST_DELAY, "{delay:?}");
            let hour = Some(3600 * second);
            let delay = attempts(5, 30).after_failure(Retry::Throttled, hour).unwrap();
            assert!(LONGEST_ADVICE <= delay && delay <= LONGEST_ADVICE + FIRST_DELAY_THROTTLED, "{delay:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_could_not_end_in_time_is_not_made() {
        let mut attempts = attempts(5, 1);
        attempts.start();
        let late = Some(Duration::from_secs(5));
        assert_eq!(attempts.after_failure(Retry::Backoff, late), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_request_timeout_is_granted_to_one_attempt_at_least() {
        let mut attempts = attempts(5, 300);
        let start = Instant::now();
        assert_eq!(attempts.start() - start, Duration::from_secs(300));
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(attempts.after_failure(Retry::Backoff, None), None);
    }
}
