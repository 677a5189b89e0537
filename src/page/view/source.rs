//! One source, in words.

use crate::clock::UnixMillis;
use crate::model::RowProgress;
use crate::snapshot::Published;

use super::super::when::{ago, ahead, span};
use super::Data;

/// The state of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::page) enum State {
    /// No poll has finished.
    Waiting,
    /// The last poll was good and its data is fresh.
    UpToDate,
    /// The last poll failed; the data of an earlier one is still fresh.
    Failing,
    /// There is data, and it is too old to be shown.
    Stale,
    /// Polls have finished, and none was good.
    NoData,
}

impl State {
    pub(super) fn of(source: &Published, now: UnixMillis) -> Self {
        let failed = source.status.failure.is_some();
        match (source.fresh_snapshot(now), &source.snapshot, source.status.last_poll) {
            (Some(_), _, _) if failed => Self::Failing,
            (Some(_), _, _) => Self::UpToDate,
            (None, Some(_), _) => Self::Stale,
            (None, None, Some(_)) => Self::NoData,
            (None, None, None) => Self::Waiting,
        }
    }

    /// Whether a person should look at it.
    pub(super) const fn is_trouble(self) -> bool {
        matches!(self, Self::Failing | Self::Stale | Self::NoData)
    }

    /// The class of the style sheet.
    pub(in crate::page) const fn class(self) -> &'static str {
        match self {
            Self::Waiting => "idle",
            Self::UpToDate => "good",
            Self::Failing => "warn",
            Self::Stale | Self::NoData => "bad",
        }
    }

    /// The state in words.
    pub(in crate::page) const fn words(self) -> &'static str {
        match self {
            Self::Waiting => "no data yet: the first poll has not ended",
            Self::UpToDate => "up to date",
            Self::Failing => "last poll failed, data still fresh",
            Self::Stale => "stale: the data is too old, and its gauges are withdrawn",
            Self::NoData => "no data yet: no poll has succeeded",
        }
    }
}

/// A failure of the last poll.
#[derive(Debug)]
pub(in crate::page) struct Failure<'p> {
    pub(in crate::page) reason: &'static str,
    pub(in crate::page) message: String,
    pub(in crate::page) advice: &'p str,
    pub(in crate::page) when: String,
    /// Polls in a row that failed, this one included.
    pub(in crate::page) in_a_row: u64,
}

/// A source that is shown whole.
#[derive(Debug)]
pub(in crate::page) struct Source<'p> {
    pub(in crate::page) name: &'p str,
    /// Its place on the page.
    pub(in crate::page) number: usize,
    pub(in crate::page) state: State,
    pub(in crate::page) age: String,
    pub(in crate::page) interval: String,
    pub(in crate::page) stale_after: String,
    pub(in crate::page) lookback: String,
    pub(in crate::page) next_poll: String,
    /// Rows of a listing under way.
    pub(in crate::page) reading: Option<RowProgress>,
    pub(in crate::page) failure: Option<Failure<'p>>,
    /// Numbers and lists, while the data is fresh.
    pub(in crate::page) data: Option<Data<'p>>,
    /// Names and values of its other facts, in order.
    pub(in crate::page) facts: Vec<(&'static str, &'p str)>,
}

impl<'p> Source<'p> {
    /// What `published` says at `now`, with at most `most` entries of each list.
    pub(super) fn of(
        published: &'p Published,
        state: State,
        number: usize,
        most: usize,
        now: UnixMillis,
    ) -> Self {
        let status = &published.status;
        let failure = status.failure.as_ref().map(|failure| Failure {
            reason: failure.reason.as_str(),
            message: shown(&failure.message),
            advice: failure.advice,
            when: ago(failure.at, now),
            in_a_row: status.consecutive_failures,
        });
        let read = published.snapshot.as_ref().map(|snapshot| span(now.since(snapshot.as_of)));
        let facts = [
            ("Region", status.region.as_str()),
            ("Endpoint", &status.endpoint),
            ("Listing", status.listing.as_str()),
        ];
        Self {
            name: &status.name,
            number,
            state,
            age: read.map_or_else(|| "No data yet".to_owned(), |age| format!("Data {age} old")),
            interval: span(status.interval),
            stale_after: span(status.stale_after),
            lookback: span(status.lookback),
            next_poll: match (status.poll_began, status.next_poll) {
                (Some(began), _) => format!("A poll is under way for {}.", span(now.since(began))),
                (None, Some(next)) => format!("Next poll {}.", ahead(next, now)),
                (None, None) => "No poll is planned yet.".to_owned(),
            },
            reading: status.poll_began.map(|_| status.rows).filter(|rows| rows.expected > 0),
            failure,
            data: published.fresh_snapshot(now).map(|snapshot| Data::of(snapshot, most, now)),
            facts: facts.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        }
    }
}

/// A message on one line, free of what could hide or reorder it, and of bounded length.
fn shown(message: &str) -> String {
    const MOST: usize = 1000;
    let mut rest = message.chars().filter(|&c| !crate::model::controls(c));
    let mut shown: String = rest.by_ref().take(MOST).collect();
    if rest.next().is_some() {
        shown.push('…');
    }
    shown
}
