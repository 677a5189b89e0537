//! The port to a place that access keys come from.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::UnixMillis;
use crate::rpc::AccessKey;

/// A place that access keys come from. It is asked when a new one is needed, and ends by itself in
/// good time, with a key or an error.
pub(super) trait Provider: Send + Sync + fmt::Debug {
    /// Gets the key that stands there now.
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>>;

    /// Whether something may have changed there since the last key that it gave, so that another one is
    /// to be fetched before this one is due. Asked every [`Lease::look_again`].
    fn has_changed(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(true))
    }
}

/// A key, and for how long it is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) key: AccessKey,
    /// When the cloud stops taking it, if that is known.
    pub(super) expires: Option<UnixMillis>,
    /// The same moment as the clock of this machine will show it.
    pub(super) ends: Option<UnixMillis>,
    /// After how long the place is to be looked at again, because somebody may have changed it.
    pub(super) look_again: Option<Duration>,
    /// Where it comes from, in words without secrets: `env`, `ecs_ram_role my-role`.
    pub(super) origin: String,
}

impl Lease {
    /// A key that is good until it is refused.
    pub(super) fn for_ever(key: AccessKey, origin: impl Into<String>) -> Self {
        Self { key, expires: None, ends: None, look_again: None, origin: origin.into() }
    }

    /// A key that is good until `expires`.
    pub(super) fn until(expires: UnixMillis, key: AccessKey, origin: impl Into<String>) -> Self {
        Self { key, expires: Some(expires), ends: Some(expires), look_again: None, origin: origin.into() }
    }

    /// The same, told by an answer that the cloud dated `date` and that came when the clock of this
    /// machine showed `now`: if that is off, it is not taken for the end of the key. A date that is
    /// missing or that no temporary key fits says nothing.
    pub(super) fn told_at(self, date: Option<UnixMillis>, now: UnixMillis) -> Self {
        let life = match (self.expires, date) {
            (Some(expires), Some(date)) if date.since(now).max(now.since(date)) > NO_SKEW => {
                expires.since(date)
            }
            _ => return self,
        };
        let is_likely = !life.is_zero() && life <= LONGEST_LIFE;
        Self { ends: if is_likely { Some(now.plus(life)) } else { self.ends }, ..self }
    }

    /// The same, to be looked at again every now and then.
    pub(super) fn looked_at_again(self, after: Duration) -> Self {
        Self { look_again: Some(after), ..self }
    }
}

/// Clocks that differ by less may well agree: an answer is under way for some time.
const NO_SKEW: Duration = Duration::from_secs(60);

/// No temporary key of the cloud lives longer; the longest is one of a role, for 12 hours.
const LONGEST_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often a place is looked at that is only a file or two.
pub(super) const FILE_LOOK: Duration = Duration::from_secs(10);

/// A place gave no key. Neither text nor causes hold a secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// It is not set up, as said: a chain goes on to the next place.
    #[error("{0}")]
    NotConfigured(String),
    /// It is set up and gives none: a chain stops, for another key would be that of somebody else.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
}

impl FetchError {
    /// From what went wrong in a place that is set up.
    pub(super) fn failed(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Box::new(cause))
    }

    /// From what is not set up.
    pub(super) fn not_configured(what: impl Into<String>) -> Self {
        Self::NotConfigured(what.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn ends(expires: i64, date: Option<i64>, now: i64) -> Option<u64> {
        let hour = |hour: i64| UnixMillis::new((1000 + hour) * 3_600_000).unwrap();
        let key = AccessKey { id: "a".to_owned(), secret: Secret::new("hunter2"), token: None };
        let lease = Lease::until(hour(expires), key, "uri").told_at(date.map(hour), hour(now));
        assert_eq!(lease.expires, Some(hour(expires)), "what is told stays the truth");
        lease.ends.map(|ends| ends.as_millis() / 3_600_000 - 1000)
    }

    #[test]
    fn a_key_ends_by_a_clock_that_is_off_when_it_ends_for_the_cloud() {
        assert_eq!(ends(11, Some(10), 12), Some(13), "two hours ahead");
        assert_eq!(ends(11, Some(10), 5), Some(6), "five hours behind");
        assert_eq!(ends(11, Some(10), 10), Some(11));
        assert_eq!(ends(11, None, 12), Some(11), "nobody says what time it is");
        assert_eq!(ends(11, Some(12), 5), Some(11), "no service gives a key that is over");
        assert_eq!(ends(500, Some(10), 400), Some(500), "nor one that is good for weeks");
    }

    #[test]
    fn the_way_of_an_answer_is_no_skew() {
        let at = |millis: i64| UnixMillis::new(1_795_489_445_000 + millis).unwrap();
        let key = AccessKey { id: "a".to_owned(), secret: Secret::new("hunter2"), token: None };
        let lease = Lease::until(at(3_600_000), key, "uri").told_at(Some(at(0)), at(10_900));
        assert_eq!(lease.ends, lease.expires);
    }
}
