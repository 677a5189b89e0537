//! What is kept of tasks only until they finish: their ids, to ask for them when they no longer run,
//! and how far their checks have come.

use serde::{Deserialize, Serialize};

use crate::model::{CheckProgress, Task};

use super::key::{KeyMap, TaskKey};

/// What a task can be asked for by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskIds {
    /// `TaskId`.
    pub task: Box<str>,
    /// The main task that it was listed by, where subtasks are listed so.
    pub root: Option<Box<str>>,
    /// What tells its target from others: `Uuid`, else `TargetName`.
    pub target: Option<Box<str>>,
}

/// What is kept of a task until it finishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTask {
    /// What it can be asked for by.
    pub ids: TaskIds,
    /// Progress of its checks.
    pub checks: CheckProgress,
}

/// Open tasks. Apart from the records, because few tasks are under way.
#[derive(Clone, Debug, Default)]
pub struct OpenIds(KeyMap<TaskKey, OpenTask>);

impl OpenIds {
    /// Keeps the ids and the checks of `task`, which was listed by the main task `root` if by any,
    /// unless it has finished. Of several rows the last one stands.
    pub fn note(&mut self, task: &Task<'_>, root: Option<&str>) {
        if !task.status.is_finished() {
            let text = |text: &str| text.into();
            let ids = TaskIds {
                task: text(&task.id),
                root: root.map(text),
                target: task.target.as_deref().map(text),
            };
            self.0.insert(TaskKey::of(&task.id), OpenTask { ids, checks: task.checks });
        }
    }

    /// What is kept of a task.
    pub fn get(&self, key: TaskKey) -> Option<&OpenTask> {
        self.0.get(&key)
    }

    /// All ids.
    pub fn iter(&self) -> impl Iterator<Item = (TaskKey, &TaskIds)> {
        self.0.iter().map(|(&key, open)| (key, &open.ids))
    }

    /// Keeps `open`, which was noted before.
    pub fn restore(&mut self, key: TaskKey, open: OpenTask) {
        self.0.insert(key, open);
    }

    /// Drops what was noted of a task.
    pub(super) fn remove(&mut self, key: TaskKey) {
        self.0.remove(&key);
    }

    /// Takes over `newer`, and drops what is not `needed`. Gives the tasks of which something is new.
    pub(super) fn renew(&mut self, newer: Self, needed: impl Fn(TaskKey) -> bool) -> Vec<TaskKey> {
        let mut renewed = Vec::new();
        for (key, open) in newer.0.into_iter().filter(|&(key, _)| needed(key)) {
            if self.0.get(&key) != Some(&open) {
                renewed.push(key);
                self.0.insert(key, open);
            }
        }
        self.0.retain(|&key, _| needed(key));
        renewed
    }
}
