//! The page as a whole: what stands at its top, and how much of everything there is room for.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;

use crate::clock::UnixMillis;
use crate::model::Status;
use crate::snapshot::Published;

use super::Face;
use super::lists::{failing_total, running_total};
use super::numbers::{counted, grouped};
use super::source::{Entry, Source};
use super::state::State;
use super::style::STYLE;
use super::tasks::status_words;
use super::when::Moment;

/// Most links to sources that need attention.
const LINKS: usize = 20;
/// Most sources that are shown with all that is known of them.
const SECTIONS: usize = 100;
/// Most sources that are shown in short.
const SHORT: usize = 1000;
/// Most rows of one list.
const LIST_ROWS: usize = 20;
/// Most rows of all lists together, which they share evenly.
const ALL_ROWS: usize = 500;

/// What the template is filled with.
#[derive(Debug, Template)]
#[template(path = "page.html")]
pub(super) struct Document<'p> {
    style: &'static str,
    version: &'static str,
    rustc: &'static str,
    settings: &'p str,
    trouble: Option<&'p str>,
    summary: String,
    /// Scans and targets over all sources, while any has fresh data.
    totals: Option<String>,
    /// The summary as a class of the style sheet.
    class: &'static str,
    troubled: Vec<Link>,
    more_troubled: Option<String>,
    /// Path of the exposition, relative to this page.
    metrics: &'p str,
    /// Seconds until the page is loaded again, if it is.
    refresh: Option<u64>,
    status_names: Vec<String>,
    sources: Vec<Source<'p>>,
    /// Those that there is no room for.
    short: Vec<Entry<'p>>,
    more_short: Option<String>,
    as_of: Moment,
}

/// A link to a source on the page.
#[derive(Debug)]
struct Link {
    id: String,
    name: String,
    words: &'static str,
}

impl<'p> Document<'p> {
    /// The page about `published` at `now`.
    pub(super) fn of(
        published: &'p [Arc<Published>],
        face: &'p Face<'_>,
        refresh: Option<Duration>,
        now: UnixMillis,
    ) -> Self {
        let mut entries = in_order(published, now);
        let troubled = entries.iter().take_while(|entry| entry.state.needs_attention()).count();
        let links = entries[..troubled.min(LINKS)].iter().map(|entry| Link {
            id: entry.id.clone(),
            name: entry.name.clone(),
            words: entry.state.words(),
        });
        let troubled_links = links.collect();
        let summary = summary(&entries, troubled);
        let all_good = entries.iter().all(|entry| entry.state == State::UpToDate);
        let class = if troubled > 0 {
            "bad"
        } else if all_good {
            "good"
        } else {
            "idle"
        };
        let mut short = entries.split_off(entries.len().min(SECTIONS));
        let more_short = short.len().saturating_sub(SHORT);
        short.truncate(SHORT);
        let most = rows_of_a_list(&entries, now);
        Self {
            style: STYLE,
            version: env!("CARGO_PKG_VERSION"),
            rustc: env!("AGENTLESS_EXPORTER_RUSTC"),
            settings: &face.settings,
            trouble: face.trouble.as_deref(),
            summary,
            totals: totals(published, now),
            class,
            troubled: troubled_links,
            more_troubled: more(troubled.saturating_sub(LINKS)),
            metrics: face.telemetry_path.strip_prefix('/').unwrap_or(face.telemetry_path),
            refresh: refresh.map(|after| after.as_secs()),
            status_names: Status::ALL.iter().copied().map(status_words).collect(),
            sources: entries.into_iter().map(|entry| Source::of(entry, most, now)).collect(),
            short,
            more_short: more(more_short),
            as_of: Moment::of(now, now),
        }
    }
}

/// Those that need attention first, each kind in the order of their names.
fn in_order(published: &[Arc<Published>], now: UnixMillis) -> Vec<Entry<'_>> {
    let mut by_name: Vec<_> = published.iter().collect();
    by_name.sort_by(|a, b| a.status.name.cmp(&b.status.name));
    let entries = by_name.into_iter().enumerate();
    let (troubled, others): (Vec<_>, Vec<_>) = entries
        .map(|(position, published)| Entry::of(position, published, now))
        .partition(|entry| entry.state.needs_attention());
    troubled.into_iter().chain(others).collect()
}

fn summary(entries: &[Entry<'_>], troubled: usize) -> String {
    let all = entries.len() as u64;
    let waiting = entries.iter().filter(|entry| entry.state == State::Waiting).count();
    match (all, troubled, waiting) {
        (0, _, _) => "No source is configured".to_owned(),
        (1, 0, 0) => "The source is up to date".to_owned(),
        (all, 0, 0) => format!("All {} are up to date", counted(all, "source", "sources")),
        (1, 0, _) => "The source waits for its first poll".to_owned(),
        (1, _, _) => "The source needs attention".to_owned(),
        (all, 0, waiting) => {
            let verb = if waiting == 1 { "waits for its" } else { "wait for their" };
            format!("{} of {} sources {verb} first poll", grouped(waiting as u64), grouped(all))
        }
        (all, troubled, _) => {
            let verb = if troubled == 1 { "needs" } else { "need" };
            format!("{} of {} sources {verb} attention", grouped(troubled as u64), grouped(all))
        }
    }
}

fn totals(published: &[Arc<Published>], now: UnixMillis) -> Option<String> {
    let fresh: Vec<_> = published.iter().filter_map(|source| source.fresh_snapshot(now)).collect();
    let running = fresh.iter().map(|snapshot| running_total(snapshot)).sum();
    let failing = fresh.iter().map(|snapshot| failing_total(snapshot)).sum();
    let (scans, targets) =
        (counted(running, "scan runs", "scans run"), counted(failing, "target fails", "targets fail"));
    // Of the others nobody knows what runs and what fails.
    let of = match fresh.len() {
        all if all == published.len() => String::new(),
        some => format!(" in {} of {} sources", grouped(some as u64), grouped(published.len() as u64)),
    };
    (!fresh.is_empty()).then(|| format!("{scans}, {targets}{of}"))
}

/// How many rows each list gets, for all to have some.
fn rows_of_a_list(entries: &[Entry<'_>], now: UnixMillis) -> usize {
    let fresh = entries.iter().filter_map(|entry| entry.published.fresh_snapshot(now));
    let lists = fresh.flat_map(|snapshot| [snapshot.running.is_empty(), snapshot.failing.is_empty()]);
    let filled = lists.filter(|is_empty| !is_empty).count();
    (ALL_ROWS / filled.max(1)).min(LIST_ROWS)
}

fn more(count: usize) -> Option<String> {
    (count > 0).then(|| grouped(count as u64))
}
