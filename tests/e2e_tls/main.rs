//! TLS, client certificates and passwords of the real binary, as others meet them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod drain;
mod handshakes;
mod passwords;
mod prometheus;
mod rotation;
#[path = "../support/mod.rs"]
mod support;
mod testssl;

use std::time::Duration;

use support::programs::{Exporter, KEY_SECRET, Simulator, config};
use support::tls::{Client, WebConfig};
use support::wait_for;

/// What takes well under a second where nothing else runs.
const SOON: Duration = Duration::from_secs(30);

/// A simulated Security Center and an exporter of it by `web_config`.
fn start(web_config: &WebConfig, arguments: &[&str]) -> (Simulator, Exporter) {
    let simulator = Simulator::start(&[]);
    let flag = web_config.flag();
    let arguments = [arguments, &[&flag]].concat();
    let exporter = Exporter::start(&config(simulator.address, KEY_SECRET, &[]), &arguments);
    (simulator, exporter)
}

/// Waits until an exporter has something to tell.
fn until_ready(client: &Client, exporter: &Exporter) {
    wait_for("the exporter to be ready", SOON, || {
        match client.ask(exporter.address, "GET", "/-/ready", &[]) {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}
