//! Sources in typical states, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::model::{
    FailureReason, Name, PollFailure, Progress, RowProgress, SourceStatus, Status, TargetNames, TargetType,
};
use crate::snapshot::{FailingTarget, Published, RunningScan, Snapshot, TypeFacts};

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
    }));
    published
}

/// The first poll was good, and found `count` running scans and as many failing targets, whose
/// names are those of `names` in turn.
pub(crate) fn listing(name: &str, names: &[&str], count: usize) -> Published {
    let mut published = good(name);
    let snapshot = Arc::make_mut(published.snapshot.as_mut().expect("a good source has one"));
    let facts = snapshot.types.get_mut(&TargetType::Snapshot).expect("snapshots are always there");
    facts.tasks[Status::Running.index()] = count as u64;
    facts.targets[Status::TimedOut.index()] = count as u64;
    let names = names.iter().map(|name| {
        let target = Name::of(&format!("uuid of {name}")).expect("it can be shown");
        let instance_name = Name::of(name);
        Arc::new(TargetNames { target, instance_id: None, instance_name, target_name: None })
    });
    let then = now().minus(Duration::from_secs(7200));
    for target in names.collect::<Vec<_>>().into_iter().cycle().take(count) {
        snapshot.running.push(RunningScan {
            target_type: TargetType::Snapshot,
            target: Some(Arc::clone(&target)),
            start: Some(then),
            progress: Progress::from_percent(42.9),
        });
        snapshot.failing.push(FailingTarget {
            target_type: TargetType::Snapshot,
            target: Some(target),
            status: Status::TimedOut,
            finished_at: Some(then),
            failing_since: Some(then),
            last_success: None,
        });
    }
    published
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
