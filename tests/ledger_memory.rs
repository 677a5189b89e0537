//! How much memory a task takes in the ledger, to the byte.

use std::alloc::System;
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use agentless_exporter::clock::UnixMillis;
use agentless_exporter::ledger::{
    Changes, DeltaListing, FullListing, Horizon, Ledger, Record, Records, TargetsShown, TaskKey,
};
use agentless_exporter::meters::Meters;
use agentless_exporter::model::{CheckProgress, Listing, Progress, ReportStatus, Status, TargetType, Task};
use agentless_exporter::state::{self, Disk, Identity, SourceState, StateFile, Watermarks};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A hash table doubles when it is full to seven eighths: little above that its entries are emptiest.
const TASKS: u64 = (1 << 18) * 7 / 8 + 1000;
/// Few, so that what is measured is tasks: the benchmark of the state file measures both.
const TARGETS: u64 = 100;
const MOST_BYTES_A_TASK: f64 = 100.0;
const DAY: Duration = Duration::from_secs(86_400);

fn at(seconds: u64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000).expect("after 1970").plus(Duration::from_secs(seconds))
}

fn tasks(numbers: impl Iterator<Item = u64>) -> Records {
    let task = |n: u64| {
        let id = format!("task-{n}");
        let task = Task {
            id: Cow::Borrowed(&id),
            target_type: TargetType::Snapshot,
            target: Some(Cow::Owned(format!("uuid-{}", n % TARGETS))),
            instance_id: None,
            instance_name: None,
            target_name: None,
            status: Status::Completed,
            start: Some(at(n)),
            end: Some(at(n + 600)),
            progress: Progress::from_percent(100.0),
            checks: CheckProgress::default(),
            measured_bytes: Some(n),
            report: ReportStatus::Success,
        };
        (TaskKey::of(&id), Record::from(&task))
    };
    numbers.map(task).collect()
}

async fn open(path: &Path) -> SourceState {
    let config = state::Config { path: path.to_owned(), patience: Duration::ZERO };
    let file =
        StateFile::open(config, Disk::real(), Meters::new().state()).await.expect("the file can be opened");
    file.source(Identity {
        source: "prod".to_owned(),
        endpoint: "tds.cn-shanghai.aliyuncs.com".to_owned(),
        listing: Listing::Flat,
        target_types: Vec::new(),
    })
}

fn listing(numbers: impl Iterator<Item = u64>) -> FullListing {
    FullListing { scans: tasks(numbers), ..FullListing::default() }
}

/// Asserts how much `ledger` holds, which alone has come since `memory` began.
fn assert_small(memory: &Region<'_, System>, ledger: &Ledger, when: &str) {
    let change = memory.change();
    let held = (change.bytes_allocated - change.bytes_deallocated) as f64;
    let bytes = held / ledger.len() as f64;
    assert!((60.0..MOST_BYTES_A_TASK).contains(&bytes), "{bytes:.1} bytes a task {when}");
}

// One test, because all that is allocated meanwhile counts.
#[tokio::test]
async fn a_task_takes_less_than_100_bytes_whatever_came_before() {
    let horizon = Horizon::new(at(TASKS), 30 * DAY, DAY);
    let memory = Region::new(ALLOCATOR);
    let mut ledger = Ledger::default();
    ledger.apply_full(listing(0..TASKS), &horizon);
    assert_small(&memory, &ledger, "after the first full listing");

    for poll in 0..10 {
        let first = TASKS + poll * 100;
        let scans = tasks(first..first + 100);
        let Changes { finished, .. } =
            ledger.apply_delta(DeltaListing { scans, ..DeltaListing::default() }, horizon.now, &horizon);
        assert_eq!(finished, 100);
    }
    assert_small(&memory, &ledger, "after delta polls");

    ledger.apply_full(listing(0..TASKS + 20_000), &horizon);
    assert_small(&memory, &ledger, "after a full listing of more tasks");

    let aged = Horizon::new(at(TASKS), Duration::from_secs(TASKS / 2), DAY);
    ledger.apply_full(listing(TASKS / 2..TASKS + 20_000), &aged);
    assert_eq!(ledger.len() as u64, TASKS / 2 + 20_000);
    assert_small(&memory, &ledger, "after half of them became too old");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let marks = Watermarks {
        last_poll: at(TASKS),
        last_full_success: at(TASKS),
        full_took: Duration::ZERO,
        listing: Listing::Flat,
    };
    ledger.apply_full(listing(0..TASKS), &horizon);
    assert!(open(&path).await.save(&ledger, &Changes::default(), marks).await);
    drop(ledger);
    let memory = Region::new(ALLOCATOR);
    let mut state = open(&path).await;
    let restored = state.load(TargetsShown::default()).unwrap().unwrap();
    drop(state);
    assert_small(&memory, &restored.ledger, "after a restart");
}
