//! One listing, read completely or not at all, although pages shift while they are read.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Semaphore;

use crate::ledger::{Names, OpenIds, TargetsShown, TaskKey, TaskMap};
use crate::model::{Field, Task};
use crate::rpc::CallError;
use crate::sas::{Api, LEAST_PAGE_SIZE, Page, Query, RootTask, refuses_page_size};
use crate::snapshot::LostRows;

use super::error::PollError;
use super::publish::Publisher;
use super::read::{Kept, Read};

/// Most reads of one listing whose rows shift.
const MOST_READS: usize = 8;

/// Reads whose rows are united. What was seen before them may be gone by now.
const UNITED_READS: usize = 3;

/// How long at least until silence is looked at again.
const LEAST_LOOK: Duration = Duration::from_millis(100);

/// Of this many rows of a poll, one may be unusable.
const ROWS_PER_UNUSABLE: u64 = 100;

/// The page size to ask for, which shrinks when the server refuses it.
#[derive(Debug)]
pub(super) struct PageSize(AtomicU32);

impl PageSize {
    pub(super) fn new(rows: u32) -> Self {
        Self(AtomicU32::new(rows))
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes it `rows` at most; whether it was more.
    fn shrink(&self, rows: u32) -> bool {
        self.0.fetch_min(rows, Ordering::Relaxed) > rows
    }
}

/// Reads the listings of one poll.
#[derive(Debug)]
pub(super) struct Pager<'a> {
    pub(super) api: &'a Api,
    pub(super) page_size: &'a PageSize,
    /// Pages of one listing asked for at a time.
    pub(super) concurrency: usize,
    pub(super) stall_timeout: Duration,
    pub(super) publisher: &'a Publisher,
    /// Whether its rows are told as the progress of a full listing.
    pub(super) shows_progress: bool,
    /// Places for requests, as many as `concurrency`: several listings are read at a time.
    pub(super) places: Semaphore,
    pub(super) tally: Tally,
}

/// Rows of a poll, repeated ones too, the fields whose values were not understood, and names.
#[derive(Debug, Default)]
pub(super) struct Tally {
    received: AtomicU64,
    skipped: AtomicU64,
    unknown: Mutex<BTreeSet<Field>>,
    names: Mutex<Names>,
    ids: Mutex<OpenIds>,
    names_of_main_tasks: Mutex<Names>,
}

impl Tally {
    /// Nothing yet, and room for the names of the targets that are `shown`.
    pub(super) fn new(shown: TargetsShown) -> Self {
        let names = || Mutex::new(Names::new(shown));
        Self { names: names(), names_of_main_tasks: names(), ..Self::default() }
    }
}

/// A complete listing.
#[derive(Debug)]
pub(super) struct Listed<V> {
    /// What was kept of each task.
    pub(super) rows: TaskMap<V>,
    /// Rows that are not among them.
    pub(super) lost: LostRows,
}

impl<V> Default for Listed<V> {
    fn default() -> Self {
        Self { rows: TaskMap::default(), lost: LostRows::default() }
    }
}

impl Pager<'_> {
    /// Reads all pages of `query`.
    ///
    /// Rows count once however often they come. If fewer came than the API counts, the listing
    /// is read again. Two reads in a row with the same tasks and the same shortfall are the truth
    /// of the server. Where tasks start during every read, or rows shift, the latest reads are
    /// united; the union counts once it has had all rows twice running, because a single time a
    /// task that went might stand in for one that was never seen.
    pub(super) async fn read_all<V: Kept>(&self, query: &Query) -> Result<Listed<V>, PollError> {
        let mut reads: VecDeque<Read<V>> = VecDeque::new();
        let mut was_whole = false;
        for number in 0..MOST_READS {
            let read = self.read_once(query, self.shows_progress && number == 0).await?;
            if read.is_complete() || reads.back().is_some_and(|last| read.confirms(last)) {
                return Ok(Listed { lost: read.lost(), rows: read.rows });
            }
            if reads.len() == UNITED_READS {
                reads.pop_front();
            }
            let skipped = read.skipped;
            reads.push_back(read);
            let union = union_size(&reads);
            let is_whole = reads.back().is_some_and(|last| last.may_be_whole_with(union));
            if is_whole && was_whole {
                let rows = reads.into_iter().flat_map(|read| read.rows).collect();
                return Ok(Listed { rows, lost: LostRows { skipped, missing: 0 } });
            }
            was_whole = is_whole;
        }
        let expected = reads.back().map_or(0, |read| read.total);
        Err(PollError::Shifting { reads: MOST_READS, rows: union_size(&reads) as u64, expected })
    }

    /// A single row, for the count beside it. A server that refuses so small a page gives one of
    /// the usual size.
    pub(super) async fn one_row<V: Kept>(&self, query: &Query) -> Result<Page<(TaskKey, V)>, PollError> {
        match self.before_stall(self.page(query, 1, 1)).await? {
            Err(error) if refuses_page_size(&error) => self.first_page(query).await,
            page => Ok(page?),
        }
    }

    /// Whether few enough rows were unusable, beside `known` tasks that were not read again.
    pub(super) fn check_few_unusable(&self, known: u64) -> Result<(), PollError> {
        let skipped = self.tally.skipped.load(Ordering::Relaxed);
        let rows = self.tally.received.load(Ordering::Relaxed).saturating_add(known);
        if skipped * ROWS_PER_UNUSABLE > rows {
            return Err(PollError::UnusableRows { skipped, rows });
        }
        Ok(())
    }

    /// The first page alone, for a look.
    pub(super) async fn first_page<V: Kept>(&self, query: &Query) -> Result<Page<(TaskKey, V)>, PollError> {
        self.begin(query).await.map(|(page, _)| page)
    }

    /// Whether the rows of the poll so far, of which `lost` did not come, can be published: few
    /// enough were unusable, and some came if there are any. An account whose every row is hidden
    /// would look empty and healthy.
    pub(super) fn check_usable(&self, lost: LostRows) -> Result<(), PollError> {
        self.check_few_unusable(0)?;
        let rows = self.tally.received.load(Ordering::Relaxed);
        if rows == 0 && lost.missing > 0 {
            return Err(PollError::NothingShown { counted: lost.missing });
        }
        Ok(())
    }

    /// Fields that held a value that was not understood, so far.
    pub(super) fn unknown_fields(&self) -> MutexGuard<'_, BTreeSet<Field>> {
        self.tally.unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names of targets that came so far: of `main_tasks`, or of subtasks. Apart, because targets
    /// of main tasks count only where these are the scan tasks.
    pub(super) fn names(&self, main_tasks: bool) -> MutexGuard<'_, Names> {
        let names = if main_tasks { &self.tally.names_of_main_tasks } else { &self.tally.names };
        names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ids of tasks that came so far and had not finished.
    pub(super) fn ids(&self) -> MutexGuard<'_, OpenIds> {
        self.tally.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `shows_progress` for the first read: rows that are read again are no progress.
    async fn read_once<V: Kept>(&self, query: &Query, shows_progress: bool) -> Result<Read<V>, PollError> {
        let (first, size) = self.begin(query).await?;
        let mut received = first.rows.len() as u64 + first.skipped;
        let mut read = Read::begin(first, size);
        let mut pages = FuturesUnordered::new();
        let mut next = 2;
        let mut announced = 0;
        loop {
            let last = read.last_page()?;
            if shows_progress {
                self.publisher.rows(received, read.total.saturating_sub(announced));
                announced = announced.max(read.total);
            }
            while pages.len() < self.concurrency && next <= last {
                pages.push(async move { (next, self.page(query, next, size).await) });
                next += 1;
            }
            let Some((number, page)) = self.before_stall(pages.next()).await? else { break };
            let page: Page<(TaskKey, V)> = page?;
            received = page.rows.len() as u64 + page.skipped;
            read.take(number, page);
        }
        Ok(read)
    }

    /// Page 1, and the page size that it was asked for with: one that the server refuses is
    /// halved.
    async fn begin<V: Kept>(&self, query: &Query) -> Result<(Page<(TaskKey, V)>, u32), PollError> {
        let asked = self.page_size.get();
        let mut size = asked;
        loop {
            match self.before_stall(self.page(query, 1, size)).await? {
                Err(error) if refuses_page_size(&error) && size / 2 >= LEAST_PAGE_SIZE => size /= 2,
                answer => {
                    let page = answer?;
                    if self.page_size.shrink(size) {
                        let source = self.publisher.status().name;
                        tracing::warn!(
                            source,
                            asked_page_size = asked,
                            page_size = size,
                            "the API refused the page size; a smaller one is used from now on"
                        );
                    }
                    return Ok((page, size));
                }
            }
        }
    }

    async fn page<V: Kept>(
        &self,
        query: &Query,
        page: u32,
        size: u32,
    ) -> Result<Page<(TaskKey, V)>, CallError> {
        let place = self.places.acquire().await.expect("the semaphore is never closed");
        let keep = |task: &Task<'_>| {
            self.names(query.root_task == RootTask::True).note(task);
            self.ids().note(task, query.task_id.as_deref());
            (TaskKey::of(&task.id), V::keep(task))
        };
        let page = self.api.list(query, page, size, keep).await;
        drop(place);
        self.publisher.rate_limit(self.api.client().rate_limit());
        let page = page?;
        self.tally.received.fetch_add(page.rows.len() as u64 + page.skipped, Ordering::Relaxed);
        self.tally.skipped.fetch_add(page.skipped, Ordering::Relaxed);
        self.unknown_fields().extend(page.unknown.iter().map(|(field, _)| field));
        Ok(page)
    }

    /// Waits for `page`, at most as long as the API may be quiet. Waiting for our own limits does
    /// not count.
    async fn before_stall<T>(&self, page: impl Future<Output = T>) -> Result<T, PollError> {
        let mut page = std::pin::pin!(page);
        loop {
            let patience = self.stall_timeout.saturating_sub(self.api.client().silence());
            if patience.is_zero() {
                return Err(PollError::Stalled { after: self.stall_timeout });
            }
            tokio::select! {
                biased;
                page = &mut page => return Ok(page),
                () = tokio::time::sleep(patience.max(LEAST_LOOK)) => {}
            }
        }
    }
}

fn union_size<V>(reads: &VecDeque<Read<V>>) -> usize {
    let is_new =
        |index: usize, key: &TaskKey| reads.iter().take(index).all(|read| !read.rows.contains_key(key));
    reads
        .iter()
        .enumerate()
        .map(|(index, read)| read.rows.keys().filter(|key| is_new(index, key)).count())
        .sum()
}
