//! The targets that get series of their own, a bounded number of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::ledger::{Ledger, Target, TargetsShown, Which};
use crate::model::{Name, Status, TargetNames, TargetType};

/// The targets with series of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetSeries {
    /// By what labels tell them apart: type and name, so that no series can come twice.
    pub targets: BTreeMap<(TargetType, Name), TargetState>,
    /// Targets that are left out, though the configuration asks for their kind: they are beyond
    /// its limit, nothing that may be shown tells them from others, or another one with series
    /// has the same name once it is fit to be a label.
    pub dropped: u64,
}

/// What the series of one target say.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetState {
    /// How its latest finished task ended.
    pub status: Status,
    /// When that task ended, if known.
    pub last_finished: Option<UnixMillis>,
    /// When its latest completed task ended, if known.
    pub last_success: Option<UnixMillis>,
    /// Its names; `None` if those that change are not to be shown.
    pub names: Option<Arc<TargetNames>>,
}

/// The targets of `ledger` that are to be `shown`, at most as many as the limit. Those that fail
/// go before all others, and then the fingerprint decides, so that a target keeps its series from
/// one poll to the next.
pub(super) fn series(ledger: &Ledger, shown: TargetsShown) -> TargetSeries {
    let is_wanted = |target: &Target| match shown.which {
        Which::None => false,
        Which::Failing => target.is_failing(),
        Which::All => true,
    };
    let mut wanted = 0;
    let mut named = Vec::new();
    for (&key, target) in ledger.targets().iter().filter(|(_, target)| is_wanted(target)) {
        wanted += 1;
        if let Some(names) = ledger.names().get(key) {
            named.push(((!target.is_failing(), key), target, names));
        }
    }
    named.sort_unstable_by_key(|&(order, ..)| order);
    let mut targets = BTreeMap::new();
    for (_, target, names) in named {
        if targets.len() == shown.limit {
            break;
        }
        if let Entry::Vacant(place) = targets.entry((target.target_type, names.target.clone())) {
            place.insert(TargetState {
                status: target.latest.status,
                last_finished: target.latest.finished_at,
                last_success: target.latest_success.and_then(|success| success.finished_at),
                names: shown.names.then(|| Arc::clone(names)),
            });
        }
    }
    TargetSeries { dropped: wanted - targets.len() as u64, targets }
}
