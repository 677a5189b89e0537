//! Which changes the polls of what changed may leave to the next full listing, as
//! `docs/decisions/0008-delta-polls.md` says.

use crate::model::Listing;
use crate::poller::fake::FakeTask;

use super::fleet::{MINUTE, RUNNING, is_finished};
use super::model::LOOKBACK;

/// The tasks at two polls, and when those were.
#[derive(Debug)]
pub(super) struct Between<'a> {
    pub(super) listing: Listing,
    pub(super) before: &'a [FakeTask],
    pub(super) after: &'a [FakeTask],
    pub(super) last_poll: i64,
    pub(super) now: i64,
}

impl Between<'_> {
    /// Whether the second poll may miss something.
    pub(super) fn hides_something(&self) -> bool {
        let is_gone = |task: &FakeTask| find(self.after, &task.id).is_none();
        // Tasks that are deleted stay in the gauges.
        self.before.iter().any(is_gone)
            || self.after.iter().any(|task| self.is_hidden(task))
            || (self.listing == Listing::Flat && self.hides_main_tasks())
    }

    /// Whether it depends on the order in which the polls see the changes what is remembered of a target:
    /// of its ends that are shown no more only those by which it was judged, and now another end turns
    /// out to have been before those.
    pub(super) fn is_ambiguous(&self) -> bool {
        let after = |task: &FakeTask| find(self.after, &task.id);
        let leaves_at = self.now - LOOKBACK;
        let is_out_of_sight = |task: &FakeTask| {
            after(task).is_none_or(|now| now.start() != task.start() || now.start() < leaves_at)
        };
        let is_set_right = |task: &FakeTask| {
            let before = find(self.before, &task.id);
            let ended_at = task.end().filter(|&end| end <= self.now).unwrap_or(task.start());
            let is_new = before.is_none_or(|before| says(before) != says(task));
            let is_corrected = before.is_some_and(is_finished);
            is_finished(task) && is_new && (ended_at < self.last_poll || is_corrected)
        };
        self.before.iter().any(is_out_of_sight) && self.after.iter().any(is_set_right)
    }

    fn is_hidden(&self, task: &FakeTask) -> bool {
        let Some(before) = find(self.before, &task.id) else {
            // It comes hours late while others go, or in the first poll after a full listing, which
            // takes the counts anew; or no filter and no count knows its state.
            let is_late = task.start() < self.last_poll - 120 * MINUTE;
            let is_odd = task.status != RUNNING && !is_finished(task);
            return is_late || is_odd || self.is_of_settled_root(task);
        };
        let has_changed = says(before) != says(task);
        // The counts can stand as they did, though it was set right, or ran again and runs no more, or
        // runs again and was forgotten, so that another one takes its place in them.
        let was_forgotten = before.start() < self.last_poll - LOOKBACK;
        let hides_behind_counts = is_finished(before) && (task.status != RUNNING || was_forgotten);
        // What neither runs nor has finished, before and after, is in no list and no count.
        let is_odd = |task: &FakeTask| task.status != RUNNING && !is_finished(task);
        let is_unseen = is_odd(before) && is_odd(task);
        let is_settled = before.status != RUNNING && self.is_of_settled_root(task);
        has_changed && (hides_behind_counts || is_unseen || is_settled)
    }

    /// Whether its main task neither runs nor has changed, as far as a delta can see: then its subtasks
    /// are listed no more. One in a state that nobody knows, from before the look-back, is not known.
    fn is_of_settled_root(&self, task: &FakeTask) -> bool {
        let Some(root) = task.parent.as_ref().filter(|_| self.listing == Listing::PerRoot) else {
            return false;
        };
        let (before, after) = (find(self.before, root), find(self.after, root));
        let said = |root: &FakeTask| (root.status, root.start());
        let was_unknown = before.is_some_and(|root| {
            root.status != RUNNING && !is_finished(root) && root.start() < self.last_poll - LOOKBACK
        });
        after.is_some_and(|root| root.status != RUNNING)
            && (was_unknown || before.map(said) == after.map(said))
    }

    /// Main tasks that have just ended, or are in a state that nobody knows, are looked for when
    /// subtasks have ended or a main task runs no more.
    fn hides_main_tasks(&self) -> bool {
        let of = |tasks: &'_ [FakeTask], is_root: bool, id: &str| {
            find(tasks, id).filter(|task| task.parent.is_none() == is_root).cloned()
        };
        let ends = |task: &&FakeTask, is_root: bool| {
            let before = of(self.before, is_root, &task.id);
            task.parent.is_none() == is_root
                && is_finished(task)
                && before.is_none_or(|before| !is_finished(&before))
        };
        let subtask_ends = self.after.iter().any(|task| ends(&task, false));
        let was_running =
            |task: &FakeTask| of(self.before, true, &task.id).is_some_and(|b| b.status == RUNNING);
        let root_stops = self.after.iter().any(|task| was_running(task) && task.status != RUNNING);
        let root_ends = self.after.iter().any(|task| ends(&task, true) && !was_running(task));
        root_ends && !subtask_ends && !root_stops
    }
}

fn find<'a>(tasks: &'a [FakeTask], id: &str) -> Option<&'a FakeTask> {
    tasks.iter().find(|task| task.id == id)
}

/// What its row tells.
fn says(task: &FakeTask) -> impl PartialEq + use<> {
    (task.status, task.start(), task.end(), task.megabytes, task.percent, task.report)
}
