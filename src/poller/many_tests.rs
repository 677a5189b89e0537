//! Many sources in one process, a third of them failing in all ways there are: the others are exact
//! and on time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fake::{Answer, Cloud, FakeTask, NOW, Params, body, config, main_task, subtask};
use super::{Config, first_delay};
use crate::clock::{Clock, UnixMillis};
use crate::logging::told;
use crate::model::{FailureReason, Listing, Status, TargetType};
use crate::rpc::{self, Limits};
use crate::snapshot::Published;

const SOURCES: usize = 100;

/// Access keys of the sources that share one with others.
const KEYS: usize = 5;

const SECOND: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_secs(2 * 60);
const STALE_AFTER: Duration = Duration::from_secs(15 * 60);
const FULL_EVERY: Duration = Duration::from_secs(30 * 60);

/// When those begin to fail that were good before.
const BREAK: Duration = Duration::from_secs(20 * 60);

/// When nothing fails any more. Full listings have been due twice by then, and what broke has been
/// stale for long.
const MEND: Duration = Duration::from_secs(75 * 60);

const END: Duration = Duration::from_secs(96 * 60);

/// Time between two changes of every fleet.
const STEP: Duration = Duration::from_secs(8 * 60);

/// A poll that began after a change has ended by then, for none is late by more than an interval.
const SEEN_WITHIN: Duration = Duration::from_secs(3 * 2 * 60);

/// How a source fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Silent,
    Slow,
    ServerError,
    NoPermission,
    Throttled,
    ErrorIn200,
    NoList,
    Html,
}

const FAULTS: [Fault; 8] = [
    Fault::Silent,
    Fault::Slow,
    Fault::ServerError,
    Fault::NoPermission,
    Fault::Throttled,
    Fault::ErrorIn200,
    Fault::NoList,
    Fault::Html,
];

impl Fault {
    fn answer(self) -> Answer {
        match self {
            Self::Silent => Answer::Silence,
            Self::Slow => Answer::Late(45 * SECOND),
            Self::ServerError => Answer::Refused(500, "ServerError"),
            Self::NoPermission => Answer::Refused(403, "NoPermission"),
            Self::Throttled => Answer::Refused(400, "Throttling.User"),
            Self::ErrorIn200 => Answer::Body(json!({"Code": "InternalError", "Message": "no"})),
            Self::NoList => Answer::Body(json!({"PageInfo": {"CurrentPage": 1, "TotalCount": 0}})),
            Self::Html => Answer::Html(502),
        }
    }

    fn reason(self) -> FailureReason {
        match self {
            Self::Silent | Self::Slow => FailureReason::Timeout,
            Self::ServerError | Self::ErrorIn200 | Self::Html => FailureReason::Server,
            Self::NoPermission => FailureReason::Permission,
            Self::Throttled => FailureReason::Throttled,
            Self::NoList => FailureReason::Malformed,
        }
    }
}

/// What is to be shown of tasks by [`Status`], in the array of each.
type ByStatus = [u64; Status::ALL.len()];

/// One source, its cloud and what is known of both.
struct Account {
    name: String,
    listing: Listing,
    /// How it fails and from when on; until [`MEND`].
    fault: Option<(Fault, Duration)>,
    first_delay: Duration,
    cloud: Cloud,
    /// Tasks that ended since the source must have seen them run.
    ended: ByStatus,
    published: tokio::sync::watch::Receiver<Arc<Published>>,
}

impl Account {
    /// Account `index`, whose source is polled among those of `fleet`.
    fn open(index: usize, fleet: &mut Fleet) -> Self {
        let name = format!("source-{index}");
        let listing = [Listing::Flat, Listing::PerRoot, Listing::Root][index / 3 % 3];
        // Every third, half of those from the start.
        let fault = (index.is_multiple_of(3)).then(|| {
            let from = if index.is_multiple_of(2) { Duration::ZERO } else { BREAK };
            (FAULTS[index / 6 % FAULTS.len()], from)
        });
        let began = fleet.began;
        let script = move |params: &Params, _| match fault {
            Some((fault, from)) if (from..MEND).contains(&began.elapsed()) => fault.answer(),
            _ if listing == Listing::PerRoot && is_flat(params) => Answer::Body(body(Vec::new(), 0, 50)),
            _ => Answer::Good,
        };
        let cloud = Cloud::scripted(history(index), script);
        let limits = match fault {
            // The cloud throttles a key and not a source, so those that share it are slowed with it.
            Some((Fault::Throttled, _)) => new_limits(),
            _ => Arc::clone(&fleet.limits[index % KEYS]),
        };
        let polled = Config { interval: INTERVAL, full_every: FULL_EVERY, ..config(listing) };
        let source = cloud.source_sharing(&limits, &name, polled, rpc::Config::default(), &fleet.clock);
        let published = source.subscribe();
        let first_delay = first_delay(index, SOURCES, INTERVAL);
        let shutdown = fleet.shutdown.clone();
        fleet.polls.spawn(async move { drop(source.run(first_delay, shutdown).await) });
        Self { name, listing, fault, first_delay, cloud, ended: [0; 5], published }
    }

    /// The scan that runs ends, and another one starts.
    fn change(&mut self, step: usize, at: Duration) {
        let end = 2 + step as i64 % 3;
        let mut tasks = self.cloud.tasks.lock().unwrap();
        let running = tasks.iter_mut().filter(|task| task.status == 1);
        running.for_each(|task| task.status = end);
        if step > 0 && self.has_seeded(at) {
            self.ended[status_index(end)] += 1;
        }
        let started = |task: FakeTask| FakeTask { status: 1, later: at.as_millis() as i64, ..task };
        let root = format!("new-{step}");
        tasks.push(started(subtask(&format!("{root}-scan"), &root, 0)));
        tasks.push(started(main_task(&root, 0)));
    }

    /// Whether its first good poll was before `at`; what ended before is not counted.
    fn has_seeded(&self, at: Duration) -> bool {
        at > MEND || self.fault.is_none_or(|(_, from)| from > Duration::ZERO)
    }

    /// Whether it must be on time at `at`.
    fn is_healthy(&self, at: Duration) -> bool {
        self.fault.is_none_or(|(_, from)| at < from || at > MEND + SEEN_WITHIN)
    }

    /// Whether it must have told a failure by `at`.
    fn must_fail(&self, at: Duration) -> Option<(Fault, Duration)> {
        self.fault.filter(|(_, from)| at > *from + self.first_delay + 2 * INTERVAL && at < MEND)
    }

    /// Checks what holds at every moment.
    fn check_times(&self, at: Duration, now: UnixMillis) {
        let case = format!("{} {:?} after {at:?}", self.name, self.fault);
        let published = self.published.borrow();
        let status = &published.status;
        let age = status.last_success.map(|last| now.since(last));
        let is_fresh = published.fresh_snapshot(now).is_some();
        assert_eq!(is_fresh, age.is_some_and(|age| age < STALE_AFTER), "{case}: {age:?} old");
        if self.is_healthy(at) {
            let age = age.unwrap_or(at.saturating_sub(self.first_delay) + INTERVAL);
            assert!(age <= 2 * INTERVAL, "{case}: the data is {age:?} old: {status:?}");
            assert_eq!(status.failure, None, "{case}");
            if let Some(last) = status.last_full_success {
                let age = now.since(last);
                assert!(self.fault.is_some() || age <= FULL_EVERY + 2 * INTERVAL, "{case}: {age:?}");
            }
        }
        if let Some((fault, from)) = self.must_fail(at) {
            let failure = status.failure.as_ref().unwrap_or_else(|| panic!("{case}: no failure is told"));
            assert_eq!(failure.reason, fault.reason(), "{case}: {failure:?}");
            assert_eq!(status.last_success.is_some(), from > Duration::ZERO, "{case}");
            assert_eq!(published.snapshot.is_some(), from > Duration::ZERO, "{case}");
        }
    }

    /// Checks gauges and counters, long enough after the last change.
    fn check_numbers(&self, at: Duration, now: UnixMillis) {
        let case = format!("{} {:?} {} after {at:?}", self.name, self.fault, self.listing);
        let published = self.published.borrow();
        let snapshot = published.fresh_snapshot(now).unwrap_or_else(|| panic!("{case}: stale"));
        let facts = &snapshot.types[&TargetType::Snapshot];
        let roots = self.tally(|task| task.parent.is_none());
        let scans = match self.listing {
            Listing::Root => roots,
            _ => self.tally(|task| task.parent.is_some()),
        };
        assert_eq!((facts.tasks, facts.root_tasks), (scans, roots), "{case}");
        // No target has two tasks.
        let finished = |mut tasks: ByStatus| {
            tasks[Status::Running.index()] = 0;
            tasks
        };
        assert_eq!(facts.targets, finished(scans), "{case}");
        let counters = published.counters.of(TargetType::Snapshot);
        assert_eq!((counters.tasks, counters.root_tasks), (self.ended, self.ended), "{case}");
    }

    fn tally(&self, is_meant: impl Fn(&FakeTask) -> bool) -> ByStatus {
        let mut tally = [0; 5];
        for task in self.cloud.tasks.lock().unwrap().iter().filter(|task| is_meant(task)) {
            tally[status_index(task.status)] += 1;
        }
        tally
    }
}

/// What the sources of the process have in common.
struct Fleet {
    began: Instant,
    clock: Clock,
    /// Of each access key.
    limits: Vec<Arc<Limits>>,
    shutdown: CancellationToken,
    polls: JoinSet<()>,
}

/// The limits of an access key as they are by default.
fn new_limits() -> Arc<Limits> {
    let rpc::Config { requests_per_second, concurrency, .. } = rpc::Config::default();
    Arc::new(Limits::new(requests_per_second, concurrency))
}

fn status_index(status: i64) -> usize {
    [Status::Running, Status::Completed, Status::Failed, Status::TimedOut][status as usize - 1].index()
}

/// Whether all subtasks are asked for, whatever their main task.
fn is_flat(params: &Params) -> bool {
    params["RootTask"] == "false" && !params.contains_key("TaskId")
}

/// Scans that finished before the process began, another number of them for each source.
fn history(index: usize) -> Vec<FakeTask> {
    let count = 1 + index as i64 % 7;
    let scan = |number: i64| {
        let root = format!("old-{number}");
        let status = 2 + number % 3;
        let task = FakeTask { status, ..subtask(&format!("{root}-scan"), &root, 1 + number) };
        [task, FakeTask { status, ..main_task(&root, 1 + number) }]
    };
    (0..count).flat_map(scan).collect()
}

async fn hundred_sources() {
    let mut fleet = Fleet {
        began: Instant::now(),
        clock: Clock::with_timers(UnixMillis::new(NOW).unwrap()),
        limits: (0..KEYS).map(|_| new_limits()).collect(),
        shutdown: CancellationToken::new(),
        polls: JoinSet::new(),
    };
    let mut accounts: Vec<_> = (0..SOURCES).map(|index| Account::open(index, &mut fleet)).collect();
    let mut at = Duration::ZERO;
    while at < END {
        if at.as_secs().is_multiple_of(STEP.as_secs()) {
            let step = (at.as_secs() / STEP.as_secs()) as usize;
            accounts.iter_mut().for_each(|account| account.change(step, at));
        }
        tokio::time::sleep_until(fleet.began + at + SECOND).await;
        at += SECOND;
        let now = fleet.clock.now();
        accounts.iter().for_each(|account| account.check_times(at, now));
        if at.as_secs() % STEP.as_secs() == SEEN_WITHIN.as_secs() {
            let healthy = accounts.iter().filter(|account| account.is_healthy(at));
            healthy.for_each(|account| account.check_numbers(at, now));
        }
    }
    assert!(accounts.iter().all(|account| account.is_healthy(at)), "nothing fails at the end");
    fleet.shutdown.cancel();
    while let Some(ended) = fleet.polls.join_next().await {
        ended.unwrap();
    }
    assert_eq!(fleet.began.elapsed(), END, "a source went on after the shutdown");
}

#[test]
fn a_third_of_100_sources_may_fail_in_all_ways_and_the_others_are_exact_and_on_time() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let lines = told(|| runtime.block_on(hundred_sources()));
    for index in 0..SOURCES {
        let name = format!("source=\"source-{index}\"");
        let of_source: Vec<_> = lines.iter().filter(|line| line.contains(&name)).collect();
        let count = |start: &str| of_source.iter().filter(|line| line.starts_with(start)).count();
        let fails = index % 3 == 0;
        let was_good = index % 2 == 1;
        if !fails {
            let is_bad = |line: &&&String| line.starts_with("WARN") || line.starts_with("ERROR");
            assert_eq!(of_source.iter().find(is_bad), None);
        }
        assert_eq!(count("WARN a poll failed"), usize::from(fails), "{of_source:?}");
        assert_eq!(count("INFO polls succeed again"), usize::from(fails), "{of_source:?}");
        assert_eq!(count("ERROR the data is stale"), usize::from(fails && was_good), "{of_source:?}");
    }
}
