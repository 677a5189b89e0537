//! A full listing: which queries make it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::clock::UnixMillis;
use crate::ledger::{FullListing, Record, Records, TaskMap};
use crate::model::{FailureReason, Field, Listing, Status, TargetType, Task};
use crate::rpc::CallError;
use crate::sas::Query;
use crate::snapshot::LostRows;

use super::Config;
use super::error::PollError;
use super::pager::{Listed, Pager};
use super::read::Kept;
use super::vanished::OpenTasks;

/// How long before the look-back a main task may have started and still have a subtask within
/// it: subtasks start one after another, and can be retried.
const ROOT_MARGIN: Duration = Duration::from_secs(86_400);

/// A main task: its record, and its id to ask for its subtasks.
#[derive(Clone, Debug)]
pub(super) struct Root {
    pub(super) record: Record,
    pub(super) id: Box<str>,
}

impl Root {
    /// Its id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
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
pub(super) type Roots = TaskMap<Root>;

/// A complete full listing, and the way it was listed.
#[derive(Debug)]
pub(super) struct Full {
    pub(super) listing: FullListing,
    pub(super) way: Listing,
    pub(super) lost: LostRows,
    /// Whether the last states of targets, if they were read, came without a gap.
    pub(super) history_is_whole: bool,
    /// Fields with values that were not understood.
    pub(super) unknown: BTreeSet<Field>,
}

impl Full {
    /// `lost` are all rows that did not come, `of_history` those among them that tell last states.
    pub(super) fn new(way: Listing, listing: FullListing, lost: LostRows, of_history: LostRows) -> Self {
        Self { listing, way, lost, history_is_whole: of_history.missing == 0, unknown: BTreeSet::new() }
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
    /// Reads everything that the gauges speak of, and what became of the tasks that were `open`.
    pub(super) async fn read(&self, open: OpenTasks) -> Result<Full, PollError> {
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
        if full.way == self.way_in_use {
            self.add_ended(&mut full.listing, full.way, open).await?;
        }
        self.pager.check_usable(full.lost)?;
        full.unknown = std::mem::take(&mut *self.pager.unknown_fields());
        full.listing.names = std::mem::take(&mut *self.pager.names(full.way == Listing::Root));
        full.listing.ids = std::mem::take(&mut *self.pager.ids());
        Ok(full)
    }

    /// All subtasks in one listing, which is read already.
    pub(super) async fn flat(
        &self,
        roots: Listed<Root>,
        scans: Listed<Record>,
        with_history: bool,
    ) -> Result<Full, PollError> {
        let history = self.history(&Query::subtasks(), with_history).await?;
        // The older rows are read together with those of the look-back once more.
        let lost = sum(roots.lost, greater(scans.lost, history.lost));
        let (scans, roots) = (scans.rows, Some(into_records(roots.rows)));
        Ok(Full::new(
            Listing::Flat,
            FullListing { scans, roots, history: history.rows, ..FullListing::default() },
            lost,
            history.lost,
        ))
    }

    /// The subtasks of each main task by themselves.
    pub(super) async fn per_root(&self, roots: Listed<Root>, with_history: bool) -> Result<Full, PollError> {
        let before = self.window_from().minus(ROOT_MARGIN);
        let mut late = self.since::<Root>(&Query::main_tasks(), before).await?.rows;
        late.retain(|key, _| !roots.rows.contains_key(key));
        let scans = self.subtasks_of(roots.rows.values().chain(late.values()).map(Root::id)).await?;
        let mut history = Listed::default();
        if let Some(from) = self.history_from(with_history) {
            let mut older = self.since::<Root>(&Query::main_tasks(), from).await?.rows;
            older.retain(|key, _| !roots.rows.contains_key(key) && !late.contains_key(key));
            history = self.subtasks_of(older.values().map(Root::id)).await?;
        }
        let lost = sum(sum(roots.lost, scans.lost), history.lost);
        let (scans, roots) = (scans.rows, Some(into_records(roots.rows)));
        Ok(Full::new(
            Listing::PerRoot,
            FullListing { scans, roots, history: history.rows, ..FullListing::default() },
            lost,
            history.lost,
        ))
    }

    /// Main tasks, which are the scan tasks.
    pub(super) async fn root_only(&self, roots: Listed<Root>, with_history: bool) -> Result<Full, PollError> {
        let history = self.history(&Query::main_tasks(), with_history).await?;
        let lost = greater(roots.lost, history.lost);
        let scans = into_records(roots.rows);
        let listing = FullListing { scans, history: history.rows, ..FullListing::default() };
        Ok(Full::new(Listing::Root, listing, lost, history.lost))
    }

    /// What tells the last states of targets, if they are wanted.
    async fn history(&self, base: &Query, with_history: bool) -> Result<Listed<Record>, PollError> {
        match self.history_from(with_history) {
            Some(from) => self.since(base, from).await,
            None => Ok(Listed::default()),
        }
    }

    /// The subtasks of each of `roots`, several main tasks at a time. A main task that the API no
    /// longer knows, though it listed it, costs only itself.
    pub(super) async fn subtasks_of<'r, V: Kept>(
        &self,
        roots: impl Iterator<Item = &'r str>,
    ) -> Result<Listed<V>, PollError> {
        let queries: Vec<Query> = roots.map(Query::subtasks_of).collect();
        let mut waiting = queries.iter();
        let mut under_way = FuturesUnordered::new();
        let mut all = Listed::default();
        let mut refused = 0;
        loop {
            let room = self.config.concurrency.saturating_sub(under_way.len());
            under_way.extend(waiting.by_ref().take(room).map(|query| self.pager.read_all(query)));
            match under_way.next().await {
                Some(Ok(listed)) => self.add(&mut all, listed),
                Some(Err(error)) if is_refusal(&error) && refused + 1 < queries.len() => refused += 1,
                Some(Err(error)) => return Err(error),
                None => break,
            }
        }
        all.lost.missing = all.lost.missing.saturating_add(refused as u64);
        Ok(all)
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
        all.lost = greater(all.lost, running.lost);
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
    pub(super) async fn each_type<V: Kept>(&self, query: &Query) -> Result<Listed<V>, PollError> {
        if self.config.target_types.is_empty() {
            return self.pager.read_all(query).await;
        }
        let mut all = Listed::default();
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
        // A type that was not understood may be one of them.
        let is_known = record.target_type != TargetType::Unknown;
        types.is_empty() || !is_known || types.contains(&record.target_type)
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

/// Whether the API refused the query as such.
pub(super) fn is_refusal(error: &PollError) -> bool {
    matches!(error, PollError::Call(error @ CallError::Refused { .. }) if error.reason() == FailureReason::Config)
}

pub(super) fn into_records(roots: Roots) -> Records {
    roots.into_iter().map(|(key, root)| (key, root.record)).collect()
}

/// What two listings lost that may have lost the same rows.
pub(super) fn greater(a: LostRows, b: LostRows) -> LostRows {
    LostRows { skipped: a.skipped.max(b.skipped), missing: a.missing.max(b.missing) }
}

/// What two listings lost that have no row in common.
pub(super) fn sum(a: LostRows, b: LostRows) -> LostRows {
    LostRows { skipped: a.skipped.saturating_add(b.skipped), missing: a.missing.saturating_add(b.missing) }
}
