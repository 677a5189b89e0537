//! What is kept of one task.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;
use crate::model::{Progress, ReportStatus, Status, TargetType, Task};

use super::key::TargetKey;

/// A task without its texts and its checks, small because there may be a million of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The target, if the task names one.
    pub target: Option<TargetKey>,
    /// Start.
    pub start: Option<UnixMillis>,
    /// End, or of a running task perhaps a deadline.
    pub end: Option<UnixMillis>,
    measured_bytes: u64,
    /// Progress.
    pub progress: Option<Progress>,
    /// Status.
    pub status: Status,
    /// Type of the target.
    pub target_type: TargetType,
    /// State of the report.
    pub report: ReportStatus,
    marks: Marks,
}

/// What the ledger notes on a record, in the one byte that is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Marks(u8);

impl Marks {
    const COUNTED: u8 = 1;
    const ABSENT: u8 = 2;

    fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }
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

    /// The same record of a task whose end at this start has been counted, or was there before
    /// counting began.
    pub(super) fn counted(mut self) -> Self {
        self.marks.0 |= Marks::COUNTED;
        self
    }

    /// Whether it is [`Self::counted`].
    pub(super) fn is_counted(&self) -> bool {
        self.marks.has(Marks::COUNTED)
    }

    /// The same record of a task that no complete listing shows any more.
    pub(super) fn absent(mut self) -> Self {
        self.marks.0 |= Marks::ABSENT;
        self
    }

    /// Whether it is [`Self::absent`].
    pub(super) fn is_absent(&self) -> bool {
        self.marks.has(Marks::ABSENT)
    }

    /// Whether the task is shown and has not finished.
    pub fn is_open(&self) -> bool {
        !self.is_absent() && !self.status.is_finished()
    }

    /// The time that the age of the task goes by: its start, else its end.
    pub(super) fn dated(&self) -> Option<UnixMillis> {
        self.start.or(self.end)
    }

    /// How long the task took: only of a completed one, whose end lies after its start and not
    /// ahead of `now`.
    pub(super) fn duration(&self, now: UnixMillis) -> Option<Duration> {
        let (start, end) = (self.start?, self.finished_at(now)?);
        (self.status == Status::Completed && start < end).then(|| end.since(start))
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
            progress: task.progress,
            status: task.status,
            target_type: task.target_type,
            report: task.report,
            marks: Marks::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_stays_within_40_bytes() {
        assert_eq!(size_of::<Record>(), 40);
    }
}
