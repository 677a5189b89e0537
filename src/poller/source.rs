//! One source: polls on schedule, remembers, publishes, tells what is wrong once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, UnixMillis};
use crate::ledger::Ledger;
use crate::meters::SourceMeters;
use crate::model::Listing;
use crate::sas::Api;
use crate::snapshot::{LostRows, Published};
use crate::state::SourceState;

use super::Config;
use super::delta::Baseline;
use super::notices::Notices;
use super::pager::PageSize;
use super::plan::Plan;
use super::poll::{FullRead, HISTORY_READS, Next};
use super::publish::Publisher;
use super::schedule::Schedule;
use super::upstream::Upstream;

/// What a source is called and what it points at, for labels.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The label `source`.
    pub name: String,
    /// Region of the configuration; may be empty.
    pub region: String,
    /// Host of the endpoint.
    pub endpoint: String,
    /// Extra labels.
    pub labels: Vec<(String, String)>,
}

/// A source that is ready to be polled.
#[derive(Debug)]
pub struct Source {
    pub(super) upstream: Arc<Upstream>,
    pub(super) meters: SourceMeters,
    pub(super) ledger: Ledger,
    pub(super) notices: Notices,
    pub(super) plan: Plan,
    /// The full listing under way; at most one.
    pub(super) full: JoinSet<FullRead>,
    /// What the next delta poll goes by; `None` before the first full listing.
    pub(super) last: Option<LastPoll>,
    /// Rows that the last full listing lost.
    pub(super) lost: LostRows,
    /// Whether the counts fell short of what the last full listing showed.
    pub(super) fell_short: bool,
    /// How often the last states of targets are still read from before the look-back.
    pub(super) history_reads: u32,
    /// Where it is kept what must outlive the process.
    pub(super) state: Option<SourceState>,
    /// When the last good full listing ended, and how long it took.
    pub(super) last_full: Option<(UnixMillis, Duration)>,
}

/// The last complete poll.
#[derive(Clone, Copy, Debug)]
pub(super) struct LastPoll {
    pub(super) began: UnixMillis,
    pub(super) baseline: Option<Baseline>,
}

impl Source {
    /// A source with an empty ledger. Its state is published from here on.
    pub fn new(identity: Identity, config: Config, api: Api, clock: Clock, meters: SourceMeters) -> Self {
        let publisher = Publisher::new(identity, &config, api.client().rate_limit());
        Self::of(publisher, config, api, clock, meters)
    }

    /// A source with an empty ledger that publishes by `publisher`.
    pub(super) fn of(
        publisher: Publisher,
        config: Config,
        api: Api,
        clock: Clock,
        meters: SourceMeters,
    ) -> Self {
        let page_size = PageSize::new(config.page_size);
        Self {
            plan: Plan::new(config.full_every),
            upstream: Arc::new(Upstream { config, api, clock, publisher, page_size }),
            meters,
            ledger: Ledger::default(),
            notices: Notices::default(),
            full: JoinSet::new(),
            last: None,
            lost: LostRows::default(),
            fell_short: false,
            history_reads: HISTORY_READS,
            state: None,
            last_full: None,
        }
    }

    /// A reader of what this source publishes.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.upstream.publisher.subscribe()
    }

    /// Polls until `shutdown` is cancelled, the first time after `first_delay`. A full listing that
    /// takes longer than the interval goes on beside the delta polls. What is under way at the end
    /// is dropped; nothing of it was published. Gives back the source as it stands then.
    pub async fn run(mut self, first_delay: Duration, shutdown: CancellationToken) -> Self {
        let mut schedule = Schedule::new(first_delay, self.upstream.config.interval);
        let polls = async {
            loop {
                let next = self.upstream.clock.now().plus(schedule.until_next());
                self.upstream.publisher.next_poll(next);
                self.finish_full_until(&mut schedule).await;
                if !self.full.is_empty() && !self.can_delta() {
                    self.meters.polls_skipped(1);
                } else if self.is_full_next() || self.delta().await == Next::Full {
                    self.begin_full();
                }
                let missed = schedule.skip_missed();
                if missed > 0 {
                    self.meters.polls_skipped(missed);
                }
            }
        };
        shutdown.run_until_cancelled(polls).await;
        // Waits for it, so that nothing is published any more.
        self.full.shutdown().await;
        self.upstream.publisher.polls_end();
        self
    }

    /// One poll of everything, published if it is complete.
    pub async fn poll_full(&mut self) {
        self.begin_full();
        self.finish_full().await;
    }

    /// One poll, published if it is complete: of what changed, or of everything where that is due.
    pub async fn poll(&mut self) {
        if self.is_full_next() || self.delta().await == Next::Full {
            self.poll_full().await;
        }
    }

    /// Waits for the next tick, and meanwhile for the full listing under way.
    async fn finish_full_until(&mut self, schedule: &mut Schedule) {
        let tick = schedule.tick();
        tokio::pin!(tick);
        loop {
            tokio::select! {
                biased;
                // What follows it is not to be cut off by a tick.
                Some(read) = self.full.join_next() => self.full_was_read(read).await,
                () = &mut tick => break,
            }
        }
    }

    /// Whether a delta poll would have something to go by.
    pub(super) fn can_delta(&self) -> bool {
        let way = self.upstream.publisher.status().listing;
        self.last.is_some() && way != Listing::Auto && self.plan.may_use_deltas(Instant::now())
    }

    /// Whether the next poll is to list everything: it is time for that, or deltas have nothing to
    /// go by. Not while that is under way.
    fn is_full_next(&self) -> bool {
        self.full.is_empty() && (!self.can_delta() || self.plan.is_full_due(Instant::now()))
    }
}
