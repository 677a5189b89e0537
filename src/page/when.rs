//! Spans and times in words.

use std::time::Duration;

use crate::clock::UnixMillis;

/// `span` in its two largest units, rounded down: `3 d 4 h`, `12 min`, `45 s`.
pub(super) fn span(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let seconds = span.as_secs();
    let Some(first) = UNITS.iter().position(|&(length, _)| seconds >= length) else {
        return "0 s".to_owned();
    };
    let (length, unit) = UNITS[first];
    let large = format!("{} {unit}", seconds / length);
    match UNITS.get(first + 1) {
        Some(&(shorter, unit)) if seconds % length >= shorter => {
            format!("{large} {} {unit}", seconds % length / shorter)
        }
        _ => large,
    }
}

/// How long before `now` the time was.
pub(super) fn ago(time: UnixMillis, now: UnixMillis) -> String {
    format!("{} ago", span(now.since(time)))
}

/// A time of the past, for people and for programs.
#[derive(Debug)]
pub(super) struct Moment {
    /// By RFC 3339, in UTC.
    pub(super) datetime: String,
    /// The same for people.
    pub(super) utc: String,
    /// How long it has lasted since then.
    pub(super) lasted: String,
}

impl Moment {
    /// `time`, seen at `now`.
    pub(super) fn of(time: UnixMillis, now: UnixMillis) -> Self {
        let datetime = time.to_string();
        let utc = datetime.replace('T', " ").replace('Z', " UTC");
        Self { datetime, utc, lasted: span(now.since(time)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_its_two_largest_units() {
        let cases = [
            (0, "0 s"),
            (45, "45 s"),
            (60, "1 min"),
            (119, "1 min 59 s"),
            (3600, "1 h"),
            (3659, "1 h"),
            (7 * 3600 + 125, "7 h 2 min"),
            (3 * 86_400 + 4 * 3600 + 59, "3 d 4 h"),
            (90 * 86_400, "90 d"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn a_moment_tells_its_utc_and_how_long_it_is_past() {
        let moment = Moment::of(
            UnixMillis::new(1_795_489_445_999).unwrap(),
            UnixMillis::new(1_795_489_500_000).unwrap(),
        );
        assert_eq!(moment.datetime, "2026-11-24T03:04:05Z");
        assert_eq!(moment.utc, "2026-11-24 03:04:05 UTC");
        assert_eq!(moment.lasted, "54 s");
    }

    #[test]
    fn a_time_that_lies_ahead_has_not_lasted() {
        let (now, ahead) = (UnixMillis::new(3000).unwrap(), UnixMillis::new(5000).unwrap());
        assert_eq!(ago(ahead, now), "0 s ago");
        assert_eq!(ago(now, ahead), "2 s ago");
    }
}
