//! The flags of the simulated Security Center, for `simulate` and `demo`.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};

use crate::config::parse;
use crate::secret::Secret;
use crate::simulator::{self, Config, ConfigError, Fault, FaultRate, Listing, TARGETS_MAX, TASKS_MAX};

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
  agentless-exporter simulate --fault throttle=0.2 --fault drift=0.1 --latency 50ms

A source of the exporter that polls it:
  endpoint: http://127.0.0.1:8642
  credentials: {type: access_key, access_key_id: testid, access_key_secret: \"testsecret\",
    sts_endpoint: http://127.0.0.1:8642}

Without a signature, and on loopback only, it also answers to
  GET /_world/truth, what an exporter must show;
  POST /_world/freeze and POST /_world/step?by=1h, which stop its clock and move it on.

Exit codes: 0 ended by a signal, 1 could not start, 2 wrong usage";

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
  agentless-exporter demo --fault throttle=0.3 --web.listen-address 127.0.0.1:9982

It prints the addresses to open. The truth is what the simulator itself says of its world: what the
exporter must show as soon as it has polled.

Exit codes: 0 ended by a signal, 1 could not start, 2 wrong usage";

/// The simulated account and its API.
#[derive(Clone, Debug, Args)]
pub struct SimulatorArgs {
    /// Address of the simulated API
    #[arg(long, value_name = "HOST:PORT", default_value_t = defaults().listen, value_parser = listen_address)]
    listen: String,
    /// Same seed and same clock give the same answers
    #[arg(long, value_name = "NUMBER", default_value_t = defaults().seed, value_parser = whole::<u64>(0, u64::MAX))]
    seed: u64,
    /// Scan tasks in the history of the account
    #[arg(long, value_name = "COUNT", default_value_t = defaults().tasks, value_parser = whole::<usize>(0, TASKS_MAX as u64))]
    tasks: usize,
    /// Machines and images that are scanned
    #[arg(long, value_name = "COUNT", default_value_t = defaults().targets, value_parser = whole::<usize>(1, TARGETS_MAX as u64))]
    targets: usize,
    /// Made-up id of the one access key that the API takes
    #[arg(long, value_name = "ID", default_value_t = defaults().access_key_id, value_parser = made_up_id)]
    access_key_id: String,
    #[arg(long, value_name = "SECRET", help = secret_help(), value_parser = made_up_secret)]
    access_key_secret: Option<Secret>,
    /// Made-up security token, without which requests are then refused
    #[arg(long, value_name = "TOKEN", value_parser = made_up_secret)]
    security_token: Option<Secret>,
    /// Most rows of a page, whatever is asked for
    #[arg(long, value_name = "ROWS", default_value_t = defaults().page_size_max, value_parser = whole::<u32>(1, 1000))]
    page_size_max: u32,
    /// Time that each answer takes at least, such as 50ms
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = latency)]
    latency: Duration,
    /// What the API answers to, so that the exporter must find out
    #[arg(long, value_name = "KIND", default_value_t = defaults().listing, value_parser = listing())]
    listing: Listing,
    /// What goes wrong, and how often from 0 to 1; may be repeated
    #[arg(long = "fault", value_name = "NAME=PROBABILITY", long_help = fault_help())]
    faults: Vec<FaultRate>,
}

impl SimulatorArgs {
    /// The world that the flags describe.
    ///
    /// # Errors
    /// If it can't be simulated.
    pub fn config(self) -> Result<Config, ConfigError> {
        let config = Config {
            listen: self.listen,
            seed: self.seed,
            tasks: self.tasks,
            targets: self.targets,
            access_key_id: self.access_key_id,
            access_key_secret: self.access_key_secret.unwrap_or_else(|| defaults().access_key_secret),
            security_token: self.security_token,
            page_size_max: self.page_size_max,
            latency: self.latency,
            listing: self.listing,
            faults: self.faults.into_iter().collect(),
            frozen: false,
        };
        config.check()?;
        Ok(config)
    }
}

fn defaults() -> Config {
    Config::default()
}

/// A secret has no `Display` for the default that other flags tell by themselves.
fn secret_help() -> String {
    format!("Made-up secret of that key [default: {}]", defaults().access_key_secret.expose())
}

fn fault_help() -> String {
    let line = |fault: &Fault| format!("\n  {:<16}{}", fault.as_str(), fault.help());
    let lines: String = Fault::ALL.iter().map(line).collect();
    format!("What goes wrong, and how often from 0 to 1; may be repeated. Names:{lines}")
}

/// Takes whole numbers within these bounds.
fn whole<N: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Result<N, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
    }
}

fn listing() -> impl clap::builder::TypedValueParser<Value = Listing> {
    PossibleValuesParser::new(Listing::ALL.map(Listing::as_str))
        .map(|word| word.parse().expect("each possible value is a listing"))
}

fn listen_address(text: &str) -> Result<String, ConfigError> {
    simulator::check_listen(text).map(|()| text.to_owned())
}

fn latency(text: &str) -> Result<Duration, parse::Problem> {
    parse::duration(text)
}

fn made_up_id(text: &str) -> Result<String, ConfigError> {
    simulator::check_key_id(text).map(|()| text.to_owned())
}

/// Refuses only what has nothing to show, because the message would repeat the value.
fn made_up_secret(text: &str) -> Result<Secret, ConfigError> {
    if text.is_empty() { Err(ConfigError::EmptyKey) } else { Ok(Secret::new(text)) }
}
