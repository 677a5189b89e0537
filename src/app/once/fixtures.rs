//! Made-up sources to be shown.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::model::{
    FailureReason, Listing, Name, PollFailure, Progress, RowProgress, SourceStatus, Status, TargetNames,
    TargetType,
};
use crate::snapshot::{FailingTarget, Published, RunningScan, Snapshot, TargetSeries, TypeFacts};

const DAY: Duration = Duration::from_secs(86_400);

fn now() -> UnixMillis {
    UnixMillis::new(1_795_489_445_000).unwrap()
}

fn names() -> Arc<TargetNames> {
    Arc::new(TargetNames {
        target: Name::of("uuid-1").unwrap(),
        instance_id: Name::of("i-1"),
        instance_name: Name::of("生产-数据库"),
        target_name: None,
    })
}

/// A target with everything known.
pub(super) fn failing_target() -> FailingTarget {
    FailingTarget {
        target_type: TargetType::Snapshot,
        target: Some(names()),
        status: Status::Failed,
        finished_at: Some(now()),
        failing_since: Some(now().minus(DAY)),
        last_success: Some(now().minus(DAY * 4)),
    }
}

/// A source that was read.
pub(super) fn prod() -> Arc<Published> {
    let facts = TypeFacts { tasks: [3, 120, 4, 1, 0], targets: [0, 40, 4, 1, 0], ..TypeFacts::default() };
    let unknown = FailingTarget {
        target: None,
        status: Status::TimedOut,
        finished_at: None,
        failing_since: None,
        last_success: None,
        ..failing_target()
    };
    let running = RunningScan {
        target_type: TargetType::Snapshot,
        target: Some(names()),
        start: Some(now()),
        progress: Progress::from_percent(29.9),
    };
    let snapshot = Snapshot {
        as_of: now(),
        types: BTreeMap::from([(TargetType::Snapshot, facts), (TargetType::Image, TypeFacts::default())]),
        tasks: 128,
        targets_unidentified: 0,
        skipped_rows: 0,
        missing_rows: 2,
        running: vec![running],
        failing: vec![failing_target(), unknown],
        series: TargetSeries::default(),
    };
    let status = SourceStatus {
        region: "cn-hangzhou".to_owned(),
        endpoint: "tds.example.com".to_owned(),
        listing: Listing::Flat,
        last_poll: Some(now()),
        rows: RowProgress { read: 130, expected: 132 },
        ..SourceStatus::unpolled("prod")
    };
    let snapshot = Some(Arc::new(snapshot));
    Arc::new(Published { snapshot, ..Published::unpolled(status) })
}

/// A source whose poll failed, with a message that would colour a terminal.
pub(super) fn down() -> Arc<Published> {
    let reason = FailureReason::Network;
    let failure = PollFailure {
        at: now(),
        reason,
        message: "no way\u{1b}[31m there\u{9b}".to_owned(),
        advice: reason.advice(),
    };
    let status =
        SourceStatus { last_poll: Some(now()), failure: Some(failure), ..SourceStatus::unpolled("down") };
    Arc::new(Published::unpolled(status))
}

/// A source that is being read.
pub(super) fn under_way() -> Arc<Published> {
    let status = SourceStatus {
        poll_began: Some(now()),
        rows: RowProgress { read: 450, expected: 1200 },
        ..SourceStatus::unpolled("slow")
    };
    Arc::new(Published::unpolled(status))
}
