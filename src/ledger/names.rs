//! Names of the targets that are shown one by one.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::model::{Name, Status, TargetNames, Task};

use super::key::{KeyMap, TargetKey, TaskKey};
use super::shown::{TargetsShown, Which};

/// Names by target, apart from the records, because few targets need them: those with a scan that
/// runs or did not complete and, where all targets are shown, up to the limit of the others, those
/// with the lowest fingerprints.
#[derive(Clone, Debug, Default)]
pub struct Names {
    shown: TargetsShown,
    known: KeyMap<TargetKey, Known>,
    /// Those of `known` that only completed scans are known of.
    others: BTreeSet<TargetKey>,
}

/// The names of a target, by the newest of the rows that name it best.
#[derive(Clone, Debug)]
struct Known {
    row: (bool, Option<UnixMillis>, TaskKey),
    names: Arc<TargetNames>,
}

impl Names {
    /// None yet, and room for those that are `shown`.
    pub fn new(shown: TargetsShown) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Keeps the names of the target of `task`, if its target may have to be shown by itself.
    /// Names change; those of the task that started last stand, whatever order rows come in, and
    /// older ones fill in what it leaves out.
    pub fn note(&mut self, task: &Task<'_>) {
        let Some(key) = TargetKey::of(task).filter(|&key| self.has_room(key, task.status)) else { return };
        let Some(names) = names_of(task, self.shown) else { return };
        let row = (names.instance_name.is_some(), task.start, TaskKey::of(&task.id));
        match self.known.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Known { row, names: Arc::new(names) });
                if task.status == Status::Completed {
                    self.others.insert(key);
                }
            }
            Entry::Occupied(mut place) if row >= place.get().row => {
                let names = Arc::new(filled(names, &place.get().names));
                place.insert(Known { row, names });
            }
            Entry::Occupied(mut place) => {
                let newer = &mut place.get_mut().names;
                *newer = Arc::new(filled(TargetNames::clone(newer), &names));
            }
        }
        if task.status != Status::Completed {
            self.others.remove(&key);
        }
        if self.others.len() > self.most_others()
            && let Some(last) = self.others.pop_last()
        {
            self.known.remove(&last);
        }
    }

    /// The names of a target.
    pub fn get(&self, key: TargetKey) -> Option<&Arc<TargetNames>> {
        self.known.get(&key).map(|known| &known.names)
    }

    /// The targets that have names, with these.
    pub fn iter(&self) -> impl Iterator<Item = (TargetKey, &Arc<TargetNames>)> {
        self.known.iter().map(|(&key, known)| (key, &known.names))
    }

    /// Keeps of `names`, which were noted before, what may be shown. Any row that comes is newer.
    pub fn restore(&mut self, key: TargetKey, names: TargetNames) {
        let names = restricted(names, self.shown).filter(|_| self.shown.which != Which::None);
        let row = (false, None, TaskKey::from_bytes([0; 16]));
        self.known.extend(names.map(|names| (key, Known { row, names: Arc::new(names) })));
    }

    /// Keeps what may be `shown` from now on.
    pub(super) fn show(&mut self, shown: TargetsShown) {
        let before = std::mem::replace(self, Self::new(shown));
        for (key, known) in before.known {
            self.restore(key, Arc::unwrap_or_clone(known.names));
        }
    }

    /// The targets whose names are not what they are in `other`.
    pub(super) fn differing<'n>(&'n self, other: &'n Self) -> impl Iterator<Item = TargetKey> + 'n {
        let keys = self.known.keys().chain(other.known.keys());
        keys.copied().filter(|&key| self.get(key) != other.get(key))
    }

    /// Takes from `old` what is not here, and drops what is neither `needed` nor, where all
    /// targets are shown, among the first of the others that have `finished`.
    pub(super) fn carry_over(
        &mut self,
        old: Self,
        needed: impl Fn(TargetKey) -> bool,
        finished: impl Fn(TargetKey) -> bool,
    ) {
        for (key, known) in old.known {
            self.known.entry(key).or_insert(known);
        }
        let is_other = |key: &TargetKey| !needed(*key) && finished(*key);
        let mut others: Vec<TargetKey> = match self.most_others() {
            0 => Vec::new(),
            _ => self.known.keys().copied().filter(is_other).collect(),
        };
        others.sort_unstable();
        others.truncate(self.most_others());
        self.others = others.into_iter().collect();
        self.known.retain(|key, _| needed(*key) || self.others.contains(key));
        self.known.shrink_to_fit();
    }

    /// Whether a row of that `status` can bring names of the target `key` that will be kept.
    fn has_room(&self, key: TargetKey, status: Status) -> bool {
        let has_place = || self.others.len() < self.most_others() || self.others.last() > Some(&key);
        match self.shown.which {
            Which::None => false,
            _ if status != Status::Completed => true,
            Which::Failing => false,
            Which::All => self.known.contains_key(&key) || has_place(),
        }
    }

    /// Most targets beside those that fail or are being scanned.
    fn most_others(&self) -> usize {
        match self.shown.which {
            Which::None | Which::Failing => 0,
            Which::All => self.shown.limit,
        }
    }
}

fn names_of(task: &Task<'_>, shown: TargetsShown) -> Option<TargetNames> {
    let name = |text: &Option<_>| Option::as_deref(text).and_then(Name::of);
    let names = TargetNames {
        target: name(&task.target)?,
        instance_id: name(&task.instance_id),
        instance_name: name(&task.instance_name),
        target_name: name(&task.target_name),
    };
    restricted(names, shown)
}

/// What of `names` may be shown.
fn restricted(names: TargetNames, shown: TargetsShown) -> Option<TargetNames> {
    if shown.names {
        return Some(names);
    }
    let TargetNames { target, target_name, .. } = names;
    // Without a Uuid it is a name that tells the target from others.
    let is_id = target_name.as_ref() != Some(&target);
    is_id.then_some(TargetNames { target, instance_id: None, instance_name: None, target_name: None })
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
