//! How far a connection is: what it waits for, since when, and until when it may.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Bounds;

/// The progress of one connection, written by its socket and its answers and read by whoever bounds it.
#[derive(Debug)]
pub(super) struct Progress(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When the connection came, or its last answer was sent.
    waiting_since: Instant,
    /// When the first byte of the request came that is not whole yet.
    header_since: Option<Instant>,
    /// Answers being made or read by the client, by their numbers, with the beginning of their requests.
    answers: Vec<(u64, Instant)>,
    /// The beginning of the first request whose answer is made but not yet handed to the kernel.
    unsent_since: Option<Instant>,
    next: u64,
}

/// How expendable a connection is; the least one goes first. One that waits goes before one that is answered,
/// and the older wait or answer before the younger.
pub(super) type Rank = (bool, Instant);

impl Progress {
    /// A connection that has just come.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            waiting_since: Instant::now(),
            header_since: None,
            answers: Vec::new(),
            unsent_since: None,
            next: 0,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of a client came. Between answers they are the next request; while one is under way they are
    /// the body of its request, or ahead of their time.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.answers.is_empty() {
            state.header_since.get_or_insert_with(Instant::now);
        }
    }

    /// A request is whole and its answer begins.
    pub(super) fn begin(self: &Arc<Self>) -> Answering {
        let now = Instant::now();
        let mut state = self.state();
        state.header_since = None;
        let number = state.next;
        state.next += 1;
        state.answers.push((number, now));
        Answering { progress: Arc::clone(self), number }
    }

    /// All that was written has been handed to the kernel.
    pub(super) fn flushed(&self) {
        let mut state = self.state();
        if state.unsent_since.take().is_some() && state.answers.is_empty() {
            state.waiting_since = Instant::now();
        }
    }

    /// When the connection has taken too long at what it is at.
    pub(super) fn deadline(&self, bounds: &Bounds) -> Instant {
        let state = self.state();
        match (state.busy_since(), state.header_since) {
            (Some(since), _) => since + bounds.answer_time,
            (None, Some(since)) => since + bounds.header_time,
            (None, None) => state.waiting_since + bounds.idle_time,
        }
    }

    /// Whether nothing of a request has come since the last answer.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state();
        state.busy_since().is_none() && state.header_since.is_none()
    }

    /// How expendable it is.
    pub(super) fn rank(&self) -> Rank {
        let state = self.state();
        state.busy_since().map_or((false, state.waiting_since), |since| (true, since))
    }
}

impl State {
    fn busy_since(&self) -> Option<Instant> {
        self.answers.iter().map(|&(_, since)| since).chain(self.unsent_since).min()
    }
}

/// One answer under way, until this is dropped.
#[derive(Debug)]
pub(super) struct Answering {
    progress: Arc<Progress>,
    number: u64,
}

impl Drop for Answering {
    fn drop(&mut self) {
        let mut state = self.progress.state();
        let Some(index) = state.answers.iter().position(|&(number, _)| number == self.number) else { return };
        let (_, since) = state.answers.swap_remove(index);
        // What was made is still to be written.
        state.unsent_since = Some(state.unsent_since.map_or(since, |other| other.min(since)));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_phase_has_its_own_bound() {
        let (bounds, progress) = (Bounds::default(), Progress::new());
        let left = || (progress.deadline(&bounds) - Instant::now()).as_secs();
        assert_eq!(left(), 180);
        tokio::time::advance(100 * SECOND).await;
        assert_eq!(left(), 80);
        progress.read();
        assert_eq!(left(), 10);
        tokio::time::advance(4 * SECOND).await;
        progress.read();
        assert_eq!(left(), 6, "later bytes give no new time");
        let answering = progress.begin();
        assert_eq!(left(), 60);
        tokio::time::advance(20 * SECOND).await;
        progress.read();
        progress.flushed();
        assert_eq!(left(), 40, "a part that is sent is not the whole answer");
        drop(answering);
        assert_eq!(left(), 40, "an answer that is made is not sent");
        tokio::time::advance(20 * SECOND).await;
        progress.flushed();
        assert_eq!(left(), 180);
    }

    #[tokio::test(start_paused = true)]
    async fn of_several_answers_the_first_decides() {
        let (bounds, progress) = (Bounds::default(), Progress::new());
        let left = || (progress.deadline(&bounds) - Instant::now()).as_secs();
        let first = progress.begin();
        tokio::time::advance(10 * SECOND).await;
        let second = progress.begin();
        assert_eq!(left(), 50);
        drop(first);
        assert_eq!(left(), 50);
        progress.flushed();
        assert_eq!(left(), 60);
        drop(second);
        progress.flushed();
        assert!(progress.is_idle());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_longest_goes_first_and_who_is_answered_last() {
        let answered = Progress::new();
        let _answer = answered.begin();
        tokio::time::advance(SECOND).await;
        let (older, dripping) = (Progress::new(), Progress::new());
        tokio::time::advance(SECOND).await;
        let younger = Progress::new();
        let _later_answer = dripping.begin();
        older.read();
        let mut ranked =
            [("answered", &answered), ("dripping", &dripping), ("younger", &younger), ("older", &older)];
        ranked.sort_by_key(|(_, progress)| progress.rank());
        assert_eq!(ranked.map(|(name, _)| name), ["older", "younger", "answered", "dripping"]);
    }
}
