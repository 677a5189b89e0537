//! A key that the configuration holds, or files that it names: `access_key` and `sts`.

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::Mutex;

use crate::rpc::AccessKey;
use crate::secret::{FileError, Written};

use super::form::{check_key_id, check_secret};
use super::provider::{FILE_LOOK, FetchError, Lease, Provider};

/// A replacement of the files while they are read shows as parts of two keys. Two reads in a row that
/// agree are of one key; one more is for a replacement under way, and another is not to be expected.
const MOST_READS: usize = 3;

/// A key part by part.
#[derive(Debug)]
pub(super) struct StaticKey {
    id: Written,
    secret: Written,
    token: Option<Written>,
    /// The key that was last given.
    given: Mutex<Option<AccessKey>>,
}

#[derive(Debug, thiserror::Error)]
enum StaticKeyError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the files of the access key changed at each of {MOST_READS} reads; write them all at once")]
    Unsteady,
}

impl StaticKey {
    /// The key of these parts.
    pub(super) fn new(id: &Written, secret: &Written, token: Option<&Written>) -> Self {
        let (id, secret, token) = (id.clone(), secret.clone(), token.cloned());
        Self { id, secret, token, given: Mutex::default() }
    }

    async fn get(&self) -> Result<Lease, StaticKeyError> {
        let key = if self.is_in_files() { self.steady().await? } else { self.read().await? };
        *self.given.lock().await = Some(key.clone());
        let lease = Lease::for_ever(key, if self.token.is_some() { "sts" } else { "access_key" });
        Ok(if self.is_in_files() { lease.looked_at_again(FILE_LOOK) } else { lease })
    }

    /// A key that two reads agree about.
    async fn steady(&self) -> Result<AccessKey, StaticKeyError> {
        let mut before = self.read().await?;
        for _ in 1..MOST_READS {
            let now = self.read().await?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
        Err(StaticKeyError::Unsteady)
    }

    /// The parts as they stand there, one after the other.
    async fn read(&self) -> Result<AccessKey, FileError> {
        let token = match &self.token {
            Some(token) => Some(token.read(check_secret).await?),
            None => None,
        };
        let (id, secret) =
            (self.id.read(check_key_id).await?.expose().to_owned(), self.secret.read(check_secret).await?);
        Ok(AccessKey { id, secret, token })
    }

    fn is_in_files(&self) -> bool {
        [Some(&self.id), Some(&self.secret), self.token.as_ref()]
            .into_iter()
            .flatten()
            .any(Written::is_in_file)
    }
}

impl Provider for StaticKey {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        self.get().map(|got| got.map_err(FetchError::failed)).boxed()
    }

    fn has_changed(&self) -> BoxFuture<'_, bool> {
        async move {
            let now = self.read().await.ok();
            now.is_none() || *self.given.lock().await != now
        }
        .boxed()
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests;
