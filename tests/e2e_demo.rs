//! The demo from outside: how soon it is ready, and whether the tools of the ecosystem can read it.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use support::process::Process;
use support::prometheus::Prometheus;
use support::{gate, http, programs, wait_for};

/// The promise of the project: what a person waits for before the first figures.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Prometheus loads, waits one scrape interval and scrapes; a busy machine takes some more.
const SCRAPED_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn the_demo_is_ready_within_ten_seconds_and_every_reader_accepts_it() {
    let start = Instant::now();
    let (mut process, address) = demo();
    wait_until_ready(address, READY_WITHIN.saturating_sub(start.elapsed()));

    let scraped = gate::scrape_strictly(address);
    assert!(scraped.sum("agentless_exporter_source_up") >= 1.0, "{scraped:?}");
    assert!(scraped.sum("agentless_scan_tasks") > 0.0, "{scraped:?}");
    assert!(process.is_running());
}

#[test]
fn a_hangup_does_not_end_the_demo_and_is_told() {
    let (mut process, address) = demo();
    process.hang_up();
    wait_for("the answer to SIGHUP in the log", READY_WITHIN, || {
        let stderr = process.output().stderr;
        if stderr.contains("a demo has nothing to read again") { Ok(()) } else { Err(stderr) }
    });
    assert_eq!(http::get(address, "/-/healthy").status, 200);
    assert!(process.is_running());
}

#[test]
fn a_real_prometheus_scrapes_the_demo_and_answers_with_the_tasks_by_status() {
    let (_process, address) = demo();
    wait_until_ready(address, READY_WITHIN);

    let prometheus = Prometheus::start(&format!(
        "  - job_name: agentless
    static_configs: [{{targets: ['{address}']}}]
"
    ));

    let rows = wait_for("tasks by status in Prometheus", SCRAPED_WITHIN, || {
        prometheus.query("sum by (status) (agentless_scan_tasks)")
    });
    let mut statuses: Vec<&str> = rows.iter().filter_map(|row| row["metric"]["status"].as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["completed", "failed", "running", "timed_out", "unknown"]);
    let total: f64 = rows
        .iter()
        .filter_map(|row| row["value"][1].as_str())
        .filter_map(|value| value.parse::<f64>().ok())
        .sum();
    assert!(total > 0.0, "{rows:?}");

    let up = prometheus.query("up == 1").expect("the target is up");
    assert_eq!(up.len(), 1, "{up:?}");
}

fn demo() -> (Process, SocketAddr) {
    let mut process = Process::start(programs::program(&["demo", "--web.listen-address=127.0.0.1:0"]));
    let address = process.address("listening");
    (process, address)
}

fn wait_until_ready(address: SocketAddr, within: Duration) {
    wait_for("the demo to be ready", within, || {
        let answer = http::get(address, "/-/ready");
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    });
}
