//! Which of the ways to list subtasks is right for an account: the answer is proven, not guessed.
//! See `docs/decisions/0001-proving-how-subtasks-are-listed.md`.

use std::cmp::Reverse;

use crate::ledger::{FullListing, Record, Records, TaskKey};
use crate::model::{FailureReason, Listing};
use crate::sas::Query;
use crate::snapshot::LostRows;

use super::error::PollError;
use super::full::{Full, FullReader, Root, Roots};
use super::pager::Listed;

/// Newest main tasks that are asked for their subtasks in each full listing.
const NEWEST_ASKED: usize = 5;

/// Main tasks with subtasks that are proof enough.
const ENOUGH_PROOF: usize = 3;

/// Finished main tasks, old and new, that must have no subtasks before an account is taken for
/// one that has only main tasks. If there are fewer, all of them.
const BARREN_ASKED: usize = 20;

/// What main tasks say when they are asked for their subtasks.
#[derive(Debug, Default)]
struct Evidence {
    /// Subtasks that a flat listing from the look-back on must hold.
    due: Vec<TaskKey>,
    /// Older ones, which a flat listing from further back must hold.
    older: Vec<TaskKey>,
    /// Main tasks that have subtasks.
    with_subtasks: usize,
    /// Finished main tasks that have none.
    barren: usize,
}

impl FullReader<'_> {
    /// Lists in the way that is proven right. The flat listing is right if it holds the subtasks
    /// that main tasks show; they are asked for first, so that one that starts meanwhile proves
    /// nothing wrong. Where nothing speaks for or against a way, the one in use stays.
    pub(super) async fn find_out(&self, roots: Listed<Root>) -> Result<Full, PollError> {
        let mut evidence = self.ask(&roots.rows).await?;
        let scans = or_none(self.window(&Query::subtasks()).await)?;
        let has_own_rows = scans.rows.keys().any(|key| !roots.rows.contains_key(key));
        let is_complete = evidence.due.iter().all(|key| scans.rows.contains_key(key));
        let way = if is_complete && has_own_rows {
            Listing::Flat
        } else if !is_complete {
            Listing::PerRoot
        } else if self.way_in_use != Listing::Auto {
            self.way_in_use_or(&evidence)
        } else {
            self.without_recent_subtasks(&roots.rows, &mut evidence).await?
        };
        let with_history = self.with_history || way != self.way_in_use;
        match way {
            Listing::Flat => self.flat(roots, scans, with_history).await,
            Listing::PerRoot => self.per_root(roots, with_history).await,
            Listing::Root => self.root_only(roots, with_history).await,
            Listing::Auto => Ok(Full::new(way, FullListing::default(), LostRows::default())),
        }
    }

    /// The way in use, unless main tasks have subtasks after all.
    fn way_in_use_or(&self, evidence: &Evidence) -> Listing {
        let is_refuted = self.way_in_use == Listing::Root && evidence.with_subtasks > 0;
        if is_refuted { Listing::PerRoot } else { self.way_in_use }
    }

    /// The way of an account that shows no subtask within the look-back and is new to us: older
    /// tasks may tell.
    async fn without_recent_subtasks(
        &self,
        roots: &Roots,
        evidence: &mut Evidence,
    ) -> Result<Listing, PollError> {
        let from = self.history_from(true).unwrap_or_else(|| self.window_from());
        let mut older: Roots = self.since(&Query::main_tasks(), from).await?.rows;
        older.retain(|key, _| !roots.contains_key(key));
        if evidence.with_subtasks == 0 {
            self.ask_finished(roots.values().chain(older.values()), evidence).await?;
        }
        let flat = or_none(self.since(&Query::subtasks(), from).await)?.rows;
        let has_own_rows = flat.keys().any(|key| !roots.contains_key(key) && !older.contains_key(key));
        let is_complete = evidence.older.iter().all(|key| flat.contains_key(key));
        if has_own_rows && is_complete {
            Ok(Listing::Flat)
        } else if evidence.with_subtasks > 0 {
            Ok(Listing::PerRoot)
        } else if evidence.barren > 0 {
            Ok(Listing::Root)
        } else if roots.is_empty() && older.is_empty() {
            // An account without any task: the truth, whichever way it will be listed.
            Ok(Listing::Auto)
        } else {
            Err(PollError::ListingNotProven)
        }
    }

    /// Asks the newest main tasks.
    async fn ask(&self, roots: &Roots) -> Result<Evidence, PollError> {
        let mut evidence = Evidence::default();
        for root in newest_first(roots.values()).into_iter().take(NEWEST_ASKED) {
            self.ask_one(root, &mut evidence).await?;
            if evidence.with_subtasks == ENOUGH_PROOF {
                break;
            }
        }
        Ok(evidence)
    }

    /// Asks finished main tasks spread evenly over age, until one has subtasks: one that still
    /// runs may have none yet, and one that failed at once may have none at all.
    async fn ask_finished<'r>(
        &self,
        roots: impl Iterator<Item = &'r Root>,
        evidence: &mut Evidence,
    ) -> Result<(), PollError> {
        let finished = newest_first(roots.filter(|root| root.record.status.is_finished()));
        let step = finished.len().div_ceil(BARREN_ASKED).max(1);
        for root in finished.into_iter().step_by(step) {
            self.ask_one(root, evidence).await?;
            if evidence.with_subtasks > 0 {
                break;
            }
        }
        Ok(())
    }

    async fn ask_one(&self, root: &Root, evidence: &mut Evidence) -> Result<(), PollError> {
        let page = self.pager.first_page::<Record>(&Query::subtasks_of(&root.id)).await?;
        if page.rows.is_empty() && page.total == 0 {
            evidence.barren += usize::from(root.record.status.is_finished());
            return Ok(());
        }
        evidence.with_subtasks += 1;
        let from = self.window_from();
        let wanted = page.rows.iter().filter(|(_, subtask)| self.is_wanted(subtask));
        for &(key, subtask) in wanted {
            // Without a start it can't be told which listing must hold it.
            match subtask.start {
                Some(start) if start >= from => evidence.due.push(key),
                Some(_) => evidence.older.push(key),
                None => {}
            }
        }
        Ok(())
    }
}

/// A server that wants a main task named may refuse a flat listing instead of showing nothing.
fn or_none(flat: Result<Listed<Record>, PollError>) -> Result<Listed<Record>, PollError> {
    match flat {
        Err(PollError::Call(error)) if error.reason() == FailureReason::Config => {
            Ok(Listed { rows: Records::default(), lost: LostRows::default() })
        }
        flat => flat,
    }
}

fn newest_first<'r>(roots: impl Iterator<Item = &'r Root>) -> Vec<&'r Root> {
    let mut roots: Vec<&Root> = roots.collect();
    roots.sort_unstable_by_key(|root| Reverse(root.record.start));
    roots
}
