//! A key that the configuration holds.

use futures_util::future::{self, BoxFuture, FutureExt as _};

use crate::rpc::{AccessKey, KeyError, KeySource};

/// Gives the same key for ever: `access_key` and `sts`.
#[derive(Debug)]
pub(super) struct StaticKey(pub(super) AccessKey);

impl KeySource for StaticKey {
    fn key(&self) -> BoxFuture<'_, Result<AccessKey, KeyError>> {
        future::ready(Ok(self.0.clone())).boxed()
    }
}
