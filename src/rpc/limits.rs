//! How much may be asked: requests a second and requests in flight.

use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as TurnLock, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::model::FailureReason;

use super::pressure::Pressure;

/// Part of a second whose requests may go at once after a rest. With fewer than 10 requests a
/// second that is a single one, so that they go evenly; with many it evens out late timers,
/// which are exact to a millisecond only.
const BURST_SECONDS: f64 = 0.1;

/// How long a request without an answer keeps its place. One that hangs is no load on the API, and
/// must not keep a source behind another, healthy endpoint waiting until it times out. The rate
/// still bounds what is sent, and each source has no more under way than its own concurrency.
const LONGEST_HOLD: Duration = Duration::from_secs(2);

/// A token bucket and a number of places, shared by the sources with the same access key
/// (see `credentials::key_id`): the cloud counts requests by account, not by source. The rate
/// gives way while the API throttles.
#[derive(Debug)]
pub struct Limits {
    /// Requests a second at most.
    configured: f64,
    throttling: Mutex<Throttling>,
    /// When the last request was due if all came evenly. Who waits for its time holds it.
    last_due: TurnLock<Option<Instant>>,
    places: Semaphore,
}

#[derive(Debug)]
struct Throttling {
    pressure: Pressure,
    /// Host of the endpoint that the log has told to throttle.
    told: Option<String>,
}

impl Limits {
    /// Limits that nothing has used yet. Both numbers are above 0.
    pub fn new(requests_per_second: f64, concurrency: usize) -> Self {
        Self {
            configured: requests_per_second,
            throttling: Mutex::new(Throttling { pressure: Pressure::new(requests_per_second), told: None }),
            last_due: TurnLock::new(None),
            places: Semaphore::new(concurrency),
        }
    }

    /// Requests a second now allowed.
    pub fn rate(&self) -> f64 {
        self.throttling().pressure.rate(Instant::now())
    }

    /// Waits for a place and for the time of one request. The place is free again when the
    /// permit is dropped, see [`hold`].
    pub(super) async fn acquire(&self) -> SemaphorePermit<'_> {
        let permit = self.places.acquire().await.expect("the semaphore is never closed");
        // The others wait for this turn, not for times of their own: so a rate that falls holds
        // for all of them at once.
        let mut last_due = self.last_due.lock().await;
        loop {
            let now = Instant::now();
            let interval = Duration::from_secs_f64(1.0 / self.rate());
            // How far the schedule may run ahead of the clock before a request must wait.
            let leeway = Duration::from_secs_f64(BURST_SECONDS).saturating_sub(interval);
            let due = last_due.map_or(now, |last| (last + interval).max(now));
            match due.checked_sub(leeway) {
                Some(start) if start > now => tokio::time::sleep_until(start).await,
                _ => {
                    *last_due = Some(due);
                    return permit;
                }
            }
        }
    }

    /// The API at `endpoint` throttled a request that was sent at `sent`.
    pub(super) fn throttled(&self, sent: Instant, endpoint: &str) {
        let now = Instant::now();
        let mut throttling = self.throttling();
        throttling.pressure.throttled(sent, now);
        let rate = throttling.pressure.rate(now);
        if rate < self.configured && throttling.told.is_none() {
            throttling.told = Some(endpoint.to_owned());
            tracing::warn!(
                endpoint,
                requests_per_second = rate,
                configured_requests_per_second = self.configured,
                advice = FailureReason::Throttled.advice(),
                "the API throttles requests; fewer are sent until it does so no more"
            );
        }
    }

    /// A good answer came.
    pub(super) fn answered(&self) {
        let mut throttling = self.throttling();
        if throttling.told.is_some()
            && throttling.pressure.is_over(Instant::now())
            && let Some(endpoint) = throttling.told.take()
        {
            tracing::info!(
                endpoint,
                requests_per_second = self.configured,
                "the API throttles no more; requests go at the full rate again"
            );
        }
    }

    fn throttling(&self) -> MutexGuard<'_, Throttling> {
        self.throttling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does `request` while it has the place of `permit`, which it keeps no longer than
/// [`LONGEST_HOLD`]; the request itself goes on.
pub(super) async fn hold<T>(permit: SemaphorePermit<'_>, request: impl Future<Output = T>) -> T {
    let mut request = pin!(request);
    let answer = tokio::time::timeout(LONGEST_HOLD, &mut request).await;
    drop(permit);
    match answer {
        Ok(answer) => answer,
        Err(_) => request.await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::logging::told;

    /// When each of `pauses.len()` requests got through, if each comes a pause after the one before.
    fn passes(rate: f64, concurrency: usize, pauses: &[u64]) -> Vec<Duration> {
        let pauses: Vec<_> = pauses.iter().map(|&pause| (pause, false)).collect();
        passes_if_throttled(rate, concurrency, &pauses)
    }

    /// The same where some requests are throttled.
    fn passes_if_throttled(rate: f64, concurrency: usize, pauses: &[(u64, bool)]) -> Vec<Duration> {
        paused().block_on(async {
            let limits = Arc::new(Limits::new(rate, concurrency));
            let start = Instant::now();
            let mut waiting = Vec::new();
            for &(pause, is_throttled) in pauses {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let limits = Arc::clone(&limits);
                waiting.push(tokio::spawn(async move {
                    let _permit = limits.acquire().await;
                    if is_throttled {
                        limits.throttled(Instant::now(), "cloud.example");
                    }
                    start.elapsed()
                }));
            }
            let mut passed = Vec::new();
            for request in waiting {
                passed.push(request.await.unwrap());
            }
            passed.sort();
            passed
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_span_of_time_lets_more_through_than_its_share_and_one_burst(
            rate in 0.5f64..300.0,
            concurrency in 1usize..6,
            pauses in proptest::collection::vec((0u64..400, proptest::bool::weighted(0.2)), 1..60),
        ) {
            let passed = passes_if_throttled(rate, concurrency, &pauses);
            let burst = (rate * BURST_SECONDS).max(1.0);
            for (i, from) in passed.iter().enumerate() {
                for (j, to) in passed.iter().enumerate().skip(i) {
                    // A timer fires up to 1 ms late, so the next one may seem as much too early.
                    let span = (*to - *from).as_secs_f64() + 0.001;
                    let most = rate * span + burst + 1e-6;
                    prop_assert!((j - i + 1) as f64 <= most, "{} in {span} s at {rate}", j - i + 1);
                }
            }
        }
    }

    #[test]
    fn slow_rates_go_evenly() {
        let passed = passes(2.0, 4, &[0; 5]);
        let millis: Vec<_> = passed.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 500, 1000, 1500, 2000]);
    }

    #[test]
    fn a_rest_saves_up_no_more_than_the_burst() {
        let passed = passes(100.0, 50, &[&[5000][..], &[0; 29]].concat());
        let at_once = passed.iter().filter(|at| **at == passed[0]).count();
        assert_eq!(at_once, 10);
    }

    #[test]
    fn requests_that_wait_when_the_rate_falls_go_at_the_lower_one() {
        let passed = passes_if_throttled(2.0, 8, &[(0, true), (0, false), (0, false), (0, false)]);
        let millis: Vec<_> = passed.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [0, 1000, 2000, 3000]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_waits_for_its_time_waits_on_when_the_rate_falls() {
        let limits = Limits::new(2.0, 8);
        let start = Instant::now();
        let _first = limits.acquire().await;
        let throttled = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            limits.throttled(start, "cloud.example");
        };
        let (_second, ()) = tokio::join!(limits.acquire(), throttled);
        assert_eq!(start.elapsed().as_millis(), 1000);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_while_waiting_leaves_its_turn_to_the_next() {
        let limits = Limits::new(1.0, 8);
        let start = Instant::now();
        let _first = limits.acquire().await;
        let gave_up = tokio::time::timeout(Duration::from_millis(500), limits.acquire()).await;
        assert!(gave_up.is_err());
        let _second = limits.acquire().await;
        assert_eq!(start.elapsed().as_millis(), 1000);
    }

    #[test]
    fn throttling_is_told_when_it_starts_and_when_it_is_over() {
        let episode = async {
            let limits = Limits::new(2.0, 2);
            for _ in 0..5 {
                limits.throttled(Instant::now(), "cloud.example");
                tokio::time::advance(Duration::from_secs(300)).await;
                limits.answered();
                assert_eq!(limits.rate(), 2.0);
            }
            tokio::time::advance(Duration::from_secs(900)).await;
            limits.answered();
            limits.answered();
        };
        let [start, end] = &told(|| paused().block_on(episode))[..] else { panic!("not two lines") };
        let rates = "endpoint=\"cloud.example\" requests_per_second=1.0 configured_requests_per_second=2.0";
        assert!(
            start.starts_with("WARN the API throttles requests; fewer") && start.contains(rates),
            "{start}"
        );
        let rate = "endpoint=\"cloud.example\" requests_per_second=2.0";
        assert!(end.starts_with("INFO the API throttles no more") && end.ends_with(rate), "{end}");
    }

    #[test]
    fn a_rate_that_can_not_fall_is_not_told_to_do_so() {
        let throttled = async { Limits::new(0.05, 2).throttled(Instant::now(), "cloud.example") };
        assert_eq!(told(|| paused().block_on(throttled)), [""; 0]);
    }

    /// A runtime of this thread alone, with paused time.
    fn paused() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_its_permit_goes() {
        let limits = Limits::new(1000.0, 1);
        let first = limits.acquire().await;
        let second = tokio::time::timeout(Duration::from_secs(60), limits.acquire()).await;
        assert!(second.is_err(), "two requests in flight where one is allowed");
        drop(first);
        let _permit = limits.acquire().await;
    }
}
