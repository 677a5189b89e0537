//! For how long an answer may be shared.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::UnixMillis;
use crate::snapshot::Published;

/// Age at which an answer is made anew although nothing was published: its meters and ages go on.
const LIFETIME: Duration = Duration::from_secs(1);

/// What an answer was made of, and when.
#[derive(Debug)]
pub(super) struct Stamp {
    /// What each source had published, and whether its snapshot was fresh.
    sources: Vec<(Same<Published>, bool)>,
    made_at: UnixMillis,
    /// The same by a clock that nobody sets.
    made: Instant,
}

impl Stamp {
    /// Of an answer that is made of `published` at `now`. It must be taken before the answer is
    /// made, so that a snapshot which turns stale meanwhile does not pass for a fresh one.
    pub(super) fn new(published: &[Arc<Published>], now: UnixMillis) -> Self {
        let judged = |source: &Arc<Published>| (Same::new(source), is_fresh(source, now));
        Self { sources: published.iter().map(judged).collect(), made_at: now, made: Instant::now() }
    }

    /// Whether the answer still tells what is `published`, judged at `now`: nothing else was
    /// published since, no snapshot turned stale, and it is not old by either clock. If the time of
    /// day was set back it is no longer known how old it is.
    pub(super) fn holds(&self, published: &[Arc<Published>], now: UnixMillis) -> bool {
        let is_young = now >= self.made_at && now.since(self.made_at) < LIFETIME;
        let is_same = |(source, (made_of, was_fresh)): (&Arc<Published>, &(Same<Published>, bool))| {
            made_of.is(source) && *was_fresh == is_fresh(source, now)
        };
        is_young
            && self.made.elapsed() < LIFETIME
            && published.len() == self.sources.len()
            && published.iter().zip(&self.sources).all(is_same)
    }
}

fn is_fresh(source: &Published, now: UnixMillis) -> bool {
    source.fresh_snapshot(now).is_some()
}

/// Knows one shared value again without keeping it. Its place in memory is not given to another
/// one meanwhile.
#[derive(Debug)]
pub(super) struct Same<T>(Weak<T>);

impl<T> Same<T> {
    /// Knows `value`.
    pub(super) fn new(value: &Arc<T>) -> Self {
        Self(Arc::downgrade(value))
    }

    fn is(&self, value: &Arc<T>) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(value))
    }
}

impl<T> PartialEq for Same<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ptr_eq(&other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::samples::{good, now, waiting};

    const MILLI: Duration = Duration::from_millis(1);

    fn arcs(sources: impl IntoIterator<Item = Published>) -> Vec<Arc<Published>> {
        sources.into_iter().map(Arc::new).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_for_less_than_a_second_of_the_time_of_day() {
        let published = arcs([good("a")]);
        let stamp = Stamp::new(&published, now());
        assert!(stamp.holds(&published, now()));
        assert!(stamp.holds(&published, now().plus(LIFETIME - MILLI)));
        assert!(!stamp.holds(&published, now().plus(LIFETIME)));
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_for_less_than_a_second_that_passes() {
        let published = arcs([good("a")]);
        let stamp = Stamp::new(&published, now());
        tokio::time::advance(LIFETIME - MILLI).await;
        assert!(stamp.holds(&published, now()));
        tokio::time::advance(MILLI).await;
        assert!(!stamp.holds(&published, now()));
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_hold_once_the_clock_was_set_back() {
        let published = arcs([good("a")]);
        let stamp = Stamp::new(&published, now());
        assert!(!stamp.holds(&published, now().minus(MILLI)));
        assert!(!stamp.holds(&published, now().minus(Duration::from_secs(86_400))));
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_with_the_freshness_of_a_source_by_either_clock() {
        let published = arcs([good("a"), waiting("b")]);
        // The snapshot is stale 14 minutes from now.
        let last = now().plus(Duration::from_secs(14 * 60) - MILLI);
        let stamp = Stamp::new(&published, last);
        assert!(stamp.holds(&published, last));
        assert!(!stamp.holds(&published, last.plus(MILLI)));

        tokio::time::advance(Duration::from_secs(15 * 60) - MILLI).await;
        let stamp = Stamp::new(&published, now());
        assert!(stamp.holds(&published, now()));
        tokio::time::advance(MILLI).await;
        assert!(!stamp.holds(&published, now()));
    }

    #[tokio::test(start_paused = true)]
    async fn it_holds_for_what_it_was_made_of_alone() {
        let mut published = arcs([good("a"), good("b")]);
        let stamp = Stamp::new(&published, now());
        assert!(!stamp.holds(&published[..1], now()));
        assert!(!stamp.holds(&[&published[..], &published[..1]].concat(), now()));
        assert!(!stamp.holds(&[published[1].clone(), published[0].clone()], now()));
        published[1] = Arc::new(Published::clone(&published[1]));
        assert!(!stamp.holds(&published, now()));
    }

    #[test]
    fn another_value_is_never_taken_for_one_that_is_gone() {
        let mut value = Arc::new(1);
        for next in 2..100 {
            let known = Same::new(&value);
            assert!(known.is(&value));
            value = Arc::new(next);
            assert!(!known.is(&value));
        }
    }
}
