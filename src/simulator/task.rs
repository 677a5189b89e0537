//! A planned task, and the log of all of them in the order of their starts.

use std::collections::VecDeque;
use std::ops::Range;

/// How a task ends. The number is that of `Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Outcome {
    /// Complete.
    Completed = 2,
    /// Failed.
    Failed = 3,
    /// Timed out.
    TimedOut = 4,
}

/// `Status` of a task that runs.
pub(super) const RUNNING: i64 = 1;

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Scans one target, as part of a main task.
    Scan {
        /// Number of the main task.
        root: u32,
        /// Number of the target.
        target: u32,
    },
    /// Is the main task of some scans.
    Root {
        /// Number of the first one.
        first: u32,
        /// How many, 1 or more.
        count: u32,
    },
}

/// One task, from its start to its end. Both are known from the beginning; the rows of the API
/// show only what is past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// Milliseconds since the epoch.
    pub(super) start: u64,
    /// Milliseconds since the epoch, after `start`.
    pub(super) end: u64,
    /// How it ends.
    pub(super) outcome: Outcome,
    /// `TargetType`.
    pub(super) kind: u8,
    /// What it does.
    pub(super) role: Role,
}

impl Task {
    /// Whether it runs at `now`.
    pub(super) const fn runs(&self, now: u64) -> bool {
        self.start <= now && now < self.end
    }

    /// `Status` at `now`, which is not before its start.
    pub(super) const fn status(&self, now: u64) -> i64 {
        if now < self.end { RUNNING } else { self.outcome as i64 }
    }
}

/// Tasks in the order of their starts, numbered from 0 on; the oldest can be forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    forgotten: u32,
    tasks: VecDeque<Task>,
}

impl Log {
    /// Adds the next task, which starts no earlier than the last one.
    pub(super) fn push(&mut self, task: Task) {
        debug_assert!(self.tasks.back().is_none_or(|last| last.start <= task.start));
        self.tasks.push_back(task);
    }

    /// The number of the next task.
    pub(super) fn next(&self) -> u32 {
        self.forgotten + u32::try_from(self.tasks.len()).expect("the plan is bounded in time")
    }

    /// The task of that number, unless it is forgotten or not planned yet.
    pub(super) fn get(&self, number: u32) -> Option<&Task> {
        self.tasks.get(number.checked_sub(self.forgotten)? as usize)
    }

    /// The numbers of the tasks that start within `starts`.
    pub(super) fn started(&self, starts: Range<u64>) -> Range<u32> {
        let before = |bound| self.tasks.partition_point(|task| task.start < bound) as u32;
        let from = before(starts.start);
        let to = before(starts.end).max(from);
        self.forgotten + from..self.forgotten + to
    }

    /// Forgets the tasks that started before `start`.
    pub(super) fn forget_before(&mut self, start: u64) {
        let gone = self.tasks.partition_point(|task| task.start < start);
        self.tasks.drain(..gone);
        self.forgotten += gone as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(start: u64) -> Task {
        let role = Role::Scan { root: 0, target: 0 };
        Task { start, end: start + 10, outcome: Outcome::Failed, kind: 1, role }
    }

    #[test]
    fn a_task_runs_from_its_start_until_its_end() {
        let task = task(100);
        assert!(!task.runs(99) && task.runs(100) && task.runs(109) && !task.runs(110));
        assert_eq!((task.status(109), task.status(110)), (1, 3));
    }

    #[test]
    fn numbers_outlive_forgotten_tasks() {
        let mut log = Log::default();
        (1..=5).for_each(|n| log.push(task(n * 100)));
        log.forget_before(300);
        assert_eq!(log.get(1), None);
        assert_eq!(log.get(2).map(|task| task.start), Some(300));
        assert_eq!(log.started(0..401), 2..4);
        assert_eq!(log.next(), 5);
        assert_eq!(log.started(900..1000), 5..5);
    }
}
