//! A full listing: which queries make it, and which of the ways to list subtasks is right.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, TryStreamExt as _};

use crate::clock::UnixMillis;
use crate::ledger::{FullListing, KeyMap, Record, Records, TaskKey};
use crate::model::{FailureReason, Listing, Status, Task};
use crate::sas::Query;
use crate::snapshot::LostRows;

use super::Config;
use super::error::PollError;
use super::pager::{Listed, Pager};

/// How long before the look-back a main task may have started and still have a subtask within
/// it: subtasks start one after another, and can be retried.
const ROOT_MARGIN: Duration = Duration::from_secs(86_400);

/// Newest main tasks that are asked for their subtasks, to prove a way of listing.
const MOST_PROBES: usize = 5;

/// Main tasks with subtasks that are proof enough.
const ENOUGH_PROOF: usize = 3;

/// A main task: its record, and its id to ask for its subtasks.
#[derive(Clone, Debug)]
struct Root {
    record: Record,
    id: Box<str>,
}

type Roots = KeyMap<TaskKey, Root>;

/// A complete full listing, and the way it was listed.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) listing: FullListing,
    pub(super) way: Listing,
    pub(super) lost: LostRows,
}

/// Makes one full listing.
#[derive(Debug)]
pub(super) struct FullReader<'a> {
    pub(super) pager: Pager<'a>,
    pub(super) config: &'a Config,
    /// When the poll began.
    pub(super) now: UnixMillis,
    /// Whether the last states of targets are still to be learnt, from further back.
    pub(super) with_history: bool,
    /// The way that the poll before listed subtasks.
    pub(super) way_in_use: Listing,
}

impl FullReader<'_> {
    /// Reads everything that the gauges speak of.
    pub(super) async fn read(&self) -> Result<Full, PollError> {
        let mut lost = LostRows::default();
        let roots = self.union(&Query::main_tasks(), self.window_from(), root, &mut lost).await?;
        match self.config.listing {
            Listing::Auto => self.find_out(roots, lost).await,
            Listing::Flat => self.flat(roots, self.flat_scans(&mut lost).await?, lost).await,
            Listing::PerRoot => self.per_root(roots, lost).await,
            Listing::Root => self.root_only(roots, lost).await,
        }
    }

    /// The flat listing is right if it holds the subtasks that the newest main tasks show. They
    /// are asked for first, so that one that starts meanwhile proves nothing wrong. Where
    /// nothing speaks for or against a way, the one in use stays.
    async fn find_out(&self, roots: Roots, mut lost: LostRows) -> Result<Full, PollError> {
        let probe = self.probe(&roots).await?;
        let flat = match self.flat_scans(&mut lost).await {
            // A server that wants a main task named may well say so.
            Err(PollError::Call(error)) if error.reason() == FailureReason::Config => Records::default(),
            scans => scans?,
        };
        let way = self.choose(&roots, &flat, &probe)?;
        match way {
            Listing::Flat => self.flat(roots, flat, lost).await,
            Listing::PerRoot => self.per_root(roots, lost).await,
            Listing::Root => self.root_only(roots, lost).await,
            Listing::Auto => Ok(Full { listing: FullListing::default(), way, lost }),
        }
    }

    fn choose(&self, roots: &Roots, flat: &Records, probe: &Probe) -> Result<Listing, PollError> {
        let is_complete = probe.subtasks.iter().all(|key| flat.contains_key(key));
        let has_own_rows = flat.keys().any(|key| !roots.contains_key(key));
        if is_complete && has_own_rows {
            return Ok(Listing::Flat);
        }
        if !is_complete || (probe.found_any && self.way_in_use != Listing::Flat) {
            return Ok(Listing::PerRoot);
        }
        match self.way_in_use {
            Listing::Auto if probe.found_barren => Ok(Listing::Root),
            // An account that shows no task at all: the truth, whichever way it will be listed.
            Listing::Auto if roots.is_empty() => Ok(Listing::Auto),
            Listing::Auto => Err(PollError::ListingNotProven),
            way => Ok(way),
        }
    }

    /// Asks the newest main tasks for a page of subtasks each. One that still runs may have none
    /// yet, so at least one that has finished is asked, if there is one.
    async fn probe(&self, roots: &Roots) -> Result<Probe, PollError> {
        let mut newest: Vec<&Root> = roots.values().collect();
        newest.sort_unstable_by_key(|root| std::cmp::Reverse(root.record.start));
        let mut probe = Probe { subtasks: Vec::new(), found_any: false, found_barren: false };
        let mut with_subtasks = 0;
        for (asked, root) in newest.into_iter().enumerate() {
            let is_finished = root.record.status.is_finished();
            if asked >= MOST_PROBES {
                if probe.found_any || probe.found_barren {
                    break;
                }
                if !is_finished {
                    continue;
                }
            }
            let page = self.pager.first_page(&Query::subtasks_of(&root.id), record).await?;
            if page.rows.is_empty() {
                probe.found_barren |= is_finished;
                continue;
            }
            let from = self.window_from();
            let due = page.rows.iter().filter(|(_, task)| self.is_wanted(task) && task.is_within(from));
            probe.subtasks.extend(due.map(|&(key, _)| key));
            probe.found_any = true;
            with_subtasks += 1;
            if with_subtasks == ENOUGH_PROOF {
                break;
            }
        }
        Ok(probe)
    }

    async fn flat_scans(&self, lost: &mut LostRows) -> Result<Records, PollError> {
        self.union(&Query::subtasks(), self.window_from(), record, lost).await
    }

    async fn flat(&self, roots: Roots, scans: Records, mut lost: LostRows) -> Result<Full, PollError> {
        let history = match self.history_from() {
            Some(from) => self.since(&Query::subtasks(), from, record, &mut lost).await?,
            None => Records::default(),
        };
        let listing = FullListing { scans, roots: Some(into_records(roots)), history };
        Ok(Full { listing, way: Listing::Flat, lost })
    }

    async fn per_root(&self, roots: Roots, mut lost: LostRows) -> Result<Full, PollError> {
        let late_from = self.window_from().minus(ROOT_MARGIN);
        let older_from = self.history_from().map_or(late_from, |from| from.min(late_from));
        let mut older = self.since(&Query::main_tasks(), older_from, root, &mut lost).await?;
        older.retain(|key, _| !roots.contains_key(key));
        let (late, past): (Vec<&Root>, Vec<&Root>) =
            older.values().partition(|root| root.record.start.is_none_or(|start| start >= late_from));
        let scans = self.subtasks_of(roots.values().chain(late), &mut lost).await?;
        let history = self.subtasks_of(past.into_iter(), &mut lost).await?;
        let listing = FullListing { scans, roots: Some(into_records(roots)), history };
        Ok(Full { listing, way: Listing::PerRoot, lost })
    }

    async fn root_only(&self, roots: Roots, mut lost: LostRows) -> Result<Full, PollError> {
        let history = match self.history_from() {
            Some(from) => self.since(&Query::main_tasks(), from, record, &mut lost).await?,
            None => Records::default(),
        };
        let listing = FullListing { scans: into_records(roots), roots: None, history };
        Ok(Full { listing, way: Listing::Root, lost })
    }

    /// The subtasks of each of `roots`, several main tasks at a time.
    async fn subtasks_of<'r>(
        &self,
        roots: impl Iterator<Item = &'r Root>,
        lost: &mut LostRows,
    ) -> Result<Records, PollError> {
        let queries: Vec<Query> = roots.map(|root| Query::subtasks_of(&root.id)).collect();
        let mut waiting = queries.iter();
        let mut under_way = FuturesUnordered::new();
        let mut scans = Records::default();
        loop {
            let room = self.config.concurrency.saturating_sub(under_way.len());
            under_way.extend(waiting.by_ref().take(room).map(|query| self.pager.read_all(query, record)));
            let Some(listed) = under_way.try_next().await? else { break };
            let wanted = counted(listed, lost).into_iter().filter(|(_, subtask)| self.is_wanted(subtask));
            scans.extend(wanted);
        }
        Ok(scans)
    }

    /// What runs, united with what started at `from` or later. The running ones are asked for
    /// first: one that ends meanwhile is then in the second listing as it ended.
    async fn union<V: Clone>(
        &self,
        base: &Query,
        from: UnixMillis,
        keep: fn(&Task<'_>) -> V,
        lost: &mut LostRows,
    ) -> Result<KeyMap<TaskKey, V>, PollError> {
        let running = Query { status: Some(Status::Running), ..base.clone() };
        let running = self.each_type(&running, keep, lost).await?;
        let mut rows = self.since(base, from, keep, lost).await?;
        for (key, kept) in running {
            rows.entry(key).or_insert(kept);
        }
        Ok(rows)
    }

    /// What started at `from` or later.
    async fn since<V: Clone>(
        &self,
        base: &Query,
        from: UnixMillis,
        keep: fn(&Task<'_>) -> V,
        lost: &mut LostRows,
    ) -> Result<KeyMap<TaskKey, V>, PollError> {
        self.each_type(&Query { start_time: Some(from), ..base.clone() }, keep, lost).await
    }

    /// One listing, or one for each type of target that is configured.
    async fn each_type<V: Clone>(
        &self,
        query: &Query,
        keep: fn(&Task<'_>) -> V,
        lost: &mut LostRows,
    ) -> Result<KeyMap<TaskKey, V>, PollError> {
        if self.config.target_types.is_empty() {
            return Ok(counted(self.pager.read_all(query, keep).await?, lost));
        }
        let mut rows = KeyMap::default();
        for &target_type in &self.config.target_types {
            let query = Query { target_type: Some(target_type), ..query.clone() };
            rows.extend(counted(self.pager.read_all(&query, keep).await?, lost));
        }
        Ok(rows)
    }

    fn is_wanted(&self, record: &Record) -> bool {
        let types = &self.config.target_types;
        types.is_empty() || types.contains(&record.target_type)
    }

    fn window_from(&self) -> UnixMillis {
        self.now.minus(self.config.lookback)
    }

    fn history_from(&self) -> Option<UnixMillis> {
        let is_longer = self.config.keep_targets > self.config.lookback;
        (self.with_history && is_longer).then(|| self.now.minus(self.config.keep_targets))
    }
}

/// What the newest main tasks say.
struct Probe {
    /// Subtasks that a flat listing must hold.
    subtasks: Vec<TaskKey>,
    /// Some main task has subtasks.
    found_any: bool,
    /// Some main task has finished and has none.
    found_barren: bool,
}

fn record(task: &Task<'_>) -> Record {
    Record::from(task)
}

fn root(task: &Task<'_>) -> Root {
    Root { record: Record::from(task), id: task.id.as_ref().into() }
}

fn into_records(roots: Roots) -> Records {
    roots.into_iter().map(|(key, root)| (key, root.record)).collect()
}

fn counted<V>(listed: Listed<V>, lost: &mut LostRows) -> KeyMap<TaskKey, V> {
    add(lost, listed.lost);
    listed.rows
}

fn add(sum: &mut LostRows, more: LostRows) {
    sum.skipped += more.skipped;
    sum.missing += more.missing;
}
