//! Answers to scrapes, of which as much is shared as is the same.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::clock::UnixMillis;
use crate::exposition::{self, Format, Names, Piece, View};
use crate::ledger::Counters;
use crate::meters::Meters;
use crate::snapshot::{Published, Snapshot};

use super::body::Chunks;
use super::encoding::Encoding;
use super::gzip::{Deflated, Gzip};
use super::stamp::{Same, Stamp};

/// What a scraper wants.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) format: Format,
    pub(super) encoding: Encoding,
    /// The families; `None` for all.
    pub(super) names: Option<Names>,
}

/// The expositions of each format. A scrape waits for another one of its format at most as long as
/// it takes to make one: what is made meanwhile is what it needs.
#[derive(Debug)]
pub(super) struct Scrapes {
    meters: Meters,
    text: Mutex<Kept>,
    open_metrics: Mutex<Kept>,
}

impl Scrapes {
    /// Expositions that end in what `meters` show.
    pub(super) fn new(meters: Meters) -> Self {
        let [text, open_metrics] = [Format::Text, Format::OpenMetrics].map(|f| Mutex::new(Kept::new(f)));
        Self { meters, text, open_metrics }
    }

    /// The answer that tells what is `published`, judged at `now`. Meters in it are those of up to a
    /// second ago.
    pub(super) fn answer(&self, wanted: &Wanted, published: &[Arc<Published>], now: UnixMillis) -> Chunks {
        let kept = match wanted.format {
            Format::Text => &self.text,
            Format::OpenMetrics => &self.open_metrics,
        };
        // Each part is replaced whole, so that one who panicked has left nothing half done.
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bring_up(published, &self.meters, now);
        match &wanted.names {
            None => kept.all(wanted.encoding),
            Some(names) => kept.only(names, wanted.encoding),
        }
    }
}

/// What is kept of one format.
#[derive(Debug)]
struct Kept {
    format: Format,
    scans: Part<(String, Same<Snapshot>)>,
    counters: Part<(String, Arc<Counters>)>,
    last: Last,
    gzip: Gzip,
}

/// A piece that stays as it is for as long as it is made of the same sources. Of none it is empty.
#[derive(Debug)]
struct Part<K> {
    made_of: Vec<K>,
    piece: Piece,
    /// The text compressed, once somebody wanted it.
    deflated: Option<Deflated>,
}

/// What is made for one scrape, and shared by those soon after it.
#[derive(Debug, Default)]
struct Last {
    /// `None` before the first one.
    stamp: Option<Stamp>,
    facts: Piece,
    /// Whole answers, once somebody wanted them.
    identity: Option<Chunks>,
    gzip: Option<Chunks>,
}

impl<K> Default for Part<K> {
    fn default() -> Self {
        Self { made_of: Vec::new(), piece: Piece::default(), deflated: None }
    }
}

impl<K: PartialEq> Part<K> {
    fn bring_up(&mut self, made_of: Vec<K>, piece: impl FnOnce() -> Piece) {
        if self.made_of != made_of {
            *self = Self { made_of, piece: piece(), deflated: None };
        }
    }

    fn deflated(&mut self) -> &Deflated {
        self.deflated.get_or_insert_with(|| Deflated::of(self.piece.text()))
    }
}

impl Kept {
    fn new(format: Format) -> Self {
        Self {
            format,
            scans: Part::default(),
            counters: Part::default(),
            last: Last::default(),
            gzip: Gzip::default(),
        }
    }

    /// Makes anew what is not what a scrape at `now` must show.
    fn bring_up(&mut self, published: &[Arc<Published>], meters: &Meters, now: UnixMillis) {
        if self.last.stamp.as_ref().is_some_and(|stamp| stamp.holds(published, now)) {
            return;
        }
        let stamp = Some(Stamp::new(published, now));
        let format = self.format;
        let view = View::of(published, now);
        let scanned = view.fresh().map(|(name, snapshot)| (name.to_owned(), Same::new(snapshot)));
        self.scans.bring_up(scanned.collect(), || exposition::scans(format, &view));
        let counted = view.sources().iter().map(|source| {
            let counters = &source.published.counters;
            (source.name().to_owned(), Arc::clone(counters))
        });
        self.counters.bring_up(counted.collect(), || exposition::counters(format, &view));
        let facts = exposition::facts(format, &view, meters);
        self.last = Last { stamp, facts, identity: None, gzip: None };
    }

    fn all(&mut self, encoding: Encoding) -> Chunks {
        let Self { scans, counters, last, gzip, .. } = self;
        let end = [last.facts.text().clone(), end(self.format)];
        let whole = match encoding {
            Encoding::Identity => last.identity.get_or_insert_with(|| {
                let parts = [scans.piece.text().clone(), counters.piece.text().clone()];
                Chunks::new(parts.into_iter().chain(end))
            }),
            Encoding::Gzip => {
                last.gzip.get_or_insert_with(|| gzip.member([scans.deflated(), counters.deflated()], &end))
            }
        };
        whole.clone()
    }

    fn only(&mut self, names: &Names, encoding: Encoding) -> Chunks {
        let pieces = [&self.scans.piece, &self.counters.piece, &self.last.facts];
        let slices = pieces.iter().flat_map(|piece| piece.only(names)).chain([end(self.format)]);
        match encoding {
            Encoding::Identity => Chunks::new(slices),
            Encoding::Gzip => self.gzip.member([], &slices.collect::<Vec<_>>()),
        }
    }
}

fn end(format: Format) -> Bytes {
    Bytes::from_static(format.end().as_bytes())
}

#[cfg(test)]
#[path = "scrape_tests.rs"]
mod tests;
