//! From finished snapshots and meters to the bytes of a scrape.
//!
//! An exposition is the pieces [`scans`], [`counters`] and [`facts`], in this order, and
//! [`Format::end`]. The first two are functions of what changes rarely, and can be kept.

mod counters;
mod exporter;
mod family;
mod lines;
mod meters;
mod names;
mod openmetrics;
mod piece;
mod scans;
mod targets;
mod text;
mod view;

use std::sync::Arc;

use bytes::Bytes;

use crate::clock::UnixMillis;
use crate::meters::Meters;
use crate::snapshot::Published;

pub use names::Names;
pub use piece::Piece;
pub use view::{Seen, View};

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Text, Self::OpenMetrics];

    /// The value of `Content-Type`, exactly as scrapers expect it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What stands after the last family.
    pub const fn end(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::OpenMetrics => openmetrics::END,
        }
    }
}

/// The gauges about scans of every source whose snapshot is fresh: a function of the names and
/// snapshots of [`View::fresh`].
pub fn scans(format: Format, view: &View<'_>) -> Piece {
    let of_source = |(name, snapshot)| {
        let mut families = scans::families(name, snapshot);
        families.extend(targets::families(name, snapshot));
        families
    };
    let fresh = view.fresh().map(|(name, snapshot)| (name, snapshot.as_ref()));
    Piece::of(format, family::joined(fresh.map(of_source)))
}

/// The counters of finished tasks: a function of the names and counters of all sources.
pub fn counters(format: Format, view: &View<'_>) -> Piece {
    Piece::of(format, counters::families(view.sources()))
}

/// The facts about every source and the process, and the meters as they stand now.
pub fn facts(format: Format, view: &View<'_>, meters: &Meters) -> Piece {
    let gathered = meters.gather();
    let meters = gathered.iter().filter_map(meters::family);
    Piece::of(format, exporter::families(view.sources()).into_iter().chain(meters))
}

/// The whole exposition as it stands at `now`: the gauges about scans of every source whose
/// snapshot is fresh, the facts of every source and of the process, and the meters.
///
/// Sources come in order of their names. A function of its arguments alone: it waits for nothing
/// and cannot fail.
pub fn render(format: Format, published: &[Arc<Published>], meters: &Meters, now: UnixMillis) -> Bytes {
    let view = View::of(published, now);
    let pieces = [scans(format, &view), counters(format, &view), facts(format, &view, meters)];
    let texts = pieces.iter().map(|piece| &piece.text()[..]).chain([format.end().as_bytes()]);
    texts.collect::<Vec<_>>().concat().into()
}
