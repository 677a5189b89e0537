//! The sources as one exposition sees them.

use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::snapshot::{Published, Snapshot};

/// Sources in order of their names, each judged once, so that all parts of an exposition agree.
#[derive(Debug)]
pub struct View<'a>(Vec<Seen<'a>>);

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What it publishes.
    pub published: &'a Published,
    /// Its snapshot, unless that is stale.
    pub fresh: Option<&'a Arc<Snapshot>>,
}

impl<'a> View<'a> {
    /// What is `published`, judged at `now`.
    pub fn of(published: &'a [Arc<Published>], now: UnixMillis) -> Self {
        let seen = |published: &'a Arc<Published>| {
            let fresh = published.fresh_snapshot(now).and(published.snapshot.as_ref());
            Seen { published, fresh }
        };
        let mut sources: Vec<_> = published.iter().map(seen).collect();
        sources.sort_by(|a, b| a.name().cmp(b.name()));
        // The configuration refuses a name used twice; a page with duplicate series would be refused
        // by Prometheus as a whole, so the second one never gets onto it.
        sources.dedup_by(|a, b| a.name() == b.name());
        Self(sources)
    }

    /// The sources.
    pub fn sources(&self) -> &[Seen<'a>] {
        &self.0
    }

    /// Names and snapshots of those that are fresh.
    pub fn fresh(&self) -> impl Iterator<Item = (&'a str, &'a Arc<Snapshot>)> {
        self.0.iter().filter_map(|source| Some((source.name(), source.fresh?)))
    }
}

impl<'a> Seen<'a> {
    /// The label `source`.
    pub fn name(&self) -> &'a str {
        &self.published.status.name
    }
}
