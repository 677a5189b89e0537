//! The daemon: sources and HTTP face, built, supervised, ended.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Settings;
use crate::lifecycle::{Notifier, Supervisor};
use crate::meters::Meters;
use crate::net::{BindError, Listener, Local, Passed, PassedError};
use crate::state::{self, Disk, OpenError, StateFile};
use crate::web::{self, Readers, TelemetryPathError, Web};
use crate::web_config::Live;

use super::fleet::{Fleet, PrepareError, Prepared};
use super::reload::{self, Reloader, Reloads};
use super::sources::{Surroundings, UnsendableError};

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
    /// A defect: a part of the start died.
    #[error("building the sources failed badly; please report the panic above")]
    Died,
}

impl From<PrepareError> for StartError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Source(error) => error.into(),
            PrepareError::State(error) => error.into(),
            PrepareError::Died => Self::Died,
        }
    }
}

/// A daemon that listens and has not begun to poll or to answer.
pub struct Daemon {
    web: Web,
    listener: Listener,
    prepared: Prepared,
    reloader: Reloader,
    supervisor: Supervisor,
}

impl Daemon {
    /// Builds every part and listens on every address, or on the sockets `passed` if there are any. Ends
    /// when `shutdown` is cancelled, and until then follows the configuration as `reloads` says.
    ///
    /// # Errors
    /// If an address is taken, the state file can't be used or a source can't be built. A source that
    /// can't poll is no error here: its state tells.
    pub async fn bind(
        settings: Settings,
        passed: Option<Passed>,
        reloads: Reloads,
        clock: Clock,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        let Settings { web, web_config, state, sources, .. } = settings;
        let web_config = Live::new(web_config);
        let meters = Meters::new();
        meters.config_read(clock.now());
        let state_path = state.as_ref().map(|state| state.path.clone());
        let state = open_state(state, &meters, &shutdown).await?;
        let supervisor = Supervisor::new(shutdown.clone());
        let with =
            Surroundings { env: reloads.inputs.env.clone(), clock: clock.clone(), meters: meters.clone() };
        let fleet = Fleet::new(with, state, supervisor.starter());
        let prepared = fleet.prepare(sources).await?;
        let (ask, requests) = mpsc::channel(reload::MOST_WAITING);
        let parts = web::Parts {
            sources: fleet.subscribe(),
            reloads: reloads.by_http.then_some(ask),
            meters: meters.clone(),
            health: supervisor.health(),
            clock: clock.clone(),
            web_config: web_config.clone(),
            shutdown: shutdown.clone(),
        };
        let service = Web::new(&web.telemetry_path, parts)?;
        let listener = match passed {
            Some(passed) => passed.listener()?,
            None => Listener::bind_all(&web.listen_addresses).await?,
        };
        let notifier = Notifier::from_env(&reloads.inputs.env);
        let state = state_path;
        let reloader =
            Reloader { reloads, fleet, state, web_config, requests, notifier, meters, clock, shutdown };
        Ok(Self { web: service, listener, prepared, reloader, supervisor })
    }

    /// The addresses really listened on.
    pub fn addresses(&self) -> Vec<Local> {
        self.listener.addresses()
    }

    /// Polls and serves until the shutdown, and until all answers under way are finished.
    pub async fn run(self) {
        let Self { web, listener, prepared, mut reloader, mut supervisor } = self;
        // Before anybody is answered.
        reloader.fleet.become_as(prepared).await;
        supervisor.spawn("http", web.serve(listener));
        if reloader.web_config.has_file() {
            let (meters, clock) = (reloader.meters.clone(), reloader.clock.clone());
            let following = reloader.web_config.clone().run(meters, clock, reloader.shutdown.clone());
            supervisor.spawn("web-config", following);
        }
        let notifier = reloader.notifier.clone();
        if notifier.is_heard() {
            let (sources, clock) = (reloader.fleet.subscribe(), reloader.clock.clone());
            let status = move || status_line(&sources.borrow(), &clock);
            let attending = notifier.attend(supervisor.health(), status, reloader.shutdown.clone());
            supervisor.spawn("notify", attending);
        }
        supervisor.spawn("reload", reloader.run());
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
fn status_line(sources: &Readers, clock: &Clock) -> String {
    let now = clock.now();
    let up = sources.iter().filter(|source| source.borrow().fresh_snapshot(now).is_some()).count();
    format!("serving; sources up: {up} of {}", sources.len())
}
