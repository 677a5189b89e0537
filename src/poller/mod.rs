//! When and how the tasks of a source are read: pages, listings, schedule, publication.

mod delta;
mod error;
mod fingerprint;
mod full;
mod notices;
mod pager;
mod plan;
mod poll;
mod proof;
mod publish;
mod read;
mod resume;
mod schedule;
mod source;
mod upstream;
mod vanished;

pub use error::PollError;
pub use schedule::first_delay;
pub use source::{Identity, Source};

use std::time::Duration;

use crate::ledger::TargetsShown;
use crate::model::{Listing, TargetType};

/// How one source is polled.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Time between the starts of polls.
    pub interval: Duration,
    /// A poll that gets no page for so long is abandoned and counts as failed.
    pub stall_timeout: Duration,
    /// Gauges count tasks that started within it, or still run.
    pub lookback: Duration,
    /// Time between two full listings; between them only what changed is asked for.
    pub full_every: Duration,
    /// Least age at which a snapshot is stale.
    pub stale_after: Duration,
    /// How long the last finished state of a target outlives the look-back.
    pub keep_targets: Duration,
    /// Rows a page, 1 or more; the server may give fewer.
    pub page_size: u32,
    /// Pages of one listing asked for at a time, 1 or more.
    pub concurrency: usize,
    /// How subtasks are listed; [`Listing::Auto`] finds out.
    pub listing: Listing,
    /// Types of targets to list, none of them [`TargetType::Unknown`]; empty for all.
    pub target_types: Vec<TargetType>,
    /// Which targets are shown one by one, and how.
    pub targets: TargetsShown,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2 * 60),
            stall_timeout: Duration::from_secs(2 * 60),
            lookback: Duration::from_secs(7 * 86_400),
            full_every: Duration::from_secs(6 * 3600),
            stale_after: Duration::from_secs(15 * 60),
            keep_targets: Duration::from_secs(35 * 86_400),
            page_size: 50,
            concurrency: 2,
            listing: Listing::Auto,
            target_types: Vec::new(),
            targets: TargetsShown::default(),
        }
    }
}

#[cfg(test)]
mod delta_tests;
#[cfg(test)]
mod doubt_tests;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod full_tests;
#[cfg(test)]
mod many_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod pager_tests;
#[cfg(test)]
mod proof_tests;
#[cfg(test)]
mod resume_tests;
#[cfg(test)]
mod source_tests;
