//! What the snapshot of a source says, in numbers and lists.

use crate::clock::UnixMillis;
use crate::model::Status;
use crate::snapshot::Snapshot;

use super::lists::{Failing, Running};
use super::words;

/// Width of the bar of tasks, in its own units.
const BAR: u64 = 1000;

/// Tasks of one status, as a part of the bar.
#[derive(Debug)]
pub(in crate::page) struct Part {
    /// The class of the style sheet.
    pub(in crate::page) status: &'static str,
    pub(in crate::page) words: String,
    pub(in crate::page) count: u64,
    pub(in crate::page) from: u64,
    pub(in crate::page) width: u64,
}

/// Tasks of one type of target.
#[derive(Debug)]
pub(in crate::page) struct TypeRow {
    pub(in crate::page) words: String,
    pub(in crate::page) counts: [u64; Status::ALL.len()],
}

/// A fresh snapshot.
#[derive(Debug)]
pub(in crate::page) struct Data<'p> {
    pub(in crate::page) tasks: u64,
    pub(in crate::page) bar: Vec<Part>,
    pub(in crate::page) bar_words: String,
    pub(in crate::page) by_type: Vec<TypeRow>,
    pub(in crate::page) running: Vec<Running<'p>>,
    pub(in crate::page) running_total: u64,
    pub(in crate::page) running_more: u64,
    pub(in crate::page) failing: Vec<Failing<'p>>,
    pub(in crate::page) failing_total: u64,
    pub(in crate::page) failing_more: u64,
}

impl<'p> Data<'p> {
    /// Of `snapshot`, with at most `most` entries of each list.
    pub(super) fn of(snapshot: &'p Snapshot, most: usize, now: UnixMillis) -> Self {
        let count = |status: Status| snapshot.types.values().map(|facts| facts.tasks[status.index()]).sum();
        let bar = bar(Status::ALL.iter().map(|&status| (status, count(status))));
        let told: Vec<_> = bar.iter().map(|part| format!("{} {}", part.count, part.words)).collect();
        let by_type = snapshot
            .types
            .iter()
            .map(|(target_type, facts)| TypeRow { words: words(target_type.as_str()), counts: facts.tasks });
        let running: Vec<_> = snapshot.running.iter().take(most).map(|scan| Running::of(scan, now)).collect();
        let failing: Vec<_> =
            snapshot.failing.iter().take(most).map(|target| Failing::of(target, now)).collect();
        let failed = |status: Status| -> u64 {
            snapshot.types.values().map(|facts| facts.targets[status.index()]).sum()
        };
        let running_total: u64 = count(Status::Running);
        let failing_total = failed(Status::Failed) + failed(Status::TimedOut);
        Self {
            tasks: snapshot.tasks,
            bar_words: told.join(", "),
            bar,
            by_type: by_type.collect(),
            running_more: running_total.saturating_sub(running.len() as u64),
            running,
            running_total,
            failing_more: failing_total.saturating_sub(failing.len() as u64),
            failing,
            failing_total,
        }
    }

    /// Entries of both lists.
    pub(super) fn entries(&self) -> usize {
        self.running.len() + self.failing.len()
    }
}

/// The parts of the bar that are not empty. A small one is still seen.
fn bar(counts: impl Iterator<Item = (Status, u64)>) -> Vec<Part> {
    const LEAST: u64 = 8;
    let counts: Vec<_> = counts.filter(|&(_, count)| count > 0).collect();
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let room = BAR - LEAST * counts.len() as u64;
    let mut from = 0;
    let parts = counts.into_iter().map(|(status, count)| {
        let share = u128::from(count) * u128::from(room) / u128::from(total);
        let width = LEAST + u64::try_from(share).unwrap_or(room);
        let part = Part { status: status.as_str(), words: words(status.as_str()), count, from, width };
        from += width;
        part
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_shows_every_status_that_there_is_and_fits() {
        let parts =
            bar([(Status::Completed, 1_000_000), (Status::Failed, 1), (Status::TimedOut, 0)].into_iter());
        let told: Vec<_> = parts.iter().map(|part| (part.status, part.from, part.width)).collect();
        assert_eq!(told, [("completed", 0, 991), ("failed", 991, 8)]);
        assert!(bar([(Status::Failed, 0)].into_iter()).is_empty());
    }
}
