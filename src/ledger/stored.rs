//! What of a ledger outlives the process, and how it comes back.

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;

use super::{Counters, Ledger, Names, OpenIds, Records, Targets};

/// What is remembered beside single tasks and targets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    counters: Counters,
    is_seeded: bool,
    has_roots: bool,
    forgotten_until: Option<UnixMillis>,
}

/// All that a ledger is made of again. What deltas have shown lately is not among it: the first
/// poll of a process asks for a full listing or for what changed since the last one.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Scan tasks, those that are shown no more included.
    pub scans: Records,
    /// The same of main tasks.
    pub roots: Records,
    /// What is known of each target.
    pub targets: Targets,
    /// Names of targets.
    pub names: Names,
    /// Ids and checks of tasks that have not finished.
    pub ids: OpenIds,
    /// Everything else.
    pub standing: Standing,
}

impl Ledger {
    /// The ledger that `parts` were taken from, after a poll at `last_poll`.
    pub fn restore(parts: Parts, last_poll: UnixMillis) -> Self {
        let Parts { scans, roots, targets, names, ids, standing } = parts;
        let Standing { counters, is_seeded, has_roots, forgotten_until } = standing;
        let ends = scans.values().filter(|scan| scan.status.is_finished()).filter_map(|scan| scan.end);
        let next_end = ends.filter(|&end| end > last_poll).min();
        Self {
            scans,
            roots,
            has_roots,
            targets,
            names,
            ids,
            counters,
            is_seeded,
            forgotten_until,
            shown_since: None,
            last_delta: None,
            next_end,
        }
    }

    /// The scan tasks, those that are shown no more included.
    pub fn remembered_scans(&self) -> &Records {
        &self.scans
    }

    /// The main tasks that are kept apart, those that are shown no more included.
    pub fn remembered_roots(&self) -> &Records {
        &self.roots
    }

    /// What is remembered beside tasks and targets.
    pub fn standing(&self) -> Standing {
        Standing {
            counters: self.counters.clone(),
            is_seeded: self.is_seeded,
            has_roots: self.has_roots,
            forgotten_until: self.forgotten_until,
        }
    }
}
