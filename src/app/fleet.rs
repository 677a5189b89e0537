//! The sources that run: begun, carried on under other settings, ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::config::SourceSettings;
use crate::lifecycle::{Starter, Task};
use crate::poller::{self, Source};
use crate::snapshot::Published;
use crate::state::{OpenError, Restored, SourceState, StateFile};
use crate::web::Readers;

use super::changes::{Change, What};
use super::sources::{Setup, Shared, Surroundings, UnsendableError};

/// Every source of the process.
#[derive(Debug)]
pub(super) struct Fleet {
    with: Surroundings,
    /// Held for as long as the process runs, so that no other one has it.
    state: Option<StateFile>,
    starter: Starter,
    /// Locked only by one preparation at a time.
    shared: Arc<Mutex<Shared>>,
    /// In the order of the configuration.
    members: Vec<Member>,
    readers: watch::Sender<Arc<Readers>>,
}

/// A source that runs.
#[derive(Debug)]
struct Member {
    setup: Arc<Setup>,
    published: watch::Receiver<Arc<Published>>,
    task: Task<Source>,
}

/// The sources of a configuration, ready to take the place of those that run. Nothing has changed yet,
/// and nothing can fail any more.
#[derive(Debug)]
pub(super) struct Prepared(Vec<Next>);

/// What one source is to be.
#[derive(Debug)]
struct Next {
    setup: Arc<Setup>,
    step: Step,
    change: Change,
}

#[derive(Debug)]
enum Step {
    /// It runs, and nothing of it has changed.
    Keep,
    /// It runs, and goes on under other settings.
    GoOn,
    /// It begins, with what the state file knows of it.
    Begin(Option<Box<(SourceState, Option<Restored>)>>),
}

/// The sources of a configuration can't be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    /// Requests of one can't be sent.
    #[error(transparent)]
    Source(#[from] UnsendableError),
    /// What the state file knows of one can't be read.
    #[error(transparent)]
    State(#[from] OpenError),
    /// A defect.
    #[error("building the sources failed badly; the log holds a panic, please report it")]
    Died,
}

impl Fleet {
    /// No source yet. What runs is started by `starter`, and kept in `state` if there is one.
    pub(super) fn new(with: Surroundings, state: Option<StateFile>, starter: Starter) -> Self {
        let (shared, members) = (Arc::default(), Vec::new());
        Self { with, state, starter, shared, members, readers: watch::Sender::default() }
    }

    /// What the sources publish, now and after each change.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Readers>> {
        self.readers.subscribe()
    }

    /// Builds whatever can fail of sources with these settings, on a thread where reading files
    /// keeps nobody waiting. Those that run notice nothing.
    ///
    /// # Errors
    /// If a source can't be built; then nothing has changed.
    pub(super) async fn prepare(&self, settings: Vec<SourceSettings>) -> Result<Prepared, PrepareError> {
        let running: HashMap<String, Arc<Setup>> = self
            .members
            .iter()
            .map(|member| (member.setup.settings.name.clone(), Arc::clone(&member.setup)))
            .collect();
        let (shared, env, state) = (Arc::clone(&self.shared), self.with.env.clone(), self.state.clone());
        let prepared = spawn_blocking(move || {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let setups: Result<Vec<_>, _> =
                settings.into_iter().map(|settings| shared.setup(settings, &env)).collect();
            // Last, because it tells in the log what it finds.
            let next = |setup: Setup| next(running.get(&setup.settings.name), setup, state.as_ref());
            setups?.into_iter().map(next).collect::<Result<_, _>>().map(Prepared)
        });
        prepared.await.unwrap_or(Err(PrepareError::Died))
    }

    /// Lets the sources be as `prepared`, and tells what of each has changed. Those that stay the same
    /// notice nothing; polls under way of the others are dropped.
    pub(super) async fn become_as(&mut self, prepared: Prepared) -> Vec<Change> {
        let mut running: HashMap<String, Member> =
            self.members.drain(..).map(|member| (member.setup.settings.name.clone(), member)).collect();
        let keeps = |next: &Next| matches!(next.step, Step::Keep);
        let kept: Vec<_> =
            prepared.0.iter().map(|next| running_if(&mut running, next, keeps(next))).collect();
        // All at once, then one after the other.
        running.values().for_each(|member| member.task.stop());
        let starting = prepared.0.iter().filter(|next| !keeps(next)).count();
        let (mut changes, mut started) = (Vec::new(), 0);
        for (next, kept) in prepared.0.into_iter().zip(kept) {
            let Next { setup, step, change } = next;
            let member = match kept {
                Some(member) => member,
                None => {
                    let before = match running.remove(&setup.settings.name) {
                        Some(before) => before.task.end().await,
                        None => None,
                    };
                    let source = self.source(&setup, step, before);
                    let delay = poller::first_delay(started, starting, setup.settings.poller.interval);
                    started += 1;
                    let published = source.subscribe();
                    let task = self.starter.start("poller", |stop| source.run(delay, stop));
                    Member { setup, published, task }
                }
            };
            self.members.push(member);
            changes.push(change);
        }
        let mut removed = Vec::new();
        for (name, member) in running {
            drop(member.task.end().await);
            removed.push(name);
        }
        let readers = self.members.iter().map(|member| member.published.clone()).collect();
        self.readers.send_replace(Arc::new(readers));
        if !removed.is_empty() {
            // Nobody counts for them any more.
            self.with.meters.forget_sources(&removed.iter().map(String::as_str).collect());
        }
        // In an order that is the same each time, for who reads the log.
        removed.sort_unstable();
        let gone = |source| Change { source, what: What::Removed, keys: Vec::new() };
        changes.extend(removed.into_iter().map(gone));
        changes
    }

    /// Waits until every source has ended, which it does after the shutdown.
    pub(super) async fn end(self) {
        for member in self.members {
            drop(member.task.end().await);
        }
    }

    /// What is to run. One that died leaves nothing to go on from: it begins anew and leaves the state
    /// file alone, from which the process goes on that `/-/healthy` calls for.
    fn source(&self, setup: &Setup, step: Step, before: Option<Source>) -> Source {
        match (step, before) {
            (Step::GoOn, Some(before)) => setup.go_on(before, &self.with),
            (Step::Begin(Some(kept)), _) => {
                let (state, restored) = *kept;
                setup.begin(&self.with).with_restored(state, restored)
            }
            _ => setup.begin(&self.with),
        }
    }
}

/// Takes the source out of `running` if it `stays`.
fn running_if(running: &mut HashMap<String, Member>, next: &Next, stays: bool) -> Option<Member> {
    if stays { running.remove(&next.setup.settings.name) } else { None }
}

/// What becomes of a source with `setup`, if one of that name runs with `before`.
fn next(before: Option<&Arc<Setup>>, setup: Setup, state: Option<&StateFile>) -> Result<Next, PrepareError> {
    let keys = before.map(|before| setup.differences(before)).unwrap_or_default();
    let what = match before {
        None => What::Added,
        Some(_) if keys.is_empty() => What::Kept,
        Some(before) => match setup.identity().differences(&before.identity()) {
            same if same.is_empty() => What::Changed,
            differences => What::Replaced(state.is_none().then_some(differences)),
        },
    };
    let step = match what {
        What::Kept => Step::Keep,
        What::Changed => Step::GoOn,
        _ => {
            let load = |file: &StateFile| {
                let mut state = file.source(setup.identity());
                let restored = state.load(setup.settings.poller.targets)?;
                Ok::<_, OpenError>(Box::new((state, restored)))
            };
            Step::Begin(state.map(load).transpose()?)
        }
    };
    let change = Change { source: setup.settings.name.clone(), what, keys };
    Ok(Next { setup: Arc::new(setup), step, change })
}
