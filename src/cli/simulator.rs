//! The flags of the simulated Security Center, for `simulate` and `demo`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::{nearest, parse};
use crate::secret::Secret;

use super::flags::{LogArgs, WebArgs};

/// Flags of `simulate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = SIMULATE_EXAMPLES)]
pub struct SimulateArgs {
    /// The simulated account.
    #[command(flatten)]
    pub simulator: SimulatorArgs,
    /// Flags of logging.
    #[command(flatten)]
    pub log: LogArgs,
}

const SIMULATE_EXAMPLES: &str = "\
Examples:
  agentless-exporter simulate --seed 7 --tasks 137
  agentless-exporter simulate --fault throttle=0.2 --fault drift=0.1 --latency 50ms";

/// Flags of `demo`.
#[derive(Clone, Debug, Args)]
#[command(after_help = DEMO_EXAMPLES, mut_arg("listen", |arg| arg.default_value("127.0.0.1:0")))]
pub struct DemoArgs {
    /// Flags of the exporter's own HTTP face.
    #[command(flatten)]
    pub web: WebArgs,
    /// Flags of logging.
    #[command(flatten)]
    pub log: LogArgs,
    /// The simulated account.
    #[command(flatten)]
    pub simulator: SimulatorArgs,
}

const DEMO_EXAMPLES: &str = "\
Examples:
  agentless-exporter demo
  agentless-exporter demo --fault throttle=0.3 --web.listen-address 127.0.0.1:9982";

/// How the simulated account's scan tasks can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SimulatedListing {
    /// All subtasks in one listing
    Flat,
    /// The subtasks of each main task by themselves
    PerRoot,
    /// Only main tasks
    Root,
}

/// The simulated account and its API.
#[derive(Clone, Debug, Args)]
pub struct SimulatorArgs {
    /// Address of the simulated API
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8642", value_parser = listen_address)]
    pub listen: String,
    /// Same seed and same clock give the same answers
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Scan tasks in the history of the account
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = count(0, 5_000_000))]
    pub tasks: u64,
    /// Machines and images that are scanned
    #[arg(long, value_name = "COUNT", default_value_t = 60, value_parser = count(1, 1_000_000))]
    pub targets: u64,
    /// Made-up id of the one access key that the API takes
    #[arg(long, value_name = "ID", default_value = "simulated-access-key-id", value_parser = made_up_id)]
    pub access_key_id: String,
    /// Made-up secret of that key
    #[arg(
        long,
        value_name = "SECRET",
        default_value = "simulated-access-key-secret",
        value_parser = made_up_secret
    )]
    pub access_key_secret: Secret,
    /// Made-up security token, without which requests are then refused
    #[arg(long, value_name = "TOKEN", value_parser = made_up_secret)]
    pub security_token: Option<Secret>,
    /// Most rows of a page, whatever is asked for
    #[arg(
        long,
        value_name = "ROWS",
        default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub page_size_max: u32,
    /// Time that each answer takes at least, such as 50ms
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = latency)]
    pub latency: Duration,
    /// What the API answers to, so that the exporter must find out: flat, per-root or root
    #[arg(
        long,
        value_name = "KIND",
        value_enum,
        default_value_t = SimulatedListing::Flat,
        hide_possible_values = true
    )]
    pub listing: SimulatedListing,
    /// Faults as `NAME=PROBABILITY`, both checked.
    #[arg(long = "fault", value_name = "NAME=PROBABILITY", value_parser = fault, help = fault_help())]
    pub faults: Vec<String>,
}

/// Everything that can go wrong in the simulated API.
const FAULTS: [&str; 12] = [
    "throttle",
    "server-error",
    "html-502",
    "reset",
    "stall",
    "truncate",
    "error-in-200",
    "no-list",
    "drift",
    "null-fields",
    "unknown-status",
    "ignore-filter",
];

fn fault_help() -> String {
    format!("What goes wrong, and how often from 0 to 1; may be repeated: {}", FAULTS.join(", "))
}

fn fault(text: &str) -> Result<String, String> {
    let (name, probability) =
        text.split_once('=').ok_or("expected NAME=PROBABILITY, such as throttle=0.2".to_owned())?;
    if !FAULTS.contains(&name) {
        let meant = nearest(name, FAULTS.map(str::to_owned)).map(|name| format!(", did you mean {name}?"));
        return Err(format!("unknown fault{}; there are: {}", meant.unwrap_or_default(), FAULTS.join(", ")));
    }
    match probability.parse::<f64>() {
        Ok(probability) if (0.0..=1.0).contains(&probability) => Ok(text.to_owned()),
        _ => Err("expected a probability from 0 to 1, such as 0.2".to_owned()),
    }
}

fn count(least: u64, most: u64) -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(least..=most)
}

fn listen_address(text: &str) -> Result<String, parse::Problem> {
    parse::listen_address(text).map(|()| text.to_owned())
}

fn latency(text: &str) -> Result<Duration, parse::Problem> {
    parse::duration(text)
}

fn made_up_id(text: &str) -> Result<String, parse::Problem> {
    // Arguments are seen by everybody on the machine, so a real key must not get used to standing there.
    if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("LTAI")) {
        return Err("looks like a real access key id; the simulator takes made-up ones only");
    }
    parse::secret(text).map(|()| text.to_owned())
}

/// Refuses only what has nothing to show, because the message would repeat the value.
fn made_up_secret(text: &str) -> Result<Secret, parse::Problem> {
    if text.is_empty() { Err("is empty") } else { Ok(Secret::new(text)) }
}
