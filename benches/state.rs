//! The state file of a million tasks: how long it takes to write, to open and to load it, how long a poll
//! that changed 50 tasks takes to be written, how large it is, and how much memory the ledger takes, with
//! few targets and with many.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::alloc::System;
use std::borrow::Cow;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use agentless_exporter::clock::UnixMillis;
use agentless_exporter::ledger::{
    Changes, DeltaListing, FullListing, Horizon, Ledger, Record, TargetsShown, TaskKey,
};
use agentless_exporter::meters::Meters;
use agentless_exporter::model::{
    Check, CheckProgress, Listing, Progress, ReportStatus, Status, TargetType, Task,
};
use agentless_exporter::state::{Config, Disk, Identity, StateFile, Watermarks};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const TASKS: u64 = 1_000_000;
const FEW_TARGETS: u64 = 100;
const TARGETS: u64 = 100_000;
/// Polls of which the mean is taken.
const POLLS: u32 = 100;
const DAY: Duration = Duration::from_secs(86_400);

fn at(seconds: u64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_123).expect("after 1970").plus(Duration::from_secs(seconds))
}

/// A finished task of one of so many `targets`, as the API tells it, all its checks done.
fn task(n: u64, targets: u64) -> (TaskKey, Record) {
    let id = format!("d8a3a62aa7f8450db5a5{n:012}");
    let mut checks = CheckProgress::default();
    for &check in Check::ALL {
        checks.set(check, Progress::from_percent(100.0).expect("at most 100"));
    }
    let task = Task {
        id: Cow::Borrowed(&id),
        target_type: TargetType::Snapshot,
        target: Some(Cow::Owned(format!("d2d94e8b-bb25-4744-8004-{:012}", n % targets))),
        instance_id: None,
        instance_name: None,
        target_name: None,
        status: if n.is_multiple_of(50) { Status::Failed } else { Status::Completed },
        start: Some(at(n / 2)),
        end: Some(at(n / 2 + 600)),
        progress: Progress::from_percent(100.0),
        checks,
        measured_bytes: Some(161_587_200 + n),
        report: ReportStatus::Success,
    };
    (TaskKey::of(&id), Record::from(&task))
}

async fn open(path: &Path) -> StateFile {
    let config = Config { path: path.to_owned(), patience: Duration::ZERO };
    StateFile::open(config, Disk::real(), Meters::new().state()).await.expect("the file can be opened")
}

fn report(what: &str, took: Duration) {
    println!("{what:<40} {:>9.1} ms", took.as_secs_f64() * 1000.0);
}

/// The ledger of all tasks, of which the memory is told.
fn ledger_of(targets: u64, horizon: &Horizon) -> Ledger {
    let memory = Region::new(ALLOCATOR);
    let mut ledger = Ledger::default();
    let scans = (0..TASKS).map(|n| task(n, targets)).collect();
    ledger.apply_full(FullListing { scans, ..FullListing::default() }, horizon);
    let change = memory.change();
    let held = (change.bytes_allocated - change.bytes_deallocated) as f64;
    let what = format!("memory of the ledger, {targets} targets");
    println!("{what:<40} {:>9.1} MB, {:.1} bytes a task", held / 1e6, held / TASKS as f64);
    ledger
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state");
    let identity = || Identity {
        source: "prod".to_owned(),
        endpoint: "tds.cn-shanghai.aliyuncs.com".to_owned(),
        listing: Listing::Auto,
        target_types: Vec::new(),
    };
    let marks = Watermarks {
        last_poll: at(0),
        last_full_success: at(0),
        full_took: Duration::from_secs(60),
        listing: Listing::Flat,
    };
    let horizon = Horizon::new(at(TASKS), 30 * DAY, 30 * DAY);
    drop(ledger_of(FEW_TARGETS, &horizon));
    let mut ledger = ledger_of(TARGETS, &horizon);

    let file = open(&path).await;
    let mut state = file.source(identity());
    let since = Instant::now();
    assert!(state.save(&ledger, &Changes::default(), marks).await);
    report("the first write of 1,000,000 tasks", since.elapsed());

    let mut writing = Duration::ZERO;
    for poll in 0..POLLS {
        let scans = (0..50).map(|n| task(TASKS + u64::from(poll) * 50 + n, TARGETS)).collect();
        let changes =
            ledger.apply_delta(DeltaListing { scans, ..DeltaListing::default() }, horizon.now, &horizon);
        let since = Instant::now();
        assert!(state.save(&ledger, &changes, marks).await);
        writing += since.elapsed();
    }
    report("a poll that changed 50 tasks", writing / POLLS);
    drop((file, state));
    let bytes = fs::metadata(&path).expect("it is there").len();
    println!("{:<40} {:>9.1} MB", "size of the file", bytes as f64 / 1e6);

    let since = Instant::now();
    let file = open(&path).await;
    report("opened, with every page checked", since.elapsed());
    let loading = Instant::now();
    let restored =
        file.source(identity()).load(TargetsShown::default()).expect("it is good").expect("it is there");
    report("loaded", loading.elapsed());
    report("opened and loaded", since.elapsed());
    assert_eq!(restored.ledger.len(), ledger.len());
    assert_eq!(restored.ledger.counters(), ledger.counters());
}
