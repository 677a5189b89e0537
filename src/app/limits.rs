//! Limits of requests, one for all sources of the same account: the cloud counts by it.

use std::sync::Arc;

use crate::credentials::{self, Account};
use crate::env::Env;
use crate::rpc::{Config, Limits};

/// The limits built so far.
#[derive(Debug, Default)]
pub(super) struct SharedLimits(Vec<(Account, Arc<Limits>)>);

impl SharedLimits {
    /// The limits of a source with these credentials. The configuration has given the same
    /// numbers to all that share them.
    pub(super) fn get(
        &mut self,
        credentials: &credentials::Config,
        env: &Env,
        config: &Config,
    ) -> Arc<Limits> {
        let account = Account::new(credentials, env);
        if let Some((_, limits)) = self.0.iter().find(|(known, _)| *known == account) {
            return Arc::clone(limits);
        }
        let limits = Arc::new(Limits::new(config.requests_per_second, config.concurrency));
        self.0.push((account, Arc::clone(&limits)));
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Written;
    use crate::secret::Secret;

    #[test]
    fn sources_share_limits_if_their_access_key_is_the_same_wherever_it_comes_from() {
        let env = Env::from_iter([("ALIBABA_CLOUD_ACCESS_KEY_ID", "an-id")]);
        let here = |text: &str| Written::Here(Secret::new(text));
        let key = |id: &str| credentials::Config::AccessKey { id: here(id), secret: here("x") };
        let mut shared = SharedLimits::default();
        let mut get = |credentials| shared.get(&credentials, &env, &Config::default());
        let first = get(key("an-id"));
        for same in [key("an-id"), credentials::Config::Env, credentials::Config::Default] {
            assert!(Arc::ptr_eq(&first, &get(same.clone())), "{same:?}");
        }
        assert!(!Arc::ptr_eq(&first, &get(key("another-id"))));
    }
}
