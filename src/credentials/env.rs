//! A key from the environment, in the variables of the vendor's SDKs.

use std::fmt;

use futures_util::future::{self, BoxFuture, FutureExt as _};

use crate::env::Env;
use crate::rpc::{AccessKey, KeyError, KeySource};
use crate::secret::Secret;

/// Name of the variable with the access key id.
pub(super) const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// Variables that must be set and are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    id: bool,
    secret: bool,
}

impl Missing {
    /// Whether no part of a key is there.
    pub(super) fn all(self) -> bool {
        self.id && self.secret
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.id, self.secret) {
            (true, false) => write!(f, "{ID} is not set"),
            (false, true) => write!(f, "{SECRET} is not set"),
            _ => write!(f, "{ID} and {SECRET} are not set"),
        }
    }
}

/// The key in `env`; an empty variable is as good as none.
pub(super) fn read(env: &Env) -> Result<AccessKey, Missing> {
    match (env.get(ID), env.get(SECRET)) {
        (Some(id), Some(secret)) => Ok(AccessKey {
            id: id.to_owned(),
            secret: Secret::new(secret),
            token: env.get(TOKEN).map(Secret::new),
        }),
        (id, secret) => Err(Missing { id: id.is_none(), secret: secret.is_none() }),
    }
}

/// `env`: the variables and nothing else.
#[derive(Debug)]
pub(super) struct EnvKey(pub(super) Env);

/// `env` was asked for, and the environment holds no key.
#[derive(Debug, thiserror::Error)]
#[error("{0}; set what is missing, or set credentials.type to another source of keys")]
struct NotSet(Missing);

impl KeySource for EnvKey {
    fn key(&self) -> BoxFuture<'_, Result<AccessKey, KeyError>> {
        future::ready(read(&self.0).map_err(|missing| KeyError::new(NotSet(missing)))).boxed()
    }
}
