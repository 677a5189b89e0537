//! A client on a scripted wire: the rig of its tests.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use reqwest::StatusCode;

use crate::meters::Meters;
use crate::rpc::{AccessKey, HttpRequest, KeyError};
use crate::secret::Secret;

use super::super::*;

pub(super) const KEY_ID: &str = "an-access-key-id";
pub(super) const KEY_SECRET: &str = "hunter2-the-secret";
pub(super) const TOKEN: &str = "a-security-token";

/// 2026-11-24T03:04:05Z.
pub(super) const START: i64 = 1_795_489_445_000;

/// What the wire does with one request.
pub(super) enum Step {
    Answer(u16, Vec<(&'static str, String)>, String),
    Break,
    Hang,
}

pub(super) fn ok() -> Step {
    Step::Answer(200, vec![], "good".to_owned())
}

pub(super) fn refuse(status: u16, code: &str) -> Step {
    refuse_with(status, code, vec![])
}

pub(super) fn refuse_with(status: u16, code: &str, headers: Vec<(&'static str, String)>) -> Step {
    Step::Answer(status, headers, format!(r#"{{"RequestId":"r-1","Code":"{code}","Message":"no"}}"#))
}

/// A wire that plays its steps, then answers well for ever.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) steps: Mutex<VecDeque<Step>>,
    pub(super) seen: Mutex<Vec<(Instant, HttpRequest)>>,
}

impl Transport for Wire {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        self.seen.lock().unwrap().push((Instant::now(), request));
        let step = self.steps.lock().unwrap().pop_front().unwrap_or_else(ok);
        let (status, headers, body) = match step {
            Step::Answer(status, headers, body) => (status, headers, body),
            Step::Break => {
                let cause = io::Error::from(io::ErrorKind::ConnectionReset);
                return future::ready(Err(TransportError::Network(Box::new(cause)))).boxed();
            }
            Step::Hang => return future::pending().boxed(),
        };
        let headers =
            headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let status = StatusCode::from_u16(status).unwrap();
        future::ready(Ok(HttpResponse { status, headers: headers.collect(), body: Bytes::from(body) }))
            .boxed()
    }
}

#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) none: bool,
    /// Keys that are still to come when one is refused.
    pub(super) more: AtomicU32,
    /// What never comes to an end.
    pub(super) hangs: Option<Hangs>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hangs {
    Key,
    Renewal,
}

impl KeySource for Keys {
    fn key(&self) -> BoxFuture<'_, Result<AccessKey, KeyError>> {
        if self.hangs == Some(Hangs::Key) {
            return future::pending().boxed();
        }
        let key = AccessKey {
            id: KEY_ID.to_owned(),
            secret: Secret::new(KEY_SECRET),
            token: Some(Secret::new(TOKEN)),
        };
        let no_key = || KeyError::new(io::Error::other("set the variables"));
        future::ready(if self.none { Err(no_key()) } else { Ok(key) }).boxed()
    }

    fn renew<'k>(&'k self, refused: &'k AccessKey) -> BoxFuture<'k, bool> {
        assert_eq!(refused.id, KEY_ID);
        if self.hangs == Some(Hangs::Renewal) {
            return future::pending().boxed();
        }
        let more = self.more.load(Ordering::Relaxed);
        self.more.store(more.saturating_sub(1), Ordering::Relaxed);
        future::ready(more > 0).boxed()
    }

    fn in_use(&self) -> Option<KeyInUse> {
        None
    }
}

pub(super) struct Rig {
    pub(super) client: Client,
    pub(super) wire: Arc<Wire>,
    pub(super) meters: Meters,
}

pub(super) fn rig(steps: impl IntoIterator<Item = Step>) -> Rig {
    rig_with(steps, |_| ())
}

pub(super) fn rig_with(steps: impl IntoIterator<Item = Step>, change: impl FnOnce(&mut ClientParts)) -> Rig {
    let wire = Arc::new(Wire { steps: Mutex::new(steps.into_iter().collect()), ..Wire::default() });
    let meters = Meters::new();
    let mut parts = ClientParts {
        endpoint: Endpoint::parse("https://tds.example.com", false).unwrap(),
        config: Config::default(),
        keys: Arc::new(Keys::default()),
        transport: Arc::clone(&wire) as _,
        limits: Arc::new(Limits::new(1000.0, 8)),
        clock: Clock::with_timers(UnixMillis::new(START).unwrap()),
        meters: meters.source("prod"),
    };
    change(&mut parts);
    Rig { client: Client::new(parts), wire, meters }
}

impl Rig {
    pub(super) async fn call(&self) -> Result<String, CallError> {
        let params = BTreeMap::from([("CurrentPage".to_owned(), "1".to_owned())]);
        let request = Request { action: "ListThings", version: "2018-12-03", params };
        self.client.call(&request, read).await
    }

    /// When the requests went out, from the first one on.
    pub(super) fn times(&self) -> Vec<Duration> {
        let seen = self.wire.seen.lock().unwrap();
        seen.iter().map(|(at, _)| *at - seen[0].0).collect()
    }

    pub(super) fn requests(&self) -> Vec<HttpRequest> {
        self.wire.seen.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }

    /// The value of a counter's series with this label.
    pub(super) fn count(&self, family: &str, label: &str) -> u64 {
        let families = self.meters.gather();
        let family = families.iter().find(|f| f.name() == family).unwrap();
        let of_label = |m: &&prometheus::proto::Metric| m.get_label().iter().any(|l| l.value() == label);
        family.get_metric().iter().filter(of_label).map(|m| m.get_counter().get_value() as u64).sum()
    }
}

/// A reader that knows good bodies, error envelopes and nothing else.
pub(super) fn read(body: &[u8]) -> Result<String, BodyError> {
    if body == b"good" {
        return Ok("good".to_owned());
    }
    match Envelope::read(body).code {
        Some(code) => Err(BodyError::Refused { code: Some(code), message: "no".to_owned() }),
        None => Err(BodyError::Malformed("there is no List".to_owned())),
    }
}

pub(super) fn http_date_of(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap();
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap()
}

pub(super) fn header<'r>(request: &'r HttpRequest, name: &str) -> &'r str {
    request.headers[name].to_str().unwrap()
}

/// Every text that an error shows, of its causes too.
pub(super) fn shown(error: &CallError) -> String {
    let mut text = format!("{error:?} {error:#?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}
