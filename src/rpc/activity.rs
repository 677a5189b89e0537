//! When the way to the API was last heard of.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Notes the requests of one client. A client none of whose requests is out is not waiting for
/// the API: only for its own limits, or for nothing.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    out: usize,
    last: Instant,
}

/// A request that may go out; dropped when its answer came, or when it was given up.
#[derive(Debug)]
pub(super) struct Out<'a>(&'a Activity);

impl Activity {
    /// Nothing is out.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { out: 0, last: Instant::now() }))
    }

    /// A request may go out now.
    pub(super) fn request(&self) -> Out<'_> {
        self.note(|out| out + 1);
        Out(self)
    }

    /// When a request last went out or ended; now if none is out.
    pub(super) fn last(&self) -> Instant {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.out == 0 { Instant::now() } else { state.last }
    }

    fn note(&self, change: impl FnOnce(usize) -> usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.out = change(state.out);
        state.last = Instant::now();
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.note(|out| out - 1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn silence_counts_from_the_last_request_or_answer_while_something_is_out() {
        let activity = Activity::new();
        let first = activity.request();
        tokio::time::advance(SECOND).await;
        assert_eq!(activity.last().elapsed(), SECOND);
        let second = activity.request();
        assert_eq!(activity.last().elapsed(), Duration::ZERO);
        tokio::time::advance(SECOND).await;
        drop(first);
        tokio::time::advance(3 * SECOND).await;
        assert_eq!(activity.last().elapsed(), 3 * SECOND);
        drop(second);
    }

    #[tokio::test(start_paused = true)]
    async fn with_nothing_out_nobody_is_silent() {
        let activity = Activity::new();
        tokio::time::advance(SECOND).await;
        assert_eq!(activity.last().elapsed(), Duration::ZERO);
        drop(activity.request());
        tokio::time::advance(SECOND).await;
        assert_eq!(activity.last().elapsed(), Duration::ZERO);
    }
}
