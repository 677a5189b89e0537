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
    #[error("{reads} reads of a listing gave {rows} of {expected} rows, and not the same ones each time")]
    Shifting {
        /// How often it was read.
        reads: usize,
        /// Different rows that came.
        rows: u64,
        /// Rows that there are, by the API's last word.
        expected: u64,
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
        "it is not clear yet how the subtasks of this account are listed: its main tasks show none so far; \
         set listing to flat, per_root or root to decide"
    )]
    ListingNotProven,
}

impl PollError {
    /// The kind of failure, which is the label of the metric.
    pub fn reason(&self) -> FailureReason {
        match self {
            Self::Call(error) => error.reason(),
            Self::Stalled { .. } => FailureReason::Timeout,
            Self::UnusableRows { .. } => FailureReason::Malformed,
            Self::Shifting { .. } | Self::TooManyPages { .. } | Self::ListingNotProven => {
                FailureReason::Incomplete
            }
        }
    }
}
