//! What became of tasks that ran and are no longer listed as running.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::{FullListing, KeyMap, Ledger, Record, TaskIds, TaskKey};
use crate::model::{Listing, Task};
use crate::sas::Query;
use crate::snapshot::LostRows;

use super::error::{DeltaError, PollError, Unfit};
use super::full::{FullReader, Root, Roots, into_records, is_refusal};
use super::pager::Listed;
use super::read::Kept;

/// Most ids of one request (`TaskIdList`, SDK 10.2.1).
const IDS_AT_ONCE: usize = 100;

/// Tasks that had not finished when they were last shown, by what they can be asked for.
pub(super) type Open = KeyMap<TaskKey, TaskIds>;

/// The open tasks of a ledger.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenTasks {
    pub(super) scans: Open,
    pub(super) roots: Open,
}

impl OpenTasks {
    /// Those of `ledger`.
    pub(super) fn of(ledger: &Ledger) -> Self {
        let open = |known: &dyn Fn(TaskKey) -> bool| {
            let ids = ledger.ids().iter().filter(|&(key, _)| known(key));
            ids.map(|(key, ids)| (key, ids.clone())).collect()
        };
        let is_open = |record: Option<&Record>| record.is_some_and(Record::is_open);
        Self {
            scans: open(&|key| is_open(ledger.scan(key))),
            roots: open(&|key| ledger.scan(key).is_none() && is_open(ledger.root(key))),
        }
    }
}

/// What became of tasks.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) rows: Roots,
    /// Those that the API knows no more.
    pub(super) gone: Vec<TaskKey>,
    /// Whether of each it is known what became of it.
    pub(super) is_whole: bool,
}

/// A task, and what its machine is called.
#[derive(Clone, Debug)]
struct OfMachine {
    root: Root,
    machine: Option<Box<str>>,
}

impl Kept for OfMachine {
    fn keep(task: &Task<'_>) -> Self {
        Self { root: Root::keep(task), machine: task.target.as_deref().map(Into::into) }
    }

    fn record(&self) -> &Record {
        self.root.record()
    }
}

impl FullReader<'_> {
    /// Adds to a full listing what became of the tasks that were `open` before and that it does not
    /// show: they ended, and started before the look-back.
    pub(super) async fn add_ended(
        &self,
        listing: &mut FullListing,
        way: Listing,
        mut open: OpenTasks,
    ) -> Result<(), PollError> {
        open.scans.retain(|key, _| !listing.scans.contains_key(key));
        let (subtasks, main_tasks) = (Query::subtasks(), Query::main_tasks());
        let scans = match way {
            Listing::PerRoot => {
                let roots: BTreeSet<&str> =
                    open.scans.values().filter_map(|ids| ids.root.as_deref()).collect();
                let mut rows = self.subtasks_of::<Root>(roots.into_iter()).await?.rows;
                rows.retain(|key, _| open.scans.contains_key(key));
                rows
            }
            Listing::Root => self.ended(&main_tasks, &open.scans).await?,
            Listing::Flat | Listing::Auto => self.ended(&subtasks, &open.scans).await?,
        };
        listing.scans.extend(into_records(scans));
        if let Some(roots) = &mut listing.roots {
            open.roots.retain(|key, _| !roots.contains_key(key));
            roots.extend(into_records(self.ended(&main_tasks, &open.roots).await?));
        }
        Ok(())
    }

    async fn ended(&self, base: &Query, open: &Open) -> Result<Roots, PollError> {
        match self.resolve(base, open).await {
            Ok(resolved) => Ok(resolved.rows),
            // A full listing does without.
            Err(DeltaError::Unfit(_)) => Ok(Roots::default()),
            Err(DeltaError::Poll(error)) => Err(error),
        }
    }

    /// Asks what became of `open`: by their ids, and where that is of no use by their machines.
    pub(super) async fn resolve(&self, base: &Query, open: &Open) -> Result<Resolved, DeltaError> {
        let mut resolved = Resolved { rows: Roots::default(), gone: Vec::new(), is_whole: true };
        let all: Vec<(TaskKey, &TaskIds)> = open.iter().map(|(&key, ids)| (key, ids)).collect();
        for some in all.chunks(IDS_AT_ONCE) {
            match self.by_id(base, some).await? {
                // Nothing at all may also mean that the filter does not work.
                Some(rows) if !rows.is_empty() => {
                    let missing = some.iter().map(|&(key, _)| key).filter(|key| !rows.contains_key(key));
                    resolved.gone.extend(missing);
                    resolved.rows.extend(rows);
                }
                by_id => self.by_machine(base, some, by_id.is_some(), &mut resolved).await?,
            }
        }
        Ok(resolved)
    }

    /// The rows of `some`, or nothing where the filter is of no use.
    async fn by_id(&self, base: &Query, some: &[(TaskKey, &TaskIds)]) -> Result<Option<Roots>, PollError> {
        let task_id_list = some.iter().map(|(_, ids)| ids.task.as_ref().to_owned()).collect();
        let query = Query { task_id_list, ..base.clone() };
        let first = match self.pager.first_page::<Root>(&query).await {
            Err(error) if is_refusal(&error) => return Ok(None),
            first => first?,
        };
        // A filter that is ignored shows everything, which may be a million tasks.
        if first.total > some.len() as u64 {
            return Ok(None);
        }
        let rows: Roots = first.rows.into_iter().collect();
        let listed = if rows.len() as u64 + first.skipped < first.total {
            self.pager.read_all(&query).await?
        } else {
            Listed { rows, lost: LostRows { skipped: first.skipped, missing: 0 } }
        };
        let rows = listed.rows;
        let is_asked = |key: &TaskKey| some.iter().any(|(asked, _)| asked == key);
        let is_reliable = listed.lost == LostRows::default() && rows.keys().all(is_asked);
        Ok(is_reliable.then_some(rows))
    }

    /// Those that are not found are gone if the machine has other tasks, or `may_be_gone`.
    async fn by_machine(
        &self,
        base: &Query,
        some: &[(TaskKey, &TaskIds)],
        may_be_gone: bool,
        resolved: &mut Resolved,
    ) -> Result<(), DeltaError> {
        let mut by_machine: BTreeMap<Option<&str>, Vec<TaskKey>> = BTreeMap::new();
        for &(key, ids) in some {
            by_machine.entry(ids.target.as_deref()).or_default().push(key);
        }
        for (machine, mut keys) in by_machine {
            let mut are_gone = may_be_gone;
            if let Some(machine) = machine {
                let query = Query { uuid: Some(machine.to_owned()), ..base.clone() };
                let listed = match self.pager.read_all::<OfMachine>(&query).await {
                    Err(error) if is_refusal(&error) => {
                        return Err(Unfit::Refused("TaskIdList and Uuid").into());
                    }
                    listed => listed?,
                };
                if listed.rows.values().any(|row| row.machine.as_deref().is_some_and(|name| name != machine))
                {
                    return Err(Unfit::Ignored("Uuid").into());
                }
                are_gone = listed.lost == LostRows::default() && (!listed.rows.is_empty() || may_be_gone);
                let found = listed.rows.into_iter().filter(|(key, _)| keys.contains(key));
                resolved.rows.extend(found.map(|(key, row)| (key, row.root)));
                keys.retain(|key| !resolved.rows.contains_key(key));
            }
            if are_gone {
                resolved.gone.extend(keys);
            } else {
                resolved.is_whole &= keys.is_empty();
            }
        }
        Ok(())
    }
}
