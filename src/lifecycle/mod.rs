//! Start, readiness, supervision and end of the process.

mod notify;

pub use notify::Notifier;

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::{Id, JoinSet};
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
}

/// Owns the long-lived tasks of the process.
///
/// Each runs until the shutdown token is cancelled. One that ends earlier is a fault: it is
/// logged once and [`Health`] turns bad, so that an orchestrator restarts the process.
#[derive(Debug)]
pub struct Supervisor {
    tasks: JoinSet<()>,
    /// What each task is called, as one that panicked can't tell.
    names: HashMap<Id, &'static str>,
    shutdown: CancellationToken,
    health: Health,
}

impl Supervisor {
    /// A supervisor whose tasks end when `shutdown` is cancelled.
    pub fn new(shutdown: CancellationToken) -> Self {
        let health = Health(Arc::new(AtomicBool::new(true)));
        Self { tasks: JoinSet::new(), names: HashMap::new(), shutdown, health }
    }

    /// A handle that tells whether all tasks are well.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Starts `task`, which must end soon after the shutdown token is cancelled and not before.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let span = tracing::info_span!("task", task = name);
        let handle = self.tasks.spawn(task.instrument(span));
        self.names.insert(handle.id(), name);
    }

    /// Watches the tasks until all have ended, which they do after the shutdown.
    pub async fn run(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            if self.shutdown.is_cancelled() {
                continue;
            }
            self.health.0.store(false, Ordering::Release);
            let id = ended.as_ref().map_or_else(|error| error.id(), |&(id, ())| id);
            let task = self.names.get(&id).copied().unwrap_or_default();
            match ended {
                Ok(_) => tracing::error!(
                    task,
                    "a task ended that should run for as long as the process; /-/healthy now answers 503"
                ),
                Err(error) => tracing::error!(task, %error, "a task died; /-/healthy now answers 503"),
            }
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
}
