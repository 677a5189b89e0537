//! The daemon: sources and HTTP face, built, supervised, ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Settings, SourceSettings};
use crate::env::Env;
use crate::lifecycle::{Notifier, Supervisor};
use crate::meters::Meters;
use crate::net::{BindError, Listener, Local, Passed, PassedError};
use crate::poller::{self, Source};
use crate::snapshot::Published;
use crate::state::{self, Disk, OpenError, StateFile};
use crate::web::{self, TelemetryPathError, Web};

use super::sources::{self, UnsendableError};

/// The daemon could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The sockets that systemd passed can't be served.
    #[error(transparent)]
    Passed(#[from] PassedError),
    /// The exposition cannot be served at its path.
    #[error("the telemetry path cannot be used")]
    TelemetryPath(#[from] TelemetryPathError),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] OpenError),
    /// A source could not be built.
    #[error(transparent)]
    Source(#[from] UnsendableError),
}

/// A daemon that listens and has not begun to poll or to answer.
#[derive(Debug)]
pub struct Daemon {
    web: Web,
    listener: Listener,
    sources: Vec<(Source, Duration)>,
    /// Held for as long as the process runs, so that no other one has it.
    state: Option<StateFile>,
    supervisor: Supervisor,
    notifier: Notifier,
    clock: Clock,
    shutdown: CancellationToken,
}

impl Daemon {
    /// Builds every part and listens on every address, or on the sockets `passed` if there are any. Ends
    /// when `shutdown` is cancelled.
    ///
    /// # Errors
    /// If an address is taken, the state file can't be used or a source can't be built. A source that
    /// can't poll is no error here: its state tells.
    pub async fn bind(
        settings: Settings,
        passed: Option<Passed>,
        env: &Env,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        let Settings { web, state, sources, .. } = settings;
        let meters = Meters::new();
        let state = open_state(state, &meters, &shutdown).await?;
        let delays = first_delays(&sources);
        let identities: Vec<_> = sources.iter().map(identity).collect();
        let mut sources = sources::build(sources, env, &clock, &meters)?;
        if let Some(state) = &state {
            let kept = sources.into_iter().zip(identities);
            sources = kept
                .map(|(source, identity)| source.with_state(state.source(identity)))
                .collect::<Result<_, _>>()?;
        }
        let sources: Vec<_> = sources.into_iter().zip(delays).collect();
        let supervisor = Supervisor::new(shutdown.clone());
        let parts = web::Parts {
            sources: sources.iter().map(|(source, _)| source.subscribe()).collect(),
            meters,
            health: supervisor.health(),
            clock: clock.clone(),
            shutdown: shutdown.clone(),
        };
        let service = Web::new(&web.telemetry_path, parts)?;
        let listener = match passed {
            Some(passed) => passed.listener()?,
            None => Listener::bind_all(&web.listen_addresses).await?,
        };
        let notifier = Notifier::from_env(env);
        Ok(Self { web: service, listener, sources, state, supervisor, notifier, clock, shutdown })
    }

    /// The addresses really listened on.
    pub fn addresses(&self) -> Vec<Local> {
        self.listener.addresses()
    }

    /// Polls and serves until the shutdown, and until all answers under way are finished.
    pub async fn run(self) {
        let Self { web, listener, sources, state: _state, mut supervisor, notifier, clock, shutdown } = self;
        supervisor.spawn("http", web.serve(listener));
        if notifier.is_heard() {
            let published: Vec<_> = sources.iter().map(|(source, _)| source.subscribe()).collect();
            let status = move || status_line(&published, &clock);
            supervisor.spawn("notify", notifier.attend(supervisor.health(), status, shutdown.clone()));
        }
        for (source, first_delay) in sources {
            supervisor.spawn("poller", source.run(first_delay, shutdown.clone()));
        }
        supervisor.run().await;
    }
}

/// Opens the state file, if there is to be one. A shutdown ends the wait for another process that
/// has it; nothing is polled then.
async fn open_state(
    config: Option<state::Config>,
    meters: &Meters,
    shutdown: &CancellationToken,
) -> Result<Option<StateFile>, OpenError> {
    let Some(config) = config else { return Ok(None) };
    let opening = StateFile::open(config, Disk::real(), meters.state());
    shutdown.run_until_cancelled(opening).await.transpose()
}

/// What systemd shows of the process.
fn status_line(sources: &[watch::Receiver<Arc<Published>>], clock: &Clock) -> String {
    let now = clock.now();
    let up = sources.iter().filter(|source| source.borrow().fresh_snapshot(now).is_some()).count();
    format!("serving; sources up: {up} of {}", sources.len())
}

/// Whose state a source has.
fn identity(source: &SourceSettings) -> state::Identity {
    state::Identity {
        source: source.name.clone(),
        endpoint: source.endpoint.host().to_owned(),
        listing: source.poller.listing,
        target_types: source.poller.target_types.clone(),
    }
}

/// When each source is polled first: spread, for the sake of the account and of this machine.
fn first_delays(sources: &[SourceSettings]) -> Vec<Duration> {
    let delay = |(index, source): (usize, &SourceSettings)| {
        poller::first_delay(index, sources.len(), source.poller.interval)
    };
    sources.iter().enumerate().map(delay).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Inputs};

    #[test]
    fn first_polls_of_the_sources_are_spread() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exporter.yaml");
        let source = |name| format!("  - {{name: {name}, region: cn-hangzhou}}\n");
        std::fs::write(&file, format!("sources:\n{}", ["a", "b", "c"].map(source).concat())).unwrap();
        let settings = config::load(&Inputs { file: Some(file), ..Inputs::default() }).unwrap();
        let delays: Vec<_> = first_delays(&settings.sources).iter().map(Duration::as_secs).collect();
        assert_eq!(delays, [0, 2, 4]);
    }
}
