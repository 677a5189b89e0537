//! A scripted wire for the tests of places that are asked over HTTP.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderValue};

use crate::clock::{Clock, UnixMillis};
use crate::env::Env;
use crate::error::in_words;
use crate::meters::Meters;
use crate::rpc::{self, HttpRequest, HttpResponse, Transport, TransportError};

use super::provider::{FetchError, Lease, Provider};
use super::{Parts, StsPlace};

/// 2026-11-24T03:04:05Z.
pub(super) const START: i64 = 1_795_489_445_000;

/// The parts of a temporary key that [`KEY`] and [`CREDENTIALS`] hold, none of which may be told.
pub(super) const SECRETS: [&str; 3] = ["STS.NX000", "hunter2", "CAIS000"];

/// A key as the metadata service and local services give it.
pub(super) const KEY: &str = r#"{"Code":"Success","AccessKeyId":"STS.NX000","AccessKeySecret":"hunter2",
    "SecurityToken":"CAIS000","Expiration":"2026-11-24T09:04:05Z","LastUpdated":"2026-11-24T03:04:05Z"}"#;

/// A key as the Security Token Service gives it.
pub(super) const CREDENTIALS: &str = r#"{"RequestId":"r-1","AssumedRoleUser":{"Arn":"a"},"Credentials":{
    "AccessKeyId":"STS.NX000","AccessKeySecret":"hunter2","SecurityToken":"CAIS000","Expiration":"2026-11-24T09:04:05Z"}}"#;

/// What the wire does with one request.
#[derive(Clone)]
pub(super) enum Step {
    Answer(u16, String),
    Refuse,
    Break,
    Hang,
}

pub(super) fn ok(body: &str) -> Step {
    status(200, body)
}

pub(super) fn status(status: u16, body: &str) -> Step {
    Step::Answer(status, body.to_owned())
}

/// A wire that plays its steps, the last one for ever.
pub(super) struct Wire {
    steps: Mutex<VecDeque<Step>>,
    pub(super) seen: Mutex<Vec<HttpRequest>>,
    /// The `Date` of every answer.
    date: Option<HeaderValue>,
}

impl Wire {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self::of(steps, None))
    }

    /// One whose answers are all of the time `date`.
    pub(super) fn dated(date: &'static str, steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self::of(steps, Some(HeaderValue::from_static(date))))
    }

    fn of(steps: impl IntoIterator<Item = Step>, date: Option<HeaderValue>) -> Self {
        Self { steps: Mutex::new(steps.into_iter().collect()), seen: Mutex::default(), date }
    }

    /// Method and path of each request, in order.
    pub(super) fn asked(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|request| format!("{} {}", request.method, request.url.path())).collect()
    }
}

impl Wire {
    fn headers(&self) -> HeaderMap {
        self.date.iter().map(|date| (DATE, date.clone())).collect()
    }
}

impl Transport for Wire {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let to =
            format!("{}:{}", request.url.host_str().unwrap(), request.url.port_or_known_default().unwrap());
        self.seen.lock().unwrap().push(request);
        let mut steps = self.steps.lock().unwrap();
        let step = if steps.len() > 1 { steps.pop_front().unwrap() } else { steps[0].clone() };
        let cause = |kind: io::ErrorKind| Box::new(io::Error::from(kind));
        let answer = match step {
            Step::Answer(status, body) => {
                let status = StatusCode::from_u16(status).unwrap();
                Ok(HttpResponse { status, headers: self.headers(), body: Bytes::from(body) })
            }
            Step::Refuse => {
                Err(TransportError::Connect { to, source: cause(io::ErrorKind::ConnectionRefused) })
            }
            Step::Break => Err(TransportError::Network(cause(io::ErrorKind::ConnectionReset))),
            Step::Hang => return future::pending().boxed(),
        };
        future::ready(answer).boxed()
    }
}

/// Parts with the variables `env` whose requests go to `wire`.
pub(super) fn parts(wire: &Arc<Wire>, env: &[(&str, &str)]) -> Parts {
    Parts {
        source: "prod".to_owned(),
        env: env.iter().copied().collect::<Env>(),
        sts: StsPlace::default(),
        transport: Arc::clone(wire) as _,
        rpc: rpc::Config::default(),
        clock: Clock::with_timers(UnixMillis::new(START).unwrap()),
        meters: Meters::new().source("prod"),
        metadata: super::metadata_url(),
    }
}

/// A fetch that went well, or what was told of one that did not.
pub(super) async fn fetched(provider: &dyn Provider) -> Result<Lease, String> {
    provider.fetch().await.map_err(|error| {
        let debug = format!("{error:?} {provider:?}");
        let mut told = in_words(&error);
        for secret in SECRETS {
            assert!(!told.contains(secret) && !debug.contains(secret), "{told}\n{debug}");
        }
        if matches!(error, FetchError::NotConfigured(_)) {
            told.insert_str(0, "not configured: ");
        }
        told
    })
}
