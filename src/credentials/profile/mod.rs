//! A profile in a file of the vendor's CLI or SDKs: `profile`, and two links of the default chain.
//!
//! The file is read again and again and never written. What it says is a configuration like that of a
//! source; the place that this leads to is kept as long as the profile says the same, so that the key of
//! a role is not asked for at each look.

mod cli;
mod external;
mod ini;
mod says;
mod search;

use std::error::Error;
use std::fmt;
use std::path::Path;

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::env::Env;
use crate::error::in_words;
#[cfg(unix)]
use crate::secret::look_at_file;

use super::config::{Config, Profile};
use super::provider::{FILE_LOOK, FetchError, Lease, Provider};
use super::{Parts, provider};

use external::External;
use says::{Says, shown};
use search::{Absent, Found, Miss, Search};

/// The key of a profile.
pub(super) struct ProfileKey {
    search: Search,
    absence: Absence,
    parts: Parts,
    /// The place that the profile led to when it was last read.
    built: Mutex<Option<Built>>,
}

/// What it means that there is no profile.
#[derive(Debug)]
enum Absence {
    /// A mistake: somebody wants one.
    Fails,
    /// The next link of the chain is to be asked.
    Passes,
    /// So it is, unless the environment names a profile and there are files to have it, these or those
    /// of the link before: the links after it know no profiles and would give another key.
    PassesWithoutName(Search),
}

struct Built {
    found: Found,
    place: Box<dyn Provider>,
    given: Option<Given>,
}

/// That a place has given a key.
struct Given {
    /// When the place itself wants to be looked at again.
    look_at: Option<Instant>,
}

/// A profile gave no key.
#[derive(Debug, thiserror::Error)]
enum ProfileError {
    /// No file has it.
    #[error("no profile was found: {0}")]
    NotFound(String),
    /// No file has the one that the environment names.
    #[error("ALIBABA_CLOUD_PROFILE names {name}, which was not found: {reasons}")]
    NamedNotFound {
        /// The name.
        name: String,
        /// What each place lacks.
        reasons: String,
    },
    /// The place that it leads to gives none.
    #[error("the {origin} gave no access key")]
    Place {
        /// The profile.
        origin: String,
        /// What is wrong there.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The place that it leads to is not set up.
    #[error("the {origin} gave no access key: {what}")]
    NotSetUp {
        /// The profile.
        origin: String,
        /// What is missing.
        what: String,
    },
}

/// What a profile still lacks on this machine, in words.
pub(super) async fn missing(config: &Profile, env: &Env) -> Option<String> {
    match Search::configured(config, env).find().await {
        Ok(found) if found.says.command.is_some() => None,
        Ok(found) => {
            let origin = found.to_string();
            let missing = Box::pin(super::missing(&found.says.config, env)).await?;
            Some(format!("the {origin} gives no access key: {missing}"))
        }
        Err(Miss::Failed(error)) => Some(in_words(&error)),
        Err(Miss::Absent(absent)) => Some(ProfileError::NotFound(absent.reasons.join("; ")).to_string()),
    }
}

impl ProfileKey {
    /// The profile that the configuration names, or the vendor's variables and files. That there is
    /// none is a failure.
    pub(super) fn new(config: &Profile, parts: &Parts) -> Self {
        Self::of(Search::configured(config, &parts.env), Absence::Fails, parts)
    }

    /// The link of the default chain for the CLI's file.
    pub(super) fn cli_link(parts: &Parts) -> Self {
        Self::of(Search::cli(&parts.env), Absence::Passes, parts)
    }

    /// The link of the default chain for the INI files, which comes after [`Self::cli_link`].
    pub(super) fn ini_link(parts: &Parts) -> Self {
        let absence = Absence::PassesWithoutName(Search::cli(&parts.env));
        Self::of(Search::ini(&parts.env), absence, parts)
    }

    fn of(search: Search, absence: Absence, parts: &Parts) -> Self {
        Self { search, absence, parts: parts.clone(), built: Mutex::default() }
    }

    async fn get(&self) -> Result<Lease, FetchError> {
        let found = match self.search.find().await {
            Ok(found) => found,
            Err(Miss::Failed(error)) => return Err(FetchError::failed(error)),
            Err(Miss::Absent(absent)) => return Err(self.absent(absent).await),
        };
        let mut built = self.built.lock().await;
        let built = match &mut *built {
            Some(before) if before.found == found => before,
            other => {
                self.tell_if_open(&found.file).await;
                other.insert(Built { place: self.build(&found.says), found, given: None })
            }
        };
        // Stays so if this is given up half-way, and a key is fetched at the next look.
        built.given = None;
        let origin = built.found.to_string();
        let lease = match built.place.fetch().await {
            Ok(lease) => lease,
            Err(FetchError::NotConfigured(what)) => {
                return Err(FetchError::failed(ProfileError::NotSetUp { origin, what }));
            }
            Err(FetchError::Failed(source)) => {
                return Err(FetchError::failed(ProfileError::Place { origin, source }));
            }
        };
        built.given = Some(Given { look_at: lease.look_again.map(|after| Instant::now() + after) });
        Ok(Lease { origin, ..lease }.looked_at_again(FILE_LOOK))
    }

    async fn is_other(&self) -> bool {
        let built = self.built.lock().await;
        let Some(Built { found, place, given: Some(given) }) = &*built else { return true };
        if !self.search.find().await.is_ok_and(|now| now == *found) {
            return true;
        }
        given.look_at.is_some_and(|at| Instant::now() >= at) && place.has_changed().await
    }

    fn build(&self, says: &Says) -> Box<dyn Provider> {
        match (&says.config, &says.command) {
            (Config::Profile(_), Some(command)) => Box::new(External::new(command.clone())),
            (config, _) => provider(&config.clone().assumed_at(&self.parts.sts), &self.parts),
        }
    }

    async fn absent(&self, absent: Absent) -> FetchError {
        // Somebody has named a file: another key would be that of somebody else.
        if absent.is_wanted {
            return FetchError::failed(ProfileError::NotFound(absent.reasons.join("; ")));
        }
        let mut reasons = absent.reasons;
        let before = match (&self.absence, &self.search.name) {
            (Absence::Fails, _) => return FetchError::failed(ProfileError::NotFound(reasons.join("; "))),
            (Absence::PassesWithoutName(before), Some(name)) => Some((before, name)),
            _ => None,
        };
        if let Some((before, name)) = before
            && let Err(Miss::Absent(earlier)) = before.find().await
            && (absent.is_file_there || earlier.is_file_there)
        {
            reasons.splice(0..0, earlier.reasons);
            let (name, reasons) = (shown(name), reasons.join("; "));
            return FetchError::failed(ProfileError::NamedNotFound { name, reasons });
        }
        FetchError::not_configured(reasons.join(", "))
    }

    /// Others than the owner may read the file: not for this program to forbid.
    async fn tell_if_open(&self, file: &Path) {
        #[cfg(unix)]
        if is_open(file).await {
            let (source, path) = (&self.parts.source, file.display());
            tracing::debug!(source, %path, "a file of access keys can be read by others than its owner");
        }
    }
}

#[cfg(unix)]
async fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    let is_open = |file: &Path| file.metadata().is_ok_and(|seen| seen.permissions().mode() & 0o077 != 0);
    look_at_file(file, is_open).await.unwrap_or(false)
}

impl Provider for ProfileKey {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        self.get().boxed()
    }

    fn has_changed(&self) -> BoxFuture<'_, bool> {
        self.is_other().boxed()
    }
}

impl fmt::Debug for ProfileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileKey").field("search", &self.search).finish_non_exhaustive()
    }
}

/// As the identity in use is told.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, name, says, word } = self;
        write!(f, "profile {} in {} ({word} {})", shown(name), file.display(), says.mode)
    }
}

#[cfg(test)]
mod tests;
