//! What a state file gives back of a ledger.

use crate::ledger::{Ledger, Names, OpenIds, Parts, TargetsShown};
use crate::state::Restored;

/// The same ledger in its stored parts, put together again.
pub(super) fn reloaded(standing: Restored, shown: TargetsShown) -> Restored {
    let Restored { ledger, marks } = standing;
    let (mut names, mut ids) = (Names::new(shown), OpenIds::default());
    ledger.names().iter().for_each(|(key, known)| names.restore(key, known.as_ref().clone()));
    let open = ledger.ids().iter().filter_map(|(key, _)| Some((key, ledger.ids().get(key)?)));
    open.for_each(|(key, open)| ids.restore(key, open.clone()));
    let parts = Parts {
        scans: ledger.remembered_scans().clone(),
        roots: ledger.remembered_roots().clone(),
        targets: ledger.targets().clone(),
        names,
        ids,
        standing: ledger.standing(),
    };
    Restored { ledger: Ledger::restore(parts, marks.last_poll), marks }
}
