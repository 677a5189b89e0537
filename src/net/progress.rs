//! How far a connection is: what it waits for, since when, and until when it may.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

/// After what time a connection without a request is known to have none ready.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a connection is at, for the choice of the one that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// Whether it is answered; else it waits for a request.
    pub(super) is_answered: bool,
    since: Instant,
}

impl Standing {
    /// Whether it has been so for long enough to tell it from one that is served as it should be.
    pub(super) fn is_settled(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }
}

/// The one of `connections` that goes first: the one that has waited for a request for longest, or whose answer
/// is under way for longest if none waits. A wait of less than a second is none, because a scrape begins with
/// one too: then the oldest goes of those that are more, waiting or answered, which are the flood.
pub(super) fn most_expendable<T: Copy>(
    connections: impl Iterator<Item = (T, Standing)>,
) -> Option<(T, Standing)> {
    let mut oldest: [Option<(T, Standing)>; 2] = [None, None];
    let mut counts = [0_usize; 2];
    for (name, standing) in connections {
        let kind = usize::from(standing.is_answered);
        counts[kind] += 1;
        if oldest[kind].is_none_or(|(_, other)| standing.since < other.since) {
            oldest[kind] = Some((name, standing));
        }
    }
    let [waiting, answered] = oldest;
    let settled = waiting.filter(|(_, standing)| standing.is_settled());
    settled.or(if counts[1] > counts[0] { answered } else { waiting })
}

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

    /// What it is at.
    pub(super) fn standing(&self) -> Standing {
        let state = self.state();
        let busy = state.busy_since();
        Standing { is_answered: busy.is_some(), since: busy.unwrap_or(state.waiting_since) }
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

    /// Which of `connections` goes.
    fn goes(connections: &[(&'static str, &Arc<Progress>)]) -> &'static str {
        most_expendable(connections.iter().map(|(name, one)| (*name, one.standing()))).unwrap().0
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_longest_goes_first_and_then_who_is_answered_for_longest() {
        let answered = Progress::new();
        let _answer = answered.begin();
        tokio::time::advance(SECOND).await;
        let (oldest, later_answered) = (Progress::new(), Progress::new());
        tokio::time::advance(SECOND).await;
        let younger = Progress::new();
        let _later_answer = later_answered.begin();
        oldest.read();
        let answers = [("answered", &answered), ("later", &later_answered)];
        assert_eq!(goes(&[answers[0], answers[1], ("younger", &younger), ("oldest", &oldest)]), "oldest");
        assert_eq!(goes(&[answers[1], answers[0]]), "answered");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_only_just_come_does_not_go_for_a_flood_of_slow_readers_nor_an_answer_for_idle_ones() {
        let (slow, slower) = (Progress::new(), Progress::new());
        let _answers = (slower.begin(), slow.begin());
        tokio::time::advance(SECOND / 10).await;
        let (fresh, other) = (Progress::new(), Progress::new());
        assert_eq!(goes(&[("fresh", &fresh), ("slow", &slow), ("slower", &slower)]), "slow");
        assert_eq!(goes(&[("slow", &slow), ("fresh", &fresh), ("other", &other)]), "fresh");
        tokio::time::advance(SECOND).await;
        assert_eq!(goes(&[("fresh", &fresh), ("slow", &slow), ("slower", &slower)]), "fresh");
    }
}
