//! One commit of one source, encoded and ready to be written.

use redb::{Database, ReadableTable as _, WriteTransaction};
use serde::Serialize;

use crate::ledger::{Changes, KeySet, Ledger, Records, TargetKey, TaskKey};

use super::format::{Head, Identity, SOURCES, Stamp, StoredNames, TableNames, Targets, Tasks, Watermarks};

/// The keys of what is to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    scans: KeySet<TaskKey>,
    roots: KeySet<TaskKey>,
    targets: KeySet<TargetKey>,
}

impl Keys {
    pub(super) fn add(&mut self, changes: &Changes) {
        self.scans.extend(&changes.scans);
        self.roots.extend(&changes.roots);
        self.targets.extend(&changes.targets);
    }
}

/// Upon what a commit builds.
#[derive(Clone, Debug)]
pub(super) enum Base {
    /// Upon nothing: all that is stored of the source goes first.
    Nothing,
    /// Upon any of these commits.
    Commits(Vec<Stamp>),
}

/// A commit. What each key stands for was read when it was made; nothing was written yet.
#[derive(Debug)]
pub(super) struct Batch {
    source: String,
    base: Base,
    head: Vec<u8>,
    scans: Rows<[u8; 16]>,
    roots: Rows<[u8; 16]>,
    ids: Rows<[u8; 16]>,
    targets: Rows<u64>,
}

/// Rows in the order of their keys.
#[derive(Debug)]
struct Rows<K> {
    /// Each with the length of its value, 0 if the row goes: no value is so short.
    keys: Vec<(K, usize)>,
    /// The values, one after the other.
    values: Vec<u8>,
}

/// A commit was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommitError {
    /// What it builds upon is not what is stored.
    #[error("another state is stored than the one that was changed")]
    OtherBase,
    /// The file could not be read or written.
    #[error(transparent)]
    Write(#[from] redb::Error),
}

impl Batch {
    /// All of `ledger`.
    pub(super) fn whole(identity: &Identity, ledger: &Ledger, marks: Watermarks, stamp: Stamp) -> Self {
        let named = ledger.names().iter().map(|(key, _)| key);
        let keys = Keys {
            scans: ledger.remembered_scans().keys().copied().collect(),
            roots: ledger.remembered_roots().keys().copied().collect(),
            targets: ledger.targets().keys().copied().chain(named).collect(),
        };
        Self::of(identity, ledger, &keys, marks, stamp, Base::Nothing)
    }

    /// What `keys` stand for in `ledger` now, upon `base`.
    pub(super) fn of(
        identity: &Identity,
        ledger: &Ledger,
        keys: &Keys,
        marks: Watermarks,
        stamp: Stamp,
        base: Base,
    ) -> Self {
        let head = Head { identity: identity.clone(), stamp, marks, standing: ledger.standing() };
        let task = |records: &'_ Records, key: &TaskKey| (*key.bytes(), records.get(key).copied());
        let (scans, roots) = (ledger.remembered_scans(), ledger.remembered_roots());
        let ids = keys.scans.union(&keys.roots).map(|key| (*key.bytes(), ledger.ids().get(*key)));
        let target = |&key: &TargetKey| {
            let (target, names) = (ledger.targets().get(&key), ledger.names().get(key));
            let names = names.map(|names| StoredNames::from(names.as_ref()));
            (key.bits(), (target.is_some() || names.is_some()).then_some((target, names)))
        };
        Self {
            source: identity.source.clone(),
            head: encode(Vec::new(), &head),
            scans: Rows::of(&base, keys.scans.iter().map(|key| task(scans, key))),
            roots: Rows::of(&base, keys.roots.iter().map(|key| task(roots, key))),
            ids: Rows::of(&base, ids),
            targets: Rows::of(&base, keys.targets.iter().map(target)),
            base,
        }
    }

    /// Writes it, for good when this returns; after an error nothing of it may be stored, or all.
    pub(super) fn commit(&self, database: &Database) -> Result<(), CommitError> {
        let transaction = database.begin_write().map_err(redb::Error::from)?;
        if !self.is_based_on(&transaction)? {
            transaction.abort().map_err(redb::Error::from)?;
            return Err(CommitError::OtherBase);
        }
        self.write(&transaction)?;
        transaction.commit().map_err(redb::Error::from)?;
        Ok(())
    }

    fn is_based_on(&self, transaction: &WriteTransaction) -> Result<bool, redb::Error> {
        let Base::Commits(bases) = &self.base else { return Ok(true) };
        let sources = transaction.open_table(SOURCES)?;
        let stored = sources.get(self.source.as_str())?;
        let stored = stored.and_then(|head| postcard::from_bytes::<Head>(head.value()).ok());
        Ok(stored.is_some_and(|head| bases.contains(&head.stamp)))
    }

    fn write(&self, transaction: &WriteTransaction) -> Result<(), redb::Error> {
        let names = TableNames::of(&self.source);
        transaction.open_table(SOURCES)?.insert(self.source.as_str(), self.head.as_slice())?;
        let is_whole = matches!(self.base, Base::Nothing);
        let tasks = [(&names.scans, &self.scans), (&names.roots, &self.roots), (&names.ids, &self.ids)];
        for (name, rows) in tasks {
            if is_whole {
                transaction.delete_table(Tasks::new(name))?;
            }
            let mut table = transaction.open_table(Tasks::new(name))?;
            for (key, value) in rows.iter() {
                match value {
                    Some(value) => table.insert(key, value)?,
                    None => table.remove(key)?,
                };
            }
        }
        if is_whole {
            transaction.delete_table(Targets::new(&names.targets))?;
        }
        let mut table = transaction.open_table(Targets::new(&names.targets))?;
        for (key, value) in self.targets.iter() {
            match value {
                Some(value) => table.insert(key, value)?,
                None => table.remove(key)?,
            };
        }
        Ok(())
    }
}

impl<K: Ord + Copy> Rows<K> {
    /// Encodes the value of each key; the row of a key without one goes.
    fn of<V: Serialize>(base: &Base, rows: impl Iterator<Item = (K, Option<V>)>) -> Self {
        let is_whole = matches!(base, Base::Nothing);
        let mut rows: Vec<(K, Option<V>)> = rows.filter(|(_, value)| !is_whole || value.is_some()).collect();
        // Neighbours in a table are written faster one after the other.
        rows.sort_unstable_by_key(|(key, _)| *key);
        let (mut keys, mut values) = (Vec::with_capacity(rows.len()), Vec::new());
        for (key, value) in rows {
            let before = values.len();
            if let Some(value) = value {
                values = encode(values, &value);
            }
            keys.push((key, values.len() - before));
        }
        Self { keys, values }
    }

    fn iter(&self) -> impl Iterator<Item = (&K, Option<&[u8]>)> {
        let mut rest = self.values.as_slice();
        self.keys.iter().map(move |(key, length)| {
            let (value, after) = rest.split_at(*length);
            rest = after;
            (key, (!value.is_empty()).then_some(value))
        })
    }
}

/// `bytes`, with `value` after them.
fn encode(bytes: Vec<u8>, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("what is stored has lengths that are known, and memory grows")
}
