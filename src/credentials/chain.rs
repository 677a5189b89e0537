//! The default chain: the first place, in the vendor's order, that holds a key.

use std::error::Error;
use std::fmt;
use std::sync::OnceLock;

use futures_util::future::{self, BoxFuture, FutureExt as _};

use super::provider::{FetchError, Lease, Provider};

/// Places in order, by the names that errors call them. Once one has given a key it is the only
/// one that is asked: another key would be that of somebody else.
#[derive(Debug)]
pub(super) struct Chain {
    links: Vec<(&'static str, Box<dyn Provider>)>,
    pinned: OnceLock<usize>,
}

impl Chain {
    pub(super) fn new(links: Vec<(&'static str, Box<dyn Provider>)>) -> Self {
        Self { links, pinned: OnceLock::new() }
    }

    fn pinned(&self) -> Option<&dyn Provider> {
        let (_, link) = self.links.get(*self.pinned.get()?)?;
        Some(&**link)
    }

    async fn ask(&self) -> Result<Lease, FetchError> {
        if let Some(link) = self.pinned() {
            return link.fetch().await.map(of_chain);
        }
        let mut attempts = Vec::new();
        for (index, (name, link)) in self.links.iter().enumerate() {
            match link.fetch().await {
                Ok(lease) => {
                    // Asked by one at a time, so it can't be set yet.
                    let _ = self.pinned.set(index);
                    return Ok(of_chain(lease));
                }
                Err(FetchError::NotConfigured(what)) => attempts.push(Attempt { name, what }),
                Err(FetchError::Failed(cause)) => {
                    return Err(FetchError::failed(Broken { attempts, name, cause }));
                }
            }
        }
        Err(FetchError::failed(Exhausted(attempts)))
    }
}

impl Provider for Chain {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        self.ask().boxed()
    }

    fn has_changed(&self) -> BoxFuture<'_, bool> {
        match self.pinned() {
            Some(link) => link.has_changed(),
            None => future::ready(true).boxed(),
        }
    }
}

fn of_chain(lease: Lease) -> Lease {
    Lease { origin: format!("default: {}", lease.origin), ..lease }
}

/// A place without a key, and what it lacks.
#[derive(Debug)]
struct Attempt {
    name: &'static str,
    what: String,
}

/// A place that is set up and gives no key.
#[derive(Debug)]
struct Broken {
    attempts: Vec<Attempt>,
    name: &'static str,
    cause: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the default chain stopped at {}, which is set up and gives no key", self.name)?;
        if !self.attempts.is_empty() {
            write!(f, " (before it: {})", in_order(&self.attempts))?;
        }
        Ok(())
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

/// No place has a key.
#[derive(Debug, thiserror::Error)]
#[error(
    "no access key was found; {}. Set up one of them, or set credentials.type of this source",
    in_order(.0)
)]
struct Exhausted(Vec<Attempt>);

fn in_order(attempts: &[Attempt]) -> String {
    let told: Vec<_> = attempts.iter().map(|Attempt { name, what }| format!("{name}: {what}")).collect();
    told.join("; ")
}
