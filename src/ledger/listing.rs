//! What a poll gives to the ledger, and the times it is judged by.

use std::time::Duration;

use crate::clock::UnixMillis;

use super::Records;
use super::ids::OpenIds;
use super::key::TaskKey;
use super::names::Names;

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
    /// Ids and checks of those that have not finished.
    pub ids: OpenIds,
}

/// All that a complete delta poll gave: what changed, and what may have.
#[derive(Clone, Debug, Default)]
pub struct DeltaListing {
    /// Scan tasks that were shown.
    pub scans: Records,
    /// Main tasks that were shown, where they are kept apart.
    pub roots: Records,
    /// Scan tasks that are shown no more, though asked for.
    pub gone_scans: Vec<TaskKey>,
    /// The same of main tasks.
    pub gone_roots: Vec<TaskKey>,
    /// Names of targets among all those.
    pub names: Names,
    /// Ids and checks of those that have not finished.
    pub ids: OpenIds,
}

/// The times that a poll is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// When the poll ended.
    pub now: UnixMillis,
    /// Tasks that started before have left the look-back.
    pub window_from: UnixMillis,
    /// Targets that finished last before are forgotten.
    pub targets_from: UnixMillis,
}

impl Horizon {
    /// The times of a poll that ended at `now`; targets are kept for `keep_targets` beyond the
    /// look-back.
    pub fn new(now: UnixMillis, lookback: Duration, keep_targets: Duration) -> Self {
        let targets_from = now.minus(lookback.saturating_add(keep_targets));
        Self { now, window_from: now.minus(lookback), targets_from }
    }
}
