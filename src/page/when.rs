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

/// How long after `now` the time is.
pub(super) fn ahead(time: UnixMillis, now: UnixMillis) -> String {
    if time <= now { "now".to_owned() } else { format!("in {}", span(time.since(now))) }
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
    fn a_time_that_has_come_is_now() {
        let time = UnixMillis::new(5000).unwrap();
        assert_eq!(ahead(time, time), "now");
        assert_eq!(ahead(time, UnixMillis::new(3000).unwrap()), "in 2 s");
        assert_eq!(ago(UnixMillis::new(3000).unwrap(), time), "2 s ago");
    }
}
