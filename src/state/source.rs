//! The state of one source: read once, then written after each good poll.

use redb::{
    ReadTransaction, ReadableDatabase as _, ReadableTable as _, ReadableTableMetadata as _, TableError,
};
use serde::Deserialize;

use crate::ledger::{Changes, Ledger, Names, Parts, TargetKey, TargetsShown, TaskKey};

use super::batch::{Base, Batch, CommitError, Keys};
use super::file::{FileError, StateFile};
use super::format::{Head, Identity, SOURCES, Stamp, StoredTarget, TableNames, Targets, Tasks, Watermarks};
use super::open::{OpenError, Problem};

/// What a file knows of a source.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The ledger as it was.
    pub ledger: Ledger,
    /// How far its polls had come.
    pub marks: Watermarks,
}

/// The part of one source in a [`StateFile`].
#[derive(Debug)]
pub struct SourceState {
    file: StateFile,
    identity: Identity,
    /// The last commits of which one is stored; none if nothing is that can be built upon.
    bases: Vec<Stamp>,
    /// What has changed since the first of them.
    pending: Keys,
    /// Whether the file lacks something.
    is_behind: bool,
}

impl SourceState {
    pub(super) fn new(file: StateFile, identity: Identity) -> Self {
        Self { file, identity, bases: Vec::new(), pending: Keys::default(), is_behind: false }
    }

    /// What the file knows of the source. `None` if nothing, and if it belongs to a source of the
    /// same name with another endpoint, listing or choice of types, which is told in the log. Names
    /// that are not to be `shown` any more are left out. Reads for up to seconds.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn load(&mut self, shown: TargetsShown) -> Result<Option<Restored>, OpenError> {
        let identity = &self.identity;
        let loaded = self.file.read(|held| {
            let reading = held.database.begin_read()?;
            let Some(head) = head(&reading, &identity.source)? else {
                tracing::info!(
                    source = identity.source,
                    "the state file knows nothing of the source; it starts anew, with counters at 0"
                );
                return Ok(None);
            };
            let differences = identity.differences(&head.identity);
            if !differences.is_empty() {
                tracing::warn!(
                    source = identity.source,
                    differences = differences.join(","),
                    "the state file knows the source by another configuration; it starts anew, with counters at 0"
                );
                return Ok(None);
            }
            Ok(Some((parts(&reading, &head, shown)?, head)))
        })?;
        Ok(loaded.map(|(parts, head)| {
            self.bases = vec![head.stamp];
            let ledger = Ledger::restore(parts, head.marks.last_poll);
            tracing::info!(
                source = self.identity.source,
                ledger_tasks = ledger.len(),
                last_poll = %head.marks.last_poll,
                "the state file knows the source; it goes on from its last poll"
            );
            Restored { ledger, marks: head.marks }
        }))
    }

    /// Lets the next [`Self::save`] write everything: the ledger has changed by more than the
    /// [`Changes`] that were told.
    pub fn start_over(&mut self) {
        self.bases.clear();
    }

    /// Writes what has changed in `ledger` by `changes`, and what could not be written before. When
    /// this returns true, all of it outlives the process and the machine. False, and it is told in
    /// the log and the metric, if it could not be written; the next call tries again. It blocks no
    /// thread of the runtime.
    pub async fn save(&mut self, ledger: &Ledger, changes: &Changes, marks: Watermarks) -> bool {
        self.pending.add(changes);
        let mut saved = self.commit(ledger, marks).await;
        if matches!(saved, Err(FileError::Commit(CommitError::OtherBase))) {
            // The file was replaced, or another process has written it meanwhile.
            self.start_over();
            saved = self.commit(ledger, marks).await;
        }
        match saved {
            Ok(()) => {
                self.pending = Keys::default();
                if self.is_behind {
                    self.is_behind = false;
                    self.file.recovered();
                }
                true
            }
            Err(error) => {
                self.file.failed(&self.identity.source, &error, !self.is_behind);
                self.is_behind = true;
                false
            }
        }
    }

    async fn commit(&mut self, ledger: &Ledger, marks: Watermarks) -> Result<(), FileError> {
        let stamp = Stamp::new();
        if self.bases.is_empty() {
            let batch = Batch::whole(&self.identity, ledger, marks, stamp);
            self.file.commit(batch).await?;
        } else {
            let base = Base::Commits(self.bases.clone());
            let batch = Batch::of(&self.identity, ledger, &self.pending, marks, stamp, base);
            // If it fails it may be stored all the same.
            self.bases.truncate(1);
            self.bases.push(stamp);
            self.file.commit(batch).await?;
        }
        self.bases = vec![stamp];
        Ok(())
    }
}

/// A source that is gone misses nothing.
impl Drop for SourceState {
    fn drop(&mut self) {
        if self.is_behind {
            self.file.recovered();
        }
    }
}

fn head(reading: &ReadTransaction, source: &str) -> Result<Option<Head>, Problem> {
    let sources = match reading.open_table(SOURCES) {
        Ok(sources) => sources,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stored = sources.get(source)?;
    stored.map(|head| decode(head.value())).transpose()
}

fn parts(reading: &ReadTransaction, head: &Head, shown: TargetsShown) -> Result<Parts, Problem> {
    let names = TableNames::of(&head.identity.source);
    let mut parts = Parts { standing: head.standing.clone(), names: Names::new(shown), ..Parts::default() };
    for (name, records) in [(&names.scans, &mut parts.scans), (&names.roots, &mut parts.roots)] {
        let table = reading.open_table(Tasks::new(name))?;
        records.reserve_exact(usize::try_from(table.len()?).unwrap_or(0));
        for row in table.iter()? {
            let (key, value) = row?;
            records.insert(TaskKey::from_bytes(*key.value()), decode(value.value())?);
        }
    }
    for row in reading.open_table(Tasks::new(&names.ids))?.iter()? {
        let (key, value) = row?;
        parts.ids.restore(TaskKey::from_bytes(*key.value()), decode(value.value())?);
    }
    let table = reading.open_table(Targets::new(&names.targets))?;
    parts.targets.reserve(usize::try_from(table.len()?).unwrap_or(0));
    for row in table.iter()? {
        let (key, value) = row?;
        let Some(key) = TargetKey::from_bits(key.value()) else { continue };
        let (target, names): StoredTarget = decode(value.value())?;
        parts.targets.extend(target.map(|target| (key, target)));
        if let Some(names) = names.and_then(|names| names.names()) {
            parts.names.restore(key, names);
        }
    }
    Ok(parts)
}

fn decode<'v, T: Deserialize<'v>>(value: &'v [u8]) -> Result<T, Problem> {
    postcard::from_bytes(value).map_err(|error| Problem::Damaged(error.into()))
}
