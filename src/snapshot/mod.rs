//! The immutable picture of a source that readers get.

mod buckets;
mod fold;
mod lists;
mod series;

pub use buckets::{ProgressBucket, SpaceBucket};
pub use fold::{LostRows, fold};
pub use lists::{FailingTarget, RunningScan};
pub use series::{TargetSeries, TargetState};

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::clock::UnixMillis;
use crate::ledger::Counters;
use crate::model::{Check, ReportStatus, SourceStatus, Status, TargetType};

/// What the gauges about the scans of one source say, as of one instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The end of the poll that gave it; the look-back counts back from here.
    pub as_of: UnixMillis,
    /// The facts per type of target: always those of snapshots and images, others when seen.
    pub types: BTreeMap<TargetType, TypeFacts>,
    /// Scan tasks in the look-back.
    pub tasks: u64,
    /// Tasks among them that name no target.
    pub targets_unidentified: u64,
    /// Rows left out for want of a TaskId.
    pub skipped_rows: u64,
    /// Rows that the API counts and never shows.
    pub missing_rows: u64,
    /// Scans that run, those that run longest first, up to the limit of the configuration.
    pub running: Vec<RunningScan>,
    /// Targets whose latest finished scan failed or timed out, those that finished last first, up
    /// to the limit of the configuration.
    pub failing: Vec<FailingTarget>,
    /// Targets with series of their own.
    pub series: TargetSeries,
}

/// The facts of one type of target. Arrays are indexed by the words' `index()`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeFacts {
    /// Tasks by [`Status`].
    pub tasks: [u64; Status::ALL.len()],
    /// Tasks by [`Status`] and [`ProgressBucket`].
    pub by_progress: [[u64; ProgressBucket::ALL.len()]; Status::ALL.len()],
    /// Tasks by [`SpaceBucket`].
    pub by_space: [u64; SpaceBucket::ALL.len()],
    /// Bytes scanned by [`Status`].
    pub measured_bytes: [u64; Status::ALL.len()],
    /// Progress of the running tasks.
    pub running_progress: Mean,
    /// Progress of the running tasks by [`Check`].
    pub check_progress: [Mean; Check::ALL.len()],
    /// Start of the oldest running task.
    pub oldest_running_start: Option<UnixMillis>,
    /// Tasks by [`ReportStatus`].
    pub reports: [u64; ReportStatus::ALL.len()],
    /// Targets by the [`Status`] of their latest finished task.
    pub targets: [u64; Status::ALL.len()],
    /// End of the latest completed task.
    pub last_success: Option<UnixMillis>,
    /// End of the latest finished task.
    pub last_finished: Option<UnixMillis>,
    /// Main tasks by [`Status`].
    pub root_tasks: [u64; Status::ALL.len()],
}

/// A mean of ratios under way, exact whatever the order they come in.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    ten_thousandths: u64,
    count: u64,
}

impl Mean {
    /// Adds one ratio, to the ten-thousandth.
    pub fn add(&mut self, ratio: f64) {
        self.ten_thousandths += (ratio * 10_000.0).round() as u64;
        self.count += 1;
    }

    /// The mean; `None` of nothing.
    pub fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.ten_thousandths as f64 / (self.count as f64 * 10_000.0))
    }
}

/// What a source publishes: its state, and its last complete snapshot if there was one.
/// Always replaced whole, so that a reader sees one instant.
#[derive(Clone, Debug)]
pub struct Published {
    /// State of the source and its polls.
    pub status: SourceStatus,
    /// The last complete snapshot, however old.
    pub snapshot: Option<Arc<Snapshot>>,
    /// What has been counted, as of that snapshot.
    pub counters: Arc<Counters>,
    /// When the snapshot came, by a clock that nobody sets; of no meaning without one.
    pub read_at: Instant,
}

impl Published {
    /// What a source publishes before its first poll.
    pub fn unpolled(status: SourceStatus) -> Self {
        Self { status, snapshot: None, counters: Arc::default(), read_at: Instant::now() }
    }

    /// The snapshot, unless it is stale at `now`: by the time of day, or by the time that has
    /// passed, because the time of day may have been set back.
    pub fn fresh_snapshot(&self, now: UnixMillis) -> Option<&Snapshot> {
        let snapshot = self.snapshot.as_deref()?;
        let age = now.since(snapshot.as_of).max(self.read_at.elapsed());
        (age < self.status.stale_after).then_some(snapshot)
    }
}

#[cfg(test)]
mod series_tests;
