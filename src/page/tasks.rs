//! The tasks of a source by status: a bar and a table.

use crate::model::{Status, TargetType};
use crate::snapshot::Snapshot;

use super::numbers::{counted, grouped};

/// Length of the whole bar, in units of its drawing.
const LENGTH: u64 = 1000;
/// Length of a part that would be too small to be seen.
const LEAST: u64 = 10;
/// What is left free after a part, so that parts differ by more than their colours.
const GAP: u64 = 3;

/// What the bar and the table show.
#[derive(Debug)]
pub(super) struct Tasks {
    /// All tasks together, in words.
    pub(super) total: String,
    /// The bar in words.
    pub(super) label: String,
    /// What the bar is made of; nothing if there is no task.
    pub(super) parts: Vec<Part>,
    /// The table: a type of target, its tasks by [`Status`], and their sum.
    pub(super) rows: Vec<Row>,
}

/// The tasks of one status.
#[derive(Debug)]
pub(super) struct Part {
    /// The status as a class of the style sheet.
    pub(super) class: &'static str,
    /// The status in words.
    pub(super) status: String,
    pub(super) count: String,
    /// Where the part begins.
    pub(super) x: u64,
    pub(super) width: u64,
}

/// The tasks of one type of target.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) target_type: String,
    pub(super) counts: Vec<String>,
}

impl Tasks {
    /// The tasks that `snapshot` counts.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let sum = |status: &Status| snapshot.types.values().map(|facts| facts.tasks[status.index()]).sum();
        let sums: Vec<(Status, u64)> = Status::ALL.iter().map(|status| (*status, sum(status))).collect();
        let parts = parts(&sums);
        let spoken: Vec<_> = parts.iter().map(|part| format!("{} {}", part.count, part.status)).collect();
        let total = sums.iter().map(|(_, count)| count).sum();
        Self {
            total: counted(total, "scan task", "scan tasks"),
            label: format!("Scan tasks by status: {}", spoken.join(", ")),
            parts,
            rows: snapshot.types.iter().map(|(&kind, facts)| Row::of(kind, &facts.tasks)).collect(),
        }
    }
}

impl Row {
    fn of(target_type: TargetType, tasks: &[u64]) -> Self {
        let sum = tasks.iter().sum();
        Self {
            target_type: type_words(target_type),
            counts: tasks.iter().copied().chain([sum]).map(grouped).collect(),
        }
    }
}

/// `status` in words.
pub(super) fn status_words(status: Status) -> String {
    status.as_str().replace('_', " ")
}

/// `target_type` in words.
pub(super) fn type_words(target_type: TargetType) -> String {
    match target_type {
        TargetType::Nas => "NAS".to_owned(),
        TargetType::Unknown => "unknown type".to_owned(),
        known => known.as_str().replace('_', " "),
    }
}

fn parts(sums: &[(Status, u64)]) -> Vec<Part> {
    let seen: Vec<_> = sums.iter().filter(|&&(_, count)| count > 0).collect();
    let total: u64 = seen.iter().map(|(_, count)| count).sum();
    let shared = LENGTH - LEAST * seen.len() as u64;
    let mut x = 0;
    let mut parts = Vec::with_capacity(seen.len());
    for &&(status, count) in &seen {
        let length = LEAST
            + u64::try_from(u128::from(shared) * u128::from(count) / u128::from(total))
                .expect("a share is no more than the whole");
        parts.push(Part {
            class: status.as_str(),
            status: status_words(status),
            count: grouped(count),
            x,
            width: length - GAP,
        });
        x += length;
    }
    // Shares are rounded down, and nothing follows the last one.
    if let Some(last) = parts.last_mut() {
        last.width = LENGTH - last.x;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widths(counts: [u64; 5]) -> Vec<u64> {
        let sums: Vec<_> = Status::ALL.iter().copied().zip(counts).collect();
        parts(&sums).iter().map(|part| part.width).collect()
    }

    #[test]
    fn the_parts_share_the_bar_by_their_counts() {
        assert_eq!(widths([1, 0, 1, 0, 0]), [497, 500]);
        assert_eq!(widths([0, 3, 1, 0, 0]), [742, 255]);
        assert!(widths([0; 5]).is_empty());
    }

    #[test]
    fn one_task_among_millions_is_seen() {
        let widths = widths([1, 50_000_000, 1, 1, 1]);
        assert!(widths.iter().all(|&width| width >= LEAST - GAP), "{widths:?}");
        assert_eq!(widths.iter().map(|width| width + GAP).sum::<u64>(), LENGTH + GAP, "{widths:?}");
    }

    #[test]
    fn counts_beyond_all_bounds_still_fit() {
        assert_eq!(widths([u64::MAX / 2, u64::MAX / 2, 0, 0, 0]).len(), 2);
    }
}
