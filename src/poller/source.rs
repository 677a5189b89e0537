//! One source: polls on schedule, remembers, publishes, tells what is wrong once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, UnixMillis};
use crate::error::in_words;
use crate::ledger::{Changes, Horizon, Ledger};
use crate::meters::SourceMeters;
use crate::model::{Listing, PollFailure, PollKind};
use crate::sas::Api;
use crate::snapshot::{self, LostRows, Published};
use crate::state::{OpenError, Restored, SourceState, Watermarks};

use super::Config;
use super::delta::{Baseline, Delta, DeltaReader};
use super::error::{DeltaError, PollError, Unfit};
use super::full::{Full, greater};
use super::notices::Notices;
use super::pager::PageSize;
use super::plan::Plan;
use super::publish::{Link, Outcome, Publisher};
use super::schedule::Schedule;
use super::upstream::Upstream;
use super::vanished::OpenTasks;

/// How often the last states of targets are read from before the look-back, while rows of them
/// are missing. Rows that shifted away may come; rows that the server never shows will not.
const HISTORY_READS: u32 = 3;

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
    upstream: Arc<Upstream>,
    meters: SourceMeters,
    ledger: Ledger,
    notices: Notices,
    plan: Plan,
    /// The full listing under way; at most one.
    full: JoinSet<FullRead>,
    /// What the next delta poll goes by; `None` before the first full listing.
    last: Option<LastPoll>,
    /// Rows that the last full listing lost.
    lost: LostRows,
    /// Whether the counts fell short of what the last full listing showed.
    fell_short: bool,
    /// How often the last states of targets are still read from before the look-back.
    history_reads: u32,
    /// Where it is kept what must outlive the process.
    state: Option<SourceState>,
    /// When the last good full listing ended, and how long it took.
    last_full: Option<(UnixMillis, Duration)>,
}

/// The last complete poll.
#[derive(Clone, Copy, Debug)]
struct LastPoll {
    began: UnixMillis,
    baseline: Option<Baseline>,
}

/// A full listing that has been read, good or bad.
#[derive(Debug)]
struct FullRead {
    outcome: Result<Full, PollError>,
    began: UnixMillis,
    started: Instant,
    took: Duration,
}

impl Source {
    /// A source with an empty ledger. Its state is published from here on.
    pub fn new(identity: Identity, config: Config, api: Api, clock: Clock, meters: SourceMeters) -> Self {
        let publisher = Publisher::new(identity, &config, api.client().rate_limit());
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

    /// The same source, which goes on from what `state` knows of it and keeps it there. What was
    /// counted is published at once.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn with_state(mut self, mut state: SourceState) -> Result<Self, OpenError> {
        let Upstream { config, publisher, clock, .. } = &*self.upstream;
        if let Some(Restored { ledger, marks }) = state.load(config.targets)? {
            let Watermarks { last_poll, last_full_success, full_took, listing } = marks;
            publisher.restored(&ledger, listing);
            let ago = clock.now().since(last_full_success).saturating_add(full_took);
            self.plan.resume(Instant::now(), ago, full_took);
            self.last = Some(LastPoll { began: last_poll, baseline: None });
            self.last_full = Some((last_full_success, full_took));
            self.history_reads = 0;
            self.ledger = ledger;
        }
        self.state = Some(state);
        Ok(self)
    }

    /// A reader of what this source publishes.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.upstream.publisher.subscribe()
    }

    /// Polls until `shutdown` is cancelled, the first time after `first_delay`. A full listing that
    /// takes longer than the interval goes on beside the delta polls. What is under way at the end
    /// is dropped; nothing of it was published.
    pub async fn run(mut self, first_delay: Duration, shutdown: CancellationToken) {
        let mut schedule = Schedule::new(first_delay, self.upstream.config.interval);
        let polls = async {
            loop {
                let next = self.upstream.clock.now().plus(schedule.until_next());
                self.upstream.publisher.next_poll(next);
                self.finish_full_until(&mut schedule).await;
                if !self.full.is_empty() && !self.can_delta() {
                    self.meters.polls_skipped(1);
                } else if self.full.is_empty() && self.plan.is_full_due(Instant::now()) {
                    self.begin_full();
                } else if let Next::Full = self.delta().await {
                    self.begin_full();
                }
                let missed = schedule.skip_missed();
                if missed > 0 {
                    self.meters.polls_skipped(missed);
                }
            }
        };
        shutdown.run_until_cancelled(polls).await;
    }

    /// One poll of everything, published if it is complete.
    pub async fn poll_full(&mut self) {
        self.begin_full();
        self.finish_full().await;
    }

    /// One poll, published if it is complete: of what changed, or of everything where that is due.
    pub async fn poll(&mut self) {
        let is_full = !self.can_delta() || self.plan.is_full_due(Instant::now());
        if is_full || self.delta().await == Next::Full {
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
                () = self.finish_full(), if !self.full.is_empty() => {}
                () = &mut tick => break,
            }
        }
    }

    /// Whether a delta poll would have something to go by.
    fn can_delta(&self) -> bool {
        let way = self.upstream.publisher.status().listing;
        self.last.is_some() && way != Listing::Auto && self.plan.may_use_deltas(Instant::now())
    }

    fn begin_full(&mut self) {
        if !self.full.is_empty() {
            return;
        }
        let (upstream, with_history, beside) =
            (Arc::clone(&self.upstream), self.history_reads > 0, self.can_delta());
        let (began, started) = (upstream.clock.now(), Instant::now());
        upstream.publisher.full_poll_begins(began);
        upstream.publisher.rate_limit(upstream.api.client().rate_limit());
        upstream.api.client().restart_silence();
        self.ledger.full_listing_begins();
        let open = OpenTasks::of(&self.ledger);
        self.full.spawn(async move {
            let way = upstream.publisher.status().listing;
            let outcome = upstream.full_reader(way, with_history, beside).read(open).await;
            FullRead { outcome, began, started, took: started.elapsed() }
        });
    }

    /// Waits for the full listing under way, if there is one, and publishes what came of it.
    async fn finish_full(&mut self) {
        let Some(read) = self.full.join_next().await else { return };
        let read = read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let FullRead { outcome, began, started, took } = read;
        self.meters.poll(PollKind::Full, took, outcome.as_ref().err().map(PollError::reason));
        match outcome {
            Ok(full) => {
                self.plan.full_succeeded(started, took);
                self.full_succeeded(full, began, took).await;
            }
            Err(error) => {
                self.plan.full_failed(Instant::now());
                self.fail(&error);
            }
        }
    }

    async fn full_succeeded(&mut self, full: Full, began: UnixMillis, took: Duration) {
        let Full { listing, way, lost, history_is_whole, unknown } = full;
        let upstream = Arc::clone(&self.upstream);
        let Upstream { config, publisher, clock, .. } = &*upstream;
        let now = clock.now();
        let before = publisher.status();
        if way != before.listing {
            self.history_reads = HISTORY_READS;
            self.last = None;
            if before.listing != Listing::Auto {
                // What counted as a scan task may no longer be one.
                self.ledger.restart();
                self.state.iter_mut().for_each(SourceState::start_over);
            }
        }
        let changes =
            self.ledger.apply_full(listing, &Horizon::new(now, config.lookback, config.keep_targets));
        self.history_reads = if history_is_whole { 0 } else { self.history_reads.saturating_sub(1) };
        self.lost = lost;
        if lost.missing > 0 {
            self.plan.call_for_full(Instant::now());
        }
        // Delta polls that went on beside it know more than it does.
        let was_beside = self.last.is_some_and(|last| last.began >= began);
        if !was_beside {
            self.last = Some(LastPoll { began, baseline: None });
        }
        self.last_full = Some((now, took));
        self.notices.poll_succeeded(&before, way, lost);
        self.notices.unknown_values(&before.name, unknown);
        let outcome = Outcome { kind: PollKind::Full, way, lost, duration: (!was_beside).then_some(took) };
        self.publish(&changes, &outcome).await;
    }

    /// A delta poll. What is left to do is told: a full listing at once, where this is of no use.
    async fn delta(&mut self) -> Next {
        let Some(last) = self.last else { return Next::Full };
        let Upstream { api, publisher, clock, .. } = &*self.upstream;
        let (began, started) = (clock.now(), Instant::now());
        publisher.poll_begins(began);
        publisher.rate_limit(api.client().rate_limit());
        api.client().restart_silence();
        let way = publisher.status().listing;
        let reader = DeltaReader {
            reader: self.upstream.delta_reader(way),
            ledger: &self.ledger,
            open: OpenTasks::of(&self.ledger),
            last_poll: last.began,
            baseline: last.baseline,
        };
        let outcome = reader.read().await;
        let took = started.elapsed();
        match outcome {
            Ok(delta) => {
                self.meters.poll(PollKind::Delta, took, None);
                self.delta_succeeded(delta, began, took).await;
                Next::Nothing
            }
            Err(DeltaError::Poll(error)) => {
                self.meters.poll(PollKind::Delta, took, Some(error.reason()));
                self.fail(&error);
                Next::Nothing
            }
            Err(DeltaError::Unfit(unfit)) => {
                // Tasks may have gone since the full listing; if it is so again, it is no accident.
                if unfit != Unfit::FallsShort || std::mem::replace(&mut self.fell_short, true) {
                    self.plan.fall_back(Instant::now());
                    self.notices.delta_unfit(&self.upstream.publisher.status().name, unfit);
                    self.upstream.publisher.falls_back(true);
                }
                Next::Full
            }
        }
    }

    async fn delta_succeeded(&mut self, delta: Delta, began: UnixMillis, took: Duration) {
        let Delta { listing, baseline, is_explained, lost, unknown } = delta;
        let upstream = Arc::clone(&self.upstream);
        let Upstream { config, publisher, clock, .. } = &*upstream;
        let horizon = Horizon::new(clock.now(), config.lookback, config.keep_targets);
        let changes = self.ledger.apply_delta(listing, &horizon);
        self.last = Some(LastPoll { began, baseline: Some(baseline) });
        self.fell_short = false;
        let before = publisher.status();
        let lost = greater(self.lost, lost);
        if !is_explained {
            self.plan.call_for_full(Instant::now());
            tracing::debug!(
                source = before.name,
                "finished tasks were counted that no listing of the recent ones shows; a full listing follows"
            );
        }
        self.notices.delta_fit(&before.name);
        publisher.falls_back(false);
        self.notices.poll_succeeded(&before, before.listing, lost);
        self.notices.unknown_values(&before.name, unknown);
        let outcome = Outcome { kind: PollKind::Delta, way: before.listing, lost, duration: Some(took) };
        self.publish(&changes, &outcome).await;
    }

    /// Publishes what the ledger says now. It is written first: what a scrape has shown as counted
    /// is not to be uncounted by a crash.
    async fn publish(&mut self, changes: &Changes, outcome: &Outcome) {
        self.save(changes, outcome.way).await;
        let Upstream { config, publisher, clock, .. } = &*self.upstream;
        self.meters.corrections(changes.corrections);
        let now = clock.now();
        let snapshot = snapshot::fold(&self.ledger, now, config.lookback, outcome.lost, config.targets);
        tracing::debug!(
            source = publisher.status().name,
            kind = %outcome.kind,
            tasks = snapshot.tasks,
            finished = changes.finished,
            "a poll succeeded"
        );
        publisher.success(snapshot, &self.ledger, outcome, self.link());
    }

    async fn save(&mut self, changes: &Changes, listing: Listing) {
        let (Some(state), Some(last), Some((last_full_success, full_took))) =
            (&mut self.state, self.last, self.last_full)
        else {
            return;
        };
        let marks = Watermarks { last_poll: last.began, last_full_success, full_took, listing };
        // A failure is told, and the next poll tries again.
        state.save(&self.ledger, changes, marks).await;
    }

    fn fail(&mut self, error: &PollError) {
        let Upstream { publisher, clock, .. } = &*self.upstream;
        let (now, reason) = (clock.now(), error.reason());
        let failure = PollFailure { at: now, reason, message: in_words(error), advice: error.advice() };
        self.notices.poll_failed(&publisher.status(), &failure);
        publisher.failure(failure, self.link());
        if publisher.is_stale(now) {
            self.notices.data_stale(&publisher.status());
        }
    }

    fn link(&self) -> Link {
        let client = self.upstream.api.client();
        Link { rate_limit: client.rate_limit(), clock_skew_seconds: client.clock_skew_seconds() }
    }
}

/// What follows a delta poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    Full,
}
