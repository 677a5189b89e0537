//! The access key that signs, and where it comes from.

use std::error::Error;
use std::fmt;

use futures_util::future::BoxFuture;

use crate::model::{FailureReason, KeyInUse};
use crate::secret::Secret;

/// An access key, long-term or temporary.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Access key id. Not a secret, but it names an account, so it is not shown either.
    pub id: String,
    /// Access key secret.
    pub secret: Secret,
    /// The security token of a temporary key.
    pub token: Option<Secret>,
}

/// Shows nothing of the key but its kind.
impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.token.is_some() { "AccessKey(temporary)" } else { "AccessKey(long-term)" })
    }
}

/// Where the access key of a source comes from. Asked before each attempt.
pub trait KeySource: Send + Sync + fmt::Debug {
    /// The key to sign with now.
    fn key(&self) -> BoxFuture<'_, Result<AccessKey, KeyError>>;

    /// The cloud refuses the key `refused`: looks for another one at once. Whether there is one.
    fn renew<'k>(&'k self, refused: &'k AccessKey) -> BoxFuture<'k, bool>;

    /// The key that was given last, as far as it may be told.
    fn in_use(&self) -> Option<KeyInUse>;
}

/// There is no access key to sign with. The cause says what is missing.
#[derive(Debug)]
pub struct KeyError {
    cause: Box<dyn Error + Send + Sync>,
    /// The kind of the failure: that of the service which was asked for the key, if one was.
    pub reason: FailureReason,
    /// What an operator can do about it, in one sentence.
    pub advice: &'static str,
}

impl KeyError {
    /// What to do where nobody was asked.
    pub const ADVICE: &str = "give this source an access key: by its credentials, or by the variables and files \
                              that the error names";

    /// From what went wrong in a source of keys. Its text must hold nothing of a key.
    pub fn new(cause: impl Error + Send + Sync + 'static) -> Self {
        Self { cause: Box::new(cause), reason: FailureReason::Auth, advice: Self::ADVICE }
    }

    /// The same, for this `reason`.
    #[must_use]
    pub fn because(self, reason: FailureReason, advice: &'static str) -> Self {
        Self { reason, advice, ..self }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for KeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_key() {
        let key = AccessKey {
            id: "an-id".to_owned(),
            secret: Secret::new("hunter2"),
            token: Some(Secret::new("a-token")),
        };
        assert_eq!(format!("{key:?}"), "AccessKey(temporary)");
    }
}
