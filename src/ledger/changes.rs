//! What one poll changed in the ledger: all that a state file must write.

use super::key::{KeySet, TargetKey, TaskKey};

/// The keys of what changed. What a key stands for now is in the ledger; where it is not, it has
/// left.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Scan tasks, their ids and checks included.
    pub scans: KeySet<TaskKey>,
    /// The same of main tasks, where they are kept apart.
    pub roots: KeySet<TaskKey>,
    /// Targets, their names included.
    pub targets: KeySet<TargetKey>,
    /// Scan tasks and main tasks that were counted as finished.
    pub finished: u64,
    /// What had to be set right: a status that changed in place, and what a full listing found
    /// that the polls before it had missed.
    pub corrections: u64,
}
