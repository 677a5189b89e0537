//! How much may be asked: requests a second and requests in flight.

use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Part of a second whose requests may go at once after a rest. With fewer than 10 requests a
/// second that is a single one, so that they go evenly; with many it evens out late timers,
/// which are exact to a millisecond only.
const BURST_SECONDS: f64 = 0.1;

/// How long a request without an answer keeps its place. One that hangs is no load on the API, and
/// must not keep a source behind another, healthy endpoint waiting until it times out. The rate
/// still bounds what is sent, and each source has no more under way than its own concurrency.
const LONGEST_HOLD: Duration = Duration::from_secs(2);

/// A token bucket and a number of places, shared by the sources with the same access key
/// (see `credentials::key_id`): the cloud counts requests by account, not by source.
#[derive(Debug)]
pub struct Limits {
    requests_per_second: f64,
    /// Time of one request at the full rate.
    interval: Duration,
    /// How far the schedule may run ahead of the clock before a request must wait.
    leeway: Duration,
    /// When the next request is due if all came evenly; it is in the past after a rest.
    due: Mutex<Instant>,
    places: Semaphore,
}

impl Limits {
    /// Limits that nothing has used yet. Both numbers are above 0.
    pub fn new(requests_per_second: f64, concurrency: usize) -> Self {
        let interval = Duration::from_secs_f64(1.0 / requests_per_second);
        Self {
            requests_per_second,
            interval,
            leeway: Duration::from_secs_f64(BURST_SECONDS).saturating_sub(interval),
            due: Mutex::new(Instant::now()),
            places: Semaphore::new(concurrency),
        }
    }

    /// Requests a second now allowed.
    pub fn rate(&self) -> f64 {
        self.requests_per_second
    }

    /// Waits for a place and for the time of one request. The place is free again when the
    /// permit is dropped, see [`hold`]. Who gives up while waiting has used up its time all the same: that
    /// errs to the account's side, and as a place comes first, few can wait at once.
    pub(super) async fn acquire(&self) -> SemaphorePermit<'_> {
        let permit = self.places.acquire().await.expect("the semaphore is never closed");
        let now = Instant::now();
        let due = {
            let mut next = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let due = (*next).max(now);
            *next = due + self.interval;
            due
        };
        if let Some(start) = due.checked_sub(self.leeway).filter(|&start| start > now) {
            tokio::time::sleep_until(start).await;
        }
        permit
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

    /// When each of `pauses.len()` requests got through, if each comes a pause after the one before.
    fn passes(rate: f64, concurrency: usize, pauses: &[u64]) -> Vec<Duration> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = Arc::new(Limits::new(rate, concurrency));
            let start = Instant::now();
            let mut waiting = Vec::new();
            for &pause in pauses {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let limits = Arc::clone(&limits);
                waiting.push(tokio::spawn(async move {
                    let _permit = limits.acquire().await;
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
            pauses in proptest::collection::vec(0u64..400, 1..60),
        ) {
            let passed = passes(rate, concurrency, &pauses);
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
