//! Which targets must have series of their own, and which of too many may.

use std::collections::{BTreeMap, BTreeSet};

use crate::clock::UnixMillis;
use crate::ledger::Which;
use crate::poller::fake::HOUR;
use crate::snapshot::Snapshot;

use super::model::status_name;
use super::target_model::{Target, TargetModel};

/// What was seen so far of the order in which targets of one kind are left out.
#[derive(Debug, Default)]
pub(super) struct SeriesOrder {
    /// (shown, left out), of the same kind in the same snapshot.
    before: BTreeSet<(Target, Target)>,
}

impl SeriesOrder {
    /// What is wrong with the series of `snapshot`.
    pub(super) fn mistakes(&mut self, snapshot: &Snapshot, model: &TargetModel) -> Vec<String> {
        let mut mistakes = Vec::new();
        let series = &snapshot.series.targets;
        let shown: BTreeSet<Target> =
            series.keys().map(|(target_type, name)| (target_type.as_str(), name.to_string())).collect();
        let wanted: BTreeMap<_, _> = model
            .states
            .iter()
            .filter(|(_, state)| match model.choice.which {
                Which::None => false,
                Which::Failing => state.is_failing(),
                Which::All => true,
            })
            .collect();
        let limit = model.choice.limit;
        // Names of good targets are kept for as many as the limit. When others of those are forgotten,
        // or are shown although too old to be kept, one may wait for its next row
        // (docs/decisions/0006-series-for-single-targets.md).
        let may_forget = model.has_forgotten || model.choice.keep < 24 * HOUR;
        let may_wait = may_forget && model.choice.which == Which::All;
        let expected = wanted.len().min(limit);
        if shown.len() > limit || (shown.len() != expected && !may_wait) {
            mistakes.push(format!(
                "{} of {} targets have series, the limit is {limit}",
                shown.len(),
                wanted.len()
            ));
        }
        if snapshot.series.dropped != (wanted.len() - shown.len().min(wanted.len())) as u64 {
            mistakes.push(format!(
                "{} are dropped of {} with {} shown",
                snapshot.series.dropped,
                wanted.len(),
                shown.len()
            ));
        }
        for (target, state) in series {
            let target = (target.0.as_str(), target.1.to_string());
            let millis = |at: Option<UnixMillis>| at.map(|at| at.as_millis() as i64);
            let says = (state.status.as_str(), millis(state.last_finished), millis(state.last_success));
            let must = wanted
                .get(&target)
                .map(|state| (status_name(state.status), state.last_finished, state.last_success));
            if must != Some(says) {
                mistakes.push(format!("{target:?} says {says:?}, not {must:?}"));
            }
            let name = state.names.as_ref().map(|names| names.best().to_string());
            if name.as_deref() != Some(&*format!("name-of-{}", target.1)) {
                mistakes.push(format!("{target:?} is called {name:?}"));
            }
        }
        mistakes.extend(self.out_of_order(
            &shown,
            &wanted.into_iter().map(|(target, state)| (target.clone(), state.is_failing())).collect(),
            may_wait,
        ));
        mistakes
    }

    /// Failing targets go first. Of one kind, one that was left out for another never pushes it out.
    fn out_of_order(
        &mut self,
        shown: &BTreeSet<Target>,
        wanted: &BTreeMap<Target, bool>,
        may_wait: bool,
    ) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (left_out, fails) in wanted.iter().filter(|(target, _)| !shown.contains(*target)) {
            for (first, first_fails) in wanted.iter().filter(|(target, _)| shown.contains(*target)) {
                if *fails && !first_fails {
                    mistakes.push(format!("{left_out:?} fails and is left out, {first:?} is shown"));
                }
                if fails == first_fails && !may_wait {
                    self.before.insert((first.clone(), left_out.clone()));
                    if self.before.contains(&(left_out.clone(), first.clone())) {
                        mistakes.push(format!("{first:?} took the place of {left_out:?}"));
                    }
                }
            }
        }
        mistakes
    }
}
