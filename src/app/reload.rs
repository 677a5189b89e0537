//! Reloading the configuration: on SIGHUP or `POST /-/reload`, one at a time, all or nothing.

use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, UnixMillis};
use crate::config::{self, Inputs, Settings};
use crate::env::Env;
use crate::error::in_words;
use crate::lifecycle::Notifier;
use crate::meters::Meters;
use crate::mistakes::Mistakes;
use crate::state;
use crate::web::ReloadRequest;
use crate::web_config::{self, Live};

use super::changes::{Summary, tell};
use super::fleet::{Fleet, PrepareError, Prepared};
use super::requests;
use super::signals::Hangups;

/// Requests that may wait for the ones before; each reads what is configured when it comes to it.
pub(super) const MOST_WAITING: usize = 8;

/// What a configuration is read from again, and who may ask for that.
#[derive(Debug)]
pub struct Reloads {
    /// Files, flags and environment, as at the start.
    pub inputs: Inputs,
    /// SIGHUP, caught since the process began.
    pub hangups: Hangups,
    /// Whether `POST /-/reload` may ask too.
    pub by_http: bool,
}

/// Why a configuration was not taken over. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
enum RefusedError {
    #[error(transparent)]
    Config(#[from] Mistakes),
    #[error(
        "state.path can't change while the exporter runs; restart the exporter, or set it back to what it was"
    )]
    StatePath,
    #[error(transparent)]
    Sources(#[from] PrepareError),
    #[error("reading the configuration failed badly; the log holds a panic, please report it")]
    Died,
    #[error("the exporter is shutting down")]
    Draining,
}

/// Owns the sources, and lets them follow the configuration.
pub(super) struct Reloader {
    pub(super) reloads: Reloads,
    pub(super) fleet: Fleet,
    /// Where the state is kept since the start.
    pub(super) state: Option<PathBuf>,
    /// Read again with the rest.
    pub(super) web_config: Live,
    pub(super) requests: mpsc::Receiver<ReloadRequest>,
    /// Told of each reload.
    pub(super) notifier: Notifier,
    pub(super) meters: Meters,
    pub(super) clock: Clock,
    pub(super) shutdown: CancellationToken,
}

impl Reloader {
    /// Does what is asked for until the shutdown, then waits for the sources to end. A SIGHUP that
    /// comes meanwhile is done next, however many they were.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => break,
                () = self.reloads.hangups.next() => {
                    let _told_in_the_log = self.reload("SIGHUP").await;
                }
                Some(answer) = self.requests.recv() => {
                    let outcome = self.reload("/-/reload").await;
                    // Who asked may have gone.
                    let _nobody_waits = answer.send(outcome);
                }
            }
        }
        // Whoever still waits is told that nothing comes.
        drop(self.requests);
        self.fleet.end().await;
    }

    /// Reads the configuration and takes it over, or leaves everything as it is. Tells the log and
    /// the meters; gives what changed or why nothing did, for who asked `by` that way.
    async fn reload(&mut self, by: &'static str) -> Result<String, String> {
        self.notifier.reloading();
        let outcome = self.reload_told(by).await;
        self.notifier.ready();
        outcome
    }

    async fn reload_told(&mut self, by: &'static str) -> Result<String, String> {
        let (inputs, shutdown) = (self.reloads.inputs.clone(), self.shutdown.clone());
        let prepared = shutdown.run_until_cancelled(self.prepare(inputs)).await;
        match prepared.unwrap_or(Err(RefusedError::Draining)) {
            Ok((prepared, web_config)) => {
                web_config.apply();
                let changes = self.fleet.become_as(prepared).await;
                self.meters.config_read(self.clock.now());
                tell(&changes, by);
                Ok(Summary(&changes).to_string())
            }
            Err(RefusedError::Draining) => Err(RefusedError::Draining.to_string()),
            Err(refused) => {
                self.meters.config_refused(self.clock.now());
                let error = in_words(&refused);
                tracing::warn!(
                    by,
                    error,
                    "the configuration could not be reloaded; the one before stays in force"
                );
                Err(error)
            }
        }
    }

    /// Everything that can fail, while nothing changes.
    async fn prepare(&self, inputs: Inputs) -> Result<(Prepared, web_config::Prepared), RefusedError> {
        let env = inputs.env.clone();
        let loaded = tokio::task::spawn_blocking(move || config::load(&inputs));
        let settings = loaded.await.map_err(|_| RefusedError::Died)??;
        if settings.state.as_ref().map(path) != self.state.as_ref() {
            return Err(RefusedError::StatePath);
        }
        // Its mistakes were told with the others; it may have changed since.
        let web_config = self.web_config.prepare().await?;
        let warnings = warnings(&settings, &env, self.clock.now());
        let prepared = self.fleet.prepare(settings.sources).await?;
        tell_warnings(&warnings);
        Ok((prepared, web_config))
    }
}

fn path(state: &state::Config) -> &PathBuf {
    &state.path
}

/// What is no mistake of a configuration that is to be run, but should be known.
pub(super) fn warnings(settings: &Settings, env: &Env, now: UnixMillis) -> Vec<String> {
    let web = settings.web_config.as_ref().and_then(|loaded| loaded.settings().warning(now));
    settings.warnings.iter().cloned().chain(requests::warnings(&settings.sources, env)).chain(web).collect()
}

/// Logs them.
pub(super) fn tell_warnings(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!(warning, "the configuration is valid, but holds something to know");
    }
}
