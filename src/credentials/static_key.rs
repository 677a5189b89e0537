//! A key that the configuration holds, or files that it names: `access_key` and `sts`.

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::rpc::AccessKey;
use crate::secret::{FileError, Written};

use super::provider::{FILE_LOOK, FetchError, Lease, Provider};

/// A key part by part.
#[derive(Debug)]
pub(super) struct StaticKey {
    pub(super) id: Written,
    pub(super) secret: Written,
    pub(super) token: Option<Written>,
}

impl StaticKey {
    async fn read(&self) -> Result<Lease, FileError> {
        let token = match &self.token {
            Some(token) => Some(token.read().await?),
            None => None,
        };
        let origin = if token.is_some() { "sts" } else { "access_key" };
        let (id, secret) = (self.id.read().await?.expose().to_owned(), self.secret.read().await?);
        let lease = Lease::for_ever(AccessKey { id, secret, token }, origin);
        let parts = [Some(&self.id), Some(&self.secret), self.token.as_ref()];
        let may_change = parts.into_iter().flatten().any(Written::is_in_file);
        Ok(if may_change { lease.looked_at_again(FILE_LOOK) } else { lease })
    }
}

impl Provider for StaticKey {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        self.read().map(|read| read.map_err(FetchError::failed)).boxed()
    }
}
