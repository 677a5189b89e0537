//! `demo`: the daemon against a simulated Security Center in the same process. Nothing between
//! them is simulated: requests are signed, paged, limited and retried.

use std::net::SocketAddr;
use std::time::Duration;

use crate::cli::DemoArgs;
use crate::clock::Clock;
use crate::config::{Inputs, Settings, SourceSettings};
use crate::credentials::{self, Written};
use crate::env::Env;
use crate::net::Local;
use crate::rpc::Endpoint;
use crate::secret::Secret;
use crate::simulator::{self, Simulator};
use crate::{logging, poller, rpc};

use super::daemon::Daemon;
use super::failure::Failure;
use super::output::say;
use super::reload::Reloads;
use super::runtime::until_signal;
use super::signals::Hangups;

/// How often the demo polls: often enough to watch scans come along.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The demo's requests a second; the simulated account is nobody's.
const REQUESTS_PER_SECOND: f64 = 50.0;

/// Runs both until a signal.
pub(super) fn run(args: DemoArgs) -> Result<(), Failure> {
    let DemoArgs { web, log, simulator } = args;
    let config = simulator.config().map_err(Failure::usage)?;
    let mut settings = Settings {
        logging: log.config(),
        web: web.config(),
        web_config: None,
        // The simulated world ends with the process.
        state: None,
        sources: Vec::new(),
        warnings: Vec::new(),
    };
    logging::init(settings.logging);
    until_signal(|shutdown| async move {
        // First, because until then one would end the process.
        let hangups = Hangups::catch().map_err(Failure::start)?;
        let credentials = key_of(&config);
        let simulator = Simulator::bind(config, Clock::system()).await?;
        let address = simulator.local_addr();
        tracing::info!(%address, "the simulated Security Center listens");
        let endpoint = Endpoint::parse(&format!("http://{address}"), true).map_err(Failure::usage)?;
        settings.sources.push(source(endpoint, credentials));
        let telemetry_path = settings.web.telemetry_path.clone();
        // Nothing of the environment is for the simulated cloud, least of all a proxy; and there is
        // nothing to read again.
        let inputs = Inputs { env: Env::default(), ..Inputs::default() };
        let reloads = Reloads { inputs, hangups: Hangups::never(), by_http: false };
        let daemon = Daemon::bind(settings, None, reloads, Clock::system(), shutdown.clone()).await?;
        say(&banner(&daemon.addresses(), &telemetry_path, address))?;
        let refusing = shutdown.clone().run_until_cancelled_owned(refuse(hangups));
        tokio::join!(simulator.serve(shutdown), daemon.run(), refusing);
        Ok(())
    })
}

/// A SIGHUP asks to read the configuration again, of which a demo has none.
async fn refuse(mut hangups: Hangups) {
    loop {
        hangups.next().await;
        tracing::info!("SIGHUP came; a demo has nothing to read again, and goes on as it was");
    }
}

fn key_of(config: &simulator::Config) -> credentials::Config {
    let id = Written::Here(Secret::new(config.access_key_id.as_str()));
    let secret = Written::Here(config.access_key_secret.clone());
    match config.security_token.clone() {
        Some(token) => credentials::Config::Sts { id, secret, token: Written::Here(token) },
        None => credentials::Config::AccessKey { id, secret },
    }
}

fn source(endpoint: Endpoint, credentials: credentials::Config) -> SourceSettings {
    SourceSettings {
        name: "demo".to_owned(),
        region: "simulated".to_owned(),
        endpoint,
        labels: Vec::new(),
        rpc: rpc::Config { requests_per_second: REQUESTS_PER_SECOND, ..rpc::Config::default() },
        credentials,
        sts: credentials::StsPlace::default(),
        poller: poller::Config { interval: POLL_INTERVAL, ..poller::Config::default() },
    }
}

/// What to open.
fn banner(addresses: &[Local], telemetry_path: &str, simulator: SocketAddr) -> String {
    let mut text = "The exporter polls a simulated Security Center; stop it with Ctrl-C.\n\n".to_owned();
    for address in addresses {
        let base = match address {
            Local::Tcp(address) => format!("http://{}", reachable(*address)),
            Local::Unix(path) => format!("curl --unix-socket {} http://localhost", path.display()),
        };
        text += &format!("  status page  {base}/\n");
        text += &format!("  metrics      {base}{telemetry_path}\n");
    }
    text += &format!("  the truth    http://{}/_world/truth\n\n", reachable(simulator));
    text + "The truth is what the simulator itself says of its world: what the exporter must show as soon as it has polled.\n\n"
}

/// An address that a browser on this machine can open.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_open_is_told_for_each_address_in_the_way_it_can_be() {
        let addresses = [Local::Tcp(([0, 0, 0, 0], 9982).into()), Local::Unix("/run/x".into())];
        let text = banner(&addresses, "/m", ([127, 0, 0, 1], 8080).into());
        for line in [
            "  status page  http://localhost:9982/\n",
            "  metrics      http://localhost:9982/m\n",
            "  status page  curl --unix-socket /run/x http://localhost/\n",
            "  metrics      curl --unix-socket /run/x http://localhost/m\n",
            "  the truth    http://127.0.0.1:8080/_world/truth\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
    }
}
