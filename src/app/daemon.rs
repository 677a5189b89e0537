//! The daemon: sources and HTTP face, built, supervised, ended.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Settings, SourceSettings};
use crate::env::Env;
use crate::lifecycle::Supervisor;
use crate::meters::Meters;
use crate::net::{BindError, Listener};
use crate::poller::{self, Source};
use crate::state::{self, Disk, OpenError, StateFile};
use crate::web::{self, TelemetryPathError, Web};

use super::sources::{self, UnsendableError};

/// The daemon could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
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
    listeners: Vec<Listener>,
    sources: Vec<(Source, Duration)>,
    /// Held for as long as the process runs, so that no other one has it.
    state: Option<StateFile>,
    supervisor: Supervisor,
    shutdown: CancellationToken,
}

impl Daemon {
    /// Builds every part and listens on every address. Ends when `shutdown` is cancelled.
    ///
    /// # Errors
    /// If an address is taken, the state file can't be used or a source can't be built. A source that
    /// can't poll is no error here: its state tells.
    pub async fn bind(
        settings: Settings,
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
            clock,
            shutdown: shutdown.clone(),
        };
        let service = Web::new(&web.telemetry_path, parts)?;
        let mut listeners = Vec::new();
        for address in &web.listen_addresses {
            listeners.push(Listener::bind(address).await?);
        }
        Ok(Self { web: service, listeners, sources, state, supervisor, shutdown })
    }

    /// The addresses really listened on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::local_addr).collect()
    }

    /// Polls and serves until the shutdown, and until all answers under way are finished.
    pub async fn run(self) {
        let Self { web, listeners, sources, state: _state, mut supervisor, shutdown } = self;
        for listener in listeners {
            supervisor.spawn("http", web.clone().serve(listener));
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
