//! `demo`: the daemon against a simulated Security Center in the same process. Nothing between
//! them is simulated: requests are signed, paged, limited and retried.

use std::time::Duration;

use crate::cli::DemoArgs;
use crate::clock::Clock;
use crate::config::{EndpointConfig, Settings, SourceSettings};
use crate::env::Env;
use crate::simulator::Simulator;
use crate::{credentials, logging, poller, rpc};

use super::daemon::Daemon;
use super::run::{Failure, say, until_signal};
use super::simulate;

/// How often the demo polls: often enough to watch scans come along.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The demo's requests a second; the simulated account is nobody's.
const REQUESTS_PER_SECOND: f64 = 50.0;

/// Runs both until a signal.
pub(super) fn run(args: DemoArgs, env: &Env) -> Result<(), Failure> {
    let DemoArgs { web, log, simulator } = args;
    let logging = log.config();
    logging::init(logging);
    let config = simulate::config(simulator)?;
    until_signal(|shutdown| async move {
        let credentials = credentials_of(&config);
        let simulator = Simulator::bind(config, Clock::system()).await.map_err(Failure::start)?;
        let endpoint = simulator.local_addr();
        tracing::info!(address = %endpoint, "the simulated Security Center listens");
        let source = SourceSettings {
            name: "demo".to_owned(),
            region: "simulated".to_owned(),
            endpoint: EndpointConfig { url: format!("http://{endpoint}"), allow_http: false },
            labels: Vec::new(),
            rpc: rpc::Config { requests_per_second: REQUESTS_PER_SECOND, ..rpc::Config::default() },
            credentials,
            poller: poller::Config { interval: POLL_INTERVAL, ..poller::Config::default() },
        };
        let settings = Settings { logging, web: web.config(), sources: vec![source], warnings: Vec::new() };
        let path = settings.web.telemetry_path.clone();
        let daemon = Daemon::bind(settings, env, Clock::system(), shutdown.clone()).await;
        let daemon = daemon.map_err(Failure::start)?;
        say(&banner(&daemon, &path))?;
        tokio::join!(simulator.serve(shutdown), daemon.run());
        Ok(())
    })
}
