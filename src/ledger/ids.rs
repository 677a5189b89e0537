//! The ids of tasks that have not finished, to ask for them when they no longer run.

use crate::model::Task;

use serde::{Deserialize, Serialize};

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

/// Ids by task. Apart from the records, because few tasks are under way.
#[derive(Clone, Debug, Default)]
pub struct OpenIds(KeyMap<TaskKey, TaskIds>);

impl OpenIds {
    /// Keeps the ids of `task`, which was listed by the main task `root` if by any, unless it has
    /// finished.
    pub fn note(&mut self, task: &Task<'_>, root: Option<&str>) {
        if !task.status.is_finished() {
            let text = |text: &str| text.into();
            let ids = TaskIds {
                task: text(&task.id),
                root: root.map(text),
                target: task.target.as_deref().map(text),
            };
            self.0.insert(TaskKey::of(&task.id), ids);
        }
    }

    /// The ids of a task.
    pub fn get(&self, key: TaskKey) -> Option<&TaskIds> {
        self.0.get(&key)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (TaskKey, &TaskIds)> {
        self.0.iter().map(|(&key, ids)| (key, ids))
    }

    /// Keeps `ids`, which were noted before.
    pub fn restore(&mut self, key: TaskKey, ids: TaskIds) {
        self.0.insert(key, ids);
    }

    /// Takes over `newer`, and drops what is not `needed`. Gives the tasks whose ids are new or others.
    pub(super) fn renew(&mut self, newer: Self, needed: impl Fn(TaskKey) -> bool) -> Vec<TaskKey> {
        let mut renewed = Vec::new();
        for (key, ids) in newer.0.into_iter().filter(|&(key, _)| needed(key)) {
            if self.0.get(&key) != Some(&ids) {
                renewed.push(key);
                self.0.insert(key, ids);
            }
        }
        self.0.retain(|&key, _| needed(key));
        renewed
    }
}
