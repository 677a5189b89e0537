//! A role that another key assumes: `ram_role_arn`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::Mutex;

use crate::clock::{Clock, UnixMillis};
use crate::error::in_words;
use crate::rpc::{
    self, AccessKey, BodyError, CallError, Client, ClientParts, KeySource as _, Limits, Request, Signature,
};
use crate::secret::{FileError, Secret, Written};

use super::Parts;
use super::answer;
use super::cache::Cache;
use super::config::{Config, Role};
use super::form::check_secret;
use super::provider::{FILE_LOOK, FetchError, Lease, Provider};
use super::sts::{self, Answer, RoleError, Wanted};

const ACTION: &str = "AssumeRole";

/// Most time for one attempt, as in the vendor's SDKs, and most attempts: one may be lost to the
/// clock of the machine and one to a key that has just been replaced.
const LIMIT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 3;

/// A role and the key that assumes it.
pub(super) struct AssumedRole(Result<Setup, RoleError>);

struct Setup {
    client: Client,
    clock: Clock,
    base: Arc<Cache>,
    arn: String,
    params: BTreeMap<String, String>,
    external_id: Option<Written>,
    /// What gave the last key; `None` while one is asked for, and if none came.
    used: Mutex<Option<Used>>,
}

/// What a key of the role was got with, beside the key that is kept in [`Setup::base`].
struct Used {
    external_id: Option<Secret>,
}

/// The role was not given.
#[derive(Debug, thiserror::Error)]
#[error("the RAM role {arn} was not assumed{}", .advice.map(|text| format!("; {text}")).unwrap_or_default())]
struct NotAssumed {
    arn: String,
    advice: Option<&'static str>,
    source: Box<dyn Error + Send + Sync>,
}

#[derive(Debug, thiserror::Error)]
#[error("the external id can't be read from its file")]
struct ExternalId(#[source] FileError);

/// Stands for a refusal that tells the external id.
#[derive(Debug, thiserror::Error)]
#[error("{ACTION} was refused with words that hold the external id; check that and the other parameters")]
struct Untold;

impl AssumedRole {
    /// The role `role`, assumed by the key that `base` leads to, which is kept and renewed here.
    pub(super) fn new(base: &Config, role: &Role, parts: &Parts) -> Self {
        Self(Wanted::new(role, parts).map(|wanted| Setup::new(wanted, base, role, parts)))
    }
}

impl Setup {
    fn new(wanted: Wanted, base: &Config, role: &Role, parts: &Parts) -> Self {
        let Parts { source, transport, rpc, clock, meters, .. } = parts;
        let Wanted { arn, endpoint, params } = wanted;
        let of_base = Parts { sts: role.sts.clone(), ..parts.clone() };
        let base = Arc::new(Cache::new(source, super::provider(base, &of_base), clock.clone()));
        meters.api_action(ACTION);
        let client = Client::new(ClientParts {
            endpoint,
            config: rpc::Config {
                // It leaves nothing in a URL, and every region takes it.
                signature: Signature::HmacSha1,
                max_attempts: rpc.max_attempts.min(ATTEMPTS),
                request_timeout: rpc.request_timeout.min(LIMIT),
                ..rpc.clone()
            },
            keys: Arc::clone(&base) as _,
            transport: Arc::clone(transport),
            // A few requests an hour; those of the source must not wait for them, nor they for those.
            limits: Arc::new(Limits::new(1.0, 1)),
            clock: clock.clone(),
            meters: meters.clone(),
        });
        let external_id = role.external_id.clone();
        Self { client, clock: clock.clone(), base, arn, params, external_id, used: Mutex::default() }
    }

    async fn ask(&self) -> Result<Lease, NotAssumed> {
        let not_assumed = |advice, source| NotAssumed { arn: self.arn.clone(), advice, source };
        // If this is given up half-way, another base key may be kept already that was not used yet.
        *self.used.lock().await = None;
        let mut params = self.params.clone();
        let external_id = self.external_id().await;
        let external_id = external_id.map_err(|error| not_assumed(None, Box::new(ExternalId(error))))?;
        if let Some(id) = external_id.as_ref().and_then(|id| sts::given(Some(id.expose()))) {
            params.insert("ExternalId".to_owned(), id.to_owned());
        }
        let request = Request { action: ACTION, version: sts::VERSION, params };
        let (key, expires) = self.client.call(&request, read).await.map_err(|error| {
            let advice = error.code().and_then(sts::advice);
            not_assumed(advice, without(external_id.as_ref(), error))
        })?;
        *self.used.lock().await = Some(Used { external_id });
        let base = self.base.in_use().map_or_else(String::new, |key| format!(" by {}", key.provider));
        // Whether there is a file behind the base, it knows by itself.
        let lease = Lease::until(expires, key, format!("ram_role_arn {}{base}", self.arn));
        let now = self.clock.now();
        let date = self.client.clock_skew_seconds().map(|skew| {
            let span = Duration::from_secs_f64(skew.abs());
            if skew < 0.0 { now.minus(span) } else { now.plus(span) }
        });
        Ok(lease.told_at(date, now).looked_at_again(FILE_LOOK))
    }

    /// Whether the role would be assumed by another key or with another external id than last time.
    /// Nothing is asked of the Security Token Service for that.
    async fn is_other(&self) -> bool {
        let Ok(external_id) = self.external_id().await else { return true };
        let is_used = |used: &Used| used.external_id == external_id;
        let is_as_before = self.used.lock().await.as_ref().is_some_and(is_used);
        !is_as_before || self.base.look().await
    }

    async fn external_id(&self) -> Result<Option<Secret>, FileError> {
        match &self.external_id {
            Some(id) => id.read(check_secret).await.map(Some),
            None => Ok(None),
        }
    }
}

impl Provider for AssumedRole {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        async move {
            match &self.0 {
                Ok(setup) => setup.ask().await.map_err(FetchError::failed),
                Err(error) => Err(FetchError::failed(error.clone())),
            }
        }
        .boxed()
    }

    fn has_changed(&self) -> BoxFuture<'_, bool> {
        async move {
            match &self.0 {
                Ok(setup) => setup.is_other().await,
                Err(_) => false,
            }
        }
        .boxed()
    }
}

impl fmt::Debug for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arn = self.0.as_ref().map(|setup| &setup.arn);
        f.debug_tuple("AssumedRole").field(&arn).finish()
    }
}

/// `error`, unless it repeats the external id `id`: the service may tell the value that it refuses.
fn without(id: Option<&Secret>, error: CallError) -> Box<dyn Error + Send + Sync> {
    let id = id.and_then(|id| sts::given(Some(id.expose())));
    if id.is_some_and(|id| in_words(&error).contains(id)) { Box::new(Untold) } else { Box::new(error) }
}

fn read(body: &[u8]) -> Result<(AccessKey, UnixMillis), BodyError> {
    let malformed = |error: answer::AnswerError| BodyError::Malformed(error.to_string());
    let answer: Answer = answer::json(body).map_err(malformed)?;
    match &answer.code {
        Some(code) => Err(BodyError::Refused { code: Some(code.clone()), message: String::new() }),
        None => answer.read().map_err(malformed),
    }
}

#[cfg(test)]
mod tests;
