//! What is told of a source in the log: a condition that lasts when it starts and when it ends,
//! not at every poll.

use std::collections::BTreeSet;

use crate::model::{FailureReason, Listing, PollFailure, SourceStatus};
use crate::snapshot::LostRows;

/// What has been told and still holds.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Reasons of the failures since the last good poll.
    failing: BTreeSet<FailureReason>,
    stale: bool,
    lost: LostRows,
}

impl Notices {
    /// A poll failed, of a source that was as `before`.
    pub(super) fn poll_failed(&mut self, before: &SourceStatus, failure: &PollFailure) {
        let source = before.name.as_str();
        let PollFailure { reason, message, advice, .. } = failure;
        if !self.failing.insert(*reason) {
            tracing::debug!(source, %reason, error = message, "the poll failed again");
        } else if before.last_success.is_some() {
            tracing::warn!(source, %reason, error = message, advice, "a poll failed; the last data stays until it is stale");
        } else {
            tracing::warn!(source, %reason, error = message, advice, "a poll failed; there is no data yet");
        }
    }

    /// The data of the source is stale now.
    pub(super) fn data_stale(&mut self, status: &SourceStatus) {
        if !std::mem::replace(&mut self.stale, true) {
            tracing::error!(
                source = status.name,
                failed_polls = status.consecutive_failures,
                stale_after_seconds = status.stale_after.as_secs(),
                "the data is stale; the gauges about scans are withdrawn until a poll succeeds"
            );
        }
    }

    /// A poll succeeded, of a source that was as `before`; it listed in `way` and lost `lost`.
    pub(super) fn poll_succeeded(&mut self, before: &SourceStatus, way: Listing, lost: LostRows) {
        let source = before.name.as_str();
        if before.consecutive_failures > 0 {
            let reasons: Vec<_> = self.failing.iter().map(|reason| reason.as_str()).collect();
            let (reasons, failed_polls) = (reasons.join(","), before.consecutive_failures);
            tracing::info!(source, failed_polls, reasons, "polls succeed again");
        } else if before.last_success.is_none() {
            tracing::info!(source, "the first poll succeeded");
        }
        if way != before.listing {
            tracing::info!(source, listing = %way, before = %before.listing, "the listing was found out");
        }
        self.lost_rows(source, lost);
        self.failing.clear();
        self.stale = false;
    }

    fn lost_rows(&mut self, source: &str, lost: LostRows) {
        let LostRows { skipped, missing } = lost;
        if skipped > 0 && self.lost.skipped == 0 {
            tracing::warn!(source, skipped, "rows without a usable TaskId are left out");
        }
        if missing > 0 && self.lost.missing == 0 {
            tracing::warn!(
                source,
                missing,
                "the API counts rows that it does not show; they are not in the gauges"
            );
        }
        if lost == LostRows::default() && self.lost != lost {
            tracing::info!(source, "all rows are shown and usable again");
        }
        self.lost = lost;
    }
}
