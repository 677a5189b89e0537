//! The state of a source, and its failures in plain words.

use crate::clock::UnixMillis;
use crate::model::FailureReason;
use crate::snapshot::Published;

/// The state of a source in one word for the eye and one phrase for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No poll has finished.
    Waiting,
    /// The last poll was good and its data is fresh.
    UpToDate,
    /// The last poll failed; the data of an earlier one is still fresh.
    Failing,
    /// There is data, and it is too old to be shown.
    Stale,
    /// Polls have finished, and none was good.
    NoData,
}

impl State {
    /// The state of `source` at `now`.
    pub(super) fn of(source: &Published, now: UnixMillis) -> Self {
        let failed = source.status.failure.is_some();
        match (source.fresh_snapshot(now), &source.snapshot, source.status.last_poll) {
            (Some(_), _, _) if failed => Self::Failing,
            (Some(_), _, _) => Self::UpToDate,
            (None, Some(_), _) => Self::Stale,
            (None, None, Some(_)) => Self::NoData,
            (None, None, None) => Self::Waiting,
        }
    }

    /// Whether somebody should look at it.
    pub(super) const fn needs_attention(self) -> bool {
        matches!(self, Self::Failing | Self::Stale | Self::NoData)
    }

    /// The class of the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Waiting => "idle",
            Self::UpToDate => "good",
            Self::Failing => "warn",
            Self::Stale | Self::NoData => "bad",
        }
    }

    /// A sign of its own, for who does not tell its colour from others.
    pub(super) const fn sign(self) -> &'static str {
        match self {
            Self::Waiting => "…",
            Self::UpToDate => "✓",
            Self::Failing => "!",
            Self::Stale | Self::NoData => "✕",
        }
    }

    /// The state in words.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Waiting => "no data yet: the first poll has not ended",
            Self::UpToDate => "up to date",
            Self::Failing => "last poll failed, data still fresh",
            Self::Stale => "stale: the data is too old, and its gauges are withdrawn",
            Self::NoData => "no data yet: no poll has succeeded",
        }
    }
}

/// `reason` for who does not know the words of the metrics.
pub(super) const fn plainly(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::Auth => "There is no access key that is taken",
        FailureReason::Permission => "The access key lacks a permission",
        FailureReason::Throttled => "There were too many requests",
        FailureReason::Timeout => "No answer came in time",
        FailureReason::Network => "There was no connection, or it broke",
        FailureReason::Server => "The other side failed by itself",
        FailureReason::Malformed => "The answer could not be understood",
        FailureReason::Incomplete => "Not all rows came",
        FailureReason::Config => "The request was no good as such",
    }
}
