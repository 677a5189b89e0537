//! A cloud in memory, behind the port of `rpc`, for tests with paused time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::clock::{Clock, UnixMillis};
use crate::credentials::{self, Written};
use crate::env::Env;
use crate::meters::{Meters, SourceMeters};
use crate::model::{Listing, TargetType};
use crate::rpc::{
    self, Client, ClientParts, Endpoint, HttpRequest, HttpResponse, Limits, Transport, TransportError,
};
use crate::sas::Api;
use crate::secret::Secret;
use crate::snapshot::Published;

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
    /// Milliseconds after that at which it really did, and from there to its end, if that is told.
    pub(super) later: i64,
    pub(super) took: Option<i64>,
    /// Its `Uuid`.
    pub(super) target: Option<String>,
    /// `MeasureSpace`, `Progress`, and the progress of one check, `vul`.
    pub(super) megabytes: Option<i64>,
    pub(super) percent: Option<f64>,
    pub(super) vul_percent: Option<f64>,
    pub(super) report: Option<&'static str>,
}

/// A main task that completed `hours_ago`.
pub(super) fn main_task(id: &str, hours_ago: i64) -> FakeTask {
    FakeTask {
        id: id.to_owned(),
        parent: None,
        status: 2,
        target_type: 1,
        hours_ago,
        later: 0,
        took: Some(60_000),
        target: Some(format!("host-of-{id}")),
        megabytes: None,
        percent: None,
        vul_percent: None,
        report: None,
    }
}

/// A subtask of `parent` that completed `hours_ago`.
pub(super) fn subtask(id: &str, parent: &str, hours_ago: i64) -> FakeTask {
    FakeTask { parent: Some(parent.to_owned()), ..main_task(id, hours_ago) }
}

impl FakeTask {
    pub(super) fn start(&self) -> i64 {
        NOW - self.hours_ago * 3_600_000 + self.later
    }

    pub(super) fn end(&self) -> Option<i64> {
        self.took.map(|took| self.start() + took)
    }

    fn row(&self) -> Value {
        json!({
            "TaskId": self.id, "Status": self.status, "TargetType": self.target_type,
            "StartTime": self.start(), "EndTime": self.end(), "Uuid": self.target,
            "InstanceName": self.target.as_ref().map(|target| format!("name-of-{target}")),
            "MeasureSpace": self.megabytes, "Progress": self.percent, "ReportStatus": self.report,
            "ProgressByProject": self.vul_percent.map(|percent| json!({"vul": percent})),
        })
    }

    fn matches(&self, params: &Params) -> bool {
        let number = |name: &str| params.get(name).and_then(|text| text.parse::<i64>().ok());
        let is_root = params["RootTask"] == "true";
        is_root == self.parent.is_none()
            && params.get("TaskId").is_none_or(|id| self.parent.as_ref() == Some(id))
            && number("Status").is_none_or(|status| status == self.status)
            && number("TargetType").is_none_or(|target_type| target_type == self.target_type)
            && params
                .get("TaskIdList")
                .is_none_or(|list| serde_json::from_str::<Vec<String>>(list).unwrap().contains(&self.id))
            && params.get("Uuid").is_none_or(|uuid| self.target.as_ref() == Some(uuid))
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
    /// A page of some gateway, which is no JSON.
    Html(u16),
    /// The good page, after so long.
    Late(Duration),
    /// Nothing, ever.
    Silence,
}

type Script = dyn Fn(&Params, usize) -> Answer + Send + Sync;

/// Requests under way, now and at most so far.
#[derive(Debug, Default)]
struct UnderWay {
    now: usize,
    most: usize,
}

impl UnderWay {
    fn begin(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }
}

/// The fake cloud.
#[derive(Clone)]
pub(super) struct Cloud {
    pub(super) tasks: Arc<Mutex<Vec<FakeTask>>>,
    /// Every request so far.
    pub(super) asked: Arc<Mutex<Vec<Params>>>,
    under_way: Arc<Mutex<UnderWay>>,
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
            under_way: Arc::default(),
            script: Arc::new(script),
        }
    }

    /// The page of the matching tasks, newest first, as a good server gives it.
    pub(super) fn page(&self, params: &Params) -> Value {
        let mut tasks: Vec<_> =
            self.tasks.lock().unwrap().iter().filter(|task| task.matches(params)).cloned().collect();
        tasks.sort_by_key(|task| (-task.start(), task.id.clone()));
        let size: usize = params["PageSize"].parse().unwrap();
        let page: usize = params["CurrentPage"].parse().unwrap();
        let rows: Vec<Value> = tasks.iter().skip((page - 1) * size).take(size).map(FakeTask::row).collect();
        body(rows, tasks.len(), size)
    }

    /// The most requests that were under way at a time.
    pub(super) fn most_under_way(&self) -> usize {
        self.under_way.lock().unwrap().most
    }

    /// Requests so far whose parameter `name` is `value`.
    pub(super) fn asked_with(&self, name: &str, value: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|params| params.get(name).is_some_and(|sent| sent == value)).count()
    }

    pub(super) fn api(&self, clock: &Clock, meters: SourceMeters) -> Api {
        let config = rpc::Config { requests_per_second: 1e6, ..quick() };
        self.api_with(config.clone(), own_limits(&config), clock, meters)
    }

    fn api_with(&self, config: rpc::Config, limits: Arc<Limits>, clock: &Clock, meters: SourceMeters) -> Api {
        let here = |text: &str| Written::Here(Secret::new(text));
        let keys = credentials::Config::AccessKey { id: here("testid"), secret: here("testsecret") };
        let parts = credentials::Parts {
            source: "fake".to_owned(),
            env: Env::default(),
            sts: credentials::StsPlace::default(),
            transport: Arc::new(self.clone()),
            rpc: config.clone(),
            clock: clock.clone(),
            meters: meters.clone(),
            metadata: credentials::metadata_url(),
        };
        let client = Client::new(ClientParts {
            endpoint: Endpoint::parse("https://cloud.example", false).unwrap(),
            limits,
            config,
            keys: credentials::build(&keys, &parts),
            transport: Arc::new(self.clone()),
            clock: clock.clone(),
            meters: meters.clone(),
        });
        Api::new(client, meters)
    }

    /// A source of this cloud, whose clock goes with the paused timers.
    pub(super) fn source(&self, config: Config) -> Source {
        self.source_at(config, Clock::with_timers(UnixMillis::new(NOW).unwrap()))
    }

    /// A source of this cloud with a clock of its own.
    pub(super) fn source_at(&self, config: Config, clock: Clock) -> Source {
        let meters = Meters::new().source("fake");
        let api = self.api(&clock, meters.clone());
        Source::new(identity(), config, api, clock, meters)
    }

    /// `before` under another configuration.
    pub(super) fn source_after(&self, before: Source, config: Config) -> Source {
        let (clock, meters) = (before.upstream.clock.clone(), before.meters.clone());
        let api = self.api(&clock, meters.clone());
        Source::after(before, identity(), config, api, clock, meters)
    }

    /// A source whose requests go as `rpc` says, and its meters.
    pub(super) fn source_with(&self, config: Config, rpc: rpc::Config) -> (Source, Meters) {
        let clock = Clock::with_timers(UnixMillis::new(NOW).unwrap());
        let meters = Meters::new();
        let of_source = meters.source("fake");
        let limits = own_limits(&rpc);
        let api = self.api_with(rpc, limits, &clock, of_source.clone());
        (Source::new(identity(), config, api, clock, of_source), meters)
    }

    /// The source `name`, whose requests go as `rpc` says; those with its access key share `limits`.
    pub(super) fn source_sharing(
        &self,
        limits: &Arc<Limits>,
        name: &str,
        config: Config,
        rpc: rpc::Config,
        clock: &Clock,
    ) -> Source {
        let meters = Meters::new().source(name);
        let api = self.api_with(rpc, Arc::clone(limits), clock, meters.clone());
        let identity = Identity { name: name.to_owned(), ..identity() };
        Source::new(identity, config, api, clock.clone(), meters)
    }
}

/// Limits that no other source shares, and with places for all its requests.
fn own_limits(config: &rpc::Config) -> Arc<Limits> {
    Arc::new(Limits::new(config.requests_per_second, 64))
}

/// No request is tried twice.
pub(super) fn quick() -> rpc::Config {
    rpc::Config { max_attempts: 1, ..rpc::Config::default() }
}

pub(super) fn identity() -> Identity {
    let name = "fake".to_owned();
    Identity { name, region: String::new(), endpoint: "cloud.example".to_owned(), labels: Vec::new() }
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
        let mut delay = Duration::ZERO;
        let (status, body) = match (self.script)(&params, number) {
            Answer::Good => (200, self.page(&params).to_string()),
            Answer::Late(by) => {
                delay = by;
                (200, self.page(&params).to_string())
            }
            Answer::Body(body) => (200, body.to_string()),
            Answer::Refused(status, code) => (status, json!({"Code": code, "Message": "no"}).to_string()),
            Answer::Html(status) => (status, "<html>Bad Gateway</html>".to_owned()),
            Answer::Silence => return Box::pin(std::future::pending()),
        };
        let answer = HttpResponse {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.into(),
        };
        Box::pin(async move {
            // As with a socket, other requests come in between.
            self.under_way.lock().unwrap().begin();
            tokio::task::yield_now().await;
            tokio::time::sleep(delay).await;
            self.under_way.lock().unwrap().now -= 1;
            Ok(answer)
        })
    }
}

/// Polls a fresh source once.
pub(super) async fn polled(cloud: &Cloud, config: Config) -> Arc<Published> {
    let mut source = cloud.source(config);
    source.poll().await;
    Arc::clone(&source.subscribe().borrow())
}

pub(super) fn config(listing: Listing) -> Config {
    Config { listing, lookback: 24 * HOUR, keep_targets: 24 * HOUR, ..Config::default() }
}

/// Scan tasks, main tasks and targets of snapshots that are published.
pub(super) fn counts(published: &Published) -> (u64, u64, u64) {
    let facts = &published.snapshot.as_ref().expect("a snapshot").types[&TargetType::Snapshot];
    (facts.tasks.iter().sum(), facts.root_tasks.iter().sum(), facts.targets.iter().sum())
}

/// Two main tasks with two subtasks each.
pub(super) fn fleet() -> Vec<FakeTask> {
    vec![
        main_task("r1", 2),
        subtask("s1", "r1", 2),
        subtask("s2", "r1", 2),
        main_task("r2", 1),
        subtask("s3", "r2", 1),
        subtask("s4", "r2", 1),
    ]
}

/// A cloud that shows subtasks only to those who name their main task.
pub(super) fn per_root_cloud(tasks: Vec<FakeTask>) -> Cloud {
    Cloud::scripted(tasks, |params, _| {
        let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
        if is_flat { Answer::Body(body(Vec::new(), 0, 50)) } else { Answer::Good }
    })
}
