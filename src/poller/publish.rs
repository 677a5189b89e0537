//! What a source tells the rest of the program, always as one whole.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::UnixMillis;
use crate::ledger::{Ledger, TargetsShown};
use crate::model::{KeyInUse, Listing, PollFailure, PollKind, RowProgress, SourceStatus};
use crate::snapshot::{self, LostRows, Published, Snapshot};

use super::Config;

/// Replaces what is published of one source. Readers hold a [`watch::Receiver`].
#[derive(Debug)]
pub(super) struct Publisher {
    published: watch::Sender<Arc<Published>>,
    least_stale_after: Duration,
}

impl Publisher {
    /// Publishes a source that has not been polled.
    pub(super) fn new(identity: super::Identity, config: &Config, rate_limit: f64) -> Self {
        let super::Identity { name, region, endpoint, labels } = identity;
        let least_stale_after = least_stale_after(config);
        let status = SourceStatus {
            region,
            endpoint,
            labels,
            listing: config.listing,
            interval: config.interval,
            lookback: config.lookback,
            stale_after: least_stale_after,
            rate_limit,
            ..SourceStatus::unpolled(&name)
        };
        let published = watch::Sender::new(Arc::new(Published::unpolled(status)));
        Self { published, least_stale_after }
    }

    /// Publishes the same source under other settings, to the same readers. What is published of its
    /// tasks stays, with its look-back, until the next good poll.
    pub(super) fn under(&self, identity: super::Identity, config: &Config, rate_limit: f64) -> Self {
        let super::Identity { name: _, region, endpoint, labels } = identity;
        let least_stale_after = least_stale_after(config);
        self.change(|published| {
            let status = &mut published.status;
            // Above the least it goes by how long polls take, which is still to be allowed for.
            if status.stale_after <= self.least_stale_after {
                status.stale_after = least_stale_after;
            }
            status.stale_after = status.stale_after.max(least_stale_after);
            status.region = region;
            status.endpoint = endpoint;
            status.labels = labels;
            status.interval = config.interval;
            status.rate_limit = rate_limit;
        });
        Self { published: self.published.clone(), least_stale_after }
    }

    /// A reader of what is published.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.published.subscribe()
    }

    /// The status as published.
    pub(super) fn status(&self) -> SourceStatus {
        self.published.borrow().status.clone()
    }

    /// Whether there was a snapshot and it is stale at `now`.
    pub(super) fn is_stale(&self, now: UnixMillis) -> bool {
        let published = self.published.borrow();
        published.snapshot.is_some() && published.fresh_snapshot(now).is_none()
    }

    /// What `ledger` has counted before, in another process that listed in the way `listing`.
    pub(super) fn restored(&self, ledger: &Ledger, listing: Listing) {
        self.change(|published| {
            published.status.listing = listing;
            published.status.ledger_tasks = ledger.len() as u64;
            published.counters = Arc::new(ledger.counters().clone());
        });
    }

    /// Which targets are shown one by one, and how, of the snapshot that is published; `ledger` is
    /// what it was made from.
    pub(super) fn show(&self, ledger: &Ledger, shown: TargetsShown) {
        self.change(|published| {
            let lookback = published.status.lookback;
            published.snapshot = published.snapshot.take().map(|snapshot| {
                let lost = LostRows { skipped: snapshot.skipped_rows, missing: snapshot.missing_rows };
                Arc::new(snapshot::fold(ledger, snapshot.as_of, lookback, lost, shown))
            });
        });
    }

    /// The next poll will start at `time`.
    pub(super) fn next_poll(&self, time: UnixMillis) {
        self.change(|published| published.status.next_poll = Some(time));
    }

    /// A poll begins at `now`.
    pub(super) fn poll_begins(&self, now: UnixMillis) {
        self.change(|published| published.status.poll_began = Some(now));
    }

    /// A poll of everything begins at `now`.
    pub(super) fn full_poll_begins(&self, now: UnixMillis) {
        self.change(|published| {
            published.status.poll_began = Some(now);
            published.status.full_began = Some(now);
            published.status.rows = RowProgress::default();
        });
    }

    /// The full listing under way has ended, good or bad.
    pub(super) fn full_poll_ends(&self) {
        self.change(|published| {
            published.status.poll_began = None;
            published.status.full_began = None;
        });
    }

    /// No poll is under way any more, nor will one follow.
    pub(super) fn polls_end(&self) {
        self.change(|published| {
            published.status.next_poll = None;
            published.status.poll_began = None;
            published.status.full_began = None;
        });
    }

    /// Whether everything is listed at each poll, because delta polls can't be relied on.
    pub(super) fn falls_back(&self, falls_back: bool) {
        self.change(|published| published.status.falls_back = falls_back);
    }

    /// The listing under way has read `read` rows more, and has `expected` more than was known.
    pub(super) fn rows(&self, read: u64, expected: u64) {
        self.change(|published| {
            let rows = &mut published.status.rows;
            rows.read = rows.read.saturating_add(read);
            rows.expected = rows.expected.saturating_add(expected);
        });
    }

    /// So many requests a second are allowed now.
    pub(super) fn rate_limit(&self, rate: f64) {
        if self.published.borrow().status.rate_limit != rate {
            self.change(|published| published.status.rate_limit = rate);
        }
    }

    /// A poll gave `snapshot` of `ledger`. What was counted moves in the same instant.
    pub(super) fn success(&self, snapshot: Snapshot, ledger: &Ledger, outcome: &Outcome, link: Link) {
        self.change(|published| {
            let status = &mut published.status;
            status.poll_began = None;
            status.last_poll = Some(snapshot.as_of);
            status.last_success = Some(snapshot.as_of);
            if outcome.kind == PollKind::Full {
                status.last_full_success = Some(snapshot.as_of);
            }
            status.listing = outcome.way;
            status.lookback = outcome.lookback;
            status.ledger_tasks = ledger.len() as u64;
            status.failure = None;
            status.consecutive_failures = 0;
            if let Some(duration) = outcome.duration {
                status.stale_after = self.least_stale_after.max(duration * 3);
            }
            link.note(status);
            published.snapshot = Some(Arc::new(snapshot));
            if *published.counters != *ledger.counters() {
                published.counters = Arc::new(ledger.counters().clone());
            }
            published.read_at = Instant::now();
        });
    }

    /// A poll failed. How long that took says nothing of how old data may be.
    pub(super) fn failure(&self, failure: PollFailure, link: Link) {
        self.change(|published| {
            let status = &mut published.status;
            status.poll_began = None;
            status.last_poll = Some(failure.at);
            status.failure = Some(failure);
            status.consecutive_failures += 1;
            link.note(status);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Published)) {
        self.published.send_modify(|published| change(Arc::make_mut(published)));
    }
}

fn least_stale_after(config: &Config) -> Duration {
    config.stale_after.max(config.interval * 3)
}

/// What a good poll was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome {
    pub(super) kind: PollKind,
    /// How the tasks were listed.
    pub(super) way: Listing,
    /// How far back the snapshot looks.
    pub(super) lookback: Duration,
    pub(super) lost: LostRows,
    /// How long it took; `None` of a listing beside which other polls went on.
    pub(super) duration: Option<Duration>,
}

/// What the way to the endpoint has shown of itself.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) rate_limit: f64,
    pub(super) clock_skew_seconds: Option<f64>,
    pub(super) key: Option<KeyInUse>,
}

impl Link {
    fn note(self, status: &mut SourceStatus) {
        status.rate_limit = self.rate_limit;
        status.clock_skew_seconds = self.clock_skew_seconds;
        status.key = self.key;
    }
}
