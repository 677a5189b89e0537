//! What is kept of one task.

use crate::clock::UnixMillis;
use crate::model::{CheckProgress, Progress, ReportStatus, Status, TargetType, Task};

use super::key::TargetKey;

/// A task without its texts, small because there may be a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The target, if the task names one.
    pub target: Option<TargetKey>,
    /// Start.
    pub start: Option<UnixMillis>,
    /// End, or of a running task perhaps a deadline.
    pub end: Option<UnixMillis>,
    measured_bytes: u64,
    /// Progress of the checks, of a running task only.
    pub checks: CheckProgress,
    /// Progress.
    pub progress: Option<Progress>,
    /// Status.
    pub status: Status,
    /// Type of the target.
    pub target_type: TargetType,
    /// State of the report.
    pub report: ReportStatus,
}

/// Stands for an unknown amount, to save the eight bytes that an `Option<u64>` takes more.
const UNKNOWN_BYTES: u64 = u64::MAX;

impl Record {
    /// Data scanned, if known.
    pub fn measured_bytes(&self) -> Option<u64> {
        (self.measured_bytes != UNKNOWN_BYTES).then_some(self.measured_bytes)
    }

    /// Whether the task started at `from` or later, or nobody knows when, or it still runs.
    pub fn is_within(&self, from: UnixMillis) -> bool {
        self.status == Status::Running || self.start.is_none_or(|start| start >= from)
    }

    /// When the task ended, if it has and the time is known and not ahead of `now`.
    pub fn finished_at(&self, now: UnixMillis) -> Option<UnixMillis> {
        self.end.filter(|&end| self.status.is_finished() && end <= now)
    }
}

impl From<&Task<'_>> for Record {
    fn from(task: &Task<'_>) -> Self {
        Self {
            target: TargetKey::of(task),
            start: task.start,
            end: task.end,
            measured_bytes: task.measured_bytes.unwrap_or(UNKNOWN_BYTES),
            checks: task.checks,
            progress: task.progress,
            status: task.status,
            target_type: task.target_type,
            report: task.report,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stays_within_56_bytes() {
        assert_eq!(size_of::<Record>(), 56);
    }
}
