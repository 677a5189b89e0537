//! The questions to the cloud: few, small, and read-only.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::clock::Clock;
use crate::config::SourceSettings;
use crate::credentials::{self, Account, caller_identity, sts_endpoint};
use crate::env::Env;
use crate::meters::Meters;
use crate::model::FailureReason;
use crate::poller;
use crate::rpc::{self, CallError, Client, ClientParts, Endpoint, KeySource, Limits, Signature, Transport};
use crate::sas::endpoints::{CHINA, INTERNATIONAL};
use crate::sas::{self, Api, LEAST_PAGE_SIZE, Page, Query, refuses_page_size};

use super::super::check;
use super::report::{Answer, Counts, MainTask, PageSize, SourceReport, Told};

/// Main tasks that are asked for their subtasks, at each endpoint.
const NEWEST_ASKED: usize = 3;

/// Most calls that one source makes under its rate: 8 at its own endpoint, 6 at the other one, and
/// one for each time that a page size is halved, from 100 to 10.
const MOST_CALLS: u32 = 20;

/// How long the answers to one source may take in all, beside the wait for its rate.
const PATIENCE: Duration = Duration::from_secs(90);

/// Attempts of a request whose failure is no failure of the source.
const ATTEMPTS_ASIDE: u32 = 2;

/// Most time for such a request.
const TIMEOUT_ASIDE: Duration = Duration::from_secs(10);

/// What the questions of one source are asked with.
pub(super) struct Parts {
    pub(super) env: Env,
    pub(super) clock: Clock,
    pub(super) transport: Arc<dyn Transport>,
    /// Those of its account.
    pub(super) limits: Arc<Limits>,
    /// How many sources may have to share them.
    pub(super) sources: usize,
}

/// How long the answers to the source `settings` may take where `sources` share its rate.
pub(super) fn patience(settings: &SourceSettings, sources: usize) -> Duration {
    let calls = f64::from(MOST_CALLS) * sources as f64;
    PATIENCE + Duration::from_secs_f64(calls / settings.rpc.requests_per_second)
}

/// Asks all that is to be known of the source `settings`. Ends in a bounded time.
pub(super) async fn ask(settings: SourceSettings, parts: Parts) -> SourceReport {
    let probe = Probe::new(&settings, parts);
    let mut report = SourceReport {
        name: settings.name.clone(),
        region: settings.region.clone(),
        credentials: check::type_of(&settings.credentials),
        account: Account::new(&settings.credentials, &probe.parts.env),
        poller: settings.poller.clone(),
        key: None,
        identity: Answer::NotAsked,
        clock_skew_seconds: None,
        own: counts_of(settings.endpoint.host()),
        other: other_centre(&settings.endpoint).map(counts_of),
    };
    let own = Listings { api: probe.api(&settings.endpoint, settings.rpc.clone()), config: &settings.poller };
    let other = async {
        let Some(counts) = &mut report.other else { return };
        let Ok(endpoint) = Endpoint::parse(&format!("https://{}", counts.host), false) else { return };
        let api = probe.api(&endpoint, aside(&settings.rpc));
        Listings { api, config: &settings.poller }.ask(None, counts, probe.patience).await;
    };
    let from = probe.parts.clock.now().minus(settings.poller.lookback);
    let ((), (), identity) =
        tokio::join!(own.ask(Some(from), &mut report.own, probe.patience), other, probe.identity());
    report.identity = identity;
    report.key = probe.keys.in_use();
    report.clock_skew_seconds = own.api.client().clock_skew_seconds();
    report
}

fn counts_of(host: &str) -> Counts {
    Counts { host: host.to_owned(), ..Counts::default() }
}

/// The data centre that `endpoint` is not, if it is one of the two.
fn other_centre(endpoint: &Endpoint) -> Option<&'static str> {
    match endpoint.host() {
        CHINA => Some(INTERNATIONAL),
        INTERNATIONAL => Some(CHINA),
        _ => None,
    }
}

/// How what is beside the source is asked: not for long.
fn aside(config: &rpc::Config) -> rpc::Config {
    rpc::Config {
        max_attempts: config.max_attempts.min(ATTEMPTS_ASIDE),
        request_timeout: config.request_timeout.min(TIMEOUT_ASIDE),
        ..config.clone()
    }
}

/// What all questions of one source share.
struct Probe<'s> {
    settings: &'s SourceSettings,
    parts: Parts,
    keys: Arc<dyn KeySource>,
    meters: Meters,
    patience: Duration,
}

impl<'s> Probe<'s> {
    fn new(settings: &'s SourceSettings, parts: Parts) -> Self {
        let meters = Meters::new();
        let keys = credentials::build(
            &settings.credentials,
            &credentials::Parts {
                source: settings.name.clone(),
                env: parts.env.clone(),
                sts: settings.sts.clone(),
                transport: Arc::clone(&parts.transport),
                rpc: settings.rpc.clone(),
                clock: parts.clock.clone(),
                meters: meters.source(&settings.name),
                metadata: credentials::metadata_url(),
            },
        );
        let patience = patience(settings, parts.sources);
        Self { settings, parts, keys, meters, patience }
    }

    fn api(&self, endpoint: &Endpoint, config: rpc::Config) -> Api {
        let client = self.client(endpoint.clone(), config, Arc::clone(&self.parts.limits));
        Api::new(client, self.meters.source(&self.settings.name))
    }

    fn client(&self, endpoint: Endpoint, config: rpc::Config, limits: Arc<Limits>) -> Client {
        Client::new(ClientParts {
            endpoint,
            config,
            keys: Arc::clone(&self.keys),
            transport: Arc::clone(&self.parts.transport),
            limits,
            clock: self.parts.clock.clone(),
            meters: self.meters.source(&self.settings.name),
        })
    }

    /// Whose key it is.
    async fn identity(&self) -> Answer<credentials::Identity> {
        let endpoint = match sts_endpoint(&self.settings.sts, &self.parts.env) {
            Ok(endpoint) => endpoint,
            Err(error) => {
                return Answer::Failed(Told {
                    reason: FailureReason::Config,
                    code: None,
                    message: error.to_string(),
                    advice: "check sts_region of the credentials, or ALIBABA_CLOUD_STS_REGION",
                });
            }
        };
        let config = rpc::Config { signature: Signature::HmacSha1, ..aside(&self.settings.rpc) };
        // Another service with limits of its own, which a single request does not come near.
        let client = self.client(endpoint, config, Arc::new(Limits::new(1.0, 1)));
        match timeout(self.patience, caller_identity(&client)).await {
            Ok(answer) => answered(answer),
            Err(_) => Answer::Failed(late(self.patience)),
        }
    }
}

/// The listings of one endpoint.
struct Listings<'s> {
    api: Api,
    config: &'s poller::Config,
}

impl Listings<'_> {
    /// Asks for the counts of every kind of listing; with `from` also for those of tasks that
    /// started since.
    async fn ask(&self, from: Option<crate::clock::UnixMillis>, counts: &mut Counts, patience: Duration) {
        if timeout(patience, self.ask_all(from, counts)).await.is_err() {
            let unanswered = [&mut counts.main_tasks, &mut counts.subtasks].into_iter();
            if let Some(answer) = unanswered.into_iter().find(|answer| **answer == Answer::NotAsked) {
                *answer = Answer::Failed(late(patience));
            }
        }
    }

    /// Goes on after a refusal of one listing, but not where the next would fare alike.
    async fn ask_all(&self, from: Option<crate::clock::UnixMillis>, counts: &mut Counts) {
        let size = match self.first_page().await {
            Ok((page, size)) => {
                counts.main_tasks = Answer::Good(page.total);
                counts.page_size = Some(PageSize { taken: size, answered: page.page_size });
                counts.newest = newest(page);
                size
            }
            Err(error) => {
                counts.main_tasks = Answer::Failed(error.into());
                return;
            }
        };
        counts.subtasks = self.count(&Query::subtasks(), size).await;
        if is_over(&counts.subtasks) {
            return;
        }
        counts.unsaid = self.count(&Query::unsaid(), size).await;
        if is_over(&counts.unsaid) {
            return;
        }
        for task in &mut counts.newest {
            task.subtasks = self.count(&Query::subtasks_of(&task.id), size).await;
            if is_over(&task.subtasks) {
                return;
            }
        }
        if from.is_some() {
            let since = |query: Query| Query { start_time: from, ..query };
            counts.recent_main_tasks = self.count(&since(Query::main_tasks()), size).await;
            if !is_over(&counts.recent_main_tasks) {
                counts.recent_subtasks = self.count(&since(Query::subtasks()), size).await;
            }
        }
    }

    /// The first page of main tasks, of as many rows as a poll asks for, and that number: one that
    /// is refused is halved, as polls do.
    async fn first_page(&self) -> Result<(Page<Row>, u32), CallError> {
        let keep = |task: &crate::model::Task<'_>| Row { id: task.id.as_ref().to_owned(), start: task.start };
        let mut size = self.config.page_size;
        loop {
            match self.api.list(&Query::main_tasks(), 1, size, keep).await {
                Err(error) if refuses_page_size(&error) && size / 2 >= LEAST_PAGE_SIZE => size /= 2,
                page => return page.map(|page| (page, size)),
            }
        }
    }

    /// `TotalCount` of `query`, by a page of one row; of `size` where so small a one is refused.
    async fn count(&self, query: &Query, size: u32) -> Answer<u64> {
        let mut page = self.api.list(query, 1, 1, |_| ()).await;
        if page.as_ref().is_err_and(refuses_page_size) && size > 1 {
            page = self.api.list(query, 1, size, |_| ()).await;
        }
        answered(page.map(|page| page.total))
    }
}

/// What is kept of a main task.
struct Row {
    id: String,
    start: Option<crate::clock::UnixMillis>,
}

/// The newest main tasks of a page, not asked yet.
fn newest(page: sas::Page<Row>) -> Vec<MainTask> {
    let mut rows = page.rows;
    rows.sort_by_key(|row| Reverse(row.start));
    rows.into_iter()
        .take(NEWEST_ASKED)
        .map(|Row { id, .. }| MainTask { id, subtasks: Answer::NotAsked })
        .collect()
}

fn answered<T>(answer: Result<T, CallError>) -> Answer<T> {
    answer.map_or_else(|error| Answer::Failed(error.into()), Answer::Good)
}

/// Whether the questions that follow would fail alike: only a refusal of a parameter concerns its
/// own question alone.
fn is_over<T>(answer: &Answer<T>) -> bool {
    answer.failure().is_some_and(|told| told.reason != FailureReason::Config)
}

fn late(patience: Duration) -> Told {
    let reason = FailureReason::Timeout;
    let message = format!("there was no answer within {} s", patience.as_secs());
    Told { reason, code: None, message, advice: reason.advice() }
}
