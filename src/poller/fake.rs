//! A cloud in memory, behind the port of `rpc`, for tests with paused time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::clock::{Clock, UnixMillis};
use crate::credentials;
use crate::env::Env;
use crate::meters::{Meters, SourceMeters};
use crate::rpc::{
    self, Client, ClientParts, Endpoint, HttpRequest, HttpResponse, Limits, Transport, TransportError,
};
use crate::sas::Api;
use crate::secret::Secret;

use super::{Config, Identity, Source};

/// The time at which tests begin.
pub(super) const NOW: i64 = 1_700_000_000_000;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// The parameters of one request.
pub(super) type Params = BTreeMap<String, String>;

/// A task of the fake cloud.
#[derive(Clone, Debug)]
pub(super) struct FakeTask {
    pub(super) id: String,
    /// `None` for a main task, else the main task it belongs to.
    pub(super) parent: Option<String>,
    pub(super) status: i64,
    pub(super) target_type: i64,
    /// Hours before [`NOW`] that it started.
    pub(super) hours_ago: i64,
}

/// A main task that completed `hours_ago`.
pub(super) fn main_task(id: &str, hours_ago: i64) -> FakeTask {
    FakeTask { id: id.to_owned(), parent: None, status: 2, target_type: 1, hours_ago }
}

/// A subtask of `parent` that completed `hours_ago`.
pub(super) fn subtask(id: &str, parent: &str, hours_ago: i64) -> FakeTask {
    FakeTask { parent: Some(parent.to_owned()), ..main_task(id, hours_ago) }
}

impl FakeTask {
    fn start(&self) -> i64 {
        NOW - self.hours_ago * 3_600_000
    }

    fn row(&self) -> Value {
        json!({
            "TaskId": self.id, "Status": self.status, "TargetType": self.target_type,
            "StartTime": self.start(), "EndTime": self.start() + 60_000, "Uuid": format!("host-of-{}", self.id),
        })
    }

    fn matches(&self, params: &Params) -> bool {
        let number = |name: &str| params.get(name).and_then(|text| text.parse::<i64>().ok());
        let is_root = params["RootTask"] == "true";
        is_root == self.parent.is_none()
            && params.get("TaskId").is_none_or(|id| self.parent.as_ref() == Some(id))
            && number("Status").is_none_or(|status| status == self.status)
            && number("TargetType").is_none_or(|target_type| target_type == self.target_type)
            && number("StartTime").is_none_or(|start| self.start() >= start)
    }
}

/// What the fake cloud says to one request.
pub(super) enum Answer {
    /// A page of the tasks that match, as a good server gives it.
    Good,
    /// A body with status 200.
    Body(Value),
    /// An error envelope.
    Refused(u16, &'static str),
    /// Nothing, ever.
    Silence,
}

type Script = dyn Fn(&Params, usize) -> Answer + Send + Sync;

/// The fake cloud.
#[derive(Clone)]
pub(super) struct Cloud {
    pub(super) tasks: Arc<Mutex<Vec<FakeTask>>>,
    /// Every request so far.
    pub(super) asked: Arc<Mutex<Vec<Params>>>,
    script: Arc<Script>,
}

impl Cloud {
    pub(super) fn with(tasks: impl IntoIterator<Item = FakeTask>) -> Self {
        Self::scripted(tasks, |_, _| Answer::Good)
    }

    /// A cloud that answers as `script` says for the parameters and the number of the request.
    pub(super) fn scripted(
        tasks: impl IntoIterator<Item = FakeTask>,
        script: impl Fn(&Params, usize) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self {
            tasks: Arc::new(Mutex::new(tasks.into_iter().collect())),
            asked: Arc::default(),
            script: Arc::new(script),
        }
    }

    /// The page of the matching tasks, newest first, as a good server gives it.
    pub(super) fn page(&self, params: &Params) -> Value {
        let mut tasks: Vec<_> =
            self.tasks.lock().unwrap().iter().filter(|task| task.matches(params)).cloned().collect();
        tasks.sort_by_key(|task| (task.hours_ago, task.id.clone()));
        let size: usize = params["PageSize"].parse().unwrap();
        let page: usize = params["CurrentPage"].parse().unwrap();
        let rows: Vec<Value> = tasks.iter().skip((page - 1) * size).take(size).map(FakeTask::row).collect();
        body(rows, tasks.len(), size)
    }

    /// Requests so far whose parameter `name` is `value`.
    pub(super) fn asked_with(&self, name: &str, value: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|params| params.get(name).is_some_and(|sent| sent == value)).count()
    }

    pub(super) fn api(&self, clock: &Clock, meters: SourceMeters) -> Api {
        let config = rpc::Config { requests_per_second: 1e6, max_attempts: 1, ..rpc::Config::default() };
        let keys =
            credentials::Config::AccessKey { id: "testid".to_owned(), secret: Secret::new("testsecret") };
        let limits = Arc::new(Limits::new(config.requests_per_second, 64));
        let client = Client::new(ClientParts {
            endpoint: Endpoint::parse("https://cloud.example", false).unwrap(),
            limits,
            config,
            keys: credentials::build(&keys, &Env::default()),
            transport: Arc::new(self.clone()),
            clock: clock.clone(),
            meters: meters.clone(),
        });
        Api::new(client, meters)
    }

    /// A source of this cloud, whose clock goes with the paused timers.
    pub(super) fn source(&self, config: Config) -> Source {
        let clock = Clock::with_timers(UnixMillis::new(NOW).unwrap());
        let meters = Meters::new().source("fake");
        let api = self.api(&clock, meters.clone());
        let identity = Identity {
            name: "fake".to_owned(),
            region: String::new(),
            endpoint: "cloud.example".to_owned(),
            labels: Vec::new(),
        };
        Source::new(identity, config, api, clock, meters)
    }
}

/// A page's body.
pub(super) fn body(rows: Vec<Value>, total: usize, page_size: usize) -> Value {
    json!({"List": rows, "PageInfo": {"CurrentPage": 1, "PageSize": page_size, "TotalCount": total}})
}

impl Transport for Cloud {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let params: Params = request.url.query_pairs().into_owned().collect();
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(params.clone());
            asked.len() - 1
        };
        let (status, body) = match (self.script)(&params, number) {
            Answer::Good => (200, self.page(&params)),
            Answer::Body(body) => (200, body),
            Answer::Refused(status, code) => (status, json!({"Code": code, "Message": "no"})),
            Answer::Silence => return Box::pin(std::future::pending()),
        };
        let answer = HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_string().into(),
        };
        Box::pin(async move {
            // As with a socket, other requests come in between.
            tokio::task::yield_now().await;
            Ok(answer)
        })
    }
}
