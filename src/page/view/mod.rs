//! What the page says, before it is HTML.

mod data;
mod lists;
mod source;

pub(super) use data::Data;
pub(super) use source::{Source, State};

use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::snapshot::Published;

use super::when::ago;

/// Sources that are shown whole; others get a line of a table.
const WHOLE: usize = 100;

/// Lines of that table.
const BRIEF: usize = 2000;

/// Entries of one list of a source.
const LISTED: usize = 20;

/// Entries of all lists of the page together.
const LISTED_IN_ALL: usize = 600;

/// Links to sources that need attention.
const LINKED: usize = 20;

/// All that the page shows.
#[derive(Debug)]
pub(super) struct View<'p> {
    pub(super) overview: Overview<'p>,
    pub(super) sources: Vec<Source<'p>>,
    pub(super) briefs: Vec<Brief<'p>>,
    /// Sources that are not shown at all.
    pub(super) unlisted: usize,
}

/// How things stand, in one sentence.
#[derive(Debug)]
pub(super) struct Overview<'p> {
    pub(super) words: String,
    pub(super) class: &'static str,
    pub(super) troubled: Vec<Brief<'p>>,
    pub(super) troubled_more: usize,
}

/// A source in one line.
#[derive(Clone, Debug)]
pub(super) struct Brief<'p> {
    pub(super) name: &'p str,
    /// Its place on the page.
    pub(super) number: usize,
    pub(super) state: State,
    pub(super) age: String,
}

impl<'p> View<'p> {
    /// Of all sources: those that need attention first, then by name.
    pub(super) fn of(published: &'p [Arc<Published>], now: UnixMillis) -> Self {
        let mut sorted: Vec<_> = published.iter().map(|source| (State::of(source, now), source)).collect();
        sorted.sort_by_key(|(state, source)| (!state.is_trouble(), source.status.name.as_str()));
        let brief = |(number, (state, source)): (usize, &(State, &'p Arc<Published>))| Brief {
            name: &source.status.name,
            number,
            state: *state,
            age: source.snapshot.as_ref().map_or_else(|| "not yet".to_owned(), |data| ago(data.as_of, now)),
        };
        let mut budget = LISTED_IN_ALL;
        let whole = sorted.iter().enumerate().take(WHOLE).map(|(number, (state, source))| {
            // Half for each of the two lists.
            let source = Source::of(source, *state, number, LISTED.min(budget / 2), now);
            budget = budget.saturating_sub(source.data.as_ref().map_or(0, Data::entries));
            source
        });
        Self {
            sources: whole.collect(),
            overview: Overview::of(sorted.iter().enumerate().map(brief).collect()),
            briefs: sorted.iter().enumerate().skip(WHOLE).take(BRIEF).map(brief).collect(),
            unlisted: sorted.len().saturating_sub(WHOLE + BRIEF),
        }
    }
}

impl<'p> Overview<'p> {
    fn of(sources: Vec<Brief<'p>>) -> Self {
        let all = sources.len();
        let waiting = sources.iter().filter(|source| source.state == State::Waiting).count();
        let mut troubled: Vec<_> = sources.into_iter().filter(|source| source.state.is_trouble()).collect();
        let count = troubled.len();
        let (words, class) = match (all, count, waiting) {
            (0, ..) => ("no source is configured".to_owned(), "idle"),
            (1, 1, _) => ("the source needs attention".to_owned(), "bad"),
            (_, 1, _) => (format!("1 of {all} sources needs attention"), "bad"),
            (_, 2.., _) => (format!("{count} of {all} sources need attention"), "bad"),
            (1, _, 1) => ("the source waits for its first poll".to_owned(), "idle"),
            (_, _, 1..) => (format!("{waiting} of {all} sources wait for their first poll"), "idle"),
            (1, ..) => ("the source is up to date".to_owned(), "good"),
            _ => (format!("all {all} sources are up to date"), "good"),
        };
        // A link to the only source leads nowhere.
        troubled.truncate(if all == 1 { 0 } else { LINKED });
        let troubled_more = if all == 1 { 0 } else { count - troubled.len() };
        Self { words, class, troubled, troubled_more }
    }
}

/// A word of the metrics as people write it.
fn words(word: &str) -> String {
    word.replace('_', " ")
}
