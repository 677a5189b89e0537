//! One key at a time, renewed ahead of its end.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::clock::{Clock, UnixMillis};
use crate::error::in_words;
use crate::model::KeyInUse;
use crate::rpc::{AccessKey, KeyError, KeySource};

use super::provider::{FetchError, Lease, Provider};

/// A key is renewed so long before its end, or a third of its life if that is shorter.
const AHEAD: Duration = Duration::from_secs(15 * 60);

/// Pause after the first fetch that failed; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Keeps the key of a place: one fetch at a time, however many ask; a key that could not be renewed
/// is kept until it really expires; a failure is kept only for the pause that follows it.
pub(super) struct Cache {
    /// The label `source`, for the log.
    source: String,
    provider: Box<dyn Provider>,
    clock: Clock,
    held: Mutex<Held>,
    /// Held by the one that fetches.
    fetching: tokio::sync::Mutex<()>,
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
enum Due {
    /// This one is good.
    Nothing(AccessKey),
    /// This one is still good, and another one should be fetched.
    Soon(AccessKey),
    /// There is none.
    Now,
    /// There is none, and it is too early to ask again.
    Failed(Arc<FetchError>),
}

impl Cache {
    /// Keeps the keys of `provider` for the source called `source`.
    pub(super) fn new(source: &str, provider: Box<dyn Provider>, clock: Clock) -> Self {
        Self {
            source: source.to_owned(),
            provider,
            clock,
            held: Mutex::default(),
            fetching: tokio::sync::Mutex::new(()),
        }
    }

    async fn get(&self) -> Result<AccessKey, KeyError> {
        match self.due() {
            Due::Nothing(key) => Ok(key),
            Due::Failed(error) => Err(KeyError::new(Kept(error))),
            Due::Soon(key) => {
                let Ok(_alone) = self.fetching.try_lock() else { return Ok(key) };
                if !self.is_as_before().await {
                    self.fetch().await;
                }
                self.good_one()
            }
            Due::Now => {
                let _alone = self.fetching.lock().await;
                // Another one may have fetched meanwhile.
                if let Due::Now = self.due() {
                    self.fetch().await;
                }
                self.good_one()
            }
        }
    }

    fn due(&self) -> Due {
        let (now, instant) = (self.clock.now(), Instant::now());
        let held = self.held();
        let is_paused = held.failure.as_ref().is_some_and(|failure| instant < failure.again_at);
        match (held.good(now), &held.failure) {
            (Some(key), _) => {
                let is_due =
                    held.renew_at.is_some_and(|at| now >= at) || held.look_at.is_some_and(|at| instant >= at);
                if is_due && !is_paused { Due::Soon(key) } else { Due::Nothing(key) }
            }
            (None, Some(failure)) if is_paused => Due::Failed(Arc::clone(&failure.error)),
            (None, _) => Due::Now,
        }
    }

    /// Whether a key was only to be looked at again, and nothing has changed where it comes from.
    async fn is_as_before(&self) -> bool {
        let now = self.clock.now();
        let is_fetch = {
            let held = self.held();
            held.failure.is_some() || held.renew_at.is_some_and(|at| now >= at)
        };
        if is_fetch || self.provider.has_changed().await {
            return false;
        }
        let mut held = self.held();
        let after = held.lease.as_ref().and_then(|lease| lease.look_again);
        held.look_at = after.map(|after| Instant::now() + after);
        true
    }

    /// Looks at the place, if that is due and it wants to be looked at, and fetches what has changed there.
    /// Whether that gave another key. One that is only to be renewed is not fetched.
    pub(super) async fn look(&self) -> bool {
        let _alone = self.fetching.lock().await;
        let now = Instant::now();
        let (before, has_failed) = {
            let held = self.held();
            let is_paused = held.failure.as_ref().is_some_and(|failure| now < failure.again_at);
            let is_due = held.look_at.is_some_and(|at| now >= at) && !is_paused;
            match &held.lease {
                Some(lease) if is_due => (lease.key.clone(), held.failure.is_some()),
                _ => return false,
            }
        };
        if has_failed || self.provider.has_changed().await {
            self.fetch().await;
        }
        self.held().lease.as_ref().is_some_and(|lease| lease.key != before)
    }

    /// What there is after a fetch.
    fn good_one(&self) -> Result<AccessKey, KeyError> {
        let held = self.held();
        match (held.good(self.clock.now()), &held.failure) {
            (Some(key), _) => Ok(key),
            (None, Some(failure)) => Err(KeyError::new(Kept(Arc::clone(&failure.error)))),
            (None, None) => Err(KeyError::new(Expired)),
        }
    }

    /// Fetches a key and keeps what comes of it.
    async fn fetch(&self) {
        let fetched = self.provider.fetch().await;
        let now = self.clock.now();
        let fetched = fetched.and_then(|lease| match lease.expires {
            Some(expires) if expires <= now => Err(FetchError::failed(Expired)),
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
        held.renew_at = lease.expires.map(|expires| expires.minus(spread(ahead(expires.since(now)))));
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
                expires = lease.expires.map(tracing::field::display),
                "the access key could not be renewed; the one before it is used as long as it is good"
            );
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << count.min(16)).min(LONGEST_PAUSE);
        let again_at = Instant::now() + spread(pause);
        held.failure = Some(Failure { error: Arc::new(error), count: count + 1, again_at });
    }

    /// Whether a key may be fetched because the cloud refuses the one before.
    fn may_force(&self) -> bool {
        let now = Instant::now();
        let held = self.held();
        let is_paused = held.failure.as_ref().is_some_and(|failure| now < failure.again_at);
        let is_again = held.forced_at.is_some_and(|at| now < at + LONGEST_PAUSE);
        !is_paused && !is_again
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl KeySource for Cache {
    fn key(&self) -> BoxFuture<'_, Result<AccessKey, KeyError>> {
        Box::pin(self.get())
    }

    fn renew<'k>(&'k self, refused: &'k AccessKey) -> BoxFuture<'k, bool> {
        Box::pin(async move {
            let _alone = self.fetching.lock().await;
            let is_other = || self.held().good(self.clock.now()).is_some_and(|key| key != *refused);
            // Another request may have been refused first.
            if is_other() {
                return true;
            }
            if self.may_force() {
                self.fetch().await;
                // After it: a fetch that is dropped on the way was none.
                self.held().forced_at = Some(Instant::now());
            }
            is_other()
        })
    }

    fn in_use(&self) -> Option<KeyInUse> {
        let held = self.held();
        held.lease.as_ref().map(|lease| KeyInUse::new(lease.origin.clone(), &lease.key.id, lease.expires))
    }
}

impl Held {
    fn good(&self, now: UnixMillis) -> Option<AccessKey> {
        self.lease.as_ref().filter(|lease| lease.is_good(now)).map(|lease| lease.key.clone())
    }
}

impl Lease {
    fn is_good(&self, now: UnixMillis) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("provider", &self.provider).finish_non_exhaustive()
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

/// How long before its end a key is renewed that lives for `life`.
fn ahead(life: Duration) -> Duration {
    AHEAD.min(life / 3)
}

/// Up to a tenth more, so that exporters that started together do not all renew at once.
fn spread(span: Duration) -> Duration {
    span + span.mul_f64(fastrand::f64() / 10.0)
}

#[cfg(test)]
mod tests;
