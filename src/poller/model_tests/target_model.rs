//! What became of each target, by the words of the contract alone.

use std::collections::BTreeMap;

use crate::poller::fake::FakeTask;

use super::fleet::is_finished;
use super::history::Choice;
use super::model::{Facts, LOOKBACK, add, finish, status_name, type_name};

/// One end of one task: it ends again each time that it starts.
#[derive(Clone, Debug)]
struct End {
    target: Target,
    status: i64,
    start: i64,
    /// When that was, if it is told and not ahead.
    at: Option<i64>,
    is_shown: bool,
    /// Whether the target is judged by it.
    is_needed: bool,
    is_first_failure: bool,
}

impl End {
    /// By EndTime, then StartTime. No two tasks of a fleet have the same start.
    fn order(&self) -> (i64, i64) {
        (self.at.unwrap_or(self.start), self.start)
    }
}

/// Type and name.
pub(super) type Target = (&'static str, String);

/// What is known of one target.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    pub(super) status: i64,
    pub(super) last_finished: Option<i64>,
    pub(super) last_success: Option<i64>,
    pub(super) failing_since: Option<i64>,
}

impl State {
    pub(super) fn is_failing(&self) -> bool {
        self.status != 2
    }
}

/// The targets of one source.
#[derive(Debug)]
pub(super) struct TargetModel {
    pub(super) choice: Choice,
    ends: BTreeMap<(String, i64), End>,
    pub(super) states: BTreeMap<Target, State>,
    /// Whether a target was ever forgotten.
    pub(super) has_forgotten: bool,
}

impl TargetModel {
    pub(super) fn new(choice: Choice) -> Self {
        Self { choice, ends: BTreeMap::new(), states: BTreeMap::new(), has_forgotten: false }
    }

    /// A poll at `now` that has seen what the `shown` scans are, and if it is the first, the last
    /// states of `older` ones.
    pub(super) fn poll<'t>(
        &mut self,
        shown: &[&'t FakeTask],
        older: impl Iterator<Item = &'t FakeTask>,
        now: i64,
    ) {
        let keep = self.choice.keep.as_millis() as i64;
        let from = now - LOOKBACK - keep;
        self.ends.values_mut().for_each(|end| end.is_shown = false);
        let older = older.filter(|task| task.start() >= now - keep);
        for task in shown.iter().copied().chain(older).filter(|task| is_finished(task)) {
            let Some(name) = task.target.clone() else { continue };
            let end = End {
                target: (type_name(task), name),
                status: task.status,
                start: task.start(),
                at: task.end().filter(|&end| end <= now),
                is_shown: true,
                is_needed: false,
                is_first_failure: false,
            };
            let known = self.ends.entry((task.id.clone(), task.start())).or_insert_with(|| end.clone());
            known.is_shown = true;
            if (known.status, known.at) != (end.status, end.at) {
                *known = end;
            }
        }
        // Of tasks that are deleted, started again or have left the look-back, those are remembered that
        // their targets are judged by: the latest one, the latest that completed, and for as long as
        // the target fails, the one since which it does.
        let is_recent = |end: &End| end.order().0 >= from;
        self.ends
            .retain(|_, end| (is_recent(end) && (end.is_shown || end.is_needed)) || end.is_first_failure);
        let known = std::mem::take(&mut self.states);
        let targets: Vec<_> = self.ends.values().map(|end| end.target.clone()).collect();
        targets.into_iter().for_each(|target| self.judge(target, from));
        self.has_forgotten |= known.keys().any(|target| !self.states.contains_key(target));
    }

    fn judge(&mut self, target: Target, from: i64) {
        let mut ends: Vec<_> = self.ends.values_mut().filter(|end| end.target == target).collect();
        ends.sort_by_key(|end| end.order());
        for end in &mut ends {
            (end.is_needed, end.is_first_failure) = (false, false);
        }
        let is_recent = |end: &End| end.order().0 >= from;
        // A target is kept for so long after it finished last.
        let Some(latest) = ends.pop_if(|end| is_recent(end)) else { return };
        latest.is_needed = true;
        let (status, last_finished) = (latest.status, latest.at);
        ends.push(latest);
        let success = ends.iter().rposition(|end| end.status == 2);
        if let Some(at) = success {
            ends[at].is_needed = true;
        }
        let last_success = success.and_then(|at| ends[at].at);
        let first_failure = success.map_or(0, |at| at + 1);
        let failing_since = ends.get_mut(first_failure).map(|end| {
            end.is_first_failure = true;
            end.order().0
        });
        self.states.insert(target, State { status, last_finished, last_success, failing_since });
    }

    /// Adds the gauges about targets.
    pub(super) fn gauge(&self, gauges: &mut Facts) {
        for ((target_type, _), state) in &self.states {
            add(gauges, &format!("targets{{{target_type},{}}}", status_name(state.status)), 1);
            state.last_finished.into_iter().for_each(|at| finish(gauges, target_type, state.status, at));
            state.last_success.into_iter().for_each(|at| finish(gauges, target_type, 2, at));
        }
    }
}
