//! The latest finished task of each target.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;
use crate::model::{Status, TargetType};

use super::Horizon;
use super::key::{KeyMap, TargetKey, TaskKey};
use super::record::Record;

/// What is known of one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Type of the target.
    pub target_type: TargetType,
    /// Its latest finished task.
    pub latest: Finished,
    /// Its latest completed task.
    pub latest_success: Option<Finished>,
    /// Apart, because few targets fail and there may be a hundred thousand.
    first_failure: Option<Box<Finished>>,
}

impl Target {
    /// Whether its latest finished task did not complete.
    pub fn is_failing(&self) -> bool {
        self.latest.status != Status::Completed
    }

    /// When it finished for the first time without completing since its latest completed task,
    /// as far as is known; by the start of that task if its end is not known.
    pub fn failing_since(&self) -> Option<UnixMillis> {
        self.first_failure.as_ref().and_then(|failure| failure.ordered_at())
    }

    /// Forgets what finished, as far as known, before `from`.
    pub(super) fn forget_before(&mut self, from: UnixMillis) -> Kept {
        if self.latest.is_older_than(from) {
            return Kept::Nothing;
        }
        match self.latest_success.take_if(|success| success.is_older_than(from)) {
            Some(_) => Kept::Part,
            None => Kept::Whole,
        }
    }

    /// Notes `failure` if it belongs to the failures of now and is the first so far.
    fn note_failure(&mut self, failure: Finished) {
        let is_over = self.latest_success.is_some_and(|success| failure < success);
        if self.is_failing() && !is_over {
            let first = self.first_failure.as_deref().map_or(failure, |first| failure.min(*first));
            self.first_failure = Some(Box::new(first));
        }
    }
}

/// A finished task, as far as its target needs it. The order is the order of finishing: by
/// `EndTime`, where unknown or ahead by `StartTime`; then `StartTime`; then `TaskId`, for which
/// its fingerprint stands, because any fixed order of ids will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    start: Option<UnixMillis>,
    task: TaskKey,
    /// How it finished.
    pub status: Status,
    /// When it finished, if that is known.
    pub finished_at: Option<UnixMillis>,
}

impl Ord for Finished {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = |end: &Self| (end.ordered_at(), end.start, end.task, end.status, end.finished_at);
        order(self).cmp(&order(other))
    }
}

impl PartialOrd for Finished {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Finished {
    /// The time that its order goes by.
    fn ordered_at(&self) -> Option<UnixMillis> {
        self.finished_at.or(self.start)
    }

    /// The task.
    pub(super) fn task(&self) -> TaskKey {
        self.task
    }

    /// Whether `record` tells of the same task after a later start: it does not unsay this end.
    pub(super) fn is_before(&self, record: &Record) -> bool {
        matches!((self.start, record.start), (Some(before), Some(after)) if after > before)
    }

    /// Whether `record`, a row of the same task, tells of just this end.
    pub(super) fn is_told_by(&self, record: &Record, now: UnixMillis) -> bool {
        Self::of(self.task, record, now).as_ref() == Some(self)
    }

    /// Whether it came, as far as known, before `from`.
    fn is_older_than(&self, from: UnixMillis) -> bool {
        self.ordered_at().is_some_and(|at| at < from)
    }

    fn of(task: TaskKey, record: &Record, now: UnixMillis) -> Option<Self> {
        let finished_at = record.finished_at(now);
        record.status.is_finished().then_some(Self {
            start: record.start,
            task,
            status: record.status,
            finished_at,
        })
    }
}

/// What is left of a target once the oldest of it is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Whole,
    Part,
    Nothing,
}

/// The targets of one source.
pub type Targets = KeyMap<TargetKey, Target>;

/// Adds the task `key` to what is known of its target.
pub(super) fn observe(targets: &mut Targets, key: TaskKey, record: &Record, horizon: &Horizon) {
    if let Some((target, finished)) = end_of(key, record, horizon) {
        observe_finished(targets, target, record.target_type, finished);
    }
}

/// Adds the task `key`, which finished after all that is known of its target. False if it did not:
/// the order of finishing has then to be found out anew.
pub(super) fn observe_latest(
    targets: &mut Targets,
    key: TaskKey,
    record: &Record,
    horizon: &Horizon,
) -> bool {
    let Some((target, finished)) = end_of(key, record, horizon) else { return true };
    let Some(known) = targets.get_mut(&target) else {
        observe_finished(targets, target, record.target_type, finished);
        targets.entry(target).and_modify(|target| target.note_failure(finished));
        return true;
    };
    if finished <= known.latest {
        return finished == known.latest;
    }
    known.latest = finished;
    if finished.status == Status::Completed {
        known.latest_success = Some(finished);
        known.first_failure = None;
    }
    known.note_failure(finished);
    true
}

/// Carries over what `old` knows of ends that are not `superseded`, and that came, as far as
/// known, at `from` or later.
pub(super) fn carry_over(
    targets: &mut Targets,
    old: &Targets,
    from: UnixMillis,
    superseded: impl Fn(&Finished) -> bool,
) {
    for (&key, target) in old {
        let failure = target.first_failure.as_deref().copied();
        for finished in [Some(target.latest), target.latest_success, failure].into_iter().flatten() {
            if !finished.is_older_than(from) && !superseded(&finished) {
                observe_finished(targets, key, target.target_type, finished);
            }
        }
    }
}

/// Finds out since when the failing ones of `targets` fail: by the `finished` tasks, and by what
/// `old` knows of ends that are not `unsaid`.
pub(super) fn date_failures<'r>(
    targets: &mut Targets,
    old: &Targets,
    finished: impl Iterator<Item = (&'r TaskKey, &'r Record)>,
    unsaid: impl Fn(&Finished) -> bool,
    horizon: &Horizon,
) {
    for (&key, record) in finished.filter(|(_, record)| record.status != Status::Completed) {
        if let Some((target, failure)) = end_of(key, record, horizon) {
            targets.entry(target).and_modify(|target| target.note_failure(failure));
        }
    }
    for (key, target) in targets {
        let old = old.get(key);
        let first = old.and_then(|old| old.first_failure.as_deref().copied());
        let latest = old.map(|old| old.latest).filter(|latest| latest.status != Status::Completed);
        let latest = latest.filter(|latest| !latest.is_older_than(horizon.targets_from));
        let known = first.into_iter().chain(latest).filter(|failure| !unsaid(failure));
        known.for_each(|failure| target.note_failure(failure));
        // What was carried over may be all that is known.
        target.note_failure(target.latest);
    }
}

/// How the task `key` ended and what its target is, unless that was too long ago. Some rows that are
/// shown did: a main task shows its subtasks however old they are.
fn end_of(key: TaskKey, record: &Record, horizon: &Horizon) -> Option<(TargetKey, Finished)> {
    let finished = Finished::of(key, record, horizon.now)?;
    let target = record.target.filter(|_| !finished.is_older_than(horizon.targets_from))?;
    Some((target, finished))
}

fn observe_finished(targets: &mut Targets, key: TargetKey, target_type: TargetType, finished: Finished) {
    let success = (finished.status == Status::Completed).then_some(finished);
    targets
        .entry(key)
        .and_modify(|target| {
            target.latest = target.latest.max(finished);
            target.latest_success = target.latest_success.max(success);
        })
        .or_insert(Target { target_type, latest: finished, latest_success: success, first_failure: None });
}
