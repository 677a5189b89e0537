//! Why a poll gave nothing to publish.

use std::time::Duration;

use crate::model::FailureReason;
use crate::rpc::CallError;

/// A poll that is not published. The snapshot before it stays.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// A request failed for good.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The API went quiet.
    #[error("no page came for {} s", after.as_secs())]
    Stalled {
        /// How long nothing came.
        after: Duration,
    },
    /// Too many rows without a usable `TaskId`.
    #[error("{skipped} of {rows} rows have no usable TaskId")]
    UnusableRows {
        /// Rows without one.
        skipped: u64,
        /// All rows read.
        rows: u64,
    },
    /// The rows of a listing never came together.
    #[error(
        "{reads} reads of a listing came to {rows} of the {expected} rows that the API counts, and did not agree on which are missing"
    )]
    Shifting {
        /// How often it was read.
        reads: usize,
        /// Different rows that came.
        rows: u64,
        /// Rows that there are, by the API's last word.
        expected: u64,
    },
    /// No row came of all that are counted.
    #[error("the API counts {counted} rows and shows none of them")]
    NothingShown {
        /// Rows that it counts.
        counted: u64,
    },
    /// A listing has more pages than any real one.
    #[error("a listing claims {pages} pages, more than the {most} that are ever read")]
    TooManyPages {
        /// Pages that the counts of the listing make.
        pages: u64,
        /// The bound.
        most: u32,
    },
    /// Nothing proves yet how the subtasks of this account can be listed.
    #[error(
        "it is not clear yet how the subtasks of this account are listed: its main tasks show none so far"
    )]
    ListingNotProven,
}

/// Why the API of a source can't be asked for what changed, so that everything is listed instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// A filter is refused.
    #[error("the API refuses the filter {0}")]
    Refused(&'static str),
    /// A filter has no effect.
    #[error("the API ignores the filter {0}")]
    Ignored(&'static str),
    /// The counts are no measure.
    #[error("the API counts fewer finished tasks than it shows")]
    FallsShort,
}

impl Unfit {
    /// The kind of failure, which is the label of the metric: what came does not show all that
    /// changed.
    pub(super) fn reason(self) -> FailureReason {
        FailureReason::Incomplete
    }
}

/// A delta poll that gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeltaError {
    /// It can't be relied on.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// It failed.
    #[error(transparent)]
    Poll(#[from] PollError),
}

impl PollError {
    /// The kind of failure, which is the label of the metric.
    pub fn reason(&self) -> FailureReason {
        match self {
            Self::Call(error) => error.reason(),
            Self::Stalled { .. } => FailureReason::Timeout,
            Self::UnusableRows { .. } => FailureReason::Malformed,
            Self::Shifting { .. }
            | Self::NothingShown { .. }
            | Self::TooManyPages { .. }
            | Self::ListingNotProven => FailureReason::Incomplete,
        }
    }

    /// What an operator can do about it, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::TooManyPages { .. } => {
                "check that the endpoint is the one of Security Center; no account has so many tasks"
            }
            Self::ListingNotProven => {
                "nothing to do if the first scan has just begun; else set listing of this source to flat, per_root or root"
            }
            Self::Call(error) => error.advice(),
            other => other.reason().advice(),
        }
    }
}
