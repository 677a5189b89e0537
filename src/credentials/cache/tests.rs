use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::clock::UnixMillis;
use crate::credentials::provider::{FetchError, Lease};
use crate::error::in_words;
use crate::secret::Secret;

mod task;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A place that gives keys numbered by their fetch, each as `give` says.
#[derive(Clone)]
struct Place {
    fetches: Arc<AtomicU64>,
    give: Arc<dyn Fn(u64, UnixMillis) -> Result<Lease, FetchError> + Send + Sync>,
    takes: Duration,
    clock: Clock,
    is_as_before: Arc<AtomicBool>,
    /// Seconds.
    look_takes: Arc<AtomicU64>,
    /// The number of the fetch that never ends.
    hangs: Arc<AtomicU64>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl Provider for Place {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        async {
            let number = self.fetches.fetch_add(1, Ordering::Relaxed) + 1;
            if number == self.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(self.takes).await;
            (self.give)(number, self.clock.now())
        }
        .boxed()
    }

    fn has_changed(&self) -> BoxFuture<'_, bool> {
        let is_as_before = self.is_as_before.load(Ordering::Relaxed);
        let takes = Duration::from_secs(self.look_takes.load(Ordering::Relaxed));
        tokio::time::sleep(takes).map(move |()| !is_as_before).boxed()
    }
}

fn key(number: u64) -> AccessKey {
    AccessKey { id: format!("key-{number}"), secret: Secret::new("hunter2"), token: None }
}

fn failed() -> FetchError {
    FetchError::failed(std::io::Error::other("the service is away"))
}

struct Rig {
    cache: Cache,
    place: Place,
}

fn rig(give: impl Fn(u64, UnixMillis) -> Result<Lease, FetchError> + Send + Sync + 'static) -> Rig {
    let clock = Clock::with_timers(UnixMillis::new(1_795_489_445_000).unwrap());
    let place = Place {
        fetches: Arc::default(),
        give: Arc::new(give),
        takes: Duration::from_millis(100),
        clock: clock.clone(),
        is_as_before: Arc::default(),
        look_takes: Arc::default(),
        hangs: Arc::default(),
    };
    Rig { cache: Cache::new("prod", Box::new(place.clone()), clock), place }
}

impl Rig {
    /// The number of the key that is in use now.
    async fn number(&self) -> Result<u64, String> {
        let key = self.cache.key().await.map_err(|error| in_words(&error))?;
        Ok(key.id.strip_prefix("key-").unwrap().parse().unwrap())
    }

    /// Asks until the key of this number is in use: it is fetched behind the back of who asks.
    async fn comes(&self, number: u64) {
        let asked = async {
            while self.number().await != Ok(number) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(1), asked).await.unwrap();
    }

    /// Waits until nothing is fetched.
    async fn is_quiet(&self) {
        drop(self.cache.turn.lock().await);
    }

    fn fetches(&self) -> u64 {
        self.place.fetches.load(Ordering::Relaxed)
    }
}

/// Keys that live for `life`.
fn lasting(life: Duration) -> impl Fn(u64, UnixMillis) -> Result<Lease, FetchError> {
    move |number, now| Ok(Lease::until(now.plus(life), key(number), "fake"))
}

#[tokio::test(start_paused = true)]
async fn over_days_a_key_is_renewed_a_quarter_of_an_hour_ahead_and_none_is_used_after_its_end() {
    let rig = rig(lasting(HOUR));
    let start = Instant::now();
    let mut ages = Vec::new();
    let (mut number, mut since) = (rig.number().await.unwrap(), start);
    while start.elapsed() < 72 * HOUR {
        tokio::time::sleep(MINUTE).await;
        rig.number().await.unwrap();
        rig.is_quiet().await;
        let now = rig.number().await.unwrap();
        if now != number {
            ages.push(since.elapsed());
            (number, since) = (now, Instant::now());
        }
    }
    assert!(ages.iter().all(|age| (43 * MINUTE..=46 * MINUTE).contains(age)), "{ages:?}");
    assert!((94..=101).contains(&ages.len()), "{} keys in three days", ages.len());
    assert_eq!(rig.fetches(), ages.len() as u64 + 1, "none was fetched twice");
    assert!(ages.iter().any(|age| *age != ages[0]), "not all at the same age");
}

#[tokio::test(start_paused = true)]
async fn a_short_lived_key_is_renewed_after_two_thirds_of_its_life() {
    let rig = rig(lasting(3 * MINUTE));
    assert_eq!(rig.number().await, Ok(1));
    tokio::time::sleep(100 * Duration::from_secs(1)).await;
    assert_eq!(rig.number().await, Ok(1));
    tokio::time::sleep(25 * Duration::from_secs(1)).await;
    rig.comes(2).await;
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_one_fetches() {
    let rig = rig(lasting(HOUR));
    let asked = (0..50).map(|_| rig.number());
    assert!(futures_util::future::join_all(asked).await.iter().all(|number| *number == Ok(1)));
    assert_eq!(rig.fetches(), 1);
    // While one is fetched, all go on with the key that is still good.
    tokio::time::sleep(46 * MINUTE).await;
    let asked = (0..50).map(|_| rig.number());
    assert!(futures_util::future::join_all(asked).await.iter().all(|number| *number == Ok(1)));
    rig.comes(2).await;
    assert_eq!(rig.fetches(), 2);
}

#[test]
fn a_key_that_cannot_be_renewed_is_used_until_it_really_expires_and_that_is_told_once() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let told = crate::logging::told(|| runtime.block_on(outlast_a_failure()));
    let warnings: Vec<_> = told.iter().filter(|line| line.contains("could not be renewed")).collect();
    assert_eq!(warnings.len(), 1, "{told:?}");
    assert!(warnings[0].contains("the service is away"), "{told:?}");
    assert_eq!(told.iter().filter(|line| line.contains("is renewed again")).count(), 1, "{told:?}");
    let text = told.concat();
    assert!(!text.contains("key-1") && !text.contains("hunter2"), "{text}");
}

async fn outlast_a_failure() {
    let rig = rig(|number, now| match number {
        1 | 12.. => Ok(Lease::until(now.plus(HOUR), key(number), "fake")),
        _ => Err(failed()),
    });
    assert_eq!(rig.number().await, Ok(1));
    tokio::time::sleep(56 * MINUTE).await;
    let mut numbers = Vec::new();
    for _ in 0..10 * 60 {
        numbers.push(rig.number().await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let expired = numbers.iter().position(|number| *number != Ok(1)).unwrap();
    assert!((235..=240).contains(&expired), "used for {expired} s of the 240 that were left");
    assert_eq!(numbers[expired], Err("the service is away".to_owned()));
    assert_eq!(numbers.last(), Some(&Ok(12)));
}

#[tokio::test(start_paused = true)]
async fn attempts_after_a_failure_come_at_growing_pauses_and_their_error_is_told_meanwhile() {
    let rig = rig(|_, _| Err(failed()));
    let start = Instant::now();
    let mut at = Vec::new();
    while start.elapsed() < 10 * MINUTE {
        let before = rig.fetches();
        assert_eq!(rig.number().await, Err("the service is away".to_owned()));
        if rig.fetches() > before {
            at.push(start.elapsed().as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let pauses: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1] + 7), "{pauses:?}");
    assert!((59..=68).contains(pauses.last().unwrap()), "{pauses:?}");
    assert!((12..=16).contains(&at.len()), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_forgotten_with_the_pause_after_it() {
    let rig = rig(|number, now| match number {
        1 => Err(failed()),
        _ => Ok(Lease::until(now.plus(HOUR), key(number), "fake")),
    });
    assert!(rig.number().await.is_err());
    tokio::time::sleep(2 * Duration::from_secs(1)).await;
    assert_eq!(rig.number().await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_replaced_once_and_not_again_for_a_while() {
    let rig = rig(lasting(HOUR));
    let first = rig.cache.key().await.unwrap();
    assert!(rig.cache.renew(&first).await);
    assert_eq!(rig.number().await, Ok(2));
    // Another request that was refused with the first key.
    assert!(rig.cache.renew(&first).await);
    assert_eq!(rig.fetches(), 2);
    let second = rig.cache.key().await.unwrap();
    assert!(!rig.cache.renew(&second).await, "too soon");
    tokio::time::sleep(2 * MINUTE).await;
    assert!(rig.cache.renew(&second).await);
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_that_stands_there_still_is_no_other_one() {
    let rig = rig(|_, _| Ok(Lease::for_ever(key(1), "fake")));
    let first = rig.cache.key().await.unwrap();
    let refused = (0..50).map(|_| rig.cache.renew(&first));
    assert!(futures_util::future::join_all(refused).await.iter().all(|is_other| !is_other));
    assert_eq!(rig.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_may_change_is_looked_at_again() {
    let rig =
        rig(
            |number, _| Ok(Lease::for_ever(key(number / 3), "fake").looked_at_again(Duration::from_secs(10))),
        );
    let mut numbers = Vec::new();
    for _ in 0..40 {
        numbers.push(rig.number().await.unwrap());
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!((numbers[0], numbers[39]), (0, 1));
    assert!((3..=5).contains(&rig.fetches()), "{}", rig.fetches());
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_as_before_gives_no_other_key_until_the_one_in_use_is_due_or_refused() {
    let look = Duration::from_secs(10);
    let rig =
        rig(move |number, now| Ok(Lease::until(now.plus(HOUR), key(number), "fake").looked_at_again(look)));
    rig.place.is_as_before.store(true, Ordering::Relaxed);
    let start = Instant::now();
    while start.elapsed() < 40 * MINUTE {
        assert_eq!(rig.number().await, Ok(1));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::sleep(6 * MINUTE).await;
    rig.comes(2).await;
    let second = rig.cache.key().await.unwrap();
    assert!(rig.cache.renew(&second).await);
    rig.place.is_as_before.store(false, Ordering::Relaxed);
    assert_eq!(rig.number().await, Ok(3), "it is too early to look");
    tokio::time::sleep(look).await;
    rig.comes(4).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_a_key_is_fetched_although_its_place_is_as_it_was() {
    let rig = rig(|number, _| match number {
        2 => Err(failed()),
        _ => Ok(Lease::for_ever(key(number), "fake").looked_at_again(Duration::from_secs(10))),
    });
    assert_eq!(rig.number().await, Ok(1));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.number().await, Ok(1));
    rig.is_quiet().await;
    assert_eq!((rig.number().await, rig.fetches()), (Ok(1), 2));
    rig.place.is_as_before.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.comes(3).await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_has_expired_on_arrival_is_an_error() {
    let rig = rig(lasting(Duration::ZERO));
    let error = rig.number().await.unwrap_err();
    assert!(error.starts_with("the access key that came has expired already"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_is_told_of_a_key_is_its_place_its_shortened_id_and_its_end() {
    let rig = rig(lasting(HOUR));
    assert_eq!(rig.cache.in_use(), None);
    rig.number().await.unwrap();
    let told = rig.cache.in_use().unwrap();
    assert_eq!((told.provider.as_str(), told.id.as_str()), ("fake", "…"));
    assert!(told.expires.is_some());
    let debug = format!("{:?}", rig.cache);
    assert!(!debug.contains("hunter2") && !debug.contains("key-1"), "{debug}");
}
