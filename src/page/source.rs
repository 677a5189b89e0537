//! What the page says of one source, before it is HTML.

use std::time::Duration;

use crate::clock::UnixMillis;
use crate::model::{KeyInUse, Name, PollFailure, SourceStatus};
use crate::snapshot::{Published, Snapshot};

use super::lists::{self, Failing, List, Running};
use super::numbers::grouped;
use super::state::{State, plainly};
use super::tasks::Tasks;
use super::when::{Moment, ago, span};

/// Most characters of a failure's message; the log has it whole.
const MESSAGE: usize = 500;
/// How late a poll may be before it is called so: it takes a moment to begin.
const GRACE: Duration = Duration::from_secs(10);
/// Difference of clocks that is worth a word; signatures fail from several minutes on.
const SKEW: f64 = 30.0;

/// A source in short.
#[derive(Debug)]
pub(super) struct Entry<'p> {
    /// What links call it, the same as long as the sources are the same.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: State,
    /// How old its data is.
    pub(super) age: Option<String>,
    pub(super) published: &'p Published,
}

impl<'p> Entry<'p> {
    /// What `published`, the one at `position`, says at `now`.
    pub(super) fn of(position: usize, published: &'p Published, now: UnixMillis) -> Self {
        Self {
            id: format!("source-{}", position + 1),
            name: shown(&published.status.name),
            state: State::of(published, now),
            age: age(published, now).map(span),
            published,
        }
    }
}

/// A source with all that is known of it.
#[derive(Debug)]
pub(super) struct Source<'p> {
    pub(super) short: Entry<'p>,
    pub(super) failure: Option<Failure>,
    pub(super) data: String,
    pub(super) next: Next,
    /// Names and values of further facts, in order.
    pub(super) facts: Vec<(&'static str, String)>,
    /// While the data is fresh.
    pub(super) numbers: Option<Numbers<'p>>,
}

/// A failure of the last poll.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) plainly: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) advice: &'static str,
    pub(super) when: Moment,
    /// Polls in a row that failed, if there were several.
    pub(super) in_a_row: Option<String>,
}

/// The next poll, or the one under way.
#[derive(Debug)]
pub(super) struct Next {
    pub(super) words: String,
    /// Rows read and rows expected by a full listing under way.
    pub(super) rows: Option<(u64, u64)>,
}

/// What the last snapshot says.
#[derive(Debug)]
pub(super) struct Numbers<'p> {
    pub(super) tasks: Tasks,
    pub(super) running: List<Running<'p>>,
    pub(super) failing: List<Failing<'p>>,
}

impl<'p> Source<'p> {
    /// All of `short` at `now`, with `most` rows in each list.
    pub(super) fn of(short: Entry<'p>, most: usize, now: UnixMillis) -> Self {
        let published = short.published;
        let status = &published.status;
        Self {
            failure: status.failure.as_ref().map(|failure| Failure::of(failure, status, now)),
            data: data(&short),
            next: Next::of(status, now),
            facts: facts(published, now),
            numbers: published.fresh_snapshot(now).map(|snapshot| Numbers {
                tasks: Tasks::of(snapshot),
                running: lists::running(snapshot, most, now),
                failing: lists::failing(snapshot, most, now),
            }),
            short,
        }
    }
}

impl Failure {
    fn of(failure: &PollFailure, status: &SourceStatus, now: UnixMillis) -> Self {
        let several = status.consecutive_failures > 1;
        Self {
            plainly: plainly(failure.reason),
            reason: failure.reason.as_str(),
            message: plain(&failure.message),
            advice: failure.advice,
            when: Moment::of(failure.at, now),
            in_a_row: several.then(|| grouped(status.consecutive_failures)),
        }
    }
}

impl Next {
    fn of(status: &SourceStatus, now: UnixMillis) -> Self {
        let Some(began) = status.full_began.or(status.poll_began) else {
            return Self { words: planned(status.next_poll, now), rows: None };
        };
        let rows = status.rows;
        let lasted = span(now.since(began));
        // The rows of the last full listing say nothing of another poll.
        if rows.expected == 0 || status.full_began.is_none() {
            return Self { words: format!("under way for {lasted}"), rows: None };
        }
        let (read, expected) = (grouped(rows.read), grouped(rows.expected));
        Self {
            words: format!("under way: {read} of {expected} rows, for {lasted}"),
            rows: Some((rows.read, rows.expected)),
        }
    }
}

fn planned(next: Option<UnixMillis>, now: UnixMillis) -> String {
    match next {
        None => "not planned yet".to_owned(),
        Some(next) if next > now => format!("in {}", span(next.since(now))),
        Some(next) if now.since(next) < GRACE => "now".to_owned(),
        Some(next) => format!("overdue by {}", span(now.since(next))),
    }
}

/// How old the data is, by the same clocks that [`Published::fresh_snapshot`] judges it by.
fn age(published: &Published, now: UnixMillis) -> Option<Duration> {
    let snapshot = published.snapshot.as_deref()?;
    Some(now.since(snapshot.as_of).max(published.read_at.elapsed()))
}

fn data(short: &Entry<'_>) -> String {
    let status = &short.published.status;
    let (interval, stale_after) = (span(status.interval), span(status.stale_after));
    match &short.age {
        Some(age) => format!("{age} old; polled every {interval}, stale after {stale_after}"),
        None => format!("none; polled every {interval}"),
    }
}

fn facts(published: &Published, now: UnixMillis) -> Vec<(&'static str, String)> {
    let status = &published.status;
    let mut facts = Vec::new();
    if !status.region.is_empty() {
        facts.push(("Region", shown(&status.region)));
    }
    facts.push(("Endpoint", shown(&status.endpoint)));
    if let Some(key) = &status.key {
        facts.push(("Access key", access_key(key, now)));
    }
    facts.push(("Listing", status.listing.to_string()));
    facts.push(("Look-back", span(status.lookback)));
    if let Some(full) = status.last_full_success {
        facts.push(("Last full listing", ago(full, now)));
    }
    if let Some(skew) = status.clock_skew_seconds.filter(|skew| skew.abs() >= SKEW) {
        let apart = span(Duration::try_from_secs_f64(skew.abs()).unwrap_or(Duration::MAX));
        let side = if skew > 0.0 { "behind" } else { "ahead of" };
        facts.push(("Clock of this machine", format!("{apart} {side} the cloud's")));
    }
    facts.extend(published.fresh_snapshot(now).into_iter().flat_map(lost));
    facts
}

fn access_key(key: &KeyInUse, now: UnixMillis) -> String {
    let until = match key.expires {
        Some(expires) if expires > now => format!(", expires in {}", span(expires.since(now))),
        Some(expires) => format!(", expired {}", ago(expires, now)),
        None => String::new(),
    };
    let unrenewed = key
        .unrenewed
        .as_deref()
        .map(|why| format!("; it can't be renewed and is used as long as it is good: {}", shown(why)));
    format!("{} of {}{until}{}", shown(&key.id), shown(&key.provider), unrenewed.unwrap_or_default())
}

/// Rows that a snapshot does not count, if there are any.
fn lost(snapshot: &Snapshot) -> impl Iterator<Item = (&'static str, String)> {
    let rows = [
        ("Rows without a task id", snapshot.skipped_rows),
        ("Rows the API counts and never shows", snapshot.missing_rows),
    ];
    rows.into_iter().filter(|&(_, count)| count > 0).map(|(what, count)| (what, grouped(count)))
}

/// `text` as far as a name goes.
fn shown(text: &str) -> String {
    Name::of(text).map_or_else(|| "(no name)".to_owned(), |name| name.to_string())
}

/// `message` on one line and not endless.
fn plain(message: &str) -> String {
    let mut rest = message.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut plain: String = rest.by_ref().take(MESSAGE).collect();
    if rest.next().is_some() {
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::samples::{good, now, waiting};
    use super::*;
    use crate::model::RowProgress;

    fn next(change: impl FnOnce(&mut SourceStatus)) -> String {
        let mut status = waiting("a").status;
        change(&mut status);
        Next::of(&status, now()).words
    }

    #[test]
    fn the_next_poll_is_told_from_what_is_known_of_it() {
        let ago = |seconds| now().minus(Duration::from_secs(seconds));
        assert_eq!(next(|_| {}), "not planned yet");
        assert_eq!(next(|status| status.next_poll = Some(now().plus(Duration::from_secs(45)))), "in 45 s");
        assert_eq!(next(|status| status.next_poll = Some(ago(9))), "now");
        assert_eq!(next(|status| status.next_poll = Some(ago(75))), "overdue by 1 min 15 s");
        assert_eq!(next(|status| status.poll_began = Some(ago(3))), "under way for 3 s");
    }

    #[test]
    fn a_full_listing_under_way_tells_its_rows() {
        let mut status = waiting("a").status;
        // Beside a delta poll.
        status.poll_began = Some(now().minus(Duration::from_secs(1)));
        status.full_began = Some(now().minus(Duration::from_secs(90)));
        status.rows = RowProgress { read: 1200, expected: 4000 };
        let next = Next::of(&status, now());
        assert_eq!(next.words, "under way: 1,200 of 4,000 rows, for 1 min 30 s");
        assert_eq!(next.rows, Some((1200, 4000)));
        status.full_began = None;
        let of_delta = Next::of(&status, now());
        assert_eq!((of_delta.words.as_str(), of_delta.rows), ("under way for 1 s", None));
    }

    #[test]
    fn the_age_of_the_data_stands_against_what_is_normal() {
        let source = good("a");
        let age = data(&Entry::of(0, &source, now().plus(Duration::from_secs(5))));
        assert_eq!(age, "1 min 5 s old; polled every 2 min, stale after 15 min");
    }

    #[test]
    fn a_clock_that_is_wrong_is_a_fact() {
        let clock = |skew| {
            let mut source = good("a");
            source.status.clock_skew_seconds = Some(skew);
            let mut facts = facts(&source, now()).into_iter();
            facts.find(|(name, _)| *name == "Clock of this machine").map(|(_, value)| value)
        };
        assert_eq!(clock(2.0), None);
        assert_eq!(clock(400.0).as_deref(), Some("6 min 40 s behind the cloud's"));
        assert_eq!(clock(-400.0).as_deref(), Some("6 min 40 s ahead of the cloud's"));
        assert_eq!(clock(f64::NAN), None);
    }

    #[test]
    fn an_access_key_that_can_t_be_renewed_says_why() {
        let mut source = good("a");
        let expires = Some(now().plus(Duration::from_secs(600)));
        let key = KeyInUse::new("uri localhost:80".to_owned(), "STS.NTexampleexample1234", expires);
        source.status.key = Some(KeyInUse { unrenewed: Some("the answer is HTTP 502".to_owned()), ..key });
        let (_, told) = facts(&source, now()).into_iter().find(|(name, _)| *name == "Access key").unwrap();
        let end = "expires in 10 min; it can't be renewed and is used as long as it is good: the answer is HTTP 502";
        assert!(told.ends_with(end), "{told}");
    }

    #[test]
    fn the_access_key_in_use_is_a_fact_and_when_it_expires() {
        let told = |expires| {
            let mut source = good("a");
            source.status.key =
                Some(KeyInUse::new("ecs_ram_role reader".to_owned(), "STS.NTexampleexample1234", expires));
            let fact = facts(&source, now()).into_iter().find(|(name, _)| *name == "Access key");
            fact.map(|(_, value)| value).unwrap()
        };
        let minute = Duration::from_secs(60);
        assert_eq!(told(None), "STS.…1234 of ecs_ram_role reader");
        assert_eq!(
            told(Some(now().plus(45 * minute))),
            "STS.…1234 of ecs_ram_role reader, expires in 45 min"
        );
        assert_eq!(
            told(Some(now().minus(3 * minute))),
            "STS.…1234 of ecs_ram_role reader, expired 3 min ago"
        );
    }

    #[test]
    fn rows_that_are_not_counted_are_a_fact() {
        let mut source = good("a");
        std::sync::Arc::make_mut(source.snapshot.as_mut().unwrap()).missing_rows = 1200;
        assert!(facts(&source, now()).contains(&("Rows the API counts and never shows", "1,200".to_owned())));
    }

    #[test]
    fn a_message_is_one_line_and_not_endless() {
        assert_eq!(plain("a\nb\u{0}c"), "a b c");
        assert_eq!(plain(&"x".repeat(4096)).chars().count(), MESSAGE + 1);
    }
}
