//! Limits of requests, one for all sources with the same access key: the cloud counts by account.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::credentials;
use crate::env::Env;
use crate::rpc::{Config, Limits};

/// The limits built so far, by the id of the access key.
#[derive(Debug, Default)]
pub(super) struct SharedLimits(BTreeMap<String, Arc<Limits>>);

impl SharedLimits {
    /// The limits of a source with these credentials. The configuration has given the same
    /// numbers to all that share them; a source without a key, which sends nothing, has its own.
    pub(super) fn get(
        &mut self,
        credentials: &credentials::Config,
        env: &Env,
        config: &Config,
    ) -> Arc<Limits> {
        let new = || Arc::new(Limits::new(config.requests_per_second, config.concurrency));
        match credentials::key_id(credentials, env) {
            Some(id) => Arc::clone(self.0.entry(id.to_owned()).or_insert_with(new)),
            None => new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn sources_share_limits_if_their_access_key_is_the_same_wherever_it_comes_from() {
        let env = Env::from_iter([("ALIBABA_CLOUD_ACCESS_KEY_ID", "an-id")]);
        let key = |id: &str| credentials::Config::AccessKey { id: id.to_owned(), secret: Secret::new("x") };
        let mut shared = SharedLimits::default();
        let mut get = |credentials| shared.get(&credentials, &env, &Config::default());
        let first = get(key("an-id"));
        for same in [key("an-id"), credentials::Config::Env, credentials::Config::Default] {
            assert!(Arc::ptr_eq(&first, &get(same.clone())), "{same:?}");
        }
        assert!(!Arc::ptr_eq(&first, &get(key("another-id"))));
    }
}
