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
    /// After how long the place is to be looked at again, because somebody may have changed it.
    pub(super) look_again: Option<Duration>,
    /// Where it comes from, in words without secrets: `env`, `ecs_ram_role my-role`.
    pub(super) origin: String,
}

impl Lease {
    /// A key that is good until it is refused.
    pub(super) fn for_ever(key: AccessKey, origin: impl Into<String>) -> Self {
        Self { key, expires: None, look_again: None, origin: origin.into() }
    }

    /// A key that is good until `expires`.
    pub(super) fn until(expires: UnixMillis, key: AccessKey, origin: impl Into<String>) -> Self {
        Self { key, expires: Some(expires), look_again: None, origin: origin.into() }
    }

    /// The same, to be looked at again every now and then.
    pub(super) fn looked_at_again(self, after: Duration) -> Self {
        Self { look_again: Some(after), ..self }
    }
}

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
