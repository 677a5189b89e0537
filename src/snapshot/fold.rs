//! Ledger, time and look-back in; snapshot out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::ledger::{Ledger, Record, TargetsShown};
use crate::model::{Status, TargetType};

use super::{ProgressBucket, Snapshot, SpaceBucket, TypeFacts, lists, series};

/// Rows of the listing behind a snapshot that are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostRows {
    /// Rows without a usable `TaskId`.
    pub skipped: u64,
    /// Rows that the API counts and never shows.
    pub missing: u64,
}

/// Counts everything the ledger holds into one snapshot as of `now`, and picks the running scans
/// and the targets that are to be `shown` one by one.
pub fn fold(
    ledger: &Ledger,
    now: UnixMillis,
    lookback: Duration,
    lost: LostRows,
    shown: TargetsShown,
) -> Snapshot {
    let from = now.minus(lookback);
    let mut types: BTreeMap<TargetType, TypeFacts> =
        [TargetType::Snapshot, TargetType::Image].map(|always| (always, TypeFacts::default())).into();
    let mut tasks = 0;
    let mut targets_unidentified = 0;
    for scan in ledger.scans().map(|(_, scan)| scan).filter(|scan| scan.is_within(from)) {
        tasks += 1;
        targets_unidentified += u64::from(scan.target.is_none());
        count_scan(types.entry(scan.target_type).or_default(), scan);
    }
    // The times of tasks without a target are known from their rows alone.
    for (_, scan) in ledger.scans() {
        if let (Some(at), Some(facts)) = (scan.finished_at(now), types.get_mut(&scan.target_type)) {
            note_finish(facts, scan.status, Some(at));
        }
    }
    for target in ledger.targets().values() {
        let facts = types.entry(target.target_type).or_default();
        facts.targets[target.latest.status.index()] += 1;
        note_finish(facts, target.latest.status, target.latest.finished_at);
        if let Some(success) = target.latest_success {
            note_finish(facts, success.status, success.finished_at);
        }
    }
    for (_, root) in ledger.roots().filter(|(_, root)| root.is_within(from)) {
        types.entry(root.target_type).or_default().root_tasks[root.status.index()] += 1;
    }
    let LostRows { skipped: skipped_rows, missing: missing_rows } = lost;
    Snapshot {
        as_of: now,
        types,
        tasks,
        targets_unidentified,
        skipped_rows,
        missing_rows,
        running: lists::running(ledger, shown.limit),
        failing: lists::failing(ledger, shown.limit),
        series: series::series(ledger, shown),
    }
}

fn count_scan(facts: &mut TypeFacts, scan: &Record) {
    let status = scan.status.index();
    facts.tasks[status] += 1;
    facts.by_progress[status][ProgressBucket::of(scan.progress).index()] += 1;
    facts.by_space[SpaceBucket::of(scan.measured_bytes()).index()] += 1;
    let bytes = &mut facts.measured_bytes[status];
    *bytes = bytes.saturating_add(scan.measured_bytes().unwrap_or(0));
    facts.reports[scan.report.index()] += 1;
    if scan.status == Status::Running {
        if let Some(progress) = scan.progress {
            facts.running_progress.add(progress.ratio());
        }
        for (check, progress) in scan.checks.iter() {
            facts.check_progress[check.index()].add(progress.ratio());
        }
        let starts = facts.oldest_running_start.into_iter().chain(scan.start);
        facts.oldest_running_start = starts.min();
    }
}

fn note_finish(facts: &mut TypeFacts, status: Status, at: Option<UnixMillis>) {
    facts.last_finished = facts.last_finished.max(at);
    if status == Status::Completed {
        facts.last_success = facts.last_success.max(at);
    }
}
