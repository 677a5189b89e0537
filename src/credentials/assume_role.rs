//! A role that another key assumes: `ram_role_arn`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::clock::UnixMillis;
use crate::error::in_words;
use crate::rpc::{
    self, AccessKey, BodyError, CallError, Client, ClientParts, KeySource as _, Limits, Request, Signature,
};
use crate::secret::Secret;

use super::Parts;
use super::answer;
use super::cache::Cache;
use super::config::{Config, Role, Written};
use super::files::FileError;
use super::provider::{FetchError, Lease, Provider};
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
    base: Arc<Cache>,
    arn: String,
    params: BTreeMap<String, String>,
    external_id: Option<Written>,
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
        let base = Arc::new(Cache::new(source, super::provider(base, parts), clock.clone()));
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
        Self { client, base, arn, params, external_id: role.external_id.clone() }
    }

    async fn ask(&self) -> Result<Lease, NotAssumed> {
        let not_assumed = |advice, source| NotAssumed { arn: self.arn.clone(), advice, source };
        let mut params = self.params.clone();
        let external_id = match &self.external_id {
            Some(id) => {
                Some(id.read().await.map_err(|error| not_assumed(None, Box::new(ExternalId(error))))?)
            }
            None => None,
        };
        if let Some(id) = external_id.as_ref().and_then(|id| sts::given(Some(id.expose()))) {
            params.insert("ExternalId".to_owned(), id.to_owned());
        }
        let request = Request { action: ACTION, version: sts::VERSION, params };
        let (key, expires) = self.client.call(&request, read).await.map_err(|error| {
            let advice = error.code().and_then(sts::advice);
            not_assumed(advice, without(external_id.as_ref(), error))
        })?;
        let base = self.base.in_use().map_or_else(String::new, |key| format!(" by {}", key.provider));
        Ok(Lease::until(expires, key, format!("ram_role_arn {}{base}", self.arn)))
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
mod tests {
    use tokio::time::Instant;

    use crate::credentials::fake::{CREDENTIALS, KEY, Step, Wire, fetched, ok, parts, status};
    use crate::credentials::{EcsRamRole, Parts};
    use crate::meters::{Meters, table};

    use super::*;

    const ARN: &str = "acs:ram::1:role/r";
    const EXTERNAL_ID: &str = "s3cr3t-id";

    fn here(text: &str) -> Written {
        Written::Here(Secret::new(text))
    }

    fn key() -> Config {
        Config::AccessKey { id: here("AK"), secret: here("hunter2") }
    }

    fn role() -> Role {
        let external_id = Some(here(EXTERNAL_ID));
        Role { arn: Some(ARN.to_owned()), external_id, ..Role::default() }
    }

    async fn ask(base: &Config, steps: impl IntoIterator<Item = Step>) -> Result<String, String> {
        let wire = Wire::new(steps);
        let provider = AssumedRole::new(base, &role(), &parts(&wire, &[]));
        assert!(!format!("{provider:?}").contains(EXTERNAL_ID));
        let got = fetched(&provider).await.map(|lease| lease.origin);
        if let Err(error) = &got {
            assert!(!error.contains(EXTERNAL_ID), "{error}");
        }
        got
    }

    #[tokio::test]
    async fn a_role_tells_the_key_that_assumes_it() {
        let got = ask(&key(), [ok(CREDENTIALS)]).await;
        assert_eq!(got, Ok(format!("ram_role_arn {ARN} by access_key")));
    }

    #[tokio::test]
    async fn a_role_may_assume_a_role_by_the_key_of_a_machine() {
        let machine = Config::EcsRamRole(EcsRamRole { name: Some("m".to_owned()), disable_v1: false });
        let first = Role { arn: Some("acs:ram::1:role/first".to_owned()), ..Role::default() };
        let base = Config::RamRoleArn { base: Box::new(machine), role: first };
        let got = ask(&base, [ok("token"), ok(KEY), ok(CREDENTIALS)]).await;
        let by = "ram_role_arn acs:ram::1:role/first by ecs_ram_role m";
        assert_eq!(got, Ok(format!("ram_role_arn {ARN} by {by}")));
    }

    #[tokio::test(start_paused = true)]
    async fn the_key_that_assumes_is_kept_as_long_as_it_is_good_and_then_renewed() {
        let machine = Config::EcsRamRole(EcsRamRole { name: Some("m".to_owned()), disable_v1: false });
        let key_of_an_hour = KEY.replace("09:04:05", "04:04:05");
        let wire = Wire::new([
            ok("token"),
            ok(&key_of_an_hour),
            ok(CREDENTIALS),
            ok(CREDENTIALS),
            ok(CREDENTIALS),
            ok("token"),
            ok(KEY),
            ok(CREDENTIALS),
        ]);
        let provider = AssumedRole::new(&machine, &role(), &parts(&wire, &[]));
        for _ in 0..4 {
            fetched(&provider).await.unwrap();
            // Long enough for a renewal to end, which the third fetch starts.
            tokio::time::sleep(Duration::from_secs(25 * 60)).await;
        }
        let of_sts = |asked: &String| asked == "POST /";
        assert_eq!(
            wire.asked().iter().map(of_sts).collect::<Vec<_>>(),
            [false, false, true, true, true, false, false, true]
        );
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_code_and_what_to_do() {
        let refuse =
            |code: &str, at| status(at, &format!(r#"{{"Code":"{code}","Message":"no","RequestId":"r"}}"#));
        let error = ask(&key(), [refuse("NoPermission", 403)]).await.unwrap_err();
        assert!(
            error.starts_with(&format!("the RAM role {ARN} was not assumed; grant the identity")),
            "{error}"
        );
        assert!(error.contains(": AssumeRole was refused: NoPermission (HTTP 403)"), "{error}");
        let error = ask(&key(), [refuse("EntityNotExist.Role", 404)]).await.unwrap_err();
        assert!(error.contains("there is no such role; check its ARN: "), "{error}");
        assert!(error.contains("EntityNotExist.Role (HTTP 404)"), "{error}");
        let error = ask(&key(), [refuse("NoPermission", 200)]).await.unwrap_err();
        assert!(error.contains("NoPermission (HTTP 200)"), "an error in a good answer: {error}");
    }

    #[tokio::test]
    async fn a_refusal_that_repeats_the_external_id_is_not_repeated() {
        for body in [
            format!(r#"{{"Code":"InvalidParameter","Message":"ExternalId {EXTERNAL_ID} is wrong"}}"#),
            format!(r#"{{"Code":"{EXTERNAL_ID}"}}"#),
        ] {
            let error = ask(&key(), [status(400, &body)]).await.unwrap_err();
            let begin =
                format!("the RAM role {ARN} was not assumed: AssumeRole was refused with words that hold");
            assert!(error.starts_with(&begin), "{error}");
        }
    }

    #[tokio::test]
    async fn an_external_id_in_a_file_is_read_at_each_fetch() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let wire = Wire::new([ok(CREDENTIALS)]);
        let role = Role { external_id: Some(Written::In(file.path().to_owned())), ..role() };
        let provider = AssumedRole::new(&key(), &role, &parts(&wire, &[]));
        for id in ["one", "other"] {
            std::fs::write(file.path(), format!("{id}\n")).unwrap();
            fetched(&provider).await.unwrap();
            let seen = wire.seen.lock().unwrap();
            assert!(seen.last().unwrap().body.contains(&format!("&ExternalId={id}&")));
        }
        std::fs::write(file.path(), "").unwrap();
        let error = fetched(&provider).await.unwrap_err();
        assert!(error.contains("the external id can't be read from its file: "), "{error}");
        assert_eq!(wire.asked().len(), 2);
    }

    #[tokio::test]
    async fn without_a_key_there_is_no_role_and_the_key_is_to_blame() {
        let error = ask(&Config::Env, [ok(CREDENTIALS)]).await.unwrap_err();
        assert!(error.contains("there is no access key to sign AssumeRole with: ALIBABA_CLOUD_"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_comes_instead_of_a_key_is_told_within_half_a_minute() {
        for (step, what) in [
            (Step::Refuse, "cannot connect to sts.aliyuncs.com:443: connection refused"),
            (Step::Hang, "AssumeRole got no whole answer: the answer took too long"),
            (status(302, ""), "HTTP 302 without an error code"),
            (status(502, "<html>"), "HTTP 502 without an error code"),
            (ok("<html>"), "the answer is not JSON, or not all of it"),
            (ok(&CREDENTIALS[..120]), "the answer is not JSON, or not all of it"),
            (ok("{}"), "the answer has no Credentials"),
            (ok(&CREDENTIALS.replace("Expiration", "End")), "the answer has no Expiration"),
        ] {
            let start = Instant::now();
            let error = ask(&key(), [step]).await.unwrap_err();
            assert!(error.contains(what), "{error}");
            assert!(start.elapsed() <= Duration::from_secs(35), "{:?} for {what}", start.elapsed());
        }
    }

    #[tokio::test]
    async fn a_role_that_can_not_be_asked_for_is_told_without_asking() {
        let wire = Wire::new([ok(CREDENTIALS)]);
        let provider = AssumedRole::new(&key(), &Role::default(), &parts(&wire, &[]));
        assert!(fetched(&provider).await.unwrap_err().starts_with("no RAM role is named"));
        assert_eq!(wire.asked().len(), 0);
    }

    #[tokio::test]
    async fn its_requests_are_counted_under_its_action() {
        let (wire, meters) = (Wire::new([ok(CREDENTIALS)]), Meters::new());
        let parts = Parts { meters: meters.source("prod"), ..parts(&wire, &[]) };
        let provider = AssumedRole::new(&key(), &role(), &parts);
        let counted = || {
            let families = meters.gather();
            let requests = families.iter().find(|family| family.name() == table::API_REQUESTS.name).unwrap();
            let series = &requests.get_metric()[0];
            let labels: Vec<_> = series.get_label().iter().map(|label| label.value().to_owned()).collect();
            (labels.join(" "), series.get_counter().get_value())
        };
        assert_eq!(counted(), ("AssumeRole OK prod".to_owned(), 0.0));
        fetched(&provider).await.unwrap();
        assert_eq!(counted().1, 1.0);
    }
}
