//! What is told of a source in the log: a condition that lasts when it starts and when it ends,
//! not at every poll.

use std::collections::BTreeSet;

use crate::error::in_words;
use crate::model::{FailureReason, Field, Listing, PollFailure, SourceStatus};
use crate::snapshot::LostRows;

use super::error::{PollError, Unfit};

/// What has been told and still holds.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// Reasons of the failures since the last good poll.
    failing: BTreeSet<FailureReason>,
    /// Those among them that were told under the settings in force.
    told: BTreeSet<FailureReason>,
    stale: bool,
    lost: LostRows,
    unknown: BTreeSet<Field>,
    unfit: bool,
    full_fails: bool,
}

impl Notices {
    /// A poll failed, of a source that was as `before`.
    pub(super) fn poll_failed(&mut self, before: &SourceStatus, failure: &PollFailure) {
        let source = before.name.as_str();
        let PollFailure { reason, message, advice, .. } = failure;
        self.failing.insert(*reason);
        if !self.told.insert(*reason) {
            tracing::debug!(source, %reason, error = message, "the poll failed again");
        } else if before.last_success.is_some() {
            tracing::warn!(source, %reason, error = message, advice, "a poll failed; the last data stays until it is stale");
        } else {
            tracing::warn!(source, %reason, error = message, advice, "a poll failed; there is no data yet");
        }
    }

    /// The source has other settings now: whoever mended them wants to know whether that has helped.
    pub(super) fn settings_changed(&mut self) {
        self.told.clear();
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
            tracing::info!(source, listing = %way, listing_before = %before.listing, "how the tasks of this account are listed was found out");
        }
        self.lost_rows(source, lost);
        self.failing.clear();
        self.told.clear();
        self.stale = false;
    }

    /// A poll came upon values of `fields` that were not understood. Each field is told once: the
    /// API has changed, and stays so.
    pub(super) fn unknown_values(&mut self, source: &str, fields: BTreeSet<Field>) {
        for field in fields {
            if self.unknown.insert(field) {
                tracing::warn!(source, %field, "values of a field are not understood and count as unknown");
            }
        }
    }

    /// A full listing failed, of a source whose delta polls go on.
    pub(super) fn full_failed(&mut self, source: &str, error: &PollError) {
        if !std::mem::replace(&mut self.full_fails, true) {
            tracing::warn!(source, reason = %error.reason(), error = in_words(error), advice = error.advice(), "a full listing failed; what changed is polled meanwhile");
        }
    }

    /// A full listing was good.
    pub(super) fn full_succeeded(&mut self, source: &str) {
        if std::mem::take(&mut self.full_fails) {
            tracing::info!(source, "a full listing succeeded again");
        }
    }

    /// Delta polls can't be relied on.
    pub(super) fn delta_unfit(&mut self, source: &str, unfit: Unfit) {
        if !std::mem::replace(&mut self.unfit, true) {
            tracing::warn!(source, reason = %unfit, "what changed can't be asked for; everything is listed at each poll");
        }
    }

    /// A delta poll was good.
    pub(super) fn delta_fit(&mut self, source: &str) {
        if std::mem::take(&mut self.unfit) {
            tracing::info!(source, "what changed can be asked for again");
        }
    }

    fn lost_rows(&mut self, source: &str, lost: LostRows) {
        let LostRows { skipped, missing } = lost;
        if skipped > 0 && self.lost.skipped == 0 {
            tracing::warn!(source, skipped_rows = skipped, "rows without a usable TaskId are left out");
        }
        if missing > 0 && self.lost.missing == 0 {
            tracing::warn!(
                source,
                missing_rows = missing,
                "the API counts rows that it does not show; they are not in the gauges"
            );
        }
        if lost == LostRows::default() && self.lost != lost {
            tracing::info!(source, "all rows are shown and usable again");
        }
        self.lost = lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixMillis;
    use crate::logging::told;

    fn failure(reason: FailureReason) -> PollFailure {
        let at = UnixMillis::new(1).unwrap();
        PollFailure { at, reason, message: "it broke".to_owned(), advice: "mend it" }
    }

    fn good() -> SourceStatus {
        let listing = Listing::Flat;
        SourceStatus { listing, last_success: UnixMillis::new(1), ..SourceStatus::unpolled("prod") }
    }

    #[test]
    fn each_reason_of_a_lasting_failure_is_told_once_and_its_end_once() {
        let mut notices = Notices::default();
        let lines = told(|| {
            for reason in [FailureReason::Throttled, FailureReason::Server].into_iter().cycle().take(20) {
                notices.poll_failed(&good(), &failure(reason));
            }
            let failing = SourceStatus { consecutive_failures: 20, ..good() };
            notices.poll_succeeded(&failing, Listing::Flat, LostRows::default());
            notices.poll_succeeded(&good(), Listing::Flat, LostRows::default());
        });
        assert_eq!(
            lines,
            [
                "WARN a poll failed; the last data stays until it is stale source=\"prod\" reason=throttled error=\"it broke\" advice=\"mend it\"",
                "WARN a poll failed; the last data stays until it is stale source=\"prod\" reason=server error=\"it broke\" advice=\"mend it\"",
                "INFO polls succeed again source=\"prod\" failed_polls=20 reasons=\"throttled,server\"",
            ]
        );
    }

    #[test]
    fn a_failure_that_other_settings_do_not_mend_is_told_once_more() {
        let mut notices = Notices::default();
        let lines = told(|| {
            for _ in 0..2 {
                notices.poll_failed(&good(), &failure(FailureReason::Auth));
                notices.poll_failed(&good(), &failure(FailureReason::Auth));
                notices.settings_changed();
            }
            let failing = SourceStatus { consecutive_failures: 4, ..good() };
            notices.poll_succeeded(&failing, Listing::Flat, LostRows::default());
        });
        assert_eq!(lines.iter().filter(|line| line.starts_with("WARN")).count(), 2, "{lines:?}");
        assert!(lines[2].ends_with("failed_polls=4 reasons=\"auth\""), "{lines:?}");
    }

    #[test]
    fn a_failure_that_comes_back_is_told_again() {
        let mut notices = Notices::default();
        let lines = told(|| {
            for _ in 0..2 {
                notices.poll_failed(&good(), &failure(FailureReason::Network));
                notices.poll_succeeded(&good(), Listing::Flat, LostRows::default());
            }
        });
        assert_eq!(lines.iter().filter(|line| line.starts_with("WARN")).count(), 2, "{lines:?}");
    }

    #[test]
    fn stale_data_is_told_once_until_a_poll_succeeds() {
        let mut notices = Notices::default();
        let lines = told(|| {
            notices.data_stale(&good());
            notices.data_stale(&good());
            notices.poll_succeeded(&good(), Listing::Flat, LostRows::default());
            notices.data_stale(&good());
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].starts_with("ERROR the data is stale; the gauges"), "{}", lines[0]);
    }

    #[test]
    fn lost_rows_are_told_when_they_begin_and_when_they_end() {
        let mut notices = Notices::default();
        let lost = LostRows { skipped: 1, missing: 2 };
        let lines = told(|| {
            for lost in [lost, lost, LostRows::default(), LostRows::default()] {
                notices.poll_succeeded(&good(), Listing::Flat, lost);
            }
        });
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(lines[0].contains("skipped_rows=1") && lines[1].contains("missing_rows=2"), "{lines:?}");
        assert!(lines[2].starts_with("INFO all rows are shown"), "{lines:?}");
    }

    #[test]
    fn a_field_that_is_not_understood_is_told_once() {
        let mut notices = Notices::default();
        let lines = told(|| {
            for _ in 0..3 {
                notices.unknown_values("prod", BTreeSet::from([Field::Status]));
            }
        });
        let line =
            "WARN values of a field are not understood and count as unknown source=\"prod\" field=Status";
        assert_eq!(lines, [line]);
    }

    #[test]
    fn the_first_success_and_the_way_found_are_told() {
        let mut notices = Notices::default();
        let new = SourceStatus::unpolled("prod");
        let lines = told(|| notices.poll_succeeded(&new, Listing::PerRoot, LostRows::default()));
        assert_eq!(
            lines,
            [
                "INFO the first poll succeeded source=\"prod\"",
                "INFO how the tasks of this account are listed was found out source=\"prod\" listing=per_root listing_before=auto",
            ]
        );
    }
}
