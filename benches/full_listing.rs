//! A full listing of 100,000 tasks of an account that has main tasks only, so that it is one
//! listing of 1,000 pages. Each run is a process of its own: CPU time and memory against a bare
//! HTTP client that fetches the same pages, with and without looking at the JSON, and time with a slow
//! API.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agentless_exporter::clock::Clock;
use agentless_exporter::rpc::{encode, sign_v3};
use agentless_exporter::sas::{LIST_AGENTLESS_TASK, Query, VERSION};
use agentless_exporter::secret::Secret;
use common::{
    CONCURRENCY, KEY_ID, KEY_SECRET, LONG, Simulator, cpu_seconds, figures_of, median, memory_mib,
    plain_client, run_args, runtime, source, transport,
};
use futures_util::StreamExt as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

const TASKS: u32 = 100_000;
const PAGE_SIZE: u32 = 100;
const RUNS: usize = 5;
const LATENCY: Duration = Duration::from_millis(50);

fn main() {
    match run_args() {
        Some(args) => one_run(&args[0], &args[1]),
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
    let quick = simulator(Duration::ZERO);
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

    let slow = simulator(LATENCY);
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

fn simulator(latency: Duration) -> Simulator {
    Simulator::start(&[format!("--tasks={TASKS}"), format!("--latency={}ms", latency.as_millis())])
}

fn child(kind: &str, endpoint: &str) -> Figures {
    let figures = figures_of(&[kind, endpoint]);
    let [cpu, wall, peak_mib, rows] = figures[..] else { panic!("four figures: {figures:?}") };
    Figures { cpu, wall, peak_mib, rows }
}

fn one_run(kind: &str, endpoint: &str) {
    let runtime = runtime();
    let (rows, cpu, wall) = if kind == "exporter" {
        let mut source = runtime.block_on(async { source(endpoint, PAGE_SIZE, Arc::new(transport())) });
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
    println!("{cpu} {wall} {} {rows}", memory_mib("VmHWM"));
}

fn measured(work: impl FnOnce() -> u64) -> (u64, f64, f64) {
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let rows = work();
    (rows, cpu_seconds() - cpu, began.elapsed().as_secs_f64())
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
