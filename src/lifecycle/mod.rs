//! Start, readiness, supervision and end of the process.

mod notify;

pub use notify::Notifier;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// Whether the process works: false for good once a supervised task has ended by itself.
#[derive(Clone, Debug)]
pub struct Health(Arc<AtomicBool>);

impl Health {
    /// Whether every supervised task still runs, or ended because it was told to.
    pub fn is_good(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// A task has ended that was not told to: `died` says how, if it did not return.
    fn turn_bad(&self, task: &'static str, died: Option<&JoinError>) {
        self.0.store(false, Ordering::Release);
        match died {
            None => tracing::error!(
                task,
                "a task ended that should run for as long as the process; /-/healthy now answers 503"
            ),
            Some(error) => tracing::error!(task, %error, "a task died; /-/healthy now answers 503"),
        }
    }
}

/// Starts tasks and watches them. One that ends before it is told to is a fault: it is logged once
/// and [`Health`] turns bad, so that an orchestrator restarts the process. Clones are one starter.
#[derive(Clone, Debug)]
pub struct Starter {
    shutdown: CancellationToken,
    health: Health,
}

impl Starter {
    /// Starts what `task` makes of the token that tells it to end: at the shutdown, or sooner by
    /// [`Task::stop`]. It must end soon after that, and not before.
    pub fn start<T, F>(&self, name: &'static str, task: impl FnOnce(CancellationToken) -> F) -> Task<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let stop = self.shutdown.child_token();
        let span = tracing::info_span!("task", task = name);
        let work = tokio::spawn(task(stop.clone()).instrument(span));
        let (told, this) = (stop.clone(), self.clone());
        let ended = tokio::spawn(async move {
            match work.await {
                Ok(left) if told.is_cancelled() => return Some(left),
                Ok(_) => this.health.turn_bad(name, None),
                // What dies while the process ends anyway is no news.
                Err(_) if this.shutdown.is_cancelled() => {}
                Err(error) => this.health.turn_bad(name, Some(&error)),
            }
            None
        });
        Task { stop, ended }
    }
}

/// A task that leaves a `T` when it is told to end.
#[derive(Debug)]
pub struct Task<T> {
    stop: CancellationToken,
    ended: JoinHandle<Option<T>>,
}

impl<T> Task<T> {
    /// Tells it to end, and does not wait for that.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for its end, of which the shutdown or [`Self::stop`] is the reason. `None` if it had
    /// ended by itself, which was told.
    pub async fn end(self) -> Option<T> {
        // The task that watches it does not panic, and nobody aborts it.
        self.ended.await.unwrap_or_default()
    }
}

/// Owns the tasks that run for as long as the process.
#[derive(Debug)]
pub struct Supervisor {
    starter: Starter,
    tasks: Vec<Task<()>>,
}

impl Supervisor {
    /// A supervisor whose tasks end when `shutdown` is cancelled.
    pub fn new(shutdown: CancellationToken) -> Self {
        let health = Health(Arc::new(AtomicBool::new(true)));
        Self { starter: Starter { shutdown, health }, tasks: Vec::new() }
    }

    /// A handle that tells whether all tasks are well.
    pub fn health(&self) -> Health {
        self.starter.health.clone()
    }

    /// What starts tasks that may end sooner than the process, and that others own. They count for
    /// the same [`Health`].
    pub fn starter(&self) -> Starter {
        self.starter.clone()
    }

    /// Starts `task`, which must end soon after the shutdown token is cancelled and not before.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push(self.starter.start(name, |_| task));
    }

    /// Waits until all tasks have ended, which they do after the shutdown.
    pub async fn run(&mut self) {
        for task in self.tasks.drain(..) {
            let _was_told = task.end().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_turns_health_bad() {
        let mut supervisor = Supervisor::new(CancellationToken::new());
        let health = supervisor.health();
        assert!(health.is_good());
        supervisor.spawn("short", async {});
        supervisor.run().await;
        assert!(!health.is_good());
    }

    #[tokio::test]
    async fn a_task_that_panics_turns_health_bad() {
        let mut supervisor = Supervisor::new(CancellationToken::new());
        supervisor.spawn("bad", async { panic!("on purpose") });
        supervisor.run().await;
        assert!(!supervisor.health().is_good());
    }

    #[tokio::test]
    async fn tasks_that_end_on_shutdown_leave_health_good() {
        let shutdown = CancellationToken::new();
        let mut supervisor = Supervisor::new(shutdown.clone());
        supervisor.spawn("obedient", shutdown.clone().cancelled_owned());
        shutdown.cancel();
        supervisor.run().await;
        assert!(supervisor.health().is_good());
    }

    #[tokio::test]
    async fn a_task_that_is_stopped_leaves_what_it_worked_on_and_health_good() {
        let supervisor = Supervisor::new(CancellationToken::new());
        let work = |stop: CancellationToken| async move {
            stop.cancelled().await;
            "work"
        };
        let (stopped, other) = (supervisor.starter().start("a", work), supervisor.starter().start("b", work));
        stopped.stop();
        assert_eq!(stopped.end().await, Some("work"));
        assert!(supervisor.health().is_good());
        assert!(!other.ended.is_finished(), "it was not told to end");
        supervisor.starter.shutdown.cancel();
        assert_eq!(other.end().await, Some("work"));
    }

    #[tokio::test]
    async fn a_task_that_others_own_turns_health_bad_if_it_ends_by_itself_or_dies_while_it_ends() {
        let supervisor = Supervisor::new(CancellationToken::new());
        let task = supervisor.starter().start("short", |_| async { 1 });
        while !task.ended.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(!supervisor.health().is_good());
        task.stop();
        assert_eq!(task.end().await, None, "what it left is not relied upon");

        let supervisor = Supervisor::new(CancellationToken::new());
        let task = supervisor.starter().start("bad", |stop| async move {
            stop.cancelled().await;
            panic!("on purpose")
        });
        task.stop();
        assert_eq!(task.end().await, None::<()>);
        assert!(!supervisor.health().is_good());
    }
}
