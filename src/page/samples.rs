//! Sources in typical states, for tests.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::model::{FailureReason, PollFailure, RowProgress, SourceStatus, TargetType};
use crate::snapshot::{Published, Snapshot, TypeFacts};

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
