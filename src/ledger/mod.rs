//! What is remembered of the tasks of one source, in memory: which there are, which have been
//! counted, and what became of each target.

mod apply;
mod changes;
mod counters;
mod follow;
mod ids;
mod key;
mod listing;
mod names;
mod record;
mod shown;
mod stored;
mod targets;

pub use changes::Changes;
pub use counters::{Counters, Durations, TypeCounters};
pub use ids::{OpenIds, OpenTask, TaskIds};
pub use key::{KeyMap, KeySet, TargetKey, TaskKey, TaskMap};
pub use listing::{DeltaListing, FullListing, Horizon};
pub use names::Names;
pub use record::Record;
pub use shown::{TargetsShown, Which};
pub use stored::{Parts, Standing};
pub use targets::{Finished, Target, Targets};

use crate::clock::UnixMillis;

/// Records by the fingerprint of their task.
pub type Records = TaskMap<Record>;

/// The tasks and targets of one source. Pure: it knows no clock and no network.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    scans: Records,
    roots: Records,
    /// Whether main tasks are kept apart from scan tasks.
    has_roots: bool,
    targets: Targets,
    names: Names,
    ids: OpenIds,
    counters: Counters,
    /// Whether a first listing has told what had finished before counting began.
    is_seeded: bool,
    /// Tasks dated up to then may have been counted and forgotten.
    forgotten_until: Option<UnixMillis>,
    /// Tasks that deltas have shown since the full listing under way began.
    shown_since: Option<KeySet<TaskKey>>,
    /// When the last delta since the last full listing began.
    last_delta: Option<UnixMillis>,
    /// The earliest end among those that are told of finished scan tasks and still lie ahead. From
    /// then on it is known when they finished, and targets may be judged otherwise.
    next_end: Option<UnixMillis>,
}

impl Ledger {
    /// Forgets everything but what was counted: the next full listing seeds the ledger anew.
    pub fn restart(&mut self) {
        *self = Self { counters: self.counters.clone(), ..Self::default() };
    }

    /// Forgets the names that are not to be `shown` any more.
    pub fn show(&mut self, shown: TargetsShown) {
        self.names.show(shown);
    }

    /// The scan tasks that are shown.
    pub fn scans(&self) -> impl Iterator<Item = (&TaskKey, &Record)> {
        self.scans.iter().filter(|(_, scan)| !scan.is_absent())
    }

    /// The main tasks that are shown.
    pub fn roots(&self) -> impl Iterator<Item = (&TaskKey, &Record)> {
        let roots = if self.has_roots { &self.roots } else { &self.scans };
        roots.iter().filter(|(_, root)| !root.is_absent())
    }

    /// A scan task, if it is shown.
    pub fn scan(&self, key: TaskKey) -> Option<&Record> {
        self.scans.get(&key).filter(|scan| !scan.is_absent())
    }

    /// A main task, if it is shown.
    pub fn root(&self, key: TaskKey) -> Option<&Record> {
        let roots = if self.has_roots { &self.roots } else { &self.scans };
        roots.get(&key).filter(|root| !root.is_absent())
    }

    /// What is known of each target.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The names of the targets that are shown one by one.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The ids and the checks of tasks that have not finished.
    pub fn ids(&self) -> &OpenIds {
        &self.ids
    }

    /// What has been counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Tasks whose ids are known, main tasks included.
    pub fn len(&self) -> usize {
        self.scans.len() + self.roots.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod counting_tests;
#[cfg(test)]
mod target_tests;
#[cfg(test)]
mod tests;
