//! One source: polls on schedule, remembers, publishes, tells what is wrong once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::error::in_words;
use crate::ledger::Ledger;
use crate::meters::SourceMeters;
use crate::model::PollFailure;
use crate::sas::Api;
use crate::snapshot::{self, Published};

use super::Config;
use super::error::PollError;
use super::full::{Full, FullReader};
use super::notices::Notices;
use super::pager::{PageSize, Pager, Tally};
use super::publish::{Link, Publisher};
use super::schedule::Schedule;

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
    config: Config,
    api: Api,
    clock: Clock,
    meters: SourceMeters,
    publisher: Publisher,
    page_size: PageSize,
    ledger: Ledger,
    notices: Notices,
    /// How often the last states of targets are still read from before the look-back.
    history_reads: u32,
}

impl Source {
    /// A source with an empty ledger. Its state is published from here on.
    pub fn new(identity: Identity, config: Config, api: Api, clock: Clock, meters: SourceMeters) -> Self {
        Self {
            publisher: Publisher::new(identity, &config, api.client().rate_limit()),
            page_size: PageSize::new(config.page_size),
            config,
            api,
            clock,
            meters,
            ledger: Ledger::default(),
            notices: Notices::default(),
            history_reads: HISTORY_READS,
        }
    }

    /// A reader of what this source publishes.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Published>> {
        self.publisher.subscribe()
    }

    /// Polls until `shutdown` is cancelled, the first time after `first_delay`. One poll at a
    /// time; a poll under way at the end is dropped, nothing of it was published.
    pub async fn run(mut self, first_delay: Duration, shutdown: CancellationToken) {
        let mut schedule = Schedule::new(first_delay, self.config.interval);
        let polls = async {
            loop {
                self.publisher.next_poll(self.clock.now().plus(schedule.until_next()));
                schedule.tick().await;
                self.poll().await;
                let missed = schedule.skip_missed();
                if missed > 0 {
                    self.meters.polls_skipped(missed);
                }
            }
        };
        shutdown.run_until_cancelled(polls).await;
    }

    /// One poll, published if it is complete.
    pub async fn poll(&mut self) {
        let began = Instant::now();
        self.publisher.poll_begins(self.clock.now());
        self.api.client().restart_silence();
        let outcome = self.read_full().await;
        let duration = began.elapsed();
        let failure = outcome.as_ref().err().map(PollError::reason);
        self.meters.full_poll(duration, failure);
        match outcome {
            Ok(full) => self.succeed(full, duration),
            Err(error) => self.fail(&error),
        }
    }

    async fn read_full(&self) -> Result<Full, PollError> {
        let pager = Pager {
            api: &self.api,
            page_size: &self.page_size,
            concurrency: self.config.concurrency,
            stall_timeout: self.config.stall_timeout,
            publisher: &self.publisher,
            places: Semaphore::new(self.config.concurrency),
            tally: Tally::new(self.config.targets),
        };
        let reader = FullReader {
            pager,
            config: &self.config,
            now: self.clock.now(),
            with_history: self.history_reads > 0,
            way_in_use: self.publisher.status().listing,
        };
        reader.read().await
    }

    fn succeed(&mut self, full: Full, duration: Duration) {
        let Full { listing, way, lost, history_is_whole, unknown } = full;
        let now = self.clock.now();
        let before = self.publisher.status();
        if way != before.listing {
            // What counted as a scan task may no longer be one.
            self.ledger = Ledger::default();
            self.history_reads = HISTORY_READS;
        }
        let kept = self.config.lookback + self.config.keep_targets;
        self.ledger.apply(listing, now, kept);
        self.history_reads = if history_is_whole { 0 } else { self.history_reads.saturating_sub(1) };
        let snapshot = snapshot::fold(&self.ledger, now, self.config.lookback, lost, self.config.targets);
        self.notices.poll_succeeded(&before, way, lost);
        self.notices.unknown_values(&before.name, unknown);
        tracing::debug!(
            source = before.name,
            tasks = snapshot.tasks,
            duration_seconds = duration.as_secs_f64(),
            "a poll succeeded"
        );
        self.publisher.success(snapshot, way, self.ledger.len(), duration, self.link());
    }

    fn fail(&mut self, error: &PollError) {
        let (now, reason) = (self.clock.now(), error.reason());
        let failure = PollFailure { at: now, reason, message: in_words(error), advice: error.advice() };
        self.notices.poll_failed(&self.publisher.status(), &failure);
        self.publisher.failure(failure, self.link());
        if self.publisher.is_stale(now) {
            self.notices.data_stale(&self.publisher.status());
        }
    }

    fn link(&self) -> Link {
        let client = self.api.client();
        Link { rate_limit: client.rate_limit(), clock_skew_seconds: client.clock_skew_seconds() }
    }
}
