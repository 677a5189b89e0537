//! How a source goes on where another process has come to.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::ledger::{Changes, TargetsShown};
use crate::meters::SourceMeters;
use crate::model::Listing;
use crate::sas::Api;
use crate::state::{Restored, SourceState, Watermarks};

use super::poll::HISTORY_READS;
use super::source::LastPoll;
use super::upstream::Upstream;
use super::{Config, Identity, Source};

/// By how much a clock may have been set back without passing for a longer look-back.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

impl Source {
    /// The same source, which is kept by `state` and goes on from what that has `restored`. What was
    /// counted is published at once.
    #[must_use]
    pub fn with_restored(mut self, state: SourceState, restored: Option<Restored>) -> Self {
        if let Some(restored) = restored {
            self.resume(restored);
            let Upstream { clock, config, .. } = &*self.upstream;
            // The other process may have looked back less far.
            let from = clock.now().minus(config.lookback).plus(CLOCK_SLACK);
            if !self.ledger.knows_since(from) {
                self.last = None;
                self.history_reads = HISTORY_READS;
            }
        }
        self.state = Some(state);
        self
    }

    /// Goes on from where another process has come to.
    pub(super) fn resume(&mut self, restored: Restored) {
        let Restored { ledger, marks } = restored;
        let Watermarks { last_poll, last_full_success, full_took, listing } = marks;
        let Upstream { publisher, clock, .. } = &*self.upstream;
        publisher.restored(&ledger, listing);
        let ago = clock.now().since(last_full_success).saturating_add(full_took);
        self.plan.resume(Instant::now(), ago, full_took);
        self.last = Some(LastPoll { began: last_poll, baseline: None });
        self.last_full = Some((last_full_success, full_took));
        self.history_reads = 0;
        self.ledger = ledger;
    }

    /// The same source under other settings, which goes on from where `before` has come to: with
    /// its ledger, its place in the state file and what it has published. What it is called, where
    /// it points, its listing and its choice of types are the same. What had failed is told anew
    /// if it still fails.
    pub fn after(
        before: Self,
        identity: Identity,
        config: Config,
        api: Api,
        clock: Clock,
        meters: SourceMeters,
    ) -> Self {
        let old = &before.upstream.config;
        // What started longer ago than was looked back is not known. Published is what has been read.
        let looks_further = config.lookback > before.upstream.publisher.status().lookback
            || config.lookback + config.keep_targets > old.lookback + old.keep_targets;
        let shown = (config.targets != old.targets).then_some(config.targets);
        let publisher = before.upstream.publisher.under(identity, &config, api.client().rate_limit());
        let way = publisher.status().listing;
        let marks = before.marks(way);
        let Self { ledger, notices, lost, state, plan, history_reads, .. } = before;
        let mut source = Self { notices, lost, state, ..Self::of(publisher, config, api, clock, meters) };
        source.notices.settings_changed();
        match marks {
            Some(marks) => {
                source.resume(Restored { ledger, marks });
                source.history_reads = history_reads;
                source.plan.heed_calls_to(&plan);
            }
            // What was counted counts, also if everything is yet to be listed.
            None => source.ledger = ledger,
        }
        if let Some(shown) = shown {
            source.show(shown);
        }
        if looks_further {
            // Beside delta polls, which keep the shorter look-back fresh meanwhile.
            source.plan.full_is_due(Instant::now());
            source.history_reads = HISTORY_READS;
        }
        source
    }

    /// Shows targets otherwise from now on: names that may not be shown any more leave at once, those
    /// that are missing come with a full listing.
    fn show(&mut self, shown: TargetsShown) {
        self.ledger.show(shown);
        self.upstream.publisher.show(&self.ledger, shown);
        self.plan.call_for_full(Instant::now());
        self.state.iter_mut().for_each(SourceState::start_over);
    }

    /// How far the polls have come, which list in the way `listing`; `None` before the first full
    /// listing.
    fn marks(&self, listing: Listing) -> Option<Watermarks> {
        let (last, (last_full_success, full_took)) = (self.last?, self.last_full?);
        Some(Watermarks { last_poll: last.began, last_full_success, full_took, listing })
    }

    /// What the next process needs to go on; `None` before the first full listing.
    #[cfg(test)]
    pub(super) fn standing(&self) -> Option<Restored> {
        let marks = self.marks(self.upstream.publisher.status().listing)?;
        Some(Restored { ledger: self.ledger.clone(), marks })
    }

    /// Keeps what the ledger says now, if there is where.
    pub(super) async fn save(&mut self, changes: &Changes, listing: Listing) {
        let marks = self.marks(listing);
        let (Some(state), Some(marks)) = (&mut self.state, marks) else { return };
        // A failure is told, and the next poll tries again.
        state.save(&self.ledger, changes, marks).await;
    }
}
