//! What the page says of a source, before it is HTML.

use crate::clock::UnixMillis;
use crate::model::{FailureReason, Status, TargetType};
use crate::snapshot::Published;

use super::when::{ago, ahead, span};

/// The state of a source in one word for the eye and one phrase for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
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
    fn of(source: &Published, now: UnixMillis) -> Self {
        let failed = source.status.failure.is_some();
        match (source.fresh_snapshot(now), &source.snapshot, source.status.last_poll) {
            (Some(_), _, _) if failed => Self::Failing,
            (Some(_), _, _) => Self::UpToDate,
            (None, Some(_), _) => Self::Stale,
            (None, None, Some(_)) => Self::NoData,
            (None, None, None) => Self::Waiting,
        }
    }

    /// The class of the style sheet.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Waiting => "idle",
            Self::UpToDate => "good",
            Self::Failing => "warn",
            Self::Stale | Self::NoData => "bad",
        }
    }

    /// The state in words.
    pub(super) const fn words(self) -> &'static str {
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
pub(super) struct Failure<'p> {
    pub(super) reason: FailureReason,
    pub(super) message: &'p str,
    pub(super) advice: &'static str,
    pub(super) when: String,
    /// Polls in a row that failed, this one included.
    pub(super) in_a_row: u64,
}

/// A source as the page shows it.
#[derive(Debug)]
pub(super) struct Source<'p> {
    pub(super) name: &'p str,
    pub(super) state: State,
    pub(super) failure: Option<Failure<'p>>,
    /// Names and values of its facts, in order.
    pub(super) facts: Vec<(&'static str, String)>,
    /// Tasks by status of each type of target, while the data is fresh.
    pub(super) tasks: Vec<(TargetType, [u64; Status::ALL.len()])>,
}

impl<'p> Source<'p> {
    /// What `published` says at `now`.
    pub(super) fn of(published: &'p Published, now: UnixMillis) -> Self {
        let status = &published.status;
        let failure = status.failure.as_ref().map(|failure| Failure {
            reason: failure.reason,
            message: &failure.message,
            advice: failure.advice,
            when: ago(failure.at, now),
            in_a_row: status.consecutive_failures,
        });
        let tasks = published.fresh_snapshot(now).map_or_else(Vec::new, |snapshot| {
            snapshot.types.iter().map(|(&target_type, facts)| (target_type, facts.tasks)).collect()
        });
        Self {
            name: &status.name,
            state: State::of(published, now),
            failure,
            facts: facts(published, now),
            tasks,
        }
    }
}

fn facts(published: &Published, now: UnixMillis) -> Vec<(&'static str, String)> {
    let status = &published.status;
    let mut facts = Vec::new();
    if !status.region.is_empty() {
        facts.push(("Region", status.region.clone()));
    }
    facts.push(("Endpoint", status.endpoint.clone()));
    facts.push(("Listing", status.listing.to_string()));
    let data = published.snapshot.as_ref().map(|snapshot| ago(snapshot.as_of, now));
    facts.push(("Data read", data.unwrap_or_else(|| "not yet".to_owned())));
    facts.push(("Look-back", span(status.lookback)));
    facts.push(("Stale after", span(status.stale_after)));
    if status.rows.expected > 0 {
        facts.push(("Rows of the listing", format!("{} of {}", status.rows.read, status.rows.expected)));
    }
    match (status.poll_began, status.next_poll) {
        (Some(began), _) => facts.push(("Poll under way for", span(now.since(began)))),
        (None, Some(next)) => facts.push(("Next poll", ahead(next, now))),
        (None, None) => facts.push(("Next poll", "not planned yet".to_owned())),
    }
    facts
}
