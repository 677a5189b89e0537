//! A full listing of 100,000 tasks of an account that has main tasks only, so that it is one
//! listing of 1,000 pages. Each run is a process of its own: CPU time and memory against a bare
//! HTTP client that fetches the same pages, with and without looking at the JSON, and time with a slow
//! API.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use agentless_exporter::clock::Clock;
use agentless_exporter::credentials;
use agentless_exporter::env::Env;
use agentless_exporter::meters::Meters;
use agentless_exporter::model::Listing;
use agentless_exporter::poller::{Config, Identity, Source};
use agentless_exporter::rpc::{self, Client, ClientParts, Endpoint, HttpTransport, Limits, encode, sign_v3};
use agentless_exporter::sas::{Api, LIST_AGENTLESS_TASK, Query, VERSION};
use agentless_exporter::secret::Secret;
use futures_util::StreamExt as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

const TASKS: u32 = 100_000;
const PAGE_SIZE: u32 = 100;
const CONCURRENCY: usize = 2;
const RUNS: usize = 5;
const LATENCY: Duration = Duration::from_millis(50);
const KEY_ID: &str = "testid";
const KEY_SECRET: &str = "testsecret";
const LONG: Duration = Duration::from_secs(40 * 86_400);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.iter().position(|arg| arg == "--run") {
        Some(at) => one_run(&args[at + 1], &args[at + 2]),
        None => compare(),
    }
}

/// What one run took.
struct Figures {
    cpu: f64,
    wall: f64,
    peak_mib: f64,
    rows: f64,
}

fn compare() {
    let quick = Simulator::start(Duration::ZERO);
    let mut runs: Vec<[Figures; 3]> = Vec::new();
    // One of each to warm up, then in turn, so that a slow moment of the machine meets all.
    for run in 0..=RUNS {
        let figures = ["bare", "parsing", "exporter"].map(|kind| child(kind, &quick.endpoint));
        if run > 0 {
            runs.push(figures);
        }
    }
    drop(quick);
    let ratio = |to: usize| median(runs.iter().map(|run| run[2].cpu / run[to].cpu).collect());
    println!(
        "full listing of {TASKS} tasks, pages of {PAGE_SIZE}, {CONCURRENCY} in flight, median of {RUNS} runs"
    );
    for (index, name) in
        ["bare HTTP client", "the same, and JSON skipped", "exporter"].into_iter().enumerate()
    {
        report(name, &runs.iter().map(|run| &run[index]).collect::<Vec<_>>());
    }
    println!(
        "  CPU of the exporter: {:.2} x the bare client, {:.2} x the one that skips JSON",
        ratio(0),
        ratio(1)
    );

    let slow = Simulator::start(LATENCY);
    let pages = f64::from(TASKS / PAGE_SIZE);
    let least = pages * LATENCY.as_secs_f64() / CONCURRENCY as f64;
    let figures = child("exporter", &slow.endpoint);
    println!("with {} ms latency: {:.2} s for at least {} pages", LATENCY.as_millis(), figures.wall, pages);
    println!("  wall, to pages x latency / in flight: {:.3} (aim 1.15 or less)", figures.wall / least);
}

fn report(name: &str, runs: &[&Figures]) {
    let of = |figure: fn(&Figures) -> f64| median(runs.iter().map(|run| figure(run)).collect());
    let (cpu, wall, peak) = (of(|run| run.cpu), of(|run| run.wall), of(|run| run.peak_mib));
    println!("  {name}: {cpu:.3} s CPU, {wall:.3} s wall, {peak:.1} MiB peak, {} rows", of(|run| run.rows));
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The simulator, in a process of its own.
struct Simulator {
    process: Child,
    endpoint: String,
}

impl Simulator {
    fn start(latency: Duration) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_agentless-exporter"))
            .args(["simulate", "--listen=127.0.0.1:0", "--listing=root"])
            .args([format!("--tasks={TASKS}"), format!("--latency={}ms", latency.as_millis())])
            .args([format!("--access-key-id={KEY_ID}"), format!("--access-key-secret={KEY_SECRET}")])
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
        let freeze = reqwest_blocking(&format!("{endpoint}/_world/freeze"));
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

fn reqwest_blocking(url: &str) -> reqwest::StatusCode {
    runtime().block_on(async { plain_client().post(url).send().await.expect("it answers").status() })
}

fn child(kind: &str, endpoint: &str) -> Figures {
    let output = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(["--run", kind, endpoint])
        .stderr(Stdio::inherit())
        .output()
        .expect("a run starts");
    assert!(output.status.success(), "the run {kind} failed");
    let text = String::from_utf8(output.stdout).expect("figures are text");
    let mut figures = text.split_whitespace().map(|figure| figure.parse().expect("figures are numbers"));
    let mut next = || figures.next().expect("a run prints four figures");
    Figures { cpu: next(), wall: next(), peak_mib: next(), rows: next() }
}

fn one_run(kind: &str, endpoint: &str) {
    let runtime = runtime();
    let (rows, cpu, wall) = if kind == "exporter" {
        let mut source = runtime.block_on(async { source(endpoint) });
        measured(|| {
            runtime.block_on(async {
                source.poll_full().await;
                let published = source.subscribe().borrow().clone();
                published.snapshot.as_ref().unwrap_or_else(|| panic!("{:?}", published.status.failure)).tasks
            })
        })
    } else {
        let requests = presigned(endpoint);
        measured(|| runtime.block_on(bare(requests, kind == "parsing")))
    };
    println!("{cpu} {wall} {} {rows}", peak_mib());
}

fn measured(work: impl FnOnce() -> u64) -> (u64, f64, f64) {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let rows = work();
    (rows, cpu_seconds() - cpu, began.elapsed().as_secs_f64())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}

/// CPU time of all threads, to the nanosecond.
fn cpu_seconds() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux tells the threads of a process");
    let nanoseconds = tasks.map(|task| {
        let text =
            fs::read_to_string(task.expect("a thread").path().join("schedstat")).expect("its CPU time");
        text.split_whitespace().next().expect("the first number").parse::<f64>().expect("in nanoseconds")
    });
    nanoseconds.sum::<f64>() / 1e9
}

fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells the memory of a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the peak is told");
    let kib = line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("of KiB");
    kib / 1024.0
}

fn source(endpoint: &str) -> Source {
    let meters = Meters::new().source("bench");
    let config = rpc::Config { requests_per_second: 1e6, concurrency: CONCURRENCY, ..rpc::Config::default() };
    let keys = credentials::Config::AccessKey { id: KEY_ID.to_owned(), secret: Secret::new(KEY_SECRET) };
    let env = Env::default();
    let client = Client::new(ClientParts {
        endpoint: Endpoint::parse(endpoint, false).expect("loopback"),
        limits: Arc::new(Limits::new(config.requests_per_second, config.concurrency)),
        keys: credentials::build(&keys, &env),
        transport: Arc::new(HttpTransport::build(&config, &env).expect("a client can be built")),
        config,
        clock: Clock::system(),
        meters: meters.clone(),
    });
    let poller = Config {
        page_size: PAGE_SIZE,
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

fn plain_client() -> reqwest::Client {
    let _set_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client can be built")
}

/// The requests of the scan tasks' listing, signed beforehand.
fn presigned(endpoint: &str) -> Vec<(String, HeaderMap)> {
    let query = Query { start_time: Some(Clock::system().now().minus(LONG)), ..Query::main_tasks() };
    (1..=TASKS / PAGE_SIZE).map(|page| signed(endpoint, &query.parameters(page, PAGE_SIZE), page)).collect()
}

fn signed(endpoint: &str, parameters: &BTreeMap<String, String>, nonce: u32) -> (String, HeaderMap) {
    let host = endpoint.trim_start_matches("http://");
    let payload_sha256 = sign_v3::sha256_hex(b"");
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    let mut put = |name: &str, value: &str| headers.insert(name.to_owned(), value.to_owned());
    put("host", host);
    put("x-acs-action", LIST_AGENTLESS_TASK);
    put("x-acs-version", VERSION);
    put("x-acs-date", &Clock::system().now().to_string());
    put("x-acs-signature-nonce", &format!("{}-{nonce}", std::process::id()));
    put("x-acs-content-sha256", &payload_sha256);
    let parts = sign_v3::Parts {
        method: "POST",
        path: "/",
        query: parameters,
        headers: &headers,
        payload_sha256: &payload_sha256,
    };
    let authorization = sign_v3::authorization(parts, KEY_ID, &Secret::new(KEY_SECRET));
    headers.insert("authorization".to_owned(), authorization);
    let url = format!("{endpoint}/?{}", encode::canonical_query(parameters, false));
    let headers = headers.into_iter().filter(|(name, _)| name != "host").map(|(name, value)| {
        let name = HeaderName::try_from(name).expect("names are plain");
        (name, HeaderValue::try_from(value).expect("values are plain"))
    });
    (url, headers.collect())
}

/// Fetches every page and reads it to its end, and parses it if told to. Tells the rows it came to.
async fn bare(requests: Vec<(String, HeaderMap)>, parses: bool) -> u64 {
    let client = plain_client();
    let pages = futures_util::stream::iter(requests).map(|(url, headers)| {
        let request = client.post(url).headers(headers).body("");
        async move {
            let body = request.send().await.expect("it answers").bytes().await.expect("to the end");
            assert!(body.starts_with(b"{") && body.len() > 10_000, "an error instead of a page");
            if parses {
                let page: Page = serde_json::from_slice(&body).expect("a page parses");
                assert_eq!(page.list.len(), PAGE_SIZE as usize);
            }
        }
    });
    pages.buffer_unordered(CONCURRENCY).count().await as u64 * u64::from(PAGE_SIZE)
}

/// The least that parsing a page takes: every byte is looked at, nothing is kept.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    list: Vec<serde::de::IgnoredAny>,
}
