//! Single scans and targets of a snapshot, for people.

use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::model::{Progress, Status, TargetNames, TargetType};

/// A scan that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningScan {
    /// Type of its target.
    pub target_type: TargetType,
    /// Names of its target; `None` if the row names none, or targets are not to be shown.
    pub target: Option<Arc<TargetNames>>,
    /// When it started.
    pub start: Option<UnixMillis>,
    /// How far it has come.
    pub progress: Option<Progress>,
}

/// A target whose latest finished scan did not complete.
#[derive(Clone, Debug, PartialEq)]
pub struct FailingTarget {
    /// Type of the target.
    pub target_type: TargetType,
    /// Its names; `None` if targets are not to be shown.
    pub target: Option<Arc<TargetNames>>,
    /// How its latest finished scan ended: [`Status::Failed`] or [`Status::TimedOut`].
    pub status: Status,
    /// When that scan ended, if known.
    pub finished_at: Option<UnixMillis>,
    /// When the first scan ended that did not complete since the last one that did, as far as is
    /// known: at or before `finished_at`.
    pub failing_since: Option<UnixMillis>,
    /// When its latest completed scan ended, as far as is known.
    pub last_success: Option<UnixMillis>,
}
