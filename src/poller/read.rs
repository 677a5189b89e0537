//! One read of a listing, first page to last.

use crate::ledger::{KeyMap, Record, TaskKey};
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
    pub(super) rows: KeyMap<TaskKey, V>,
    /// Rows without a usable `TaskId`.
    pub(super) skipped: u64,
    /// The greatest `TotalCount` of its pages. A page that says less may be right, if a task is
    /// gone, or be of a broken server; the next read tells.
    pub(super) total: u64,
    page_size: u64,
}

impl<V> Read<V> {
    /// Begins with `first`, the page 1 that was asked for with `asked` rows.
    pub(super) fn begin(first: Page<(TaskKey, V)>, asked: u32) -> Self {
        // What the server claims is no reason to take much memory at once.
        const MOST_ROOM: u64 = 1 << 17;
        let mut rows = KeyMap::default();
        rows.reserve(usize::try_from(first.total.min(MOST_ROOM)).unwrap_or(0));
        let mut read = Self { rows, skipped: 0, total: 0, page_size: real_page_size(&first, asked) };
        read.take(first);
        read
    }

    /// Adds a page.
    pub(super) fn take(&mut self, page: Page<(TaskKey, V)>) {
        self.skipped += page.skipped;
        self.total = self.total.max(page.total);
        self.rows.extend(page.rows);
    }

    /// The last page, as far as is known.
    ///
    /// # Errors
    /// If there are more pages than any real listing has.
    pub(super) fn last_page(&self) -> Result<u32, PollError> {
        let pages = self.total.div_ceil(self.page_size);
        match u32::try_from(pages) {
            Ok(count) if count <= MOST_PAGES => Ok(count),
            _ => Err(PollError::TooManyPages { pages, most: MOST_PAGES }),
        }
    }

    /// Whether all rows came, and no more: more came if tasks went while it was read, or if the
    /// server counts wrongly.
    pub(super) fn is_complete(&self) -> bool {
        self.rows.len() as u64 + self.skipped == self.total
    }

    /// Rows that the API counts and that did not come.
    pub(super) fn shortfall(&self) -> u64 {
        self.total.saturating_sub(self.rows.len() as u64 + self.skipped)
    }

    /// Whether this is what `other` found, short of the same number of rows. Twice nothing of
    /// something proves no more than that the server shows nothing.
    pub(super) fn confirms(&self, other: &Self) -> bool {
        self.shortfall() > 0
            && !self.rows.is_empty()
            && self.shortfall() == other.shortfall()
            && self.rows.len() == other.rows.len()
            && self.rows.keys().all(|key| other.rows.contains_key(key))
    }

    /// What is not among the rows.
    pub(super) fn lost(&self) -> LostRows {
        LostRows { skipped: self.skipped, missing: self.shortfall() }
    }
}

/// The page size that the server goes by: what it says, or what it does if that is less.
fn real_page_size<R>(first: &Page<R>, asked: u32) -> u64 {
    let said = first.page_size.unwrap_or_else(|| u64::from(asked));
    let given = first.rows.len() as u64 + first.skipped;
    if given > 0 && given < first.total { said.min(given) } else { said }
}
