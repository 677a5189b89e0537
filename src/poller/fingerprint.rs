//! How many tasks have finished, which tells whether anything has changed.

use crate::model::Status;

/// The API's count of the tasks in each finished state, whatever their age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint([u64; FINISHED.len()]);

/// The states that are counted.
pub(super) const FINISHED: [Status; 3] = [Status::Completed, Status::Failed, Status::TimedOut];

impl Fingerprint {
    /// Adds `count` tasks in `status`, which is a finished one.
    pub(super) fn add(&mut self, status: Status, count: u64) {
        if let Some(at) = FINISHED.iter().position(|&finished| finished == status) {
            self.0[at] = self.0[at].saturating_add(count);
        }
    }

    /// By how much each count is above that of `other`; 0 where it is not.
    pub(super) fn above(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    /// The sum of both.
    pub(super) fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// One in `parts` of each count.
    pub(super) fn part(self, parts: u64) -> Self {
        Self(self.0.map(|count| count / parts))
    }

    /// Whether no count is above that of `other`.
    pub(super) fn is_within(self, other: Self) -> bool {
        self.above(other) == Self::default()
    }

    fn zip(self, other: Self, join: fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|at| join(self.0[at], other.0[at])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: [u64; 3]) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        FINISHED.into_iter().zip(counts).for_each(|(status, count)| fingerprint.add(status, count));
        fingerprint
    }

    #[test]
    fn each_state_is_compared_by_itself() {
        assert_eq!(of([5, 1, 0]).above(of([3, 4, 0])), of([2, 0, 0]));
        assert!(of([2, 0, 0]).is_within(of([2, 1, 0])) && !of([2, 0, 1]).is_within(of([9, 9, 0])));
    }

    #[test]
    fn only_finished_tasks_are_counted() {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add(Status::Running, 9);
        fingerprint.add(Status::Unknown, 9);
        assert_eq!(fingerprint, Fingerprint::default());
    }
}
