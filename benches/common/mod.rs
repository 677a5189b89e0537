//! What the benchmarks that poll have in common: the simulator, a source that polls it, and the
//! figures that Linux tells of a process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use agentless_exporter::clock::Clock;
use agentless_exporter::credentials::{self, Written};
use agentless_exporter::env::Env;
use agentless_exporter::meters::Meters;
use agentless_exporter::model::Listing;
use agentless_exporter::poller::{Config, Identity, Source};
use agentless_exporter::rpc::{self, Client, ClientParts, Endpoint, HttpTransport, Limits, Transport};
use agentless_exporter::sas::Api;
use agentless_exporter::secret::Secret;

/// Pages asked for at a time.
pub(crate) const CONCURRENCY: usize = 2;
/// The key that the simulator takes.
pub(crate) const KEY_ID: &str = "testid";
/// Its secret.
pub(crate) const KEY_SECRET: &str = "testsecret";
/// Longer than the history of a simulated account.
pub(crate) const LONG: Duration = Duration::from_secs(40 * 86_400);

/// The simulator, in a process of its own, and its world frozen.
pub(crate) struct Simulator {
    process: Child,
    /// Where it answers.
    pub(crate) endpoint: String,
}

impl Simulator {
    /// Simulates an account that has main tasks only, with these `flags`.
    pub(crate) fn start(flags: &[String]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_agentless-exporter"))
            .args(["simulate", "--listen=127.0.0.1:0", "--listing=root"])
            .args([format!("--access-key-id={KEY_ID}"), format!("--access-key-secret={KEY_SECRET}")])
            .args(flags)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the simulator starts");
        let log = BufReader::new(process.stderr.take().expect("stderr is piped"));
        let address = log
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("address=")?.1.split_whitespace().next()?.to_owned()))
            .expect("the simulator tells its address");
        let endpoint = format!("http://{address}");
        let freeze = format!("{endpoint}/_world/freeze");
        let freeze = runtime()
            .block_on(async { plain_client().post(freeze).send().await.expect("it answers").status() });
        assert!(freeze.is_success(), "the world cannot be frozen: {freeze}");
        Self { process, endpoint }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.process.kill().expect("the simulator runs");
        self.process.wait().expect("the simulator ends");
    }
}

/// Runs this program again, with `--run` and `args`, so that what is measured has a process of its
/// own. Gives the figures that it prints.
pub(crate) fn figures_of(args: &[&str]) -> Vec<f64> {
    let output = Command::new(std::env::current_exe().expect("this program has a path"))
        .arg("--run")
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .expect("a run starts");
    assert!(output.status.success(), "the run {args:?} failed");
    let text = String::from_utf8(output.stdout).expect("figures are text");
    text.split_whitespace().map(|figure| figure.parse().expect("figures are numbers")).collect()
}

/// The arguments of a run that [`figures_of`] began.
pub(crate) fn run_args() -> Option<Vec<String>> {
    let mut args = std::env::args().skip_while(|arg| arg != "--run");
    args.next().map(|_| args.collect())
}

/// The figure in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A runtime of one thread.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}

/// CPU time of all threads, to the nanosecond.
pub(crate) fn cpu_seconds() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux tells the threads of a process");
    let nanoseconds = tasks.map(|task| {
        let text =
            fs::read_to_string(task.expect("a thread").path().join("schedstat")).expect("its CPU time");
        text.split_whitespace().next().expect("the first number").parse::<f64>().expect("in nanoseconds")
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// The memory of this process that Linux tells by `name`, such as `VmHWM`, the peak.
pub(crate) fn memory_mib(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells the memory of a process");
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = value.and_then(|value| value.split_whitespace().next()).expect("it is told");
    kib.parse::<f64>().expect("in KiB") / 1024.0
}

/// How the exporter sends requests.
pub(crate) fn transport() -> HttpTransport {
    HttpTransport::build(&rpc_config(), &Env::default()).expect("a client can be built")
}

/// A source that polls `endpoint` by `transport` as fast as it answers, with pages of `page_size`.
pub(crate) fn source(endpoint: &str, page_size: u32, transport: Arc<dyn Transport>) -> Source {
    let meters = Meters::new().source("bench");
    let config = rpc_config();
    let here = |text: &str| Written::Here(Secret::new(text));
    let key = credentials::Config::AccessKey { id: here(KEY_ID), secret: here(KEY_SECRET) };
    let parts = credentials::Parts {
        source: "bench".to_owned(),
        sts: credentials::StsPlace::default(),
        env: Env::default(),
        transport: Arc::clone(&transport),
        rpc: config.clone(),
        clock: Clock::system(),
        meters: meters.clone(),
        metadata: credentials::metadata_url(),
    };
    let client = Client::new(ClientParts {
        endpoint: Endpoint::parse(endpoint, false).expect("loopback"),
        limits: Arc::new(Limits::new(config.requests_per_second, config.concurrency)),
        keys: credentials::build(&key, &parts),
        transport,
        config,
        clock: Clock::system(),
        meters: meters.clone(),
    });
    let poller = Config {
        page_size,
        concurrency: CONCURRENCY,
        listing: Listing::Root,
        lookback: LONG,
        keep_targets: LONG,
        ..Config::default()
    };
    let identity = Identity {
        name: "bench".to_owned(),
        region: String::new(),
        endpoint: endpoint.to_owned(),
        labels: Vec::new(),
    };
    let api = Api::new(client, meters.clone());
    Source::new(identity, poller, api, Clock::system(), meters)
}

fn rpc_config() -> rpc::Config {
    rpc::Config { requests_per_second: 1e6, concurrency: CONCURRENCY, ..rpc::Config::default() }
}

/// An HTTP client that adds nothing.
pub(crate) fn plain_client() -> reqwest::Client {
    let _set_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client can be built")
}
