//! The daemon: sources and HTTP face, built, supervised, ended.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Settings, SourceSettings};
use crate::credentials;
use crate::env::Env;
use crate::lifecycle::Supervisor;
use crate::meters::Meters;
use crate::net::{BindError, Listener};
use crate::poller::{self, Identity, Source};
use crate::rpc::{BuildError, Client, ClientParts};
use crate::sas::Api;
use crate::web::{self, TelemetryPathError, Web};

use super::limits::SharedLimits;
use super::transports::Transports;

/// The daemon could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address could not be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The exposition cannot be served at its path.
    #[error("the telemetry path cannot be used")]
    TelemetryPath(#[from] TelemetryPathError),
    /// The HTTP client of a source could not be built.
    #[error("requests of source {source_name:?} cannot be sent as configured")]
    Transport {
        /// The source.
        source_name: String,
        /// What is in the way.
        source: BuildError,
    },
}

/// A daemon that listens and has not begun to poll or to answer.
#[derive(Debug)]
pub struct Daemon {
    web: Web,
    listeners: Vec<Listener>,
    sources: Vec<(Source, Duration)>,
    supervisor: Supervisor,
    shutdown: CancellationToken,
}

impl Daemon {
    /// Builds every part and listens on every address. Ends when `shutdown` is cancelled.
    ///
    /// # Errors
    /// If an address is taken or a source can't be built. A source that can't poll is no error
    /// here: its state tells.
    pub async fn bind(
        settings: Settings,
        env: &Env,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        let Settings { web, sources, .. } = settings;
        let meters = Meters::new();
        let sources = build_sources(sources, env, &clock, &meters)?;
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
        Ok(Self { web: service, listeners, sources, supervisor, shutdown })
    }

    /// The addresses really listened on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(Listener::local_addr).collect()
    }

    /// Polls and serves until the shutdown, and until all answers under way are finished.
    pub async fn run(self) {
        let Self { web, listeners, sources, mut supervisor, shutdown } = self;
        for listener in listeners {
            supervisor.spawn("http", web.clone().serve(listener));
        }
        for (source, first_delay) in sources {
            supervisor.spawn("poller", source.run(first_delay, shutdown.clone()));
        }
        supervisor.run().await;
    }
}

fn build_sources(
    settings: Vec<SourceSettings>,
    env: &Env,
    clock: &Clock,
    meters: &Meters,
) -> Result<Vec<(Source, Duration)>, StartError> {
    let count = settings.len();
    let mut transports = Transports::default();
    let mut limits = SharedLimits::default();
    let mut sources = Vec::with_capacity(count);
    for (index, settings) in settings.into_iter().enumerate() {
        let SourceSettings { name, region, endpoint, labels, rpc, credentials, poller } = settings;
        let transport = transports
            .get(&rpc, env)
            .map_err(|source| StartError::Transport { source_name: name.clone(), source })?;
        let limits = limits.get(&credentials, env, &rpc);
        let first_delay = poller::first_delay(index, count, poller.interval);
        let identity = Identity { name, region, endpoint: endpoint.host().to_owned(), labels };
        let meters = meters.source(&identity.name);
        let client = Client::new(ClientParts {
            endpoint,
            config: rpc,
            keys: credentials::build(&credentials, env),
            transport,
            limits,
            clock: clock.clone(),
            meters: meters.clone(),
        });
        let api = Api::new(client, meters.clone());
        sources.push((Source::new(identity, poller, api, clock.clone(), meters), first_delay));
    }
    Ok(sources)
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
        let (clock, meters) = (Clock::system(), Meters::new());
        let sources = build_sources(settings.sources, &Env::default(), &clock, &meters).unwrap();
        let delays: Vec<_> = sources.iter().map(|(_, delay)| delay.as_secs()).collect();
        assert_eq!(delays, [0, 2, 4]);
    }
}
