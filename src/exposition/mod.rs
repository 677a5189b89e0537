//! From finished snapshots and meters to the bytes of a scrape.

mod counters;
mod exporter;
mod family;
mod lines;
mod meters;
mod openmetrics;
mod scans;
mod targets;
mod text;

use std::sync::Arc;

use bytes::Bytes;

use crate::clock::UnixMillis;
use crate::meters::Meters;
use crate::snapshot::Published;

use family::Family;

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The value of `Content-Type`, exactly as scrapers expect it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The whole exposition as it stands at `now`: the gauges about scans of every source whose
/// snapshot is fresh, the facts of every source and of the process, and the meters.
///
/// Sources come in order of their names. A function of its arguments alone: it waits for nothing
/// and cannot fail.
pub fn render(format: Format, published: &[Arc<Published>], meters: &Meters, now: UnixMillis) -> Bytes {
    let mut sources: Vec<&Published> = published.iter().map(Arc::as_ref).collect();
    sources.sort_by(|a, b| a.status.name.cmp(&b.status.name));
    // The configuration refuses a name used twice; a page with duplicate series would be refused
    // by Prometheus as a whole, so the second one never gets onto it.
    sources.dedup_by(|a, b| a.status.name == b.status.name);

    let fresh =
        sources.iter().filter_map(|source| Some((source.status.name.as_str(), source.fresh_snapshot(now)?)));
    let scans = family::joined(fresh.map(|(name, snapshot)| {
        let mut families = scans::families(name, snapshot);
        families.extend(targets::families(name, snapshot));
        families
    }));
    let gathered = meters.gather();
    let families = scans
        .into_iter()
        .chain(counters::families(&sources))
        .chain(exporter::families(&sources, now))
        .chain(gathered.iter().filter_map(meters::family));

    let mut out = String::new();
    for family in families.filter(|family| !family.samples.is_empty()) {
        debug_assert!(!family.has_duplicates(), "a series of {} came twice", family.name);
        encode(format, &mut out, &family);
    }
    if format == Format::OpenMetrics {
        out.push_str(openmetrics::END);
    }
    out.into()
}

fn encode(format: Format, out: &mut String, family: &Family<'_>) {
    match format {
        Format::Text => text::encode(out, family),
        Format::OpenMetrics => openmetrics::encode(out, family),
    }
}
