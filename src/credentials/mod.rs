//! Access keys: where they come from, and how they stay good.
//!
//! One file for each place that keys come from (a [`provider::Provider`]), the default chain over
//! them, and the cache that renews what they give. Order, variables and file formats are those of
//! the vendor's SDKs (`alibabacloud_credentials` 1.0.12 for Python and credentials-go).
//! Where this differs from them, and why: `docs/decisions/0009-credentials.md`.

mod account;
mod answer;
mod assume_role;
mod cache;
mod chain;
mod config;
mod ecs_role;
mod env;
#[cfg(test)]
mod fake;
mod form;
mod http;
mod identity;
#[cfg(test)]
mod off_clock_tests;
mod oidc;
#[cfg(test)]
mod place_tests;
mod profile;
mod provider;
mod reason;
mod static_key;
mod sts;
mod uri;
#[cfg(test)]
mod wire_tests;

pub use crate::secret::Written;
pub use account::Account;
pub use config::{Config, EcsRamRole, Oidc, Profile, Role, StsPlace};
pub use form::{PLACEHOLDER, check_key_id, check_secret, is_placeholder};
pub use identity::{Identity, caller_identity};
pub use sts::{RoleError, endpoint as sts_endpoint};
pub use uri::check_uri;

use std::sync::Arc;

use reqwest::Url;

use crate::clock::Clock;
use crate::env::Env;
use crate::meters::SourceMeters;
use crate::rpc::{self, KeySource, Transport};

use assume_role::AssumedRole;
use cache::Cache;
use chain::Chain;
use ecs_role::MachineRole;
use env::EnvKey;
use oidc::OidcRole;
use profile::ProfileKey;
use provider::Provider;
use static_key::StaticKey;
use uri::UriKey;

/// What the keys of one source are got with.
#[derive(Clone)]
pub struct Parts {
    /// The label `source`.
    pub source: String,
    /// The environment, whose variables stand in for what the configuration leaves out.
    pub env: Env,
    /// Where the Security Token Service is, as the configuration of these credentials says: for the
    /// roles of profiles and of the default chain, which know only of the environment.
    pub sts: StsPlace,
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

/// What the key of `config` still lacks in the environment or the files of this machine, in words. Nobody is
/// asked for it, so `None` says nothing of a key that comes from a service or from some place or other.
pub async fn missing(config: &Config, env: &Env) -> Option<String> {
    match config {
        Config::Env => env::read(env).err().map(|missing| missing.to_string()),
        Config::Oidc(oidc) => OidcRole::missing(oidc, env).await,
        Config::Profile(profile) => profile::missing(profile, env).await,
        Config::Uri(None) => uri::missing(env),
        Config::RamRoleArn { base, .. } => Box::pin(missing(base, env)).await,
        _ => None,
    }
}

/// What looks wrong about the variables that hold a key, where `config` would read them.
pub fn doubts(config: &Config, env: &Env) -> Vec<String> {
    match config {
        Config::Default | Config::Env => env::quoted(env),
        Config::RamRoleArn { base, .. } => doubts(base, env),
        _ => Vec::new(),
    }
}

fn provider(config: &Config, parts: &Parts) -> Box<dyn Provider> {
    let Parts { env, .. } = parts;
    match config {
        Config::Default => {
            let links: Vec<(&'static str, Box<dyn Provider>)> = vec![
                ("env", Box::new(EnvKey(env.clone()))),
                ("oidc", Box::new(OidcRole::link(parts))),
                ("cli_profile", Box::new(ProfileKey::cli_link(parts))),
                ("ini_profile", Box::new(ProfileKey::ini_link(parts))),
                ("ecs_ram_role", Box::new(MachineRole::link(parts))),
                ("uri", Box::new(UriKey::new(None, parts))),
            ];
            Box::new(Chain::new(links))
        }
        Config::AccessKey { id, secret } => Box::new(StaticKey::new(id, secret, None)),
        Config::Sts { id, secret, token } => Box::new(StaticKey::new(id, secret, Some(token))),
        Config::Env => Box::new(EnvKey(env.clone())),
        Config::EcsRamRole(role) => Box::new(MachineRole::new(role, parts)),
        Config::Uri(url) => Box::new(UriKey::new(url.as_ref(), parts)),
        Config::RamRoleArn { base, role } => Box::new(AssumedRole::new(base, role, parts)),
        Config::Oidc(oidc) => Box::new(OidcRole::new(oidc, parts)),
        Config::Profile(profile) => Box::new(ProfileKey::new(profile, parts)),
    }
}
