//! The tasks of an account, and what can happen to them.

use std::collections::BTreeSet;

use crate::model::Listing;
use crate::poller::fake::{FakeTask, NOW, main_task};

use super::history::{Details, Event, Fate, Old, TARGETS};

pub(super) const MINUTE: i64 = 60_000;
pub(super) const RUNNING: i64 = 1;

/// A state that no account of the API names.
const ODD: i64 = 9;

/// Whether a task has reached an end.
pub(super) fn is_finished(task: &FakeTask) -> bool {
    (2..=4).contains(&task.status)
}

/// The tasks of an account that lists them in the way `listing`: with `root` there are main tasks only.
#[derive(Debug)]
pub(super) struct Fleet {
    listing: Listing,
    pub(super) tasks: Vec<FakeTask>,
    /// Starts so far, each of them a millisecond of its own after the minute: the order of finishing
    /// is then clear without a look at ids.
    starts: i64,
    /// Tasks that finished at a time that lay ahead of the last poll.
    ahead: BTreeSet<String>,
}

impl Fleet {
    pub(super) fn new(listing: Listing, old: &[Old]) -> Self {
        let mut fleet = Self { listing, tasks: Vec::new(), starts: 0, ahead: BTreeSet::new() };
        let mut last = None;
        for Old { hours_ago, joins, target, fate } in old {
            let start = NOW - hours_ago * 60 * MINUTE;
            let parent = last.clone().filter(|_| *joins && fleet.has_subtasks());
            let root = parent.unwrap_or_else(|| fleet.add(None, *target, start));
            last = Some(root.clone());
            fleet.task(&root, |task| end(task, fate, start + 30 * MINUTE));
            if fleet.has_subtasks() {
                let scan = fleet.add(Some(root), *target, start);
                fleet.task(&scan, |task| end(task, fate, start + 30 * MINUTE));
            }
        }
        fleet
    }

    /// A poll saw the tasks at `now`.
    pub(super) fn was_polled(&mut self, now: i64) {
        let ends_ahead = |task: &&FakeTask| is_finished(task) && task.end().is_some_and(|end| end > now);
        self.ahead = self.tasks.iter().filter(ends_ahead).map(|task| task.id.clone()).collect();
    }

    /// Whether the end of a task, if it has one, lay not ahead of the last poll. One that has come
    /// since is remembered or not, if the task goes, by whether a poll still sees it.
    fn is_known(&self, task: &FakeTask) -> bool {
        !self.ahead.contains(&task.id)
    }

    /// What `event` does to the tasks at `now`.
    pub(super) fn happen(&mut self, event: &Event, now: i64) {
        let ahead = self.ahead.clone();
        let may_retry = |task: &FakeTask| is_finished(task) && !ahead.contains(&task.id);
        match event {
            Event::Start(target) => {
                let root = self.add(None, *target, now);
                self.join(root, *target, now, None);
            }
            Event::StartAndEnd(target, fate) => {
                let root = self.add(None, *target, now);
                self.join(root.clone(), *target, now, Some(fate));
                self.task(&root, |task| end(task, fate, now));
            }
            Event::Barren(fate) => {
                let root = self.add(None, 0, now);
                self.task(&root, |task| end(task, fate, now));
            }
            Event::Join(pick, target) => {
                if let Some(root) = self.pick(*pick, |task| task.status == RUNNING && task.parent.is_none()) {
                    self.join(root, *target, now, None);
                }
            }
            Event::JoinAndEnd(pick, target, fate) => {
                if let Some(root) = self.pick(*pick, |task| task.status == RUNNING && task.parent.is_none()) {
                    self.join(root, *target, now, Some(fate));
                }
            }
            Event::Progress(pick, details) => {
                self.change(*pick, |task| task.status == RUNNING, |task, _| tell(task, details));
            }
            Event::Blur(pick) => {
                self.change(*pick, |task| task.status == RUNNING, |task, _| task.status = ODD)
            }
            Event::End(pick, fate) => {
                self.change(*pick, |task| !is_finished(task), |task, _| end(task, fate, now));
            }
            Event::Retry(pick) => self.change(*pick, may_retry, |task, starts| {
                restart(task, now, starts);
                task.status = RUNNING;
            }),
            Event::RetryAndEnd(pick, fate) => self.change(*pick, may_retry, |task, starts| {
                restart(task, now, starts);
                end(task, fate, now);
            }),
            Event::Correct(pick, fate) => self.change(*pick, is_finished, |task, _| end(task, fate, now)),
            Event::Late(hours, target, fate) => {
                let start = now - hours * 60 * MINUTE;
                let root = self.add(None, *target, start);
                self.join(root.clone(), *target, start, Some(fate));
                self.task(&root, |task| end(task, fate, start));
            }
            Event::Delete(pick) => {
                let of = |task: &FakeTask, id: &str| task.id == id || task.parent.as_deref() == Some(id);
                let is_known = |task: &FakeTask| self.is_known(task);
                let may_go =
                    |root: &FakeTask| self.tasks.iter().all(|task| !of(task, &root.id) || is_known(task));
                if let Some(id) = self.pick(*pick, may_go) {
                    self.tasks.retain(|task| !of(task, &id));
                }
            }
            Event::Fault | Event::Shift | Event::Restart | Event::Resume | Event::SetClock(_) => {}
        }
    }

    fn has_subtasks(&self) -> bool {
        self.listing != Listing::Root
    }

    /// A task starts, of `parent` if it is a subtask. Its id is told.
    fn add(&mut self, parent: Option<String>, target: usize, start: i64) -> String {
        self.starts += 1;
        let id = format!("{}{}", if parent.is_some() { "scan" } else { "main" }, self.starts);
        let (target_type, target) = TARGETS[target];
        let later = start - NOW + self.starts;
        let task = FakeTask { status: RUNNING, parent, target_type, later, ..main_task(&id, 0) };
        self.tasks.push(FakeTask { target: target.map(str::to_owned), ..task });
        id
    }

    /// A subtask of `root` starts, where there are any, and perhaps ends at once.
    fn join(&mut self, root: String, target: usize, now: i64, fate: Option<&Fate>) {
        if self.has_subtasks() {
            let scan = self.add(Some(root), target, now);
            fate.into_iter().for_each(|fate| self.task(&scan, |task| end(task, fate, now)));
        }
    }

    fn task(&mut self, id: &str, change: impl FnOnce(&mut FakeTask)) {
        if let Some(task) = self.tasks.iter_mut().find(|task| task.id == id) {
            change(task);
        }
    }

    /// The id of one of those tasks, if there are any.
    fn pick(&self, pick: usize, which: impl Fn(&FakeTask) -> bool) -> Option<String> {
        let those: Vec<_> = self.tasks.iter().filter(|task| which(task)).collect();
        (!those.is_empty()).then(|| those[pick % those.len()].id.clone())
    }

    fn change(
        &mut self,
        pick: usize,
        which: impl Fn(&FakeTask) -> bool,
        change: impl FnOnce(&mut FakeTask, i64),
    ) {
        let Some(id) = self.pick(pick, which) else { return };
        self.starts += 1;
        let starts = self.starts;
        self.task(&id, |task| change(task, starts));
    }
}

/// A later start of the same task, whatever the clock says.
fn restart(task: &mut FakeTask, now: i64, starts: i64) {
    let minute = task.start() - (task.start() - NOW).rem_euclid(MINUTE);
    task.later = now.max(minute) + starts - NOW;
}

fn end(task: &mut FakeTask, fate: &Fate, now: i64) {
    task.status = fate.status;
    // An end that lies ahead when its task leaves the look-back is never known. A clock may be set
    // back by an hour after this.
    let may_be_ahead = task.start() > now - 20 * 60 * MINUTE;
    let end = fate.end.map(|minutes| if may_be_ahead { minutes } else { minutes.min(-80) });
    task.took = end.map(|minutes| now + minutes * MINUTE - task.start());
    tell(task, &fate.details);
}

fn tell(task: &mut FakeTask, details: &Details) {
    task.megabytes = details.megabytes;
    task.percent = details.percent;
    task.vul_percent = details.vul_percent;
    task.report = details.report;
}
