//! One read of a listing, first page to last.

use crate::ledger::{Record, TaskKey, TaskMap};
use crate::model::Task;
use crate::sas::Page;

use super::error::PollError;
use crate::snapshot::LostRows;

/// Most pages of one listing: a guard against a server that counts without end.
const MOST_PAGES: u32 = 100_000;

/// What is kept of a task while its listing is read.
pub(super) trait Kept: Clone {
    /// Keeps it, while the task still borrows from its page.
    fn keep(task: &Task<'_>) -> Self;

    /// The task's record.
    fn record(&self) -> &Record;
}

impl Kept for Record {
    fn keep(task: &Task<'_>) -> Self {
        Self::from(task)
    }

    fn record(&self) -> &Record {
        self
    }
}

/// What came of a listing in one read.
#[derive(Debug)]
pub(super) struct Read<V> {
    /// The tasks, each once.
    pub(super) rows: TaskMap<V>,
    /// Rows without a usable `TaskId`.
    pub(super) skipped: u64,
    /// The greatest `TotalCount` of its pages.
    pub(super) total: u64,
    /// That of page 1: rows that there were when the read began.
    first_total: u64,
    least_total: u64,
    /// Rows a page, as the server says and as it does.
    said_size: u64,
    real_size: u64,
    /// The highest page that came, and whether it was full.
    highest: u32,
    highest_is_full: bool,
    /// A page beyond the count of the server that came empty.
    end: Option<u32>,
}

impl<V> Read<V> {
    /// Begins with `first`, the page 1 that was asked for with `asked` rows.
    pub(super) fn begin(first: Page<(TaskKey, V)>, asked: u32) -> Self {
        // What the server claims is no reason to take much memory at once.
        const MOST_ROOM: u64 = 1 << 17;
        let mut rows = TaskMap::default();
        rows.reserve(usize::try_from(first.total.min(MOST_ROOM)).unwrap_or(0));
        let said_size = first.page_size.unwrap_or_else(|| u64::from(asked));
        let mut read = Self {
            rows,
            skipped: 0,
            total: 0,
            first_total: first.total,
            least_total: first.total,
            said_size,
            real_size: real_page_size(&first, said_size),
            highest: 0,
            highest_is_full: false,
            end: None,
        };
        read.take(1, first);
        read
    }

    /// Adds page `number`.
    pub(super) fn take(&mut self, number: u32, page: Page<(TaskKey, V)>) {
        let came = page.rows.len() as u64 + page.skipped;
        self.skipped += page.skipped;
        self.total = self.total.max(page.total);
        self.least_total = self.least_total.min(page.total);
        self.rows.extend(page.rows);
        if number > self.highest {
            self.highest = number;
            self.highest_is_full = came >= self.real_size;
        }
        if came == 0 && u64::from(number) > self.total.div_ceil(self.said_size) {
            self.end = Some(self.end.map_or(number, |end| end.min(number)));
        }
    }

    /// The last page, as far as is known. Where more rows came than are counted the count is no
    /// measure, and one page more is read until one comes short.
    ///
    /// # Errors
    /// If there are more pages than any real listing has.
    pub(super) fn last_page(&self) -> Result<u32, PollError> {
        let mut pages = self.total.div_ceil(self.real_size);
        if self.found(self.rows.len()) > self.total && self.highest_is_full {
            pages = pages.max(u64::from(self.highest) + 1);
        }
        match u32::try_from(pages) {
            Ok(count) if count <= MOST_PAGES => Ok(self.end.map_or(count, |end| end.min(count))),
            _ => Err(PollError::TooManyPages { pages, most: MOST_PAGES }),
        }
    }

    /// Whether all rows came that any page counts.
    pub(super) fn is_complete(&self) -> bool {
        self.found(self.rows.len()) >= self.total
    }

    /// Whether `rows` tasks may be all that there were when this read began, and more only as far
    /// as tasks started meanwhile. Not where a page counted less than the first: tasks went then.
    pub(super) fn may_be_whole_with(&self, rows: usize) -> bool {
        let least = if self.least_total < self.first_total { self.total } else { self.first_total };
        (least..=self.total).contains(&self.found(rows))
    }

    /// Rows that the API counts and that did not come.
    pub(super) fn shortfall(&self) -> u64 {
        self.total.saturating_sub(self.found(self.rows.len()))
    }

    /// Whether this is what `other` found, short of the same number of rows.
    pub(super) fn confirms(&self, other: &Self) -> bool {
        self.shortfall() > 0
            && self.shortfall() == other.shortfall()
            && self.rows.len() == other.rows.len()
            && self.rows.keys().all(|key| other.rows.contains_key(key))
    }

    /// What is not among the rows.
    pub(super) fn lost(&self) -> LostRows {
        LostRows { skipped: self.skipped, missing: self.shortfall() }
    }

    /// `rows` tasks and the rows that are none.
    fn found(&self, rows: usize) -> u64 {
        rows as u64 + self.skipped
    }
}

/// The page size that the server goes by: what it says, or what it does if that is less.
fn real_page_size<R>(first: &Page<R>, said: u64) -> u64 {
    let given = first.rows.len() as u64 + first.skipped;
    if given > 0 && given < first.total { said.min(given) } else { said }
}
