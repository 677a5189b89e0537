//! The scans that run and the targets that fail, one row each.

use crate::clock::UnixMillis;
use crate::model::{Progress, Status, TargetNames, TargetType};
use crate::snapshot::Snapshot;

use super::numbers::grouped;
use super::tasks::{status_words, type_words};
use super::when::Moment;

/// The first rows of what may be long.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) rows: Vec<T>,
    /// Rows there are, those not shown included.
    pub(super) total: u64,
}

impl<T> List<T> {
    /// How many rows there are.
    pub(super) fn count(&self) -> String {
        grouped(self.total)
    }

    /// How many rows are not shown, unless none.
    pub(super) fn more(&self) -> Option<String> {
        let more = self.total.saturating_sub(self.rows.len() as u64);
        (more > 0).then(|| grouped(more))
    }
}

/// What a row calls its target.
#[derive(Debug)]
pub(super) struct Target<'p> {
    pub(super) target_type: String,
    /// `None` if names are not to be shown.
    pub(super) name: Option<&'p str>,
    /// Other names that find it in the console.
    pub(super) ids: Vec<&'p str>,
}

/// A scan that runs.
#[derive(Debug)]
pub(super) struct Running<'p> {
    pub(super) target: Target<'p>,
    /// In whole percent.
    pub(super) percent: Option<u8>,
    pub(super) start: Option<Moment>,
}

/// A target whose latest finished scan did not complete.
#[derive(Debug)]
pub(super) struct Failing<'p> {
    pub(super) target: Target<'p>,
    /// The status as a class of the style sheet.
    pub(super) class: &'static str,
    pub(super) status: String,
    pub(super) since: Option<Moment>,
    pub(super) finished: Option<Moment>,
    pub(super) success: Option<Moment>,
}

/// The scans of `snapshot` that run, `most` of them.
pub(super) fn running(snapshot: &Snapshot, most: usize, now: UnixMillis) -> List<Running<'_>> {
    let rows = snapshot.running.iter().take(most).map(|scan| Running {
        target: Target::of(scan.target_type, scan.target.as_deref()),
        percent: scan.progress.map(Progress::whole_percent),
        start: scan.start.map(|start| Moment::of(start, now)),
    });
    List { rows: rows.collect(), total: running_total(snapshot) }
}

/// The targets of `snapshot` that fail, `most` of them.
pub(super) fn failing(snapshot: &Snapshot, most: usize, now: UnixMillis) -> List<Failing<'_>> {
    let moment = |time: Option<UnixMillis>| time.map(|time| Moment::of(time, now));
    let rows = snapshot.failing.iter().take(most).map(|target| Failing {
        target: Target::of(target.target_type, target.target.as_deref()),
        class: target.status.as_str(),
        status: status_words(target.status),
        since: moment(target.failing_since),
        finished: moment(target.finished_at),
        success: moment(target.last_success),
    });
    List { rows: rows.collect(), total: failing_total(snapshot) }
}

/// How many scans of `snapshot` run; it lists no more than the configuration allows.
pub(super) fn running_total(snapshot: &Snapshot) -> u64 {
    snapshot.types.values().map(|facts| facts.tasks[Status::Running.index()]).sum()
}

/// How many targets of `snapshot` fail; it lists no more than the configuration allows.
pub(super) fn failing_total(snapshot: &Snapshot) -> u64 {
    let bad = [Status::Failed.index(), Status::TimedOut.index()];
    snapshot.types.values().map(|facts| bad.map(|status| facts.targets[status]).iter().sum::<u64>()).sum()
}

impl<'p> Target<'p> {
    fn of(target_type: TargetType, names: Option<&'p TargetNames>) -> Self {
        let target_type = type_words(target_type);
        let Some(names) = names else { return Self { target_type, name: None, ids: Vec::new() } };
        let best = names.best();
        let mut ids: Vec<_> = names.instance_id.iter().chain([&names.target]).collect();
        ids.retain(|id| *id != best);
        ids.dedup();
        Self { target_type, name: Some(best.as_str()), ids: ids.into_iter().map(|id| id.as_str()).collect() }
    }
}
