//! A proxy that stands in a file, and the client that goes through it until the file names another one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use tokio::time::Instant;

use crate::error::in_words;
use crate::secret::{FileError, Secret, read_value};

use super::client::Recipe;
use super::{BuildError, ProxyError, proxy};

/// How often the file is looked at, as those of access keys are.
const LOOK: Duration = Duration::from_secs(10);

/// The file of a proxy can't be used. Its content is not told: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum ProxyFileError {
    /// It can't be read, or is blank.
    #[error(transparent)]
    File(#[from] FileError),
    /// It holds something else.
    #[error("{} does not hold the URL of a proxy alone", path.display())]
    NoProxy {
        /// The file.
        path: PathBuf,
        /// What was expected.
        source: ProxyError,
    },
}

/// The client through the proxy that a file names. What the file says is compared and not its time, so
/// that a symbolic link that leads elsewhere is a change too.
#[derive(Debug)]
pub(super) struct Renewed {
    path: PathBuf,
    recipe: Recipe,
    client: Mutex<Client>,
    look_at: Mutex<Instant>,
    /// Held by the one that looks.
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// What the client in use was made from.
    url: Secret,
    /// Whether the file was of no use when it was last looked at.
    is_bad: bool,
}

impl Renewed {
    /// Reads the file at `path`.
    pub(super) fn new(recipe: Recipe, path: &Path) -> Result<Self, BuildError> {
        let url = read(path)?;
        let client = through(&url, &recipe, path)?;
        Ok(Self {
            path: path.to_owned(),
            recipe,
            client: Mutex::new(client),
            look_at: Mutex::new(Instant::now() + LOOK),
            seen: Mutex::new(Seen { url, is_bad: false }),
        })
    }

    /// The client to use now, after a look at the file if it is time for one. Requests that go out
    /// meanwhile do not wait for it.
    pub(super) async fn client(self: &Arc<Self>) -> Client {
        if self.is_due() {
            let this = Arc::clone(self);
            let looked = tokio::task::spawn_blocking(move || this.look()).await;
            looked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        }
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_due(&self) -> bool {
        let now = Instant::now();
        let mut look_at = self.look_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = *look_at <= now;
        if is_due {
            *look_at = now + LOOK;
        }
        is_due
    }

    /// Reads the file and makes another client if it names another proxy. Connections of the one
    /// before end with the requests that they carry.
    fn look(&self) {
        // One thread that waits for a dead file system is enough.
        let Ok(mut seen) = self.seen.try_lock() else { return };
        let path = self.path.display().to_string();
        let changed = match self.changed(&seen.url) {
            Ok(changed) => changed,
            Err(error) => {
                if !seen.is_bad {
                    tracing::warn!(
                        path,
                        error = in_words(&error),
                        "the file of the proxy can't be used; requests go through the proxy that it named before"
                    );
                }
                seen.is_bad = true;
                return;
            }
        };
        if std::mem::take(&mut seen.is_bad) {
            tracing::info!(path, "the file of the proxy can be used again");
        }
        if let Some((url, client)) = changed {
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
            seen.url = url;
            tracing::info!(
                path,
                "the file of the proxy has changed; requests go through the proxy that it names now"
            );
        }
    }

    /// What the file says, and a client that does it; `None` if it still says `before`.
    fn changed(&self, before: &Secret) -> Result<Option<(Secret, Client)>, BuildError> {
        let url = read(&self.path)?;
        if url == *before {
            return Ok(None);
        }
        let client = through(&url, &self.recipe, &self.path)?;
        Ok(Some((url, client)))
    }
}

fn read(path: &Path) -> Result<Secret, BuildError> {
    let is_there = |text: &str| if text.trim().is_empty() { Err("is empty".into()) } else { Ok(()) };
    read_value(path, is_there).map_err(|error| BuildError::ProxyFile(error.into()))
}

fn through(url: &Secret, recipe: &Recipe, path: &Path) -> Result<Client, BuildError> {
    let proxy = proxy::for_all(url.expose())
        .map_err(|source| BuildError::ProxyFile(ProxyFileError::NoProxy { path: path.to_owned(), source }))?;
    recipe.client(Some(proxy))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tracing::Level;

    use super::*;
    use crate::logging::told_from;
    use crate::rpc::Config;

    #[test]
    fn a_file_that_is_no_use_is_told_once_and_told_when_it_is_good_again_and_never_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy");
        let [one, other] = ["http://me:hunter2-one@proxy:1", "http://me:hunter2-other@proxy:2"];
        fs::write(&path, one).unwrap();
        let renewed = Renewed::new(Recipe::new(&Config::default()).unwrap(), &path).unwrap();
        let told = |text: Option<&str>| {
            match text {
                Some(text) => fs::write(&path, text).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let lines = told_from(Level::INFO, || renewed.look());
            lines.join("\n").replace(&path.display().to_string(), "FILE")
        };
        let bad = "WARN the file of the proxy can't be used; requests go through the proxy that it named before \
                   path=\"FILE\" error=\"api.proxy_file can't be used: FILE";
        assert_eq!(told(Some(one)), "");
        assert_eq!(
            told(Some("socks5://me:hunter2-one@proxy")),
            format!("{bad} does not hold the URL of a proxy alone: {ProxyError}\"")
        );
        assert_eq!(told(Some("\n")), "", "told already");
        assert_eq!(told(Some(one)), "INFO the file of the proxy can be used again path=\"FILE\"");
        assert_eq!(told(None), format!("{bad} can't be read: No such file or directory (os error 2)\""));
        assert_eq!(
            told(Some(other)),
            "INFO the file of the proxy can be used again path=\"FILE\"\n\
             INFO the file of the proxy has changed; requests go through the proxy that it names now path=\"FILE\""
        );
        assert_eq!(told(Some(&format!("{other}\n"))), "", "a line break is no change");
        assert!(!format!("{renewed:?}").contains("hunter2"), "{renewed:?}");
    }
}
