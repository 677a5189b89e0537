//! What became of tasks that ran and are no longer listed as running.

use std::collections::BTreeMap;

use crate::ledger::{KeyMap, TaskIds, TaskKey};
use crate::sas::Query;

use super::delta::{DeltaReader, Level};
use super::error::{DeltaError, Unfit};
use super::full::{Roots, is_refusal};

/// Most ids of one request (`TaskIdList`, SDK 10.2.1).
const IDS_AT_ONCE: usize = 100;

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) rows: Roots,
    /// Those that the API knows no more.
    pub(super) gone: Vec<TaskKey>,
    /// Whether of each it is known what became of it.
    pub(super) is_whole: bool,
}

/// What one way of asking found out.
#[derive(Debug)]
enum Answer {
    /// The tasks that it showed; no other is left.
    Found(Roots),
    /// Nothing that can be relied on.
    Useless,
}

impl DeltaReader<'_> {
    /// Asks what became of `open`: by their ids, and where that is of no use by their machines.
    pub(super) async fn resolve(
        &self,
        base: &Query,
        level: Level,
        open: &KeyMap<TaskKey, &TaskIds>,
    ) -> Result<Resolved, DeltaError> {
        let mut resolved = Resolved { is_whole: true, ..Resolved::default() };
        let all: Vec<(TaskKey, &TaskIds)> = open.iter().map(|(&key, &ids)| (key, ids)).collect();
        for some in all.chunks(IDS_AT_ONCE) {
            match self.by_id(base, some).await? {
                // Nothing at all may also mean that the filter does not work.
                Answer::Found(rows) if !rows.is_empty() => {
                    let missing = some.iter().map(|&(key, _)| key).filter(|key| !rows.contains_key(key));
                    resolved.gone.extend(missing);
                    resolved.rows.extend(rows);
                }
                by_id => {
                    let may_be_gone = matches!(by_id, Answer::Found(_));
                    self.by_machine(base, level, some, may_be_gone, &mut resolved).await?;
                }
            }
        }
        Ok(resolved)
    }

    async fn by_id(&self, base: &Query, some: &[(TaskKey, &TaskIds)]) -> Result<Answer, DeltaError> {
        let task_id_list = some.iter().map(|(_, ids)| ids.task.as_ref().to_owned()).collect();
        let listed = match self.reader.pager.read_all(&Query { task_id_list, ..base.clone() }).await {
            Err(error) if is_refusal(&error) => return Ok(Answer::Useless),
            listed => listed?,
        };
        let rows: Roots = listed.rows;
        let is_asked = |key: &TaskKey| some.iter().any(|(asked, _)| asked == key);
        let is_reliable = listed.lost.missing == 0 && rows.keys().all(is_asked);
        Ok(if is_reliable { Answer::Found(rows) } else { Answer::Useless })
    }

    async fn by_machine(
        &self,
        base: &Query,
        level: Level,
        some: &[(TaskKey, &TaskIds)],
        may_be_gone: bool,
        resolved: &mut Resolved,
    ) -> Result<(), DeltaError> {
        let mut by_machine: BTreeMap<Option<&str>, Vec<TaskKey>> = BTreeMap::new();
        for &(key, ids) in some {
            by_machine.entry(ids.target.as_deref()).or_default().push(key);
        }
        for (machine, keys) in by_machine {
            let Some(machine) = machine else {
                self.unresolved(&keys, may_be_gone, resolved);
                continue;
            };
            let query = Query { uuid: Some(machine.to_owned()), ..base.clone() };
            let listed = match self.reader.pager.read_all(&query).await {
                Err(error) if is_refusal(&error) => return Err(Unfit::Refused("TaskIdList and Uuid").into()),
                listed => listed?,
            };
            let mut rows: Roots = listed.rows;
            let target = keys.first().and_then(|&key| self.known(level, key)?.target);
            if rows.values().any(|root| root.record.target != target) {
                return Err(Unfit::Ignored("Uuid").into());
            }
            let has_rows = !rows.is_empty() && listed.lost.missing == 0;
            rows.retain(|key, _| keys.contains(key));
            let missing: Vec<_> = keys.into_iter().filter(|key| !rows.contains_key(key)).collect();
            self.unresolved(&missing, has_rows || may_be_gone, resolved);
            resolved.rows.extend(rows);
        }
        Ok(())
    }

    fn unresolved(&self, keys: &[TaskKey], are_gone: bool, resolved: &mut Resolved) {
        if are_gone {
            resolved.gone.extend(keys);
        } else if !keys.is_empty() {
            resolved.is_whole = false;
        }
    }
}
