//! Names of the targets that are shown one by one: those with a scan that runs or did not complete.

use std::sync::Arc;

use crate::model::{Name, Status, TargetNames, Task};

use super::key::{KeyMap, TargetKey};

/// Which names of a target are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// None.
    Nothing,
    /// Only what tells it from other targets.
    Ids,
    /// All.
    #[default]
    All,
}

/// Names by target. Apart from the records, because few targets need them.
#[derive(Clone, Debug, Default)]
pub struct Names(KeyMap<TargetKey, Arc<TargetNames>>);

impl Names {
    /// Keeps the names of the target of `task`, if its target may have to be shown by itself.
    /// Those of the task noted last stand.
    pub fn note(&mut self, task: &Task<'_>, naming: Naming) {
        if naming == Naming::Nothing || task.status == Status::Completed {
            return;
        }
        let target = task.target.as_deref().and_then(Name::of);
        let (Some(key), Some(target)) = (TargetKey::of(task), target) else { return };
        let name = |text: &Option<_>| match naming {
            Naming::All => Option::as_deref(text).and_then(Name::of),
            Naming::Ids | Naming::Nothing => None,
        };
        let names = TargetNames {
            target,
            instance_id: name(&task.instance_id),
            instance_name: name(&task.instance_name),
            target_name: name(&task.target_name),
        };
        self.0.insert(key, Arc::new(names));
    }

    /// The names of a target.
    pub fn get(&self, key: TargetKey) -> Option<&Arc<TargetNames>> {
        self.0.get(&key)
    }

    /// Takes from `old` what is not here, and drops what is not `needed`.
    pub(super) fn carry_over(&mut self, old: Self, needed: impl Fn(TargetKey) -> bool) {
        for (key, names) in old.0 {
            self.0.entry(key).or_insert(names);
        }
        self.0.retain(|&key, _| needed(key));
        self.0.shrink_to_fit();
    }
}
