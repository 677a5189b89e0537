//! One key at a time, renewed ahead of its end.

mod keeper;

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, oneshot};
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;

use crate::clock::Clock;
use crate::model::KeyInUse;
use crate::rpc::{AccessKey, KeyError, KeySource};

use super::provider::Provider;
use keeper::{Due, Keeper};

/// Why a key is fetched.
#[derive(Clone, Copy)]
enum Why {
    /// There is none, or the one there is will not be good for long, or may have been replaced.
    Due,
    /// The cloud refuses the one there is.
    Refused,
    /// The one there is may have been replaced where it comes from.
    Looked,
}

/// Keeps the key of a place: one fetch at a time, however many ask; a key that could not be renewed
/// is kept until it really expires; a failure is kept only for the pause that follows it.
///
/// A fetch runs in a task of its own, so that it comes to its end, and its failure is told, also when
/// whoever met the due key is given up. The task ends with the cache.
pub(super) struct Cache {
    keeper: Arc<Keeper>,
    /// Held by the task that fetches, and by whoever is about to start one.
    turn: Arc<Turn<()>>,
    /// The last one. The task holds the keeper and not the cache, which so can end it.
    task: Mutex<Option<AbortOnDropHandle<()>>>,
}

impl Cache {
    /// Keeps the keys of `provider` for the source called `source`.
    pub(super) fn new(source: &str, provider: Box<dyn Provider>, clock: Clock) -> Self {
        let keeper = Arc::new(Keeper::new(source, provider, clock));
        Self { keeper, turn: Arc::default(), task: Mutex::default() }
    }

    async fn get(&self) -> Result<AccessKey, KeyError> {
        match self.keeper.due() {
            Due::Nothing(key) => Ok(key),
            Due::Failed(error) => Err(error),
            Due::Soon(key) => {
                // Another one may have fetched meanwhile, here and below.
                if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned()
                    && let Due::Soon(_) = self.keeper.due()
                {
                    drop(self.start(turn, Why::Due));
                }
                Ok(key)
            }
            Due::Now => {
                let turn = Arc::clone(&self.turn).lock_owned().await;
                if let Due::Now = self.keeper.due() {
                    self.start(turn, Why::Due).await;
                }
                self.keeper.good_one()
            }
        }
    }

    /// Looks at the place, if that is due and it wants to be looked at, and fetches what has changed there.
    /// Whether that gave another key. One that is only to be renewed is not fetched.
    pub(super) async fn look(&self) -> bool {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let Some(before) = self.keeper.to_look_at() else { return false };
        self.start(turn, Why::Looked).await;
        self.keeper.gave_other(&before)
    }

    /// Starts the task whose turn it is. What is returned ends with it, also if it panics, and need
    /// not be waited for.
    fn start(&self, turn: OwnedMutexGuard<()>, why: Why) -> impl Future<Output = ()> + use<> {
        let (ends, end) = oneshot::channel::<Infallible>();
        let keeper = Arc::clone(&self.keeper);
        let work = async move {
            match why {
                Why::Due => keeper.renew().await,
                Why::Refused => keeper.force().await,
                Why::Looked => keeper.look().await,
            }
            drop((turn, ends));
        };
        let task = AbortOnDropHandle::new(tokio::spawn(work.in_current_span()));
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        end.map(drop)
    }
}

impl KeySource for Cache {
    fn key(&self) -> BoxFuture<'_, Result<AccessKey, KeyError>> {
        self.get().boxed()
    }

    fn renew<'k>(&'k self, refused: &'k AccessKey) -> BoxFuture<'k, bool> {
        async move {
            let turn = Arc::clone(&self.turn).lock_owned().await;
            // Another request may have been refused first.
            if !self.keeper.has_other(refused) && self.keeper.may_force() {
                self.start(turn, Why::Refused).await;
            }
            self.keeper.has_other(refused)
        }
        .boxed()
    }

    fn in_use(&self) -> Option<KeyInUse> {
        self.keeper.in_use()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("provider", &self.keeper.provider()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
