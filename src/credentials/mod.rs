//! Access keys: where they come from.

mod chain;
mod env;
mod static_key;

use std::sync::Arc;

use crate::env::Env;
use crate::rpc::{AccessKey, KeySource};
use crate::secret::Secret;

use chain::Chain;
use env::EnvKey;
use static_key::StaticKey;

/// Where the access key of a source comes from (`credentials.type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// `default`: the vendor's chain; in this version the environment only.
    Default,
    /// `access_key`: a long-term key.
    AccessKey {
        /// Access key id.
        id: String,
        /// Access key secret.
        secret: Secret,
    },
    /// `sts`: a temporary key with its token.
    Sts {
        /// Access key id.
        id: String,
        /// Access key secret.
        secret: Secret,
        /// Security token.
        token: Secret,
    },
    /// `env`: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_ACCESS_KEY_SECRET` and, if set, `…_SECURITY_TOKEN`.
    Env,
}

/// The source of keys that `config` describes. Whether it has one shows when it is asked, so
/// that a source without a key is a failing source and not a program that does not start.
pub fn build(config: &Config, env: &Env) -> Arc<dyn KeySource> {
    let key = |id: &str, secret: &Secret, token: Option<&Secret>| {
        let (id, secret, token) = (id.to_owned(), secret.clone(), token.cloned());
        Arc::new(StaticKey(AccessKey { id, secret, token }))
    };
    match config {
        Config::Default => Arc::new(Chain(env.clone())),
        Config::Env => Arc::new(EnvKey(env.clone())),
        Config::AccessKey { id, secret } => key(id, secret, None),
        Config::Sts { id, secret, token } => key(id, secret, Some(token)),
    }
}

/// The access key id that `config` leads to. Sources for which it is the same share one
/// `rpc::Limits`, wherever they have the key from, because the cloud counts requests by
/// account. `None` if there is no key.
pub fn key_id<'a>(config: &'a Config, env: &'a Env) -> Option<&'a str> {
    match config {
        Config::Default | Config::Env => env.get(env::ID),
        Config::AccessKey { id, .. } | Config::Sts { id, .. } => Some(id),
    }
}

/// What a key from the environment still lacks there, in words; `None` for other sources of keys.
pub fn missing(config: &Config, env: &Env) -> Option<String> {
    match config {
        Config::Default | Config::Env => env::read(env).err().map(|missing| missing.to_string()),
        Config::AccessKey { .. } | Config::Sts { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
    const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
    const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

    async fn key(config: Config, variables: &[(&str, &str)]) -> Result<AccessKey, String> {
        let source = build(&config, &variables.iter().copied().collect());
        assert!(!format!("{source:?}").contains("hunter2"), "{source:?}");
        source.key().await.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn configured_keys_are_given_as_they_are() {
        let (id, secret, token) = ("an-id".to_owned(), Secret::new("hunter2"), Secret::new("a-token"));
        let long_term = Config::AccessKey { id: id.clone(), secret: secret.clone() };
        let expected = AccessKey { id: id.clone(), secret: secret.clone(), token: None };
        assert_eq!(key(long_term, &[]).await, Ok(expected));
        let temporary = Config::Sts { id: id.clone(), secret: secret.clone(), token: token.clone() };
        assert_eq!(key(temporary, &[]).await, Ok(AccessKey { id, secret, token: Some(token) }));
    }

    #[tokio::test]
    async fn the_environment_gives_a_key_with_or_without_a_token() {
        for config in [Config::Env, Config::Default] {
            let long_term =
                key(config.clone(), &[(ID, "an-id"), (SECRET, "hunter2"), (TOKEN, "")]).await.unwrap();
            assert_eq!((long_term.id.as_str(), long_term.token), ("an-id", None));
            let temporary =
                key(config, &[(ID, "an-id"), (SECRET, "hunter2"), (TOKEN, "a-token")]).await.unwrap();
            assert_eq!(temporary.token, Some(Secret::new("a-token")));
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_named() {
        let error = key(Config::Env, &[(SECRET, "hunter2")]).await.unwrap_err();
        assert!(error.starts_with("ALIBABA_CLOUD_ACCESS_KEY_ID is not set"), "{error}");
        let error = key(Config::Env, &[(ID, "an-id")]).await.unwrap_err();
        assert!(error.starts_with("ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"), "{error}");
        assert!(!error.contains("an-id"), "{error}");
    }

    #[tokio::test]
    async fn the_default_chain_says_where_it_looked() {
        let error = key(Config::Default, &[]).await.unwrap_err();
        assert!(error.contains(ID) && error.contains(SECRET), "{error}");
        assert!(error.contains("In this version the default chain looks only at the environment"), "{error}");
        let error = key(Config::Default, &[(ID, "an-id")]).await.unwrap_err();
        assert!(error.contains("SECRET is not set, but the other half"), "{error}");
    }

    #[test]
    fn the_same_key_is_known_wherever_it_comes_from() {
        let env = Env::from_iter([(ID, "an-id"), (SECRET, "hunter2")]);
        let configured = Config::AccessKey { id: "an-id".to_owned(), secret: Secret::new("hunter2") };
        assert_eq!(key_id(&Config::Default, &env), key_id(&configured, &env));
        assert_eq!(key_id(&Config::Env, &env), Some("an-id"));
        assert_eq!(key_id(&Config::Default, &Env::default()), None);
    }
}
