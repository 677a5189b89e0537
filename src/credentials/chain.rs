//! The default chain: the first place that holds a key.

use futures_util::future::{self, BoxFuture, FutureExt as _};

use crate::env::Env;
use crate::rpc::{AccessKey, KeyError, KeySource};

use super::env::{Missing, read};

/// `default`. In this version the environment is its only link.
#[derive(Debug)]
pub(super) struct Chain(pub(super) Env);

#[derive(Debug, thiserror::Error)]
enum Exhausted {
    /// Half a key is a mistake, not an absence: the chain stops there.
    #[error("{0}, but the other half of the access key is: set both")]
    Half(Missing),
    #[error(
        "no access key found: {0}. In this version the default chain looks only at the environment; set both variables, or credentials.type to access_key or sts"
    )]
    Nowhere(Missing),
}

impl KeySource for Chain {
    fn key(&self) -> BoxFuture<'_, Result<AccessKey, KeyError>> {
        let key = read(&self.0).map_err(|missing| {
            KeyError::new(if missing.all() { Exhausted::Nowhere(missing) } else { Exhausted::Half(missing) })
        });
        future::ready(key).boxed()
    }
}
