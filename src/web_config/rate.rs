//! The most requests that are answered: a bucket of tokens, filled by time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ::config::ValueKind;
use tokio::time::Instant;

use super::group::Group;

/// A request takes a token; one comes back each `interval`; there are at most `burst`, which is where
/// it starts.
pub(super) struct Bucket {
    interval: Duration,
    burst: u64,
    state: Mutex<State>,
}

struct State {
    /// Time saved up, of which a request costs an interval; no rounding ever loses a token.
    saved: u128,
    at: Instant,
}

impl Bucket {
    fn new(interval: Duration, burst: u64) -> Self {
        let saved = u128::from(burst) * interval.as_nanos();
        Self { interval, burst, state: Mutex::new(State { saved, at: Instant::now() }) }
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self) -> bool {
        let price = self.interval.as_nanos();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let saved = state.saved + now.duration_since(state.at).as_nanos();
        *state = State { saved: saved.min(u128::from(self.burst) * price), at: now };
        match state.saved.checked_sub(price) {
            Some(left) => state.saved = left,
            None => return false,
        }
        true
    }

    /// Whether both let the same through.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        (self.interval, self.burst) == (other.interval, other.burst)
    }

    /// In words, for the status page.
    pub(super) fn in_words(&self) -> String {
        format!("a request each {:?}, at most {} at once", self.interval, self.burst)
    }
}

/// Reads `rate_limit`; `None` if there is no limit.
pub(super) fn read(mut group: Group<'_>) -> Option<Bucket> {
    let interval = match group.value("interval") {
        None | Some(ValueKind::I64(0)) => Some(Duration::ZERO),
        Some(ValueKind::String(text)) => duration(&text),
        Some(_) => None,
    };
    let burst = match group.value("burst") {
        None => Some(0),
        Some(ValueKind::I64(number)) => u64::try_from(number).ok(),
        Some(_) => None,
    };
    if interval.is_none() {
        group.say("interval", "expected a duration such as 1s, 500ms or 1m30s, or 0 for no limit");
    }
    if burst.is_none() {
        group.say("burst", "expected a whole number of requests, from 0");
    }
    let (interval, burst) = (interval?, burst?);
    if interval.is_zero() {
        return None;
    }
    if burst == 0 {
        group.say("burst", "with an interval it must be at least 1, or no request would ever be answered");
        return None;
    }
    Some(Bucket::new(interval, burst))
}

/// Durations as Go writes them: `1h2m3.5s`, `100ms`, `0`. None is below 0 here.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut nanos = 0_u128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let (number, after) = rest.split_at(number);
        let unit = after.len() - after.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '.').len();
        let (unit, after) = after.split_at(unit);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && part.is_empty() || part.contains('.') {
            return None;
        }
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanos = nanos.checked_add(whole.checked_mul(*scale)?)?;
        // Digits beyond a nanosecond do not count.
        let mut worth = *scale;
        for digit in part.bytes() {
            worth /= 10;
            nanos += u128::from(digit - b'0') * worth;
        }
        rest = after;
    }
    // The longest that Go has.
    let nanos = u64::try_from(nanos).ok().filter(|nanos| i64::try_from(*nanos).is_ok())?;
    Some(Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("1s", 1000),
            ("+1s", 1000),
            ("500ms", 500),
            ("1.5s", 1500),
            (".5s", 500),
            ("1m30s", 90_000),
            ("1s1m", 61_000),
            ("1h", 3_600_000),
            ("1000us", 1),
            ("1000µs", 1),
            ("1000000ns", 1),
        ] {
            assert_eq!(duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "1", "s", "-1s", "1 s", "1d", ".s", "1..5s", "1.2.3s", "99999999999h", "1sm", "١s"]
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_then_one_request_each_interval() {
        let bucket = Bucket::new(Duration::from_millis(100), 3);
        let take = || bucket.take();
        assert_eq!([take(), take(), take(), take()], [true, true, true, false]);
        tokio::time::advance(Duration::from_millis(99)).await;
        assert!(!bucket.take());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!([bucket.take(), bucket.take()], [true, false], "what was refused costs nothing");
        tokio::time::advance(Duration::from_secs(3600)).await;
        let passed = (0..10).filter(|_| bucket.take()).count();
        assert_eq!(passed, 3, "no more than a burst is saved");
    }
}
