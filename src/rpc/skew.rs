//! The clock of the cloud against ours, measured from the `Date` of answers.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::UnixMillis;

/// Stands for "not measured"; no clock is off by that.
const UNKNOWN: i64 = i64::MIN;

/// What is known of the skew: the last measurement, and the part of it used for signing.
#[derive(Debug)]
pub(super) struct Skew {
    /// The cloud's clock minus ours in milliseconds, or [`UNKNOWN`].
    measured: AtomicI64,
    /// Added to our clock for signing, in milliseconds.
    correction: AtomicI64,
}

impl Skew {
    /// Nothing measured, nothing corrected.
    pub(super) fn new() -> Self {
        Self { measured: AtomicI64::new(UNKNOWN), correction: AtomicI64::new(0) }
    }

    /// Takes the `Date` of an answer to a request that was sent and answered at these times.
    pub(super) fn measure(&self, date: UnixMillis, sent: UnixMillis, answered: UnixMillis) {
        self.measured.store(skew_millis(date, sent, answered), Ordering::Relaxed);
    }

    /// The cloud's clock minus ours in seconds, to the second.
    pub(super) fn seconds(&self) -> Option<f64> {
        match self.measured.load(Ordering::Relaxed) {
            UNKNOWN => None,
            millis => Some((millis / 1000) as f64),
        }
    }

    /// Corrects the time of signing by the last measurement from now on; the new correction in
    /// seconds if that changed something. `None` also if nothing was measured.
    pub(super) fn correct(&self) -> Option<i64> {
        let measured = self.measured.load(Ordering::Relaxed);
        if measured == UNKNOWN {
            return None;
        }
        let before = self.correction.swap(measured, Ordering::Relaxed);
        (before != measured).then_some(measured / 1000)
    }

    /// The time to sign with when our clock shows `now`.
    pub(super) fn signing_time(&self, now: UnixMillis) -> UnixMillis {
        let correction = self.correction.load(Ordering::Relaxed);
        let span = Duration::from_millis(correction.unsigned_abs());
        if correction < 0 { now.minus(span) } else { now.plus(span) }
    }
}

/// The time that an HTTP date tells: that of `Date` and `Retry-After`.
pub(super) fn http_date(text: &str) -> Option<UnixMillis> {
    let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    UnixMillis::new(zoned.as_millisecond())
}

/// In milliseconds but a whole number of seconds, as a `Date` tells no more: between it and the
/// next second the answer was begun, and that was between `sent` and `answered`. No skew if that
/// can be without one, else the middles of both are taken for the same moment.
fn skew_millis(date: UnixMillis, sent: UnixMillis, answered: UnixMillis) -> i64 {
    let signed = |time: UnixMillis| i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4);
    let (date, sent, answered) = (signed(date), signed(sent), signed(answered));
    if date <= answered && sent < date + 1000 {
        return 0;
    }
    let middle = sent + (answered - sent) / 2;
    // The answer was begun half a second after its `Date`, give or take as much. To the nearest
    // second that is the difference to the `Date` itself, rounded up.
    -(middle - date).div_euclid(1000) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> UnixMillis {
        UnixMillis::new(1_795_489_445_000 + millis).unwrap()
    }

    fn measured(date: i64, sent: i64, answered: i64) -> f64 {
        let skew = Skew::new();
        skew.measure(at(date), at(sent), at(answered));
        skew.seconds().unwrap()
    }

    #[test]
    fn clocks_that_agree_show_no_skew_at_any_part_of_a_second() {
        for part in (0..1000).step_by(50) {
            assert_eq!(measured(0, part, part + 20), 0.0, "{part} ms into the second");
        }
    }

    #[test]
    fn a_slow_answer_is_no_skew() {
        assert_eq!(measured(0, 200, 25_000), 0.0);
        assert_eq!(measured(24_000, 200, 25_000), 0.0);
    }

    #[test]
    fn the_skew_is_that_of_the_middle_of_the_request() {
        assert_eq!(measured(3_600_000, 400, 600), 3600.0);
        assert_eq!(measured(-1_200_000, 400, 600), -1200.0);
        assert_eq!(measured(100_000, 0, 10_400), 95.0);
    }

    #[test]
    fn signing_is_corrected_only_when_asked() {
        let skew = Skew::new();
        assert_eq!((skew.seconds(), skew.correct()), (None, None));
        skew.measure(at(-3_600_000), at(400), at(600));
        assert_eq!(skew.signing_time(at(0)), at(0));
        assert_eq!(skew.correct(), Some(-3600));
        assert_eq!(skew.signing_time(at(0)), at(-3_600_000));
        assert_eq!(skew.correct(), None, "the same again is no change");
    }

    #[test]
    fn http_dates_are_read_and_others_are_not() {
        assert_eq!(http_date("Tue, 24 Nov 2026 03:04:05 GMT"), Some(at(0)));
        assert_eq!(http_date("yesterday"), None);
        assert_eq!(http_date("120"), None);
    }
}
