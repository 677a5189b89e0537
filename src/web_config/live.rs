//! The web config in force: followed as its files change, all or nothing.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::CONTENT_SECURITY_POLICY;
use rustls::ServerConfig;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::meters::Meters;
use crate::mistakes::Mistakes;

use super::files::{Files, Looks};
use super::rate::Bucket;
use super::users::{Admission, Doorkeeper};
use super::{Loaded, Settings, Summary, emptied, read};

/// How often the files are looked at. What has changed is read once it has been the same twice, because
/// a file under way may be cut or empty, and an empty one would let everybody in.
const EVERY: Duration = Duration::from_secs(1);

/// A handle on the web config in force. Clones share it.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    in_force: RwLock<InForce>,
    doorkeeper: Doorkeeper,
    /// `None` where there is no web config file.
    watched: Option<Watched>,
}

#[derive(Clone, Default)]
struct InForce {
    settings: Arc<Settings>,
    /// That of the settings, or one before that lets the same through and goes on from where it is.
    bucket: Option<Arc<Bucket>>,
}

struct Watched {
    path: PathBuf,
    seen: Mutex<Seen>,
}

/// What the files looked like when they were read last, whatever came of it.
struct Seen {
    files: Files,
    /// What they look like now, if that is something else.
    changed: Option<Looks>,
    is_broken: bool,
}

/// A web config that was read again and is not yet in force.
#[must_use = "it is in force only once it is applied"]
pub struct Prepared {
    live: Live,
    read: Option<Read>,
}

/// What was read, and what the files looked like then.
struct Read {
    settings: Result<Arc<Settings>, Mistakes>,
    files: Files,
    /// What had been read last before.
    before: Looks,
}

impl Live {
    /// Puts `loaded` in force; in the clear and for everybody if there is none.
    pub fn new(loaded: Option<Loaded>) -> Self {
        let settings = loaded.as_ref().map(|loaded| Arc::clone(&loaded.0.settings)).unwrap_or_default();
        let in_force = InForce { bucket: settings.bucket.clone(), settings };
        let watched = loaded.map(|loaded| {
            let seen = Seen { files: loaded.0.files.clone(), changed: None, is_broken: false };
            Watched { path: loaded.0.path.clone(), seen: Mutex::new(seen) }
        });
        Self(Arc::new(Inner { in_force: RwLock::new(in_force), doorkeeper: Doorkeeper::new(), watched }))
    }

    fn in_force(&self) -> InForce {
        self.0.in_force.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn settings(&self) -> Arc<Settings> {
        self.in_force().settings
    }

    /// How the next handshake goes; `None` in the clear.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.settings().tls.clone()
    }

    /// Whether the next connection is to be one of TLS.
    pub fn is_tls(&self) -> bool {
        self.settings().tls.is_some()
    }

    /// Adds what every answer carries, one that turns a request away too. A Content-Security-Policy that
    /// is there stays: it is that of what is answered, which would not show under another one.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.settings().headers {
            if *name != CONTENT_SECURITY_POLICY || !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
    }

    /// What may be shown of it.
    pub fn summary(&self) -> Summary {
        self.settings().summary()
    }

    /// Whether its files have mistakes, so that one read before is in force.
    pub fn is_broken(&self) -> bool {
        self.0.watched.as_ref().is_some_and(|watched| watched.seen().is_broken)
    }

    /// Whether there is a web config file at all.
    pub fn has_file(&self) -> bool {
        self.0.watched.is_some()
    }

    /// Counts a request, and tells whether it is within the rate.
    pub fn within_rate(&self) -> bool {
        self.in_force().bucket.as_ref().is_none_or(|bucket| bucket.take())
    }

    /// Whether a request with `headers` brings a password that opens, if one is needed.
    pub async fn authorize(&self, headers: &HeaderMap) -> Admission {
        let settings = self.settings();
        if settings.users.count() == 0 {
            return Admission::Allowed;
        }
        self.0.doorkeeper.check(&settings.users, headers).await
    }

    /// [`Self::within_rate`], then [`Self::authorize`].
    pub async fn admit(&self, headers: &HeaderMap) -> Admission {
        if self.within_rate() { self.authorize(headers).await } else { Admission::TooMany }
    }

    /// Reads the web config and every file that it names again, whether they have changed or not.
    ///
    /// # Errors
    /// On any mistake, with all of them; what is in force stays, and nothing is logged.
    pub async fn prepare(&self) -> Result<Prepared, Mistakes> {
        let live = self.clone();
        let Some(read) = off_the_runtime(move || live.read_again()).await else {
            return Ok(Prepared { live: self.clone(), read: None });
        };
        if let Err(mistakes) = &read.settings {
            let mistakes = mistakes.clone();
            self.take_note(read);
            return Err(mistakes);
        }
        Ok(Prepared { live: self.clone(), read: Some(read) })
    }

    /// [`Self::prepare`], then [`Prepared::apply`].
    ///
    /// # Errors
    /// As [`Self::prepare`].
    pub async fn reload(&self) -> Result<(), Mistakes> {
        self.prepare().await.map(Prepared::apply)
    }

    /// Follows the files until `shutdown`, and tells `meters` whether they have mistakes.
    pub async fn run(self, meters: Meters, clock: Clock, shutdown: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() && self.has_file() {
            let is_new = self.look().await;
            meters.web_config_is_broken(self.is_broken());
            if let Some(warning) = self.settings().warning(clock.now()).filter(|_| is_new) {
                tracing::warn!(warning, "the web config is in force, but holds something to know");
            }
        }
        shutdown.cancelled().await;
    }

    /// Looks at the files once, and takes over what has settled; gives whether there was any.
    async fn look(&self) -> bool {
        let live = self.clone();
        let Some(read) = off_the_runtime(move || live.read_if_settled()).await else { return false };
        let path = self.path();
        let was_broken = self.is_broken();
        let told = read.settings.clone();
        self.take_note(read);
        match told {
            Ok(_) => {
                let in_force = self.summary();
                if was_broken {
                    tracing::info!(path, %in_force, "the web config is good again and in force");
                } else {
                    tracing::info!(path, %in_force, "the web config or a file of it has changed and is in force");
                }
                true
            }
            Err(mistakes) => {
                let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                let error = mistakes.join("; ");
                tracing::warn!(
                    path,
                    error,
                    "the web config has mistakes; what was read before stays in force"
                );
                false
            }
        }
    }

    /// `None` if nothing has changed, or it changes still.
    fn read_if_settled(&self) -> Option<Read> {
        let watched = self.0.watched.as_ref()?;
        let known = watched.seen().files.looks().clone();
        let now = known.again();
        {
            let mut seen = watched.seen();
            let is_settled = seen.changed.as_ref() == Some(&now);
            seen.changed = (now != known).then_some(now.clone());
            if now == known || !is_settled {
                return None;
            }
        }
        self.read_again().filter(|read| read.files.looks().agree_with(&now))
    }

    /// `None` if there is nothing to read.
    fn read_again(&self) -> Option<Read> {
        let watched = self.0.watched.as_ref()?;
        let (before, mut files) = {
            let seen = watched.seen();
            (seen.files.looks().clone(), seen.files.once_more())
        };
        let settings = match read(&watched.path, &mut files) {
            Ok(settings) if !settings.has_keys && self.settings().closes() => Err(emptied(&watched.path)),
            settings => settings.map(Arc::new),
        };
        Some(Read { settings, files, before })
    }

    /// Warns of what protects no longer.
    fn tell_what_is_open(&self, before: &Settings, now: &Settings) {
        let path = self.path();
        if before.tls.is_some() && now.tls.is_none() {
            tracing::warn!(path, "the web config has no TLS any more; everything is served in the clear now");
        }
        if before.users.count() > 0 && now.users.count() == 0 {
            tracing::warn!(path, "the web config has no users any more; nobody needs a password now");
        }
    }

    /// The web config file as the log shows it.
    fn path(&self) -> String {
        self.0.watched.as_ref().map(|watched| watched.path.display().to_string()).unwrap_or_default()
    }

    /// Remembers what was read, and puts it in force if it is good.
    fn take_note(&self, read: Read) {
        let Read { settings, files, before: _ } = read;
        if let Some(watched) = &self.0.watched {
            *watched.seen() = Seen { files, changed: None, is_broken: settings.is_err() };
        }
        let Ok(settings) = settings else { return };
        let mut in_force = self.0.in_force.write().unwrap_or_else(PoisonError::into_inner);
        let bucket = match (&in_force.bucket, &settings.bucket) {
            (Some(old), Some(new)) if old.is_like(new) => Some(Arc::clone(old)),
            (_, new) => new.clone(),
        };
        let before = std::mem::replace(&mut *in_force, InForce { settings, bucket });
        let now = Arc::clone(&in_force.settings);
        drop(in_force);
        self.tell_what_is_open(&before.settings, &now);
    }
}

impl Prepared {
    /// Puts it in force, unless its files have changed and were read meanwhile: that is newer.
    pub fn apply(self) {
        let Self { live, read } = self;
        let is_newest = |read: &Read| {
            let watched = live.0.watched.as_ref();
            watched.is_none_or(|watched| *watched.seen().files.looks() == read.before)
        };
        if let Some(read) = read.filter(is_newest) {
            live.take_note(read);
        }
    }
}

impl Watched {
    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows what may be shown.
impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Live").field(&self.summary()).finish()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.read.as_ref().map(|read| &read.settings);
        f.debug_tuple("Prepared").field(&settings).finish()
    }
}

/// Files may be on a disk that is slow to answer.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and everything on it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests;
