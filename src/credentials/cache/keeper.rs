//! The key of one place: when it is due, how the next one is fetched, and what comes of it.

use std::error::Error;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::FutureExt as _;
use tokio::time::Instant;

use crate::clock::{Clock, UnixMillis};
use crate::credentials::provider::{FetchError, Lease, Provider};
use crate::credentials::reason;
use crate::error::in_words;
use crate::model::KeyInUse;
use crate::rpc::{AccessKey, KeyError};

/// A key is renewed so long before its end, or a third of its life if that is shorter.
const AHEAD: Duration = Duration::from_secs(15 * 60);

/// Pause after the first fetch that failed; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A place ends by itself long before, each within its own limits. One that does not is given up, so
/// that its failure is told and another attempt is made while the key before it is still good.
const LONGEST_FETCH: Duration = Duration::from_secs(2 * 60);

/// Holds the key of a place and fetches the next one. Does not see to it that one fetch runs at a time.
pub(super) struct Keeper {
    /// The label `source`, for the log.
    source: String,
    provider: Box<dyn Provider>,
    clock: Clock,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    lease: Option<Lease>,
    /// When the next key is to be fetched, by the wall clock: ahead of the end of this one.
    renew_at: Option<UnixMillis>,
    /// When the place is to be looked at again.
    look_at: Option<Instant>,
    /// When a key was last fetched because the cloud refused one.
    forced_at: Option<Instant>,
    failure: Option<Failure>,
}

/// The last fetch, if it failed.
struct Failure {
    error: Arc<FetchError>,
    /// How many failed one after the other.
    count: u32,
    again_at: Instant,
}

/// What to do about a key.
pub(super) enum Due {
    /// This one is good.
    Nothing(AccessKey),
    /// This one is still good, and another one should be fetched.
    Soon(AccessKey),
    /// There is none.
    Now,
    /// There is none, and it is too early to ask again.
    Failed(KeyError),
}

impl Keeper {
    /// Holds no key yet.
    pub(super) fn new(source: &str, provider: Box<dyn Provider>, clock: Clock) -> Self {
        Self { source: source.to_owned(), provider, clock, held: Mutex::default() }
    }

    /// What is to be done now.
    pub(super) fn due(&self) -> Due {
        let (now, instant) = (self.clock.now(), Instant::now());
        let held = self.held();
        let is_paused = held.is_paused(instant);
        match (held.good(now), &held.failure) {
            (Some(key), _) => {
                let is_due =
                    held.renew_at.is_some_and(|at| now >= at) || held.look_at.is_some_and(|at| instant >= at);
                if is_due && !is_paused { Due::Soon(key) } else { Due::Nothing(key) }
            }
            (None, Some(failure)) if is_paused => Due::Failed(failure.told()),
            (None, _) => Due::Now,
        }
    }

    /// What there is after a fetch.
    pub(super) fn good_one(&self) -> Result<AccessKey, KeyError> {
        let held = self.held();
        match (held.good(self.clock.now()), &held.failure) {
            (Some(key), _) => Ok(key),
            (None, Some(failure)) => Err(failure.told()),
            (None, None) if held.lease.is_some() => Err(KeyError::new(Expired)),
            // The task that fetched was ended from outside.
            (None, None) => Err(KeyError::new(Unended::Died)),
        }
    }

    /// Whether there is a good key other than `refused`.
    pub(super) fn has_other(&self, refused: &AccessKey) -> bool {
        self.held().good(self.clock.now()).is_some_and(|key| key != *refused)
    }

    /// The key given last, if it is time to look at where it comes from.
    pub(super) fn to_look_at(&self) -> Option<AccessKey> {
        let now = Instant::now();
        let held = self.held();
        let is_due = held.look_at.is_some_and(|at| now >= at) && !held.is_paused(now);
        held.lease.as_ref().filter(|_| is_due).map(|lease| lease.key.clone())
    }

    /// Whether another key than `before` was given last, good or not.
    pub(super) fn gave_other(&self, before: &AccessKey) -> bool {
        self.held().lease.as_ref().is_some_and(|lease| lease.key != *before)
    }

    /// Where the keys come from.
    pub(super) fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    /// The key that was given last, as far as it may be told.
    pub(super) fn in_use(&self) -> Option<KeyInUse> {
        let held = self.held();
        let unrenewed = held.failure.as_ref().map(|failure| in_words(&*failure.error));
        let told = |lease: &Lease| KeyInUse::new(lease.origin.clone(), &lease.key.id, lease.expires);
        held.lease.as_ref().map(|lease| KeyInUse { unrenewed, ..told(lease) })
    }

    /// Whether a key may be fetched because the cloud refuses the one before.
    pub(super) fn may_force(&self) -> bool {
        let now = Instant::now();
        let held = self.held();
        let is_again = held.forced_at.is_some_and(|at| now < at + LONGEST_PAUSE);
        !held.is_paused(now) && !is_again
    }

    /// Fetches a key because the cloud refuses the one before.
    pub(super) async fn force(&self) {
        self.fetch().await;
        self.held().forced_at = Some(Instant::now());
    }

    /// Fetches a key that is due, unless it was only to be looked at again and nothing has changed
    /// where it comes from.
    pub(super) async fn renew(&self) {
        if self.must_fetch() || self.has_changed().await {
            return self.fetch().await;
        }
        self.was_as_before();
    }

    /// Fetches a key if something has changed where it comes from, or if the last fetch failed.
    pub(super) async fn look(&self) {
        let has_failed = self.held().failure.is_some();
        if has_failed || self.has_changed().await {
            return self.fetch().await;
        }
        self.was_as_before();
    }

    fn was_as_before(&self) {
        let mut held = self.held();
        let after = held.lease.as_ref().and_then(|lease| lease.look_again);
        held.look_at = after.map(|after| Instant::now() + after);
    }

    fn must_fetch(&self) -> bool {
        let now = self.clock.now();
        let held = self.held();
        held.failure.is_some() || held.good(now).is_none() || held.renew_at.is_some_and(|at| now >= at)
    }

    async fn has_changed(&self) -> bool {
        ended(self.provider.has_changed()).await.unwrap_or(true)
    }

    /// Fetches a key and keeps what comes of it.
    async fn fetch(&self) {
        let fetched = ended(self.provider.fetch()).await.map_err(FetchError::failed).flatten();
        let now = self.clock.now();
        let fetched = fetched.and_then(|lease| match lease.ends {
            Some(ends) if ends <= now => Err(FetchError::failed(Expired)),
            _ => Ok(lease),
        });
        match fetched {
            Ok(lease) => self.keep(lease, now),
            Err(error) => self.failed(error, now),
        }
    }

    fn keep(&self, lease: Lease, now: UnixMillis) {
        let mut held = self.held();
        let is_new = held.lease.as_ref().is_none_or(|before| before.key != lease.key);
        if is_new {
            tracing::debug!(
                source = self.source,
                provider = lease.origin,
                expires = lease.expires.map(tracing::field::display),
                "an access key was found"
            );
        }
        if held.lease.is_some() && held.failure.is_some() {
            tracing::info!(source = self.source, provider = lease.origin, "the access key is renewed again");
        }
        held.failure = None;
        held.renew_at = lease.ends.map(|ends| ends.minus(spread(ahead(ends.since(now)))));
        held.look_at = lease.look_again.map(|after| Instant::now() + after);
        held.lease = Some(lease);
    }

    fn failed(&self, error: FetchError, now: UnixMillis) {
        let mut held = self.held();
        let count = held.failure.as_ref().map_or(0, |failure| failure.count);
        if let (0, Some(lease)) = (count, held.lease.as_ref().filter(|lease| lease.is_good(now))) {
            tracing::warn!(
                source = self.source,
                provider = lease.origin,
                error = in_words(&error),
                advice = reason::of(&error).1,
                expires = lease.expires.map(tracing::field::display),
                "the access key could not be renewed; the one before it is used as long as it is good"
            );
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << count.min(16)).min(LONGEST_PAUSE);
        let again_at = Instant::now() + spread(pause);
        held.failure = Some(Failure { error: Arc::new(error), count: count + 1, again_at });
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn is_paused(&self, now: Instant) -> bool {
        self.failure.as_ref().is_some_and(|failure| now < failure.again_at)
    }

    fn good(&self, now: UnixMillis) -> Option<AccessKey> {
        self.lease.as_ref().filter(|lease| lease.is_good(now)).map(|lease| lease.key.clone())
    }
}

impl Failure {
    fn told(&self) -> KeyError {
        let (reason, advice) = reason::of(&self.error);
        KeyError::new(Kept(Arc::clone(&self.error))).because(reason, advice)
    }
}

impl Lease {
    fn is_good(&self, now: UnixMillis) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}

/// A failure that several are told.
#[derive(Debug)]
struct Kept(Arc<FetchError>);

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Kept {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the access key that came has expired already; check the clock of this machine")]
struct Expired;

/// A place did not end as it should. The text of a panic is not told: it may hold anything.
#[derive(Debug, thiserror::Error)]
enum Unended {
    #[error("the place of the access key gave none within {} s", LONGEST_FETCH.as_secs())]
    Late,
    #[error("the place of the access key gave none because of a mistake in this program; please report it")]
    Died,
}

/// What comes of `work` at the place of a key, which ends whatever that does.
async fn ended<T>(work: impl Future<Output = T>) -> Result<T, Unended> {
    let work = AssertUnwindSafe(work).catch_unwind();
    match tokio::time::timeout(LONGEST_FETCH, work).await {
        Ok(Ok(came)) => Ok(came),
        Ok(Err(_)) => Err(Unended::Died),
        Err(_) => Err(Unended::Late),
    }
}

/// How long before its end a key is renewed that lives for `life`.
fn ahead(life: Duration) -> Duration {
    AHEAD.min(life / 3)
}

/// Up to a tenth more, so that exporters that started together do not all renew at once.
fn spread(span: Duration) -> Duration {
    span + span.mul_f64(fastrand::f64() / 10.0)
}
