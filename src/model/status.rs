//! What is known of a source's polls, published whole for readers.

use std::time::Duration;

use crate::clock::UnixMillis;

use super::FailureReason;
use super::KeyInUse;
use super::words::words;

words! {
    /// What a poll asks for.
    PollKind {
        /// Everything.
        Full = "full",
        /// What changed.
        Delta = "delta",
    }
}

words! {
    /// How the subtasks of an account can be listed (`listing` of the configuration).
    Listing {
        /// Not known yet: an account that has shown no task so far, or no poll yet.
        Auto = "auto",
        /// All subtasks in one listing.
        Flat = "flat",
        /// The subtasks of each main task by themselves.
        PerRoot = "per_root",
        /// There are only main tasks, and they are the scan tasks.
        Root = "root",
    }
}

/// A poll that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollFailure {
    /// When it ended.
    pub at: UnixMillis,
    /// Its kind.
    pub reason: FailureReason,
    /// What happened, in words without secrets, URLs or bodies.
    pub message: String,
    /// What an operator can do about it, in one sentence.
    pub advice: &'static str,
}

/// The facts of a source and of its polls so far.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceStatus {
    /// The label `source`.
    pub name: String,
    /// The region of the configuration; empty if only an endpoint was given.
    pub region: String,
    /// Host and port of the endpoint.
    pub endpoint: String,
    /// Extra labels of the info metric.
    pub labels: Vec<(String, String)>,
    /// The listing in use.
    pub listing: Listing,
    /// Time between the starts of polls.
    pub interval: Duration,
    /// Tasks that started within it are in the gauges.
    pub lookback: Duration,
    /// Age at which a snapshot is stale, as in force now.
    pub stale_after: Duration,
    /// Requests a second now allowed.
    pub rate_limit: f64,
    /// When the last poll ended, good or bad.
    pub last_poll: Option<UnixMillis>,
    /// When the last good poll ended.
    pub last_success: Option<UnixMillis>,
    /// When the last good full listing ended.
    pub last_full_success: Option<UnixMillis>,
    /// The failure of the last poll, if it failed.
    pub failure: Option<PollFailure>,
    /// Polls that failed since the last good one.
    pub consecutive_failures: u64,
    /// When the next poll starts.
    pub next_poll: Option<UnixMillis>,
    /// When the poll under way began, if one is.
    pub poll_began: Option<UnixMillis>,
    /// When the full listing under way began, if one is; other polls may go on beside it.
    pub full_began: Option<UnixMillis>,
    /// Rows read and expected by a full listing under way, else of the last one.
    pub rows: RowProgress,
    /// The cloud's clock minus ours, in seconds, from the `Date` of the last answer.
    pub clock_skew_seconds: Option<f64>,
    /// The access key in use, if one was found.
    pub key: Option<KeyInUse>,
    /// Tasks whose ids the ledger knows.
    pub ledger_tasks: u64,
    /// Whether everything is listed at each poll, because delta polls can't be relied on.
    pub falls_back: bool,
}

impl SourceStatus {
    /// A source that was never polled; what its configuration says is still to be filled in.
    pub fn unpolled(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            region: String::new(),
            endpoint: String::new(),
            labels: Vec::new(),
            listing: Listing::Auto,
            interval: Duration::ZERO,
            lookback: Duration::ZERO,
            stale_after: Duration::ZERO,
            rate_limit: 0.0,
            last_poll: None,
            last_success: None,
            last_full_success: None,
            failure: None,
            consecutive_failures: 0,
            next_poll: None,
            poll_began: None,
            full_began: None,
            rows: RowProgress::default(),
            clock_skew_seconds: None,
            key: None,
            ledger_tasks: 0,
            falls_back: false,
        }
    }
}

/// How far a full listing has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowProgress {
    /// Rows read.
    pub read: u64,
    /// Rows that the API says there are.
    pub expected: u64,
}
