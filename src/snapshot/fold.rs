//! Ledger, time and look-back in; snapshot out.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::ledger::{Ledger, Record, TargetsShown, TaskKey};
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
    let mut types = ByType::default();
    for always in [TargetType::Snapshot, TargetType::Image] {
        types.of(always);
    }
    let mut tasks = 0;
    let mut targets_unidentified = 0;
    let mut running = Vec::new();
    // Once over all of them, because there may be a million.
    for (&key, scan) in ledger.scans().filter(|(_, scan)| scan.is_within(from)) {
        tasks += 1;
        targets_unidentified += u64::from(scan.target.is_none());
        let facts = types.of(scan.target_type);
        count_scan(facts, scan);
        // The times of tasks without a target are known from their rows alone.
        if let Some(at) = scan.finished_at(now) {
            note_finish(facts, scan.status, Some(at));
        }
        if scan.status == Status::Running {
            note_checks(facts, ledger, key);
            running.push((key, scan));
        }
    }
    for target in ledger.targets().values() {
        let facts = types.of(target.target_type);
        facts.targets[target.latest.status.index()] += 1;
        note_finish(facts, target.latest.status, target.latest.finished_at);
        if let Some(success) = target.latest_success {
            note_finish(facts, success.status, success.finished_at);
        }
    }
    for (_, root) in ledger.roots().filter(|(_, root)| root.is_within(from)) {
        types.of(root.target_type).root_tasks[root.status.index()] += 1;
    }
    let LostRows { skipped: skipped_rows, missing: missing_rows } = lost;
    Snapshot {
        as_of: now,
        types: types.seen(),
        tasks,
        targets_unidentified,
        skipped_rows,
        missing_rows,
        running: lists::running(running, ledger.names(), shown.limit),
        failing: lists::failing(ledger, shown.limit),
        series: series::series(ledger, shown),
    }
}

/// Facts of the types that were met.
#[derive(Default)]
struct ByType([Option<TypeFacts>; TargetType::ALL.len()]);

impl ByType {
    fn of(&mut self, target_type: TargetType) -> &mut TypeFacts {
        self.0[target_type.index()].get_or_insert_default()
    }

    fn seen(self) -> BTreeMap<TargetType, TypeFacts> {
        let seen = TargetType::ALL.iter().zip(self.0);
        seen.filter_map(|(&target_type, facts)| Some((target_type, facts?))).collect()
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
        let starts = facts.oldest_running_start.into_iter().chain(scan.start);
        facts.oldest_running_start = starts.min();
    }
}

fn note_checks(facts: &mut TypeFacts, ledger: &Ledger, running: TaskKey) {
    for (check, progress) in ledger.ids().get(running).iter().flat_map(|open| open.checks.iter()) {
        facts.check_progress[check.index()].add(progress.ratio());
    }
}

fn note_finish(facts: &mut TypeFacts, status: Status, at: Option<UnixMillis>) {
    facts.last_finished = facts.last_finished.max(at);
    if status == Status::Completed {
        facts.last_success = facts.last_success.max(at);
    }
}
