//! For how long the API has owed an answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Measures the silence of the API towards one client: the time since its last good answer in
/// which a request was out, or waited for a key to sign it with: a place of keys that hangs leaves the
/// client without answers as well. Waiting for our own limits is not its silence.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    out: usize,
    /// Silence up to `changed`.
    silence: Duration,
    /// When `out` or `silence` last changed.
    changed: Instant,
}

/// A request that is out; dropped when its answer came, or when it was given up.
#[derive(Debug)]
pub(super) struct Out<'a>(&'a Activity);

impl Activity {
    /// Nothing is out.
    pub(super) fn new() -> Self {
        Self(Mutex::new(State { out: 0, silence: Duration::ZERO, changed: Instant::now() }))
    }

    /// A request goes out now.
    pub(super) fn request(&self) -> Out<'_> {
        self.change(|state| state.out += 1);
        Out(self)
    }

    /// A good answer came, or nobody cares any more.
    pub(super) fn reset(&self) {
        self.change(|state| state.silence = Duration::ZERO);
    }

    /// The silence so far.
    pub(super) fn silence(&self) -> Duration {
        self.change(|state| state.silence)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if state.out > 0 {
            let passed = now - state.changed;
            state.silence += passed;
        }
        state.changed = now;
        change(&mut state)
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.out -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn silence_is_the_time_with_a_request_out_since_the_last_good_answer() {
        let activity = Activity::new();
        let first = activity.request();
        tokio::time::advance(SECOND).await;
        let second = activity.request();
        tokio::time::advance(SECOND).await;
        assert_eq!(activity.silence(), 2 * SECOND);
        drop(first);
        // A bad answer, and one more try.
        drop(second);
        tokio::time::advance(60 * SECOND).await;
        assert_eq!(activity.silence(), 2 * SECOND);
        let third = activity.request();
        tokio::time::advance(SECOND).await;
        assert_eq!(activity.silence(), 3 * SECOND);
        activity.reset();
        assert_eq!(activity.silence(), Duration::ZERO);
        drop(third);
    }
}
