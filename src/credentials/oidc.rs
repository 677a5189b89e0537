//! A role by the token of a Kubernetes service account (RRSA): `oidc`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::env::Env;
use crate::error::in_words;
use crate::rpc::encode::canonical_query;
use crate::rpc::{HttpResponse, Transport, TransportError, answer_date};
use crate::secret::{FileError, Secret, Written};

use super::Parts;
use super::answer::{self, error_code};
use super::config::{Oidc, Role};
use super::form::check_secret;
use super::http::{Ask, AskError};
use super::provider::{FetchError, Lease, Provider};
use super::sts::{self, Answer, ROLE_ARN, RoleError, Wanted, given};

const ACTION: &str = "AssumeRoleWithOIDC";

const PROVIDER_ARN: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";

/// Most time for both attempts, as in the vendor's SDKs for one.
const LIMIT: Duration = Duration::from_secs(10);

/// Pause before the second attempt.
const PAUSE: Duration = Duration::from_millis(500);

/// A role that a token stands for.
pub(super) struct OidcRole {
    setup: Result<Setup, SetupError>,
    /// Whether this is a link of a chain, and not what somebody has chosen.
    is_link: bool,
    transport: Arc<dyn Transport>,
    clock: Clock,
}

struct Setup {
    wanted: Wanted,
    token: Written,
}

#[derive(Clone, Debug, thiserror::Error)]
enum SetupError {
    #[error("{0} not set, and the configuration says nothing in its place")]
    Lacks(String),
    #[error(transparent)]
    Role(#[from] RoleError),
}

#[derive(Debug, thiserror::Error)]
enum OidcError {
    #[error(transparent)]
    Setup(SetupError),
    #[error("the token of the service account can't be read; see that it is mounted")]
    Token(#[source] FileError),
    #[error("the RAM role {arn} was not given to the token{}", .advice.map(|text| format!("; {text}")).unwrap_or_default())]
    NotGiven { arn: String, advice: Option<&'static str>, source: Cause },
}

/// Why there is no key. Of the answer it tells the code at most.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cause {
    #[error("{ACTION} was refused: {code} (HTTP {status})")]
    Refused { code: String, status: u16 },
    #[error("{ACTION} gave no key")]
    NoKey(#[from] AskError),
}

impl OidcRole {
    /// The role that somebody has chosen: it gives a key or fails.
    pub(super) fn new(config: &Oidc, parts: &Parts) -> Self {
        let Parts { transport, clock, .. } = parts;
        let setup = Setup::new(config, parts);
        Self { setup, is_link: false, transport: Arc::clone(transport), clock: clock.clone() }
    }

    /// The role as a link of the default chain: not set up unless all three variables are.
    pub(super) fn link(parts: &Parts) -> Self {
        let role = Role { sts: parts.sts.clone(), ..Role::default() };
        Self { is_link: true, ..Self::new(&Oidc { role, ..Oidc::default() }, parts) }
    }

    /// What a role still lacks on this machine, in words.
    pub(super) async fn missing(config: &Oidc, env: &Env) -> Option<String> {
        match sources(config, env) {
            Err(SetupError::Lacks(what)) => Some(format!("{what} not set")),
            Err(error) => Some(error.to_string()),
            Ok((_, token)) => token.read(check_secret).await.err().map(|error| in_words(&error)),
        }
    }

    async fn ask(&self) -> Result<Lease, OidcError> {
        let Setup { wanted, token } = self.setup.as_ref().map_err(|error| OidcError::Setup(error.clone()))?;
        // Kubernetes replaces it every hour or so.
        let token = token.read(check_secret).await.map_err(OidcError::Token)?;
        self.assume(wanted, &token).await.map_err(|source| {
            let advice = match &source {
                Cause::Refused { code, .. } => sts::advice(code),
                _ => None,
            };
            OidcError::NotGiven { arn: wanted.arn.clone(), advice, source }
        })
    }

    async fn assume(&self, wanted: &Wanted, token: &Secret) -> Result<Lease, Cause> {
        let deadline = Instant::now() + LIMIT;
        let mut answer = self.send(wanted, token, deadline).await;
        if is_passing(&answer) && Instant::now() + PAUSE < deadline {
            tokio::time::sleep(PAUSE).await;
            answer = self.send(wanted, token, deadline).await;
        }
        let HttpResponse { status, body, headers } = answer.map_err(AskError::from)?;
        let read = answer::json::<Answer>(&body);
        let code = read.as_ref().ok().and_then(|answer| answer.code.as_deref());
        if let Some(code) = code {
            // Whoever answers knows the token, so the code may be a part of it.
            let code = error_code(code).filter(|code| !token.expose().contains(code));
            let code = code.unwrap_or("an unreadable code").to_owned();
            return Err(Cause::Refused { code, status: status.as_u16() });
        }
        if !status.is_success() {
            return Err(AskError::of(status).into());
        }
        let (key, expires) = read.and_then(Answer::read).map_err(AskError::from)?;
        let lease = Lease::until(expires, key, format!("oidc {}", wanted.arn));
        Ok(lease.told_at(answer_date(&headers), self.clock.now()))
    }

    /// One attempt. The token is a part of the form: URLs stand in the logs of proxies.
    async fn send(
        &self,
        wanted: &Wanted,
        token: &Secret,
        deadline: Instant,
    ) -> Result<HttpResponse, TransportError> {
        let mut query = BTreeMap::new();
        for (name, value) in [("Action", ACTION), ("Version", sts::VERSION), ("Format", "JSON")] {
            query.insert(name.to_owned(), value.to_owned());
        }
        query.insert("Timestamp".to_owned(), self.clock.now().to_string());
        let mut form = wanted.params.clone();
        form.insert("OIDCToken".to_owned(), token.expose().to_owned());
        let url = wanted.endpoint.url(Some(&canonical_query(&query, true)));
        let left = deadline.saturating_duration_since(Instant::now());
        Ask::form(url, canonical_query(&form, true)).send(&self.transport, left).await
    }
}

impl Setup {
    fn new(config: &Oidc, parts: &Parts) -> Result<Self, SetupError> {
        let (provider_arn, token) = sources(config, &parts.env)?;
        let mut wanted = Wanted::new(&config.role, parts)?;
        wanted.params.insert("OIDCProviderArn".to_owned(), provider_arn);
        Ok(Self { wanted, token })
    }
}

/// The identity provider and the token, by the configuration, else by the environment.
fn sources(config: &Oidc, env: &Env) -> Result<(String, Written), SetupError> {
    let role_arn = given(config.role.arn.as_deref()).or_else(|| env.get(ROLE_ARN));
    let provider_arn = given(config.provider_arn.as_deref()).or_else(|| env.get(PROVIDER_ARN));
    let token_file = config.token_file.clone().or_else(|| env.get(TOKEN_FILE).map(PathBuf::from));
    let (Some(_), Some(provider_arn), Some(token_file)) = (role_arn, provider_arn, &token_file) else {
        let all = [
            (ROLE_ARN, role_arn.is_some()),
            (PROVIDER_ARN, provider_arn.is_some()),
            (TOKEN_FILE, token_file.is_some()),
        ];
        let missing: Vec<_> = all.iter().filter(|(_, is_given)| !is_given).map(|(name, _)| *name).collect();
        let verb = if missing.len() > 1 { "are" } else { "is" };
        return Err(SetupError::Lacks(format!("{} {verb}", missing.join(" and "))));
    };
    Ok((provider_arn.to_owned(), Written::In(token_file.clone())))
}

impl Provider for OidcRole {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        let told = |error| match error {
            OidcError::Setup(SetupError::Lacks(what)) if self.is_link => {
                FetchError::not_configured(format!("{what} not set"))
            }
            error => FetchError::failed(error),
        };
        async move { self.ask().await.map_err(told) }.boxed()
    }
}

impl fmt::Debug for OidcRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arn = self.setup.as_ref().map(|setup| &setup.wanted.arn);
        f.debug_tuple("OidcRole").field(&arn).finish()
    }
}

/// Whether trying again may help: there was no connection, or the service failed itself.
fn is_passing(answer: &Result<HttpResponse, TransportError>) -> bool {
    match answer {
        Ok(answer) => answer.status.is_server_error(),
        Err(TransportError::Timeout(_) | TransportError::Connect { .. } | TransportError::Network(_)) => true,
        Err(TransportError::TooLong | TransportError::Packing(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tempfile::NamedTempFile;

    use crate::credentials::fake::{CREDENTIALS, Step, Wire, fetched, ok, parts, status};

    use super::*;

    const ARN: &str = "acs:ram::1:role/r";
    const PROVIDER: &str = "acs:ram::1:oidc-provider/p";
    const TOKEN: &str = "OIDC.JWT.TOKEN";

    fn token_file() -> NamedTempFile {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{TOKEN}\n")).unwrap();
        file
    }

    fn config(token_file: &Path) -> Oidc {
        Oidc {
            role: Role { arn: Some(ARN.to_owned()), ..Role::default() },
            provider_arn: Some(PROVIDER.to_owned()),
            token_file: Some(token_file.to_owned()),
        }
    }

    async fn ask(steps: impl IntoIterator<Item = Step>) -> (Result<String, String>, usize) {
        let (file, wire) = (token_file(), Wire::new(steps));
        let got = fetched(&OidcRole::new(&config(file.path()), &parts(&wire, &[]))).await;
        if let Err(error) = &got {
            assert!(!error.contains(TOKEN), "{error}");
        }
        (got.map(|lease| lease.origin), wire.asked().len())
    }

    #[tokio::test]
    async fn a_link_is_set_up_by_three_variables_and_not_by_two() {
        let file = token_file();
        let path = file.path().to_str().unwrap();
        let all = [(ROLE_ARN, ARN), (PROVIDER_ARN, PROVIDER), (TOKEN_FILE, path)];
        let wire = Wire::new([ok(CREDENTIALS)]);
        let lease = fetched(&OidcRole::link(&parts(&wire, &all))).await.unwrap();
        assert_eq!(lease.origin, format!("oidc {ARN}"));
        assert_eq!(lease.expires.unwrap().to_string(), "2026-11-24T09:04:05Z");
        for (missing, name) in [(0, ROLE_ARN), (1, PROVIDER_ARN), (2, TOKEN_FILE)] {
            let mut some = all;
            some[missing].1 = " ";
            let got = fetched(&OidcRole::link(&parts(&wire, &some))).await;
            assert_eq!(got.unwrap_err(), format!("not configured: {name} is not set"));
            let got = fetched(&OidcRole::new(&Oidc::default(), &parts(&wire, &some))).await;
            assert!(
                got.unwrap_err().starts_with(&format!("{name} is not set, and the")),
                "chosen, so it fails"
            );
        }
        let got = fetched(&OidcRole::link(&parts(&wire, &[]))).await;
        let names = format!("{ROLE_ARN} and {PROVIDER_ARN} and {TOKEN_FILE}");
        assert_eq!(got.unwrap_err(), format!("not configured: {names} are not set"));
        assert_eq!(wire.asked().len(), 1);
    }

    #[tokio::test]
    async fn a_link_that_is_set_up_and_has_no_token_fails() {
        let all = [(ROLE_ARN, ARN), (PROVIDER_ARN, PROVIDER), (TOKEN_FILE, "/nowhere/token")];
        let wire = Wire::new([ok(CREDENTIALS)]);
        let error = fetched(&OidcRole::link(&parts(&wire, &all))).await.unwrap_err();
        assert!(error.starts_with("the token of the service account can't be read"), "{error}");
        assert!(error.contains(": /nowhere/token can't be read: "), "{error}");
        assert_eq!(wire.asked().len(), 0);
    }

    #[tokio::test]
    async fn the_token_is_read_at_each_fetch_and_stands_in_no_url() {
        let (file, wire) = (token_file(), Wire::new([ok(CREDENTIALS)]));
        let provider = OidcRole::new(&config(file.path()), &parts(&wire, &[]));
        for token in ["first.token", "second.token"] {
            std::fs::write(file.path(), token).unwrap();
            fetched(&provider).await.unwrap();
            let seen = wire.seen.lock().unwrap();
            let last = seen.last().unwrap();
            assert!(last.body.contains(&format!("&OIDCToken={token}&")));
            assert!(!last.url.as_str().contains("token"), "{}", last.url);
            assert_eq!(last.url.scheme(), "https");
            assert_eq!(last.headers["content-type"], "application/x-www-form-urlencoded");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_code_and_what_to_do() {
        let refuse = |code: &str, at| {
            status(at, &format!(r#"{{"Code":"{code}","Message":"{TOKEN} is bad","RequestId":"r"}}"#))
        };
        let (got, asked) = ask([refuse("AuthenticationFail.OIDCToken.Expired", 401)]).await;
        assert_eq!(
            got.unwrap_err(),
            format!(
                "the RAM role {ARN} was not given to the token; the token has expired; see that its file is \
                 renewed: AssumeRoleWithOIDC was refused: AuthenticationFail.OIDCToken.Expired (HTTP 401)"
            )
        );
        assert_eq!(asked, 1, "it would be refused again");
        let (got, _) = ask([refuse("EntityNotExist.Role", 404)]).await;
        assert!(got.unwrap_err().contains("there is no such role; check its ARN: "));
        let (got, _) = ask([refuse("Strange", 200)]).await;
        assert!(got.unwrap_err().ends_with("was refused: Strange (HTTP 200)"), "an error in a good answer");
        let (got, _) = ask([refuse("JWT.TOKEN", 400)]).await;
        assert!(
            got.unwrap_err().ends_with("refused: an unreadable code (HTTP 400)"),
            "the code is part of the token"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_once_more_and_all_within_ten_seconds() {
        for first in [Step::Refuse, Step::Break, status(503, "<html>")] {
            let (got, asked) = ask([first.clone(), ok(CREDENTIALS)]).await;
            assert_eq!((got.is_ok(), asked), (true, 2));
            let start = Instant::now();
            let (got, asked) = ask([first]).await;
            assert_eq!((got.is_err(), asked), (true, 2));
            assert!(start.elapsed() < LIMIT);
        }
        let start = Instant::now();
        let (got, asked) = ask([Step::Hang]).await;
        assert!(got.unwrap_err().ends_with("gave no key: the answer took too long"));
        assert_eq!((start.elapsed(), asked), (LIMIT, 1));
        let start = Instant::now();
        let (got, asked) = ask([status(500, ""), Step::Hang]).await;
        assert_eq!((got.is_err(), start.elapsed(), asked), (true, LIMIT, 2));
    }

    #[tokio::test]
    async fn whatever_comes_instead_of_a_key_is_told() {
        for (step, what) in [
            (status(302, ""), "gave no key: the answer is HTTP 302, a redirect, which is never followed"),
            (status(404, "<html>"), "gave no key: the answer is HTTP 404"),
            (ok("<html>"), "gave no key: the answer is not JSON, or not all of it"),
            (ok(&CREDENTIALS[..120]), "gave no key: the answer is not JSON, or not all of it"),
            (ok("{}"), "gave no key: the answer has no Credentials"),
            (ok(&CREDENTIALS.replace("AccessKeyId", "Id")), "gave no key: the answer has no AccessKeyId"),
        ] {
            let (got, asked) = ask([step]).await;
            let error = got.unwrap_err();
            assert!(error.ends_with(what), "{error}");
            assert_eq!(asked, 1);
        }
    }
}
