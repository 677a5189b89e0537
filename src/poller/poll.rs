//! One poll of a source, from asking to publishing.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::Instant;

use crate::clock::UnixMillis;
use crate::error::in_words;
use crate::ledger::{Changes, Horizon};
use crate::model::{Listing, PollFailure, PollKind};
use crate::snapshot;
use crate::state::SourceState;

use super::Source;
use super::delta::{Delta, DeltaReader};
use super::error::{DeltaError, PollError, Unfit};
use super::full::{Full, greater};
use super::publish::{Link, Outcome};
use super::source::LastPoll;
use super::upstream::Upstream;
use super::vanished::OpenTasks;

/// How often the last states of targets are read from before the look-back, while rows of them
/// are missing. Rows that shifted away may come; rows that the server never shows will not.
pub(super) const HISTORY_READS: u32 = 3;

/// A full listing that has been read, good or bad.
#[derive(Debug)]
pub(super) struct FullRead {
    outcome: Result<Full, PollError>,
    began: UnixMillis,
    started: Instant,
    took: Duration,
}

/// What follows a delta poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    Full,
}

impl Source {
    /// Begins a full listing, unless one is under way.
    pub(super) fn begin_full(&mut self) {
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
    pub(super) async fn finish_full(&mut self) {
        if let Some(read) = self.full.join_next().await {
            self.full_was_read(read).await;
        }
    }

    /// Publishes what came of a full listing.
    pub(super) async fn full_was_read(&mut self, read: Result<FullRead, JoinError>) {
        let read = read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        let FullRead { outcome, began, started, took } = read;
        self.meters.poll(PollKind::Full, took, outcome.as_ref().err().map(PollError::reason));
        self.upstream.publisher.full_poll_ends();
        match outcome {
            Ok(full) => {
                self.plan.full_succeeded(started, took);
                self.full_succeeded(full, began, took).await;
            }
            Err(error) => {
                self.plan.full_failed(Instant::now());
                if self.can_delta() {
                    self.notices.full_failed(&self.upstream.publisher.status().name, &error);
                } else {
                    self.fail(&error);
                }
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
        // Rows that shifted away may come; those that stay away will not.
        let is_news = lost.missing > 0 && lost.missing != self.lost.missing;
        self.lost = lost;
        if is_news {
            self.plan.call_for_full(Instant::now());
        }
        // Delta polls that went on beside it know more than it does. Their counts don't know of what
        // it found.
        let beside = self.last.filter(|last| last.began >= began);
        let was_beside = beside.is_some();
        self.last = Some(LastPoll { began: beside.map_or(began, |last| last.began), baseline: None });
        self.last_full = Some((now, took));
        self.notices.full_succeeded(&before.name);
        self.notices.poll_succeeded(&before, way, lost);
        self.notices.unknown_values(&before.name, unknown);
        let duration = (!was_beside).then_some(took);
        let outcome = Outcome { kind: PollKind::Full, way, lookback: config.lookback, lost, duration };
        self.publish(&changes, &outcome).await;
    }

    /// A delta poll. What is left to do is told: a full listing at once, where this is of no use.
    pub(super) async fn delta(&mut self) -> Next {
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
                self.meters.poll(PollKind::Delta, took, Some(unfit.reason()));
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
        let changes = self.ledger.apply_delta(listing, began, &horizon);
        // What a clock that was ahead made leave the look-back, no delta shows again.
        if self.last.is_some_and(|last| began < last.began) {
            self.plan.call_for_full(Instant::now());
        }
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
        // A longer one is shown once it has been read in full.
        let lookback = config.lookback.min(before.lookback);
        let (way, duration) = (before.listing, Some(took));
        let outcome = Outcome { kind: PollKind::Delta, way, lookback, lost, duration };
        self.publish(&changes, &outcome).await;
    }

    /// Publishes what the ledger says now. It is written first: what a scrape has shown as counted
    /// is not to be uncounted by a crash.
    async fn publish(&mut self, changes: &Changes, outcome: &Outcome) {
        self.save(changes, outcome.way).await;
        let Upstream { config, publisher, clock, .. } = &*self.upstream;
        self.meters.corrections(changes.corrections);
        let now = clock.now();
        let snapshot = snapshot::fold(&self.ledger, now, outcome.lookback, outcome.lost, config.targets);
        tracing::debug!(
            source = publisher.status().name,
            kind = %outcome.kind,
            tasks = snapshot.tasks,
            finished = changes.finished,
            "a poll succeeded"
        );
        publisher.success(snapshot, &self.ledger, outcome, self.link());
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
        Link {
            rate_limit: client.rate_limit(),
            clock_skew_seconds: client.clock_skew_seconds(),
            key: client.key_in_use(),
        }
    }
}
