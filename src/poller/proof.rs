//! Which of the ways to list subtasks is right for an account: the answer is proven, not guessed.
//! See `docs/decisions/0001-proving-how-subtasks-are-listed.md`.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::ledger::{FullListing, Record, Records, TaskKey};
use crate::model::Listing;
use crate::rpc::CallError;
use crate::sas::Query;
use crate::snapshot::LostRows;

use super::error::PollError;
use super::full::{Full, FullReader, Root, Roots, is_refusal, sum};
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
    /// Main tasks that were asked.
    asked: BTreeSet<Box<str>>,
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
        let mut evidence = Evidence::default();
        self.ask_newest(&roots.rows, &mut evidence).await?;
        let scans = match self.window(&Query::subtasks()).await {
            // It was answered until now, so this says nothing of how the account is listed.
            flat if self.way_in_use == Listing::Flat => flat?,
            flat => or_none(flat)?,
        };
        let lost = sum(roots.lost, scans.lost);
        let has_own_rows = scans.rows.keys().any(|key| !roots.rows.contains_key(key));
        let way = if self.refutes(&roots.rows, &evidence, &scans.rows).await? {
            Listing::PerRoot
        } else if has_own_rows && !evidence.due.is_empty() {
            Listing::Flat
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
            Listing::Auto => Ok(Full::new(way, FullListing::default(), lost, LostRows::default())),
        }
    }

    /// Whether main tasks show subtasks that `flat` lacks. They are asked once more, because a
    /// subtask may have gone between the two.
    async fn refutes(&self, roots: &Roots, evidence: &Evidence, flat: &Records) -> Result<bool, PollError> {
        let is_lacking = |key: &&TaskKey| !flat.contains_key(*key);
        if evidence.due.iter().filter(is_lacking).count() == 0 {
            return Ok(false);
        }
        let mut again = Evidence::default();
        self.ask_newest(roots, &mut again).await?;
        Ok(evidence.due.iter().filter(is_lacking).any(|key| again.due.contains(key)))
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
        let is_complete = evidence.due.iter().chain(&evidence.older).all(|key| flat.contains_key(key));
        if has_own_rows && is_complete && evidence.with_subtasks > 0 {
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
    async fn ask_newest(&self, roots: &Roots, evidence: &mut Evidence) -> Result<(), PollError> {
        for root in newest_first(roots.values()).into_iter().take(NEWEST_ASKED) {
            self.ask_one(root, evidence).await?;
            if evidence.with_subtasks == ENOUGH_PROOF {
                break;
            }
        }
        Ok(())
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
        if evidence.asked.contains(&root.id) {
            return Ok(());
        }
        evidence.asked.insert(root.id.clone());
        let page = match self.pager.first_page::<Record>(&Query::subtasks_of(&root.id)).await {
            // One that the API lists and does not know: it says nothing.
            Err(error) if is_refusal(&error) => return Ok(()),
            page => page?,
        };
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
        Err(PollError::Call(error)) if wants_another_parameter(&error) => Ok(Listed::default()),
        flat => flat,
    }
}

fn wants_another_parameter(error: &CallError) -> bool {
    error.code().is_some_and(|code| code.starts_with("Missing") || code.starts_with("InvalidParameter"))
}

fn newest_first<'r>(roots: impl Iterator<Item = &'r Root>) -> Vec<&'r Root> {
    let mut roots: Vec<&Root> = roots.collect();
    roots.sort_unstable_by_key(|root| Reverse(root.record.start));
    roots
}
