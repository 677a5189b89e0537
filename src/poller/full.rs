//! A full listing: which queries make it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, TryStreamExt as _};

use crate::clock::UnixMillis;
use crate::ledger::{FullListing, KeyMap, Record, Records, TaskKey};
use crate::model::{Field, Listing, Status, Task};
use crate::sas::Query;
use crate::snapshot::LostRows;

use super::Config;
use super::error::PollError;
use super::pager::{Listed, Pager};
use super::read::Kept;

/// How long before the look-back a main task may have started and still have a subtask within
/// it: subtasks start one after another, and can be retried.
const ROOT_MARGIN: Duration = Duration::from_secs(86_400);

/// A main task: its record, and its id to ask for its subtasks.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) record: Record,
    pub(super) id: Box<str>,
}

impl Kept for Root {
    fn keep(task: &Task<'_>) -> Self {
        Self { record: Record::from(task), id: task.id.as_ref().into() }
    }

    fn record(&self) -> &Record {
        &self.record
    }
}

/// Main tasks.
pub(super) type Roots = KeyMap<TaskKey, Root>;

/// A complete full listing, and the way it was listed.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) listing: FullListing,
    pub(super) way: Listing,
    pub(super) lost: LostRows,
    /// Fields with values that were not understood.
    pub(super) unknown: BTreeSet<Field>,
}

impl Full {
    pub(super) fn new(way: Listing, listing: FullListing, lost: LostRows) -> Self {
        Self { listing, way, lost, unknown: BTreeSet::new() }
    }
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
        let roots = self.window(&Query::main_tasks()).await?;
        let mut full = match self.config.listing {
            Listing::Auto => self.find_out(roots).await?,
            Listing::Flat => {
                let scans = self.window(&Query::subtasks()).await?;
                self.flat(roots, scans, self.with_history).await?
            }
            Listing::PerRoot => self.per_root(roots, self.with_history).await?,
            Listing::Root => self.root_only(roots, self.with_history).await?,
        };
        self.pager.check_usable()?;
        full.unknown = std::mem::take(&mut *self.pager.unknown_fields());
        Ok(full)
    }

    /// All subtasks in one listing, which is read already.
    pub(super) async fn flat(
        &self,
        roots: Listed<Root>,
        scans: Listed<Record>,
        with_history: bool,
    ) -> Result<Full, PollError> {
        let history = match self.history_from(with_history) {
            Some(from) => self.since(&Query::subtasks(), from).await?.rows,
            None => Records::default(),
        };
        let lost = sum(roots.lost, scans.lost);
        let listing = FullListing { scans: scans.rows, roots: Some(into_records(roots.rows)), history };
        Ok(Full::new(Listing::Flat, listing, lost))
    }

    /// The subtasks of each main task by themselves.
    pub(super) async fn per_root(&self, roots: Listed<Root>, with_history: bool) -> Result<Full, PollError> {
        let before = self.window_from().minus(ROOT_MARGIN);
        let mut late = self.since::<Root>(&Query::main_tasks(), before).await?.rows;
        late.retain(|key, _| !roots.rows.contains_key(key));
        let scans = self.subtasks_of(roots.rows.values().chain(late.values())).await?;
        let history = match self.history_from(with_history) {
            Some(from) => {
                let mut older = self.since::<Root>(&Query::main_tasks(), from).await?.rows;
                older.retain(|key, _| !roots.rows.contains_key(key) && !late.contains_key(key));
                self.subtasks_of(older.values()).await?.rows
            }
            None => Records::default(),
        };
        let lost = sum(roots.lost, scans.lost);
        let listing = FullListing { scans: scans.rows, roots: Some(into_records(roots.rows)), history };
        Ok(Full::new(Listing::PerRoot, listing, lost))
    }

    /// Main tasks, which are the scan tasks.
    pub(super) async fn root_only(&self, roots: Listed<Root>, with_history: bool) -> Result<Full, PollError> {
        let history = match self.history_from(with_history) {
            Some(from) => self.since(&Query::main_tasks(), from).await?.rows,
            None => Records::default(),
        };
        let listing = FullListing { scans: into_records(roots.rows), roots: None, history };
        Ok(Full::new(Listing::Root, listing, roots.lost))
    }

    /// The subtasks of each of `roots`, several main tasks at a time.
    async fn subtasks_of<'r>(
        &self,
        roots: impl Iterator<Item = &'r Root>,
    ) -> Result<Listed<Record>, PollError> {
        let queries: Vec<Query> = roots.map(|root| Query::subtasks_of(&root.id)).collect();
        let mut waiting = queries.iter();
        let mut under_way = FuturesUnordered::new();
        let mut all = Listed { rows: Records::default(), lost: LostRows::default() };
        loop {
            let room = self.config.concurrency.saturating_sub(under_way.len());
            under_way.extend(waiting.by_ref().take(room).map(|query| self.pager.read_all(query)));
            let Some(listed) = under_way.try_next().await? else { return Ok(all) };
            self.add(&mut all, listed);
        }
    }

    /// What runs, united with what started within the look-back. The running ones are asked for
    /// first: one that ends meanwhile is then in the second listing as it ended.
    pub(super) async fn window<V: Kept>(&self, base: &Query) -> Result<Listed<V>, PollError> {
        let running = Query { status: Some(Status::Running), ..base.clone() };
        let running: Listed<V> = self.each_type(&running).await?;
        let mut all = self.since(base, self.window_from()).await?;
        for (key, kept) in running.rows {
            all.rows.entry(key).or_insert(kept);
        }
        // A row that is lost may be so in both.
        all.lost = LostRows {
            skipped: all.lost.skipped.max(running.lost.skipped),
            missing: all.lost.missing.max(running.lost.missing),
        };
        Ok(all)
    }

    /// What started at `from` or later.
    pub(super) async fn since<V: Kept>(
        &self,
        base: &Query,
        from: UnixMillis,
    ) -> Result<Listed<V>, PollError> {
        self.each_type(&Query { start_time: Some(from), ..base.clone() }).await
    }

    /// One listing, or one for each type of target that is configured.
    async fn each_type<V: Kept>(&self, query: &Query) -> Result<Listed<V>, PollError> {
        if self.config.target_types.is_empty() {
            return self.pager.read_all(query).await;
        }
        let mut all = Listed { rows: KeyMap::default(), lost: LostRows::default() };
        for &target_type in &self.config.target_types {
            let query = Query { target_type: Some(target_type), ..query.clone() };
            self.add(&mut all, self.pager.read_all(&query).await?);
        }
        Ok(all)
    }

    /// Adds the rows of the configured types: no filter of the server is relied on.
    fn add<V: Kept>(&self, all: &mut Listed<V>, more: Listed<V>) {
        all.rows.extend(more.rows.into_iter().filter(|(_, kept)| self.is_wanted(kept.record())));
        all.lost = sum(all.lost, more.lost);
    }

    pub(super) fn is_wanted(&self, record: &Record) -> bool {
        let types = &self.config.target_types;
        types.is_empty() || types.contains(&record.target_type)
    }

    pub(super) fn window_from(&self) -> UnixMillis {
        self.now.minus(self.config.lookback)
    }

    /// From when on the last states of targets are wanted, if that is before the look-back.
    pub(super) fn history_from(&self, with_history: bool) -> Option<UnixMillis> {
        let is_longer = self.config.keep_targets > self.config.lookback;
        (with_history && is_longer).then(|| self.now.minus(self.config.keep_targets))
    }
}

fn into_records(roots: Roots) -> Records {
    roots.into_iter().map(|(key, root)| (key, root.record)).collect()
}

fn sum(a: LostRows, b: LostRows) -> LostRows {
    LostRows { skipped: a.skipped.saturating_add(b.skipped), missing: a.missing.saturating_add(b.missing) }
}
