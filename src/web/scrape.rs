//! Answers to scrapes, of which as much is shared as is the same.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

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
    text: Shelf,
    open_metrics: Shelf,
}

/// Where the exposition of a format is kept.
#[derive(Debug)]
struct Shelf {
    /// Held by the one who makes what is not there; others wait for it without a thread.
    turn: Arc<tokio::sync::Mutex<()>>,
    kept: Mutex<Kept>,
    /// Filtered answers made last, as they are and compressed. One is compressed at a time, and who wants
    /// all families waits for none of them.
    packed: Arc<tokio::sync::Mutex<VecDeque<(Chunks, Chunks)>>>,
}

/// Filtered answers that are kept compressed. There are few scrapers, and each asks for the same again.
const MOST_PACKED: usize = 4;

impl Scrapes {
    /// Expositions that end in what `meters` show.
    pub(super) fn new(meters: Meters) -> Self {
        let shelf = |format| Shelf {
            turn: Arc::default(),
            kept: Mutex::new(Kept::new(format)),
            packed: Arc::default(),
        };
        Self { meters, text: shelf(Format::Text), open_metrics: shelf(Format::OpenMetrics) }
    }

    fn shelf(&self, format: Format) -> &Shelf {
        match format {
            Format::Text => &self.text,
            Format::OpenMetrics => &self.open_metrics,
        }
    }

    /// The answer that tells what `look` finds published, judged at the time that it tells. What is to be
    /// made for it is made off the async threads: that of hundreds of sources takes as long as many answers.
    pub(super) async fn answered<L>(self: &Arc<Self>, wanted: Wanted, look: L) -> Chunks
    where
        L: Fn() -> (Vec<Arc<Published>>, UnixMillis),
    {
        let (format, is_packed) =
            (wanted.format, wanted.names.is_some() && wanted.encoding == Encoding::Gzip);
        let answer = self.kept_or_made(wanted, look).await;
        if is_packed { self.packed(format, answer).await } else { answer }
    }

    /// The answer; a filtered one is not compressed yet.
    async fn kept_or_made<L>(self: &Arc<Self>, wanted: Wanted, look: L) -> Chunks
    where
        L: Fn() -> (Vec<Arc<Published>>, UnixMillis),
    {
        let shared = || {
            let (published, now) = look();
            self.shared(&wanted, &published, now).ok_or((published, now))
        };
        if let Ok(shared) = shared() {
            return shared;
        }
        let turn = Arc::clone(&self.shelf(wanted.format).turn).lock_owned().await;
        // One before this may have made it. It is looked again, because what was seen before the wait is old.
        let (published, now) = match shared() {
            Ok(shared) => return shared,
            Err(looked) => looked,
        };
        let this = Arc::clone(self);
        off_the_runtime(move || {
            let _turn = turn;
            this.answer(&wanted, &published, now)
        })
        .await
    }

    /// The answer if it is there, or next to nothing is to be made for it.
    fn shared(&self, wanted: &Wanted, published: &[Arc<Published>], now: UnixMillis) -> Option<Chunks> {
        let kept = match self.shelf(wanted.format).kept.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        if !kept.last.stamp.as_ref().is_some_and(|stamp| stamp.holds(published, now)) {
            return None;
        }
        match (&wanted.names, wanted.encoding) {
            (None, Encoding::Identity) => kept.last.identity.clone(),
            (None, Encoding::Gzip) => kept.last.gzip.clone(),
            (Some(names), _) => Some(kept.only(names)),
        }
    }

    /// The filtered answer `plain`, compressed.
    async fn packed(&self, format: Format, plain: Chunks) -> Chunks {
        let mut packed = Arc::clone(&self.shelf(format).packed).lock_owned().await;
        if let Some((_, kept)) = packed.iter().find(|(of, _)| of.is(&plain)) {
            return kept.clone();
        }
        off_the_runtime(move || {
            let made = Gzip::default().member([], plain.all());
            packed.truncate(MOST_PACKED - 1);
            packed.push_front((plain, made.clone()));
            made
        })
        .await
    }

    /// The answer that tells what is `published`, judged at `now`; a filtered one is not compressed. Meters
    /// in it are those of up to a second ago.
    fn answer(&self, wanted: &Wanted, published: &[Arc<Published>], now: UnixMillis) -> Chunks {
        // Each part is replaced whole, so that one who panicked has left nothing half done.
        let mut kept = self.shelf(wanted.format).kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bring_up(published, &self.meters, now);
        match &wanted.names {
            None => kept.all(wanted.encoding),
            Some(names) => kept.only(names),
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

    fn only(&self, names: &Names) -> Chunks {
        let pieces = [&self.scans.piece, &self.counters.piece, &self.last.facts];
        Chunks::new(pieces.iter().flat_map(|piece| piece.only(names)).chain([end(self.format)]))
    }
}

async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and everything on it.
            Err(_) => std::future::pending().await,
        },
    }
}

fn end(format: Format) -> Bytes {
    Bytes::from_static(format.end().as_bytes())
}

#[cfg(test)]
#[path = "scrape_tests.rs"]
mod tests;
