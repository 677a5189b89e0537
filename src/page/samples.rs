//! Sources in typical states, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::model::{
    FailureReason, Name, PollFailure, Progress, RowProgress, SourceStatus, Status, TargetNames, TargetType,
};
use crate::snapshot::{FailingTarget, Published, RunningScan, Snapshot, TargetSeries, TypeFacts};

/// The time at which the samples are looked at, a minute after their last poll.
pub(crate) fn now() -> UnixMillis {
    UnixMillis::new(1_795_489_445_000).unwrap()
}

/// No poll has finished.
pub(crate) fn waiting(name: &str) -> Published {
    let status = SourceStatus {
        region: "cn-shanghai".to_owned(),
        endpoint: "tds.cn-shanghai.aliyuncs.com:443".to_owned(),
        interval: Duration::from_secs(120),
        lookback: Duration::from_secs(7 * 86_400),
        stale_after: Duration::from_secs(900),
        rate_limit: 2.0,
        ..SourceStatus::unpolled(name)
    };
    Published::unpolled(status)
}

/// The first poll was good.
pub(crate) fn good(name: &str) -> Published {
    let polled = last_poll();
    let mut published = waiting(name);
    published.status.last_poll = Some(polled);
    published.status.last_success = Some(polled);
    published.status.last_full_success = Some(polled);
    published.status.next_poll = Some(now().plus(Duration::from_secs(60)));
    published.status.rows = RowProgress { read: 37, expected: 37 };
    let snapshots = TypeFacts { tasks: [3, 30, 2, 1, 1], ..TypeFacts::default() };
    published.snapshot = Some(Arc::new(Snapshot {
        as_of: polled,
        types: BTreeMap::from([(TargetType::Snapshot, snapshots), (TargetType::Image, TypeFacts::default())]),
        tasks: 37,
        targets_unidentified: 0,
        skipped_rows: 0,
        missing_rows: 0,
        running: Vec::new(),
        failing: Vec::new(),
        series: TargetSeries::default(),
    }));
    published
}

/// The first poll was good, and there are `count` scans that run and as many targets that fail.
pub(crate) fn busy(name: &str, count: u64) -> Published {
    let mut published = good(name);
    let snapshot = Arc::make_mut(published.snapshot.as_mut().expect("a good source has a snapshot"));
    let facts = snapshot.types.entry(TargetType::Snapshot).or_default();
    facts.tasks = [count, 30 * count, 2 * count, count, 1];
    facts.targets = [0, 30 * count, count - count / 2, count / 2, 0];
    snapshot.running = (0..count).map(running).collect();
    snapshot.failing = (0..count).map(failing).collect();
    published
}

/// What a target can be called whose instance has `name`.
pub(crate) fn names(name: &str, number: u64) -> TargetNames {
    TargetNames {
        target: Name::of(&format!("5d0f3ab1-{number:04}-4e0e-9c1c-02c9d5b1c0de")).expect("letters"),
        instance_id: Name::of(&format!("i-bp1g6wv{number:05}")),
        instance_name: Name::of(name),
        target_name: None,
    }
}

fn running(number: u64) -> RunningScan {
    RunningScan {
        target_type: TargetType::Snapshot,
        target: Some(Arc::new(names(&format!("worker-{number:03}.prod"), number))),
        start: Some(now().minus(Duration::from_secs(9000 - 97 * (number % 90)))),
        progress: Progress::from_percent((93 - 13 * (number % 7)) as f64),
    }
}

fn failing(number: u64) -> FailingTarget {
    let finished = now().minus(Duration::from_secs(600 + 5000 * (number % 50)));
    let since = finished.minus(Duration::from_secs(86_400 * (number % 4)));
    FailingTarget {
        target_type: TargetType::Snapshot,
        target: Some(Arc::new(names(&format!("database-{number:03}.prod"), number))),
        status: if number.is_multiple_of(2) { Status::Failed } else { Status::TimedOut },
        finished_at: Some(finished),
        failing_since: Some(since),
        last_success: (!number.is_multiple_of(3)).then(|| since.minus(Duration::from_secs(86_400))),
    }
}

/// The first polls failed.
pub(crate) fn failed(name: &str, reason: FailureReason) -> Published {
    let polled = last_poll();
    let mut published = waiting(name);
    published.status.last_poll = Some(polled);
    published.status.consecutive_failures = 3;
    published.status.failure = Some(PollFailure {
        at: polled,
        reason,
        message: "the cloud said no".to_owned(),
        advice: reason.advice(),
    });
    published
}

fn last_poll() -> UnixMillis {
    now().minus(Duration::from_secs(60))
}
