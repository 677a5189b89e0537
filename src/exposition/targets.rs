//! The series of single targets, as far as the configuration allows them.

use crate::clock::UnixMillis;
use crate::meters::table;
use crate::model::Name;
use crate::snapshot::{Snapshot, TargetState};

use super::family::Family;

/// The families about single targets with the samples of one source, always the same ones in the
/// same order. A target has a series of the status that it is in, and none of the others.
pub(super) fn families<'a>(source: &'a str, snapshot: &'a Snapshot) -> Vec<Family<'a>> {
    let mut statuses = Family::new(&table::SCAN_TARGET_STATUS);
    let mut last_success = Family::new(&table::SCAN_TARGET_LAST_SUCCESS);
    let mut last_finished = Family::new(&table::SCAN_TARGET_LAST_FINISHED);
    let mut infos = Family::new(&table::SCAN_TARGET_INFO);

    for ((target_type, target), state) in &snapshot.series.targets {
        let of_target @ [source, target_type, target] = [source, target_type.as_str(), target.as_str()];
        let TargetState { status, last_success: success, last_finished: finished, names } = state;
        statuses.push(&[source, target_type, target, status.as_str()], 1.0);
        last_success.push_known(&of_target, success.map(UnixMillis::as_secs_f64));
        last_finished.push_known(&of_target, finished.map(UnixMillis::as_secs_f64));
        if let Some(names) = names {
            // For scrapers an empty label is none.
            let or_empty = |name: &'a Option<Name>| name.as_ref().map_or("", Name::as_str);
            let names = [&names.instance_id, &names.instance_name, &names.target_name].map(or_empty);
            infos.push(&[of_target.as_slice(), &names].concat(), 1.0);
        }
    }

    vec![statuses, last_success, last_finished, infos]
}
