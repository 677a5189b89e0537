//! The role of the machine, from the metadata service that every ECS instance can reach: `ecs_ram_role`.
//!
//! Version 2 of the service wants a token with each question; version 1 does not, and is asked only
//! if version 2 gives nothing and nobody has forbidden it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use reqwest::Url;

use crate::clock::Clock;
use crate::error::in_words;
use crate::rpc::encode::percent_encode;
use crate::rpc::{HttpResponse, Transport, answer_date};
use crate::secret::Secret;

use super::Parts;
use super::answer::{self, AnswerError, CodedKey};
use super::config::EcsRamRole;
use super::env::is_true;
use super::http::{Ask, AskError};
use super::provider::{FetchError, Lease, Provider};

const NAME: &str = "ALIBABA_CLOUD_ECS_METADATA";
const DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
const V1_DISABLED: &str = "ALIBABA_CLOUD_IMDSV1_DISABLED";

const TOKEN_PATH: &str = "/latest/api/token";
const ROLES_PATH: &str = "/latest/meta-data/ram/security-credentials/";

/// How long a token is asked for. It is used for one fetch; this is what the vendor's SDKs ask for.
const TOKEN_SECONDS: &str = "21600";

/// Most time for one question, as in the vendor's SDKs: the service is next door. Where nothing
/// answers there are two of them, one of each version.
const LIMIT: Duration = Duration::from_secs(1);

/// Longest name of a role that is taken for one; RAM allows 64 characters.
const LONGEST_NAME: usize = 128;

/// The role of this machine.
pub(super) struct MachineRole {
    /// The label `source`, for the log.
    source: String,
    /// `None` to ask which one it is.
    name: Option<String>,
    takes_v1: bool,
    is_disabled: bool,
    /// Whether this is the last resort of a chain, and not what somebody has chosen.
    is_link: bool,
    metadata: Url,
    transport: Arc<dyn Transport>,
    clock: Clock,
}

/// What is known of the service while it is asked.
struct Met {
    /// What version 2 gave; `None` to do without.
    token: Option<Secret>,
    /// Whether it has answered anything, if only by an error: then it is there.
    has_answered: bool,
}

#[derive(Debug, thiserror::Error)]
enum RoleError {
    #[error("the metadata service is switched off by {DISABLED}; unset it or choose other credentials")]
    Disabled,
    #[error("the name of the RAM role holds something that no such name does, or is too long")]
    Name,
    #[error("no metadata service answers at {host}; only ECS instances and their containers have one")]
    Silence { host: String, source: AskError },
    #[error("the metadata service at {host} gave no token, and doing without one is forbidden")]
    Token { host: String, source: AskError },
    #[error("this machine has no RAM role; attach one to the ECS instance")]
    NoRole,
    #[error("the metadata service at {host} did not tell the RAM role of this machine")]
    Unknown { host: String, source: AskError },
    #[error("this machine does not have the RAM role {name}; attach it, or leave out its name")]
    NotThisRole { name: String },
    #[error("the metadata service at {host} gave no key of the RAM role {name}")]
    Key { host: String, name: String, source: AskError },
}

impl MachineRole {
    /// The role that somebody has chosen: it gives a key or fails.
    pub(super) fn new(config: &EcsRamRole, parts: &Parts) -> Self {
        let Parts { source, env, transport, metadata, clock, .. } = parts;
        let configured = config.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        Self {
            source: source.clone(),
            name: configured.or_else(|| env.get(NAME)).map(str::to_owned),
            takes_v1: !config.disable_v1 && !is_true(env, V1_DISABLED),
            is_disabled: is_true(env, DISABLED),
            is_link: false,
            metadata: metadata.clone(),
            transport: Arc::clone(transport),
            clock: clock.clone(),
        }
    }

    /// The role as a link of the default chain: a machine without one is not set up, unless the
    /// environment names a role.
    pub(super) fn link(parts: &Parts) -> Self {
        Self { is_link: true, ..Self::new(&EcsRamRole::default(), parts) }
    }

    async fn ask(&self) -> Result<Lease, RoleError> {
        if self.is_disabled {
            return Err(RoleError::Disabled);
        }
        let mut met = self.token().await?;
        let name = match &self.name {
            Some(name) if is_name(name) => name.clone(),
            Some(_) => return Err(RoleError::Name),
            None => self.role(&mut met).await?,
        };
        self.key(name, &met).await
    }

    /// Asks for a token for version 2.
    async fn token(&self) -> Result<Met, RoleError> {
        let ask =
            Ask::put(self.url(TOKEN_PATH)).header("x-aliyun-ecs-metadata-token-ttl-seconds", TOKEN_SECONDS);
        let asked = ask.good(&self.transport, LIMIT).await;
        let token = asked.and_then(|answer| Ok(answer::word(&answer.body).map(Secret::new)?));
        match token {
            Ok(token) => Ok(Met { token: Some(token), has_answered: true }),
            Err(error) if self.takes_v1 => {
                tracing::debug!(
                    source = self.source,
                    endpoint = self.host(),
                    error = in_words(&error),
                    "the metadata service gave no token and is asked without one"
                );
                Ok(Met { token: None, has_answered: !error.is_silence() })
            }
            Err(source) if source.is_silence() => Err(RoleError::Silence { host: self.host(), source }),
            Err(source) => Err(RoleError::Token { host: self.host(), source }),
        }
    }

    /// The name of the role that the machine has.
    async fn role(&self, met: &mut Met) -> Result<String, RoleError> {
        let read = |answer: &HttpResponse| match answer::word(&answer.body) {
            Ok(name) if is_name(name) => Ok(name.to_owned()),
            _ => Err(AnswerError::NoWord),
        };
        let name = self.get(ROLES_PATH, met.token.as_ref(), read).await.map_err(|source| match source {
            AskError::Status(404) => RoleError::NoRole,
            source if met.is_nobody(&source) => RoleError::Silence { host: self.host(), source },
            source => RoleError::Unknown { host: self.host(), source },
        })?;
        met.has_answered = true;
        Ok(name)
    }

    /// A key of the role `name`.
    async fn key(&self, name: String, met: &Met) -> Result<Lease, RoleError> {
        let read = |answer: &HttpResponse| {
            let coded: CodedKey = answer::json(&answer.body)?;
            coded.code.as_ref().ok_or(AnswerError::Lacks("Code"))?;
            let (key, expires) = coded.read()?;
            let lease = Lease::until(expires, key, format!("ecs_ram_role {name}"));
            Ok(lease.told_at(answer_date(&answer.headers), self.clock.now()))
        };
        let path = format!("{ROLES_PATH}{}", percent_encode(&name));
        match self.get(&path, met.token.as_ref(), read).await {
            Ok(lease) => Ok(lease),
            Err(AskError::Status(404)) => Err(RoleError::NotThisRole { name }),
            Err(source) if met.is_nobody(&source) => Err(RoleError::Silence { host: self.host(), source }),
            Err(source) => Err(RoleError::Key { host: self.host(), name, source }),
        }
    }

    /// Reads what stands at `path`, without a token if it can't be had with one.
    async fn get<T>(
        &self,
        path: &str,
        token: Option<&Secret>,
        read: impl Fn(&HttpResponse) -> Result<T, AnswerError>,
    ) -> Result<T, AskError> {
        let ask = |token: Option<&Secret>| {
            let ask = Ask::get(self.url(path));
            let ask = match token {
                Some(token) => ask.header("x-aliyun-ecs-metadata-token", token.expose()),
                None => ask,
            };
            let read = &read;
            async move { Ok(read(&ask.good(&self.transport, LIMIT).await?)?) }
        };
        match ask(token).await {
            // The first error is the one to tell: the second one may only say that version 1 is off.
            Err(error) if token.is_some() && self.takes_v1 => ask(None).await.map_err(|_: AskError| error),
            asked => asked,
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.metadata.clone();
        url.set_path(path);
        url
    }

    fn host(&self) -> String {
        self.metadata.host_str().unwrap_or_default().to_owned()
    }
}

impl Met {
    /// Whether, after `error` too, there seems to be no service.
    fn is_nobody(&self, error: &AskError) -> bool {
        !self.has_answered && error.is_silence()
    }
}

impl Provider for MachineRole {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        let of_chain = |error: RoleError| match error {
            RoleError::Disabled if self.is_link => FetchError::not_configured(format!("{DISABLED} is true")),
            error @ (RoleError::Silence { .. } | RoleError::NoRole)
                if self.is_link && self.name.is_none() =>
            {
                FetchError::not_configured(in_words(&error))
            }
            error => FetchError::failed(error),
        };
        async move { self.ask().await.map_err(of_chain) }.boxed()
    }
}

impl fmt::Debug for MachineRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineRole").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Whether `text` may be the name of a role: it goes into a path.
fn is_name(text: &str) -> bool {
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && !"/\\<>".contains(c);
    (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(fits) && !matches!(text, "." | "..")
}

#[cfg(test)]
mod tests;
