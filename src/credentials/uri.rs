//! A local service that gives temporary keys: `uri`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::{BoxFuture, FutureExt as _};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::env::Env;
use crate::rpc::{Transport, answer_date};
use crate::secret::{FileError, Problem, Secret, Written};

use super::Parts;
use super::answer::{self, CodedKey};
use super::http::{Ask, AskError};
use super::provider::{FILE_LOOK, FetchError, Lease, Provider};

const URL: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

/// Most time from the question to the end of the answer, as in the vendor's SDKs.
const LIMIT: Duration = Duration::from_secs(10);

/// The service at a URL, which may hold a secret and is told by its host and port only.
pub(super) struct UriKey {
    /// `None` for that of the environment.
    url: Option<Written>,
    env: Env,
    transport: Arc<dyn Transport>,
    clock: Clock,
    /// The URL that gave the last key.
    used: Mutex<Option<Secret>>,
}

#[derive(Debug, thiserror::Error)]
enum UriError {
    #[error("{URL} is not set")]
    NotSet,
    #[error("the URL can't be read from its file")]
    File(#[source] FileError),
    #[error(
        "the URL of the service that gives keys is none; expected http://127.0.0.1:PORT/PATH or https://HOST/PATH"
    )]
    NotAUrl,
    #[error(
        "{at} is asked by http://, which would send the keys in the clear; use https://, or an address \
         of this machine or of its link (127.0.0.0/8, 169.254.0.0/16)"
    )]
    Clear { at: String },
    #[error("the service at {at} gave no key")]
    NoKey { at: String, source: AskError },
}

impl UriKey {
    /// The service at `url`; `None` for that of the environment.
    pub(super) fn new(url: Option<&Written>, parts: &Parts) -> Self {
        let (env, transport) = (parts.env.clone(), Arc::clone(&parts.transport));
        Self { url: url.cloned(), env, transport, clock: parts.clock.clone(), used: Mutex::default() }
    }

    async fn text(&self) -> Result<Secret, UriError> {
        match &self.url {
            Some(url) => url.read(check_uri).await.map_err(UriError::File),
            None => Ok(Secret::new(self.env.get(URL).ok_or(UriError::NotSet)?)),
        }
    }

    async fn ask(&self) -> Result<Lease, UriError> {
        let text = self.text().await?;
        let (url, at) = read(text.expose())?;
        let answer = question(url).good(&self.transport, LIMIT).await;
        let key = answer.and_then(|answer| {
            let (key, expires) = answer::json::<CodedKey>(&answer.body)?.read()?;
            Ok((key, expires, answer_date(&answer.headers)))
        });
        let (key, expires, date) = match key {
            Ok(key) => key,
            Err(source) => return Err(UriError::NoKey { at, source }),
        };
        *self.used.lock().await = Some(text);
        let lease = Lease::until(expires, key, format!("uri {at}")).told_at(date, self.clock.now());
        let is_in_file = self.url.as_ref().is_some_and(Written::is_in_file);
        Ok(if is_in_file { lease.looked_at_again(FILE_LOOK) } else { lease })
    }
}

/// The URL `text`, and its host and port, if keys may be asked for there.
fn read(text: &str) -> Result<(Url, String), UriError> {
    let url = Url::parse(text.trim()).map_err(|_| UriError::NotAUrl)?;
    let at = match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) if !host.is_empty() && port != 0 => format!("{host}:{port}"),
        _ => return Err(UriError::NotAUrl),
    };
    match url.scheme() {
        "https" => Ok((url, at)),
        "http" if is_near(&url) => Ok((url, at)),
        "http" => Err(UriError::Clear { at }),
        _ => Err(UriError::NotAUrl),
    }
}

/// Checks the URL of a service that gives keys.
///
/// # Errors
/// If it is none, or would send keys in the clear over a network.
pub fn check_uri(text: &str) -> Result<(), Problem> {
    match read(text) {
        Err(UriError::Clear { .. }) => Err("http:// would send the keys in the clear; use https://, or an \
            address of this machine or of its link (127.0.0.0/8, 169.254.0.0/16)"
            .into()),
        Err(_) => Err("expected https://HOST/PATH, or http:// for a host of this machine".into()),
        Ok(_) => Ok(()),
    }
}

/// What the environment lacks for a service that only it names.
pub(super) fn missing(env: &Env) -> Option<String> {
    let url = env.get(URL).ok_or(UriError::NotSet);
    url.and_then(read).err().map(|error| error.to_string())
}

impl Provider for UriKey {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        let told = |error| match error {
            error @ UriError::NotSet => FetchError::not_configured(error.to_string()),
            error => FetchError::failed(error),
        };
        async move { self.ask().await.map_err(told) }.boxed()
    }

    fn has_changed(&self) -> BoxFuture<'_, bool> {
        async move {
            let now = self.text().await.ok();
            now.is_none() || *self.used.lock().await != now
        }
        .boxed()
    }
}

impl fmt::Debug for UriKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UriKey").finish_non_exhaustive()
    }
}

/// Asks for what stands at `url`. Its user and password go into a header, as every HTTP client does.
fn question(mut url: Url) -> Ask {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (user, password) = (decoded(url.username()), url.password().map(decoded));
    if user.is_empty() && password.is_none() {
        return Ask::get(url);
    }
    let basic = Secret::new(format!("{user}:{}", password.unwrap_or_default()));
    // A URL with a host, which this one has, can do without them.
    let _ = (url.set_username(""), url.set_password(None));
    Ask::get(url).header("authorization", &format!("Basic {}", STANDARD.encode(basic.expose())))
}

/// Whether `url` leads no further than the machine or its link, where the metadata services of
/// clouds are.
fn is_near(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback() || address.is_link_local() || address.octets() == [100, 100, 100, 200]
        }
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Err(_) => host == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use crate::credentials::Config;
    use crate::credentials::fake::{KEY, Step, Wire, fetched, ok, parts, status};

    use super::*;

    async fn ask(url: &str, step: Step) -> Result<String, String> {
        let wire = Wire::new([step]);
        let url = Written::Here(Secret::new(url));
        let got = fetched(&UriKey::new(Some(&url), &parts(&wire, &[]))).await;
        if let Err(error) = &got {
            assert!(!error.contains("s3cr3t"), "{error}");
        }
        got.map(|lease| lease.origin)
    }

    #[tokio::test]
    async fn the_url_comes_from_the_configuration_else_from_the_environment() {
        let wire = Wire::new([ok(KEY)]);
        let variables = parts(&wire, &[(URL, "http://localhost:8080/creduri?x=1")]);
        let lease = fetched(&UriKey::new(None, &variables)).await.unwrap();
        assert_eq!(lease.origin, "uri localhost:8080");
        assert_eq!(lease.expires.unwrap().to_string(), "2026-11-24T09:04:05Z");
        let url = Written::Here(Secret::new("https://keys.example/a"));
        let lease = fetched(&UriKey::new(Some(&url), &variables)).await.unwrap();
        assert_eq!(lease.origin, "uri keys.example:443");
        let none = fetched(&UriKey::new(None, &parts(&wire, &[]))).await;
        assert_eq!(none.unwrap_err(), format!("not configured: {URL} is not set"));
    }

    #[tokio::test]
    async fn a_url_in_a_file_is_read_at_each_fetch() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (wire, url) = (Wire::new([ok(KEY)]), Written::In(file.path().to_owned()));
        let provider = UriKey::new(Some(&url), &parts(&wire, &[]));
        for path in ["/one", "/other"] {
            std::fs::write(file.path(), format!("http://127.0.0.1:1{path}\n")).unwrap();
            fetched(&provider).await.unwrap();
        }
        assert_eq!(wire.asked(), ["GET /one", "GET /other"]);
        std::fs::write(file.path(), "").unwrap();
        let error = fetched(&provider).await.unwrap_err();
        assert!(error.starts_with("the URL can't be read from its file: "), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_url_that_is_replaced_in_its_file_is_asked_at_the_next_look_and_one_that_stays_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let write = |path: &str| std::fs::write(file.path(), format!("http://127.0.0.1:1{path}\n")).unwrap();
        let wire = Wire::new([ok(KEY)]);
        let config = Config::Uri(Some(Written::In(file.path().to_owned())));
        let keys = crate::credentials::build(&config, &parts(&wire, &[]));
        write("/one");
        for _ in 0..10 {
            keys.key().await.unwrap();
            tokio::time::sleep(FILE_LOOK).await;
        }
        assert_eq!(wire.asked(), ["GET /one"]);
        write("/other");
        keys.key().await.unwrap();
        tokio::time::sleep(FILE_LOOK / 2).await;
        assert_eq!(wire.asked(), ["GET /one", "GET /other"]);
        keys.key().await.unwrap();
        assert_eq!(wire.asked().len(), 2, "it is not read for each request");
    }

    #[tokio::test]
    async fn plain_http_goes_no_further_than_the_link() {
        for near in ["127.0.0.1", "localhost", "[::1]", "169.254.1.2", "[fe80::1]", "100.100.100.200"] {
            ask(&format!("http://{near}:80/"), ok(KEY)).await.unwrap();
        }
        for far in ["10.0.0.1", "keys.example", "localhost.example", "[2001:db8::1]", "100.100.100.201"] {
            let error = ask(&format!("http://{far}/?token=s3cr3t"), ok(KEY)).await.unwrap_err();
            assert!(error.starts_with(&format!("{far}:80 is asked by http://, which would")), "{error}");
            ask(&format!("https://{far}/"), ok(KEY)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_no_url_is_refused_without_repeating_it() {
        // The last one without slashes: each is a secret that no log line may hold, and some tell of http://.
        for text in ["s3cr3t", "ftp://127.0.0.1/s3cr3t", "http://127.0.0.1:0/", "unix:/s3cr3t", "http:"] {
            let error = ask(text, ok(KEY)).await.unwrap_err();
            assert!(error.starts_with("the URL of the service that gives keys is none"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_user_and_password_go_into_a_header() {
        let wire = Wire::new([ok(KEY)]);
        let url = Written::Here(Secret::new("http://me:s3cr3t%21@127.0.0.1:8080/a?b=c"));
        let lease = fetched(&UriKey::new(Some(&url), &parts(&wire, &[]))).await.unwrap();
        assert_eq!(lease.origin, "uri 127.0.0.1:8080");
        let seen = wire.seen.lock().unwrap();
        assert_eq!(seen[0].url.as_str(), "http://127.0.0.1:8080/a?b=c");
        assert_eq!(seen[0].headers["authorization"], "Basic bWU6czNjcjN0IQ==");
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_comes_instead_of_a_key_is_told_and_never_the_url() {
        let url = "http://me:s3cr3t@127.0.0.1:8080/s3cr3t?s3cr3t";
        for (step, what) in [
            (Step::Refuse, "cannot connect to 127.0.0.1:8080: connection refused"),
            (Step::Hang, "the answer took too long"),
            (status(302, ""), "the answer is HTTP 302, a redirect, which is never followed"),
            (status(404, KEY), "the answer is HTTP 404"),
            (status(502, "<html>"), "the answer is HTTP 502"),
            (ok("<html>"), "the answer is not JSON, or not all of it"),
            (ok(&KEY[..80]), "the answer is not JSON, or not all of it"),
            (ok(&KEY.replace("Success", "Denied")), "the Code of the answer is Denied and not Success"),
            (ok(&KEY.replace("SecurityToken", "Token")), "the answer has no SecurityToken"),
        ] {
            let start = Instant::now();
            let error = ask(url, step).await.unwrap_err();
            assert_eq!(error, format!("the service at 127.0.0.1:8080 gave no key: {what}"));
            assert!(start.elapsed() <= LIMIT);
        }
        let without_code = KEY.replace(r#""Code":"Success","#, "");
        assert_eq!(ask(url, ok(&without_code)).await, Ok("uri 127.0.0.1:8080".to_owned()));
    }
}
