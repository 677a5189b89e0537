//! Access keys: where they come from, and how they stay good.
//!
//! One file for each place that keys come from (a [`provider::Provider`]), the default chain over
//! them, and the cache that renews what they give. Order, variables and file formats are those of
//! the vendor's SDKs (`alibabacloud_credentials` 1.0.12 for Python and credentials-go).

mod account;
mod answer;
mod cache;
mod chain;
mod config;
mod env;
mod files;
mod http;
mod identity;
mod provider;
mod static_key;

pub use account::Account;
pub use config::{Config, EcsRamRole, Oidc, Profile, Role, StsPlace, Written};
pub use identity::{Identity, caller_identity, sts_endpoint};

use std::sync::Arc;

use reqwest::Url;

use crate::clock::Clock;
use crate::env::Env;
use crate::meters::SourceMeters;
use crate::rpc::{self, KeySource, Transport};

use cache::Cache;
use chain::Chain;
use env::EnvKey;
use provider::Provider;
use static_key::StaticKey;

/// What the keys of one source are got with.
#[derive(Clone)]
pub struct Parts {
    /// The label `source`.
    pub source: String,
    /// The environment, whose variables stand in for what the configuration leaves out.
    pub env: Env,
    /// What sends requests to the services that give keys.
    pub transport: Arc<dyn Transport>,
    /// How requests to the Security Token Service are sent; its limits are its own.
    pub rpc: rpc::Config,
    /// The time by which keys expire.
    pub clock: Clock,
    /// What counts the signed requests.
    pub meters: SourceMeters,
    /// Where the metadata service of the machine is.
    pub metadata: Url,
}

/// Where the metadata service answers on every machine of the cloud.
pub fn metadata_url() -> Url {
    Url::parse("http://100.100.100.200").expect("it is a URL")
}

/// The source of keys that `config` describes. Whether it has one shows when it is asked, so
/// that a source without a key is a failing source and not a program that does not start.
pub fn build(config: &Config, parts: &Parts) -> Arc<dyn KeySource> {
    Arc::new(Cache::new(&parts.source, provider(config, parts), parts.clock.clone()))
}

/// What a key from the environment still lacks there, in words; `None` for other sources of keys.
pub fn missing(config: &Config, env: &Env) -> Option<String> {
    match config {
        Config::Env => env::read(env).err().map(|missing| missing.to_string()),
        _ => None,
    }
}

fn provider(config: &Config, parts: &Parts) -> Box<dyn Provider> {
    let Parts { env, .. } = parts;
    match config {
        Config::Default => {
            let links: Vec<(&'static str, Box<dyn Provider>)> = vec![("env", Box::new(EnvKey(env.clone())))];
            Box::new(Chain::new(links))
        }
        Config::AccessKey { id, secret } => {
            Box::new(StaticKey { id: id.clone(), secret: secret.clone(), token: None })
        }
        Config::Sts { id, secret, token } => {
            Box::new(StaticKey { id: id.clone(), secret: secret.clone(), token: Some(token.clone()) })
        }
        Config::Env => Box::new(EnvKey(env.clone())),
        _ => panic!(),
    }
}
