//! One listing, read completely or not at all, although pages shift while they are read.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::ledger::{KeyMap, TaskKey};
use crate::model::Task;
use crate::rpc::CallError;
use crate::sas::{Api, Page, Query};
use crate::snapshot::LostRows;

use super::error::PollError;
use super::publish::Publisher;

/// Most pages of one listing: a guard against a server that counts without end.
const MOST_PAGES: u32 = 100_000;

/// Most reads of one listing whose rows shift.
const MOST_READS: usize = 5;

/// A refused page size is halved down to this.
const LEAST_PAGE_SIZE: u32 = 10;

/// Of this many rows, one may be unusable.
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

    fn set(&self, rows: u32) {
        self.0.store(rows, Ordering::Relaxed);
    }
}

/// Reads listings of one source.
#[derive(Debug)]
pub(super) struct Pager<'a> {
    pub(super) api: &'a Api,
    pub(super) page_size: &'a PageSize,
    /// Pages of one listing asked for at a time.
    pub(super) concurrency: usize,
    pub(super) stall_timeout: Duration,
    pub(super) publisher: &'a Publisher,
}

/// A complete listing.
#[derive(Debug)]
pub(super) struct Listed<V> {
    /// What was kept of each task.
    pub(super) rows: KeyMap<TaskKey, V>,
    /// Rows that are not among them.
    pub(super) lost: LostRows,
}

/// One read of a listing, first page to last.
#[derive(Debug)]
struct Read<V> {
    rows: KeyMap<TaskKey, V>,
    skipped: u64,
    /// Rows that came, repeated ones too.
    received: u64,
    /// The newest `TotalCount`.
    total: u64,
}

impl Pager<'_> {
    /// Reads all pages of `query`, keeping what `keep` makes of each task.
    ///
    /// Rows count once however often they come. If fewer came than the API counts, the listing
    /// is read again: rows that shifted between pages turn up then. Two reads in a row with the
    /// same tasks and the same shortfall are the truth of the server.
    pub(super) async fn read_all<V: Clone>(
        &self,
        query: &Query,
        keep: fn(&Task<'_>) -> V,
    ) -> Result<Listed<V>, PollError> {
        let mut last = self.read_once(query, keep).await?;
        if last.shortfall() == 0 {
            return Ok(last.into_listed());
        }
        let mut union = last.rows.clone();
        for _ in 1..MOST_READS {
            let read = self.read_once(query, keep).await?;
            if read.shortfall() == 0 || read.repeats(&last) {
                return Ok(read.into_listed());
            }
            union.extend(read.rows.iter().map(|(&key, kept)| (key, kept.clone())));
            // Exactly all rows: had one vanished between the reads, there would be one too many.
            if union.len() as u64 + read.skipped == read.total {
                let lost = LostRows { skipped: read.skipped, missing: 0 };
                return Ok(Listed { rows: union, lost });
            }
            last = read;
        }
        Err(PollError::Shifting { reads: MOST_READS, rows: union.len() as u64, expected: last.total })
    }

    /// The first page alone, for a look; a page size that the server refuses is halved.
    pub(super) async fn first_page<V>(
        &self,
        query: &Query,
        keep: fn(&Task<'_>) -> V,
    ) -> Result<Page<(TaskKey, V)>, PollError> {
        let asked = self.page_size.get();
        let mut size = asked;
        loop {
            match self.before_stall(self.page(query, 1, size, keep)).await? {
                Err(error) if refuses_page_size(&error) && size / 2 >= LEAST_PAGE_SIZE => size /= 2,
                answer => {
                    let page = answer?;
                    if size != asked {
                        self.page_size.set(size);
                        tracing::warn!(
                            asked,
                            page_size = size,
                            "the API refused the page size; a smaller one is used from now on"
                        );
                    }
                    return Ok(page);
                }
            }
        }
    }

    async fn read_once<V>(&self, query: &Query, keep: fn(&Task<'_>) -> V) -> Result<Read<V>, PollError> {
        let first = self.first_page(query, keep).await?;
        let asked_size = self.page_size.get();
        let real_size = real_page_size(&first, asked_size);
        self.publisher.rows_expected(first.total);
        let mut read = Read::with_room_for(first.total);
        self.take(&mut read, first);
        let mut pages = FuturesUnordered::new();
        let mut next = 2;
        loop {
            let last = page_count(read.total, real_size)?;
            while pages.len() < self.concurrency && next <= last {
                pages.push(self.page(query, next, asked_size, keep));
                next += 1;
            }
            match self.before_stall(pages.next()).await? {
                Some(page) => self.take(&mut read, page?),
                None => break,
            }
        }
        read.check_usable()?;
        Ok(read)
    }

    async fn page<V>(
        &self,
        query: &Query,
        page: u32,
        size: u32,
        keep: fn(&Task<'_>) -> V,
    ) -> Result<Page<(TaskKey, V)>, CallError> {
        self.api.list(query, page, size, |task| (TaskKey::of(&task.id), keep(task))).await
    }

    fn take<V>(&self, read: &mut Read<V>, page: Page<(TaskKey, V)>) {
        let received = page.rows.len() as u64 + page.skipped;
        read.received += received;
        read.skipped += page.skipped;
        read.total = page.total;
        read.rows.extend(page.rows);
        self.publisher.rows_read(received);
    }

    /// Waits for `page`, at most as long as the API may be quiet.
    async fn before_stall<T>(&self, page: impl Future<Output = T>) -> Result<T, PollError> {
        let stalled = |_| PollError::Stalled { after: self.stall_timeout };
        tokio::time::timeout(self.stall_timeout, page).await.map_err(stalled)
    }
}

impl<V> Read<V> {
    /// A read to be filled. What the server claims is no reason to take much memory at once.
    fn with_room_for(total: u64) -> Self {
        const MOST_ROOM: u64 = 1 << 17;
        let mut rows = KeyMap::default();
        rows.reserve(usize::try_from(total.min(MOST_ROOM)).unwrap_or(0));
        Self { rows, skipped: 0, received: 0, total: 0 }
    }

    /// Rows that the API counts and that did not come.
    fn shortfall(&self) -> u64 {
        self.total.saturating_sub(self.rows.len() as u64 + self.skipped)
    }

    fn repeats(&self, other: &Self) -> bool {
        self.shortfall() == other.shortfall()
            && self.rows.len() == other.rows.len()
            && self.rows.keys().all(|key| other.rows.contains_key(key))
    }

    fn check_usable(&self) -> Result<(), PollError> {
        let Self { skipped, received: rows, .. } = *self;
        if skipped * ROWS_PER_UNUSABLE > rows {
            Err(PollError::UnusableRows { skipped, rows })
        } else {
            Ok(())
        }
    }

    fn into_listed(self) -> Listed<V> {
        let lost = LostRows { skipped: self.skipped, missing: self.shortfall() };
        Listed { rows: self.rows, lost }
    }
}

/// The page size that the server goes by: what it says, or what it does if that is less.
fn real_page_size<R>(first: &Page<R>, asked: u32) -> u64 {
    let said = first.page_size.unwrap_or_else(|| u64::from(asked));
    let given = first.rows.len() as u64 + first.skipped;
    if given > 0 && given < first.total { said.min(given) } else { said }
}

fn page_count(total: u64, page_size: u64) -> Result<u32, PollError> {
    let pages = total.div_ceil(page_size);
    match u32::try_from(pages) {
        Ok(count) if count <= MOST_PAGES => Ok(count),
        _ => Err(PollError::TooManyPages { pages, most: MOST_PAGES }),
    }
}

/// Whether the server may mean the page size. No code for that is documented, and a smaller
/// page does no harm if it meant something else.
fn refuses_page_size(error: &CallError) -> bool {
    let names_it = |code: &str| code.contains("PageSize") || code.starts_with("InvalidParameter");
    error.code().is_some_and(names_it)
}
