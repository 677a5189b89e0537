//! What is remembered of the tasks of one source, in memory.

mod key;
mod names;
mod record;
mod shown;
mod targets;

pub use key::{KeyMap, KeySet, TargetKey, TaskKey};
pub use names::Names;
pub use record::Record;
pub use shown::{TargetsShown, Which};
pub use targets::{Finished, Target, Targets};

use std::time::Duration;

use crate::clock::UnixMillis;
use crate::model::Status;

/// Records by the fingerprint of their task.
pub type Records = KeyMap<TaskKey, Record>;

/// All that a complete full listing gave. Only whole ones are ever applied.
#[derive(Clone, Debug, Default)]
pub struct FullListing {
    /// The scan tasks.
    pub scans: Records,
    /// The main tasks; `None` where the scan tasks themselves are the main tasks.
    pub roots: Option<Records>,
    /// Older scan tasks, read for the last states of their targets only.
    pub history: Records,
    /// Names of targets among all those.
    pub names: Names,
}

/// The tasks and targets of one source. Pure: it knows no clock and no network.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    scans: Records,
    roots: Option<Records>,
    targets: Targets,
    names: Names,
}

impl Ledger {
    /// Takes over a full listing that was complete at `now`. A task that it does not hold
    /// leaves the ledger; what was known of its target stays for `keep_targets`.
    pub fn apply(&mut self, listing: FullListing, now: UnixMillis, keep_targets: Duration) {
        let FullListing { scans, roots, history, mut names } = listing;
        let mut targets = Targets::default();
        for (&key, record) in history.iter().chain(&scans) {
            targets::observe(&mut targets, key, record, now);
        }
        // A task that runs again does not unsay how it finished before.
        let is_finished = |records: &Records, key| {
            records.get(&key).is_some_and(|record: &Record| record.status.is_finished())
        };
        let superseded = |key| is_finished(&scans, key) || is_finished(&history, key);
        targets::carry_over(&mut targets, &self.targets, now.minus(keep_targets), superseded);
        let finished = history.iter().chain(&scans);
        // A task that is shown in any other state than before unsays the failure that it was.
        let is_shown = |key| scans.contains_key(&key) || history.contains_key(&key);
        targets::date_failures(&mut targets, &self.targets, finished, is_shown, now);
        let running = scans.values().filter(|scan| scan.status == Status::Running);
        let running: KeySet<TargetKey> = running.filter_map(|scan| scan.target).collect();
        let fails = |key| targets.get(&key).is_some_and(Target::is_failing);
        let needed = |key| running.contains(&key) || fails(key);
        names.carry_over(std::mem::take(&mut self.names), needed, |key| targets.contains_key(&key));
        *self = Self { scans, roots, targets, names };
    }

    /// The scan tasks of the last listing.
    pub fn scans(&self) -> &Records {
        &self.scans
    }

    /// The main tasks of the last listing.
    pub fn roots(&self) -> &Records {
        self.roots.as_ref().unwrap_or(&self.scans)
    }

    /// What is known of each target.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The names of the targets that are shown one by one.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Tasks remembered, main tasks included.
    pub fn len(&self) -> usize {
        self.scans.len() + self.roots.as_ref().map_or(0, KeyMap::len)
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests;
