//! Wall-clock time, as a handle with a real and a fake form.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC, the unit of the API's timestamps.
/// Never 0: the API writes 0 where it has no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixMillis(NonZeroU64);

impl UnixMillis {
    /// `None` for 0 and below, which are no times.
    pub fn new(millis: i64) -> Option<Self> {
        u64::try_from(millis).ok().and_then(NonZeroU64::new).map(Self)
    }

    /// Milliseconds since the epoch, above 0.
    pub fn as_millis(self) -> u64 {
        self.0.get()
    }

    /// Seconds since the epoch, with the milliseconds as a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0.get() as f64 / 1000.0
    }

    /// The time from `earlier` to here, zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// `span` before this time, no earlier than the first millisecond of the epoch.
    pub fn minus(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let left = self.0.get().saturating_sub(millis);
        Self(NonZeroU64::new(left).unwrap_or(NonZeroU64::MIN))
    }

    /// `span` after this time.
    pub fn plus(self, span: Duration) -> Self {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// Shows the time as RFC 3339 in UTC with whole seconds, the form of `x-acs-date`.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.as_millis() / 1000).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => f.write_str("a time past the year 9999"),
        }
    }
}

/// Where the time of day is read. Clones read the same clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Arc::new(system_now))
    }

    /// A clock that starts at `start` and goes with the runtime's timers, paused ones too.
    pub fn with_timers(start: UnixMillis) -> Self {
        let origin = tokio::time::Instant::now();
        Self(Arc::new(move || start.plus(origin.elapsed())))
    }

    /// A clock that stands still until its [`ClockHand`] moves it.
    pub fn manual(start: UnixMillis) -> (Self, ClockHand) {
        let hand = ClockHand(Arc::new(AtomicU64::new(start.as_millis())));
        let read = hand.clone();
        (Self(Arc::new(move || read.get())), hand)
    }

    /// The time now.
    pub fn now(&self) -> UnixMillis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// Moves a [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct ClockHand(Arc<AtomicU64>);

impl ClockHand {
    /// Puts the clock to `time`, backwards too.
    pub fn set(&self, time: UnixMillis) {
        self.0.store(time.as_millis(), Ordering::Relaxed);
    }

    /// Moves the clock on by `span`.
    pub fn advance(&self, span: Duration) {
        self.set(self.get().plus(span));
    }

    fn get(&self) -> UnixMillis {
        NonZeroU64::new(self.0.load(Ordering::Relaxed)).map_or(UnixMillis(NonZeroU64::MIN), UnixMillis)
    }
}

/// A machine whose clock stands before 1970 reads as the first millisecond of the epoch;
/// the clock skew against the cloud then tells the operator.
fn system_now() -> UnixMillis {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(NonZeroU64::new(millis).unwrap_or(NonZeroU64::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_negative_times_are_no_times() {
        assert_eq!(UnixMillis::new(0), None);
        assert_eq!(UnixMillis::new(-5), None);
        assert_eq!(UnixMillis::new(1500).map(UnixMillis::as_secs_f64), Some(1.5));
    }

    #[test]
    fn a_time_shows_as_the_api_dates_do() {
        let time = UnixMillis::new(1_795_489_445_999).unwrap();
        assert_eq!(time.to_string(), "2026-11-24T03:04:05Z");
    }

    #[test]
    fn a_manual_clock_moves_only_by_its_hand() {
        let (clock, hand) = Clock::manual(UnixMillis::new(1000).unwrap());
        assert_eq!(clock.now(), clock.now());
        hand.advance(Duration::from_secs(2));
        assert_eq!(clock.now().as_millis(), 3000);
    }

    #[test]
    fn an_optional_time_costs_no_extra_byte() {
        assert_eq!(size_of::<Option<UnixMillis>>(), 8);
    }
}
