//! Names of the targets that are shown one by one: those with a scan that runs or did not complete.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::model::{Name, Status, TargetNames, Task};

use super::key::{KeyMap, TargetKey, TaskKey};

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
pub struct Names(KeyMap<TargetKey, Known>);

/// The names of a target, by the newest of the rows that name it best.
#[derive(Clone, Debug)]
struct Known {
    row: (bool, Option<UnixMillis>, TaskKey),
    names: Arc<TargetNames>,
}

impl Names {
    /// Keeps the names of the target of `task`, if its target may have to be shown by itself.
    /// Names change; those of the task that started last stand, whatever order rows come in, and
    /// older ones fill in what it leaves out.
    pub fn note(&mut self, task: &Task<'_>, naming: Naming) {
        if task.status == Status::Completed {
            return;
        }
        let (Some(key), Some(names)) = (TargetKey::of(task), names_of(task, naming)) else { return };
        let row = (names.instance_name.is_some(), task.start, TaskKey::of(&task.id));
        match self.0.entry(key) {
            Entry::Vacant(place) => _ = place.insert(Known { row, names: Arc::new(names) }),
            Entry::Occupied(mut place) if row >= place.get().row => {
                let names = Arc::new(filled(names, &place.get().names));
                place.insert(Known { row, names });
            }
            Entry::Occupied(mut place) => {
                let newer = &mut place.get_mut().names;
                *newer = Arc::new(filled(TargetNames::clone(newer), &names));
            }
        }
    }

    /// The names of a target.
    pub fn get(&self, key: TargetKey) -> Option<&Arc<TargetNames>> {
        self.0.get(&key).map(|known| &known.names)
    }

    /// The targets that have names, with these.
    pub fn iter(&self) -> impl Iterator<Item = (TargetKey, &Arc<TargetNames>)> {
        self.0.iter().map(|(&key, known)| (key, &known.names))
    }

    /// Keeps `names`, which were noted before: any row that comes is newer.
    pub fn restore(&mut self, key: TargetKey, names: TargetNames) {
        let row = (false, None, TaskKey::from_bytes([0; 16]));
        self.0.insert(key, Known { row, names: Arc::new(names) });
    }

    /// The targets whose names are not what they are in `other`.
    pub(super) fn differing<'n>(&'n self, other: &'n Self) -> impl Iterator<Item = TargetKey> + 'n {
        let keys = self.0.keys().chain(other.0.keys());
        keys.copied().filter(|&key| self.get(key) != other.get(key))
    }

    /// Takes from `old` what is not here, and drops what is not `needed`.
    pub(super) fn carry_over(&mut self, old: Self, needed: impl Fn(TargetKey) -> bool) {
        for (key, known) in old.0 {
            self.0.entry(key).or_insert(known);
        }
        self.0.retain(|&key, _| needed(key));
        self.0.shrink_to_fit();
    }
}

fn names_of(task: &Task<'_>, naming: Naming) -> Option<TargetNames> {
    let name = |text: &Option<_>| Option::as_deref(text).and_then(Name::of);
    let target = name(&task.target)?;
    match naming {
        Naming::Nothing => None,
        // Without a Uuid it is a name that tells the target from others.
        Naming::Ids if task.target == task.target_name => None,
        Naming::Ids => {
            Some(TargetNames { target, instance_id: None, instance_name: None, target_name: None })
        }
        Naming::All => Some(TargetNames {
            target,
            instance_id: name(&task.instance_id),
            instance_name: name(&task.instance_name),
            target_name: name(&task.target_name),
        }),
    }
}

/// `names`, with what is missing taken from `other`.
fn filled(names: TargetNames, other: &TargetNames) -> TargetNames {
    TargetNames {
        instance_id: names.instance_id.or_else(|| other.instance_id.clone()),
        instance_name: names.instance_name.or_else(|| other.instance_name.clone()),
        target_name: names.target_name.or_else(|| other.target_name.clone()),
        target: names.target,
    }
}
