//! Limits of requests, one for all sources of the same account: the cloud counts by it.

use std::sync::{Arc, Weak};

use crate::credentials::{self, Account};
use crate::env::Env;
use crate::rpc::{Config, Limits};

/// The limits that some source uses.
#[derive(Debug, Default)]
pub(super) struct SharedLimits(Vec<Known>);

#[derive(Debug)]
struct Known {
    account: Account,
    requests_per_second: f64,
    concurrency: usize,
    limits: Weak<Limits>,
}

impl SharedLimits {
    /// The limits of a source with these credentials. The configuration has given the same
    /// numbers to all that share them; with other numbers than before they begin anew, for all of them.
    pub(super) fn get(
        &mut self,
        credentials: &credentials::Config,
        env: &Env,
        config: &Config,
    ) -> Arc<Limits> {
        let account = Account::new(credentials, env);
        let Config { requests_per_second, concurrency, .. } = *config;
        self.0.retain(|known| known.limits.strong_count() > 0);
        let is_it = |known: &&Known| {
            known.account == account
                && known.requests_per_second == requests_per_second
                && known.concurrency == concurrency
        };
        if let Some(limits) = self.0.iter().find(is_it).and_then(|known| known.limits.upgrade()) {
            return limits;
        }
        let limits = Arc::new(Limits::new(requests_per_second, concurrency));
        self.0.push(Known { account, requests_per_second, concurrency, limits: Arc::downgrade(&limits) });
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

    #[test]
    fn limits_live_as_long_as_a_source_uses_them_and_begin_anew_with_other_numbers() {
        let (env, mut shared) = (Env::default(), SharedLimits::default());
        let config = Config::default();
        let first = shared.get(&credentials::Config::Env, &env, &config);
        let faster = Config { requests_per_second: 9.0, ..config.clone() };
        let second = shared.get(&credentials::Config::Env, &env, &faster);
        assert!(!Arc::ptr_eq(&first, &second));
        assert_eq!(second.rate(), 9.0);
        assert!(Arc::ptr_eq(&first, &shared.get(&credentials::Config::Env, &env, &config)));
        drop((first, second));
        let _third = shared.get(&credentials::Config::Env, &env, &config);
        assert_eq!(shared.0.len(), 1, "what nobody uses is not kept");
    }
}
