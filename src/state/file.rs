//! The file as all sources share it: one commit at a time, and what is done when one fails.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::error::in_words;
use crate::meters::StateMeter;

use super::batch::{Batch, CommitError};
use super::format::Identity;
use super::open::{Held, OpenError, Problem};
use super::source::SourceState;
use super::{Config, Disk};

/// How often a file that another process holds is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// What an operator can do when the file cannot be written.
const ADVICE: &str = "counters and what was seen are lost if the process ends now: make room or mend the disk; writing is tried at each poll";

/// The open state file. Clones are the same file; it is closed with the last of them.
#[derive(Clone, Debug)]
pub struct StateFile(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    config: Config,
    disk: Disk,
    /// `None` after a failure, upon which nothing works but to open it again.
    held: Mutex<Option<Held>>,
    trouble: Mutex<Trouble>,
    meter: StateMeter,
}

/// What could not be written.
#[derive(Debug, Default)]
struct Trouble {
    /// Sources of which something is not in the file.
    sources: usize,
    /// Commits that failed meanwhile.
    failed_commits: u64,
}

/// Something could not be written, or not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("it cannot be opened")]
    Open(#[source] Problem),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("the thread that wrote it died")]
    Died,
}

impl StateFile {
    /// Opens the file of `config`, waiting for another process that holds it.
    ///
    /// # Errors
    /// If it cannot be read and written, or holds what this version does not know; and if the other
    /// process still holds it after [`Config::patience`].
    pub async fn open(config: Config, disk: Disk, meter: StateMeter) -> Result<Self, OpenError> {
        let held = held(&config, &disk).await;
        let held = held.map_err(|problem| OpenError { path: config.path.clone(), problem })?;
        meter.persisted(true);
        let (held, trouble) = (Mutex::new(Some(held)), Mutex::new(Trouble::default()));
        Ok(Self(Arc::new(Shared { config, disk, held, trouble, meter })))
    }

    /// The part of one source in the file.
    pub fn source(&self, identity: Identity) -> SourceState {
        SourceState::new(self.clone(), identity)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.config.path
    }

    /// Reads the file by `read`.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Held) -> Result<T, Problem>) -> Result<T, OpenError> {
        let held = &mut *lock(&self.0.held);
        let done = match held {
            Some(open) => read(open),
            None => self.reopen().and_then(|open| read(held.insert(open))),
        };
        done.map_err(|problem| OpenError { path: self.path().to_owned(), problem })
    }

    /// Writes `batch`, waiting for other sources that write.
    pub(super) async fn commit(&self, batch: Batch) -> Result<(), FileError> {
        let file = self.clone();
        spawn_blocking(move || file.commit_now(&batch)).await.unwrap_or(Err(FileError::Died))
    }

    fn commit_now(&self, batch: &Batch) -> Result<(), FileError> {
        let mut held = lock(&self.0.held);
        // Taken out: what is left after a failure must not be used again.
        let open = match held.take().filter(|open| open.is_at(self.path())) {
            Some(open) => open,
            None => self.reopen().map_err(FileError::Open)?,
        };
        let done = batch.commit(&open.database);
        if matches!(done, Ok(()) | Err(CommitError::OtherBase)) {
            *held = Some(open);
        }
        Ok(done?)
    }

    fn reopen(&self) -> Result<Held, Problem> {
        Held::open(self.path(), &self.0.disk)
    }

    /// Notes that a source could not be written; `is_new` if it could be before.
    pub(super) fn failed(&self, source: &str, error: &FileError, is_new: bool) {
        let mut trouble = lock(&self.0.trouble);
        trouble.failed_commits += 1;
        trouble.sources += usize::from(is_new);
        self.0.meter.persisted(false);
        let (path, error) = (self.path().display(), in_words(error));
        if trouble.failed_commits == 1 {
            tracing::warn!(
                %path,
                error,
                advice = ADVICE,
                "the state file can't be written; the exporter goes on from memory"
            );
        } else {
            tracing::debug!(source, %path, error, "the state file still can't be written");
        }
    }

    /// Notes that a source that could not be written is, or has gone.
    pub(super) fn recovered(&self) {
        let mut trouble = lock(&self.0.trouble);
        trouble.sources -= 1;
        if trouble.sources == 0 {
            self.0.meter.persisted(true);
            let path = self.path().display();
            let failed_commits = trouble.failed_commits;
            tracing::info!(%path, failed_commits, "the state file is written again, with all that was missing");
            *trouble = Trouble::default();
        }
    }
}

async fn held(config: &Config, disk: &Disk) -> Result<Held, Problem> {
    let deadline = Instant::now() + config.patience;
    let mut is_told = false;
    loop {
        let (path, disk) = (config.path.clone(), disk.clone());
        let opened = spawn_blocking(move || Held::open(&path, &disk)).await;
        let opened = opened.unwrap_or_else(|_| Err(Problem::Damaged("reading it failed badly".into())));
        if !matches!(opened, Err(Problem::Locked)) || Instant::now() >= deadline {
            return opened;
        }
        if !is_told {
            is_told = true;
            tracing::info!(
                path = %config.path.display(),
                patience_seconds = config.patience.as_secs_f64(),
                "another process has the state file open; waiting for it to end"
            );
        }
        sleep(RETRY_EVERY).await;
    }
}

/// What a thread that died has left is whole: every change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
