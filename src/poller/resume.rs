//! How a source goes on where another process has come to.

use tokio::time::Instant;

use crate::ledger::Changes;
use crate::model::Listing;
use crate::state::{OpenError, Restored, SourceState, Watermarks};

use super::Source;
use super::source::LastPoll;
use super::upstream::Upstream;

impl Source {
    /// The same source, which goes on from what `state` knows of it and keeps it there. What was
    /// counted is published at once.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn with_state(mut self, mut state: SourceState) -> Result<Self, OpenError> {
        if let Some(restored) = state.load(self.upstream.config.targets)? {
            self.resume(restored);
        }
        self.state = Some(state);
        Ok(self)
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

    /// What the next process needs to go on; `None` before the first full listing.
    #[cfg(test)]
    pub(super) fn standing(&self) -> Option<Restored> {
        let (last, (last_full_success, full_took)) = (self.last?, self.last_full?);
        let listing = self.upstream.publisher.status().listing;
        let marks = Watermarks { last_poll: last.began, last_full_success, full_took, listing };
        Some(Restored { ledger: self.ledger.clone(), marks })
    }

    /// Keeps what the ledger says now, if there is where.
    pub(super) async fn save(&mut self, changes: &Changes, listing: Listing) {
        let (Some(state), Some(last), Some((last_full_success, full_took))) =
            (&mut self.state, self.last, self.last_full)
        else {
            return;
        };
        let marks = Watermarks { last_poll: last.began, last_full_success, full_took, listing };
        // A failure is told, and the next poll tries again.
        state.save(&self.ledger, changes, marks).await;
    }
}
