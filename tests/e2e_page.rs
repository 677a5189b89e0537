//! The status page in a real browser: accessible, self-contained, readable light, dark and on a
//! phone. Screenshots are left in `target/tmp/pages/` to be looked at.

mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use support::programs::{Exporter, KEY_ID, KEY_SECRET, Simulator, config_of, source};
use support::{http, tools, wait_for};

const POLLED_WITHIN: Duration = Duration::from_secs(45);

#[test]
fn the_page_of_a_busy_account_is_accessible_and_loads_nothing_else() {
    let simulator = Simulator::start_frozen(&["--targets=60"]);
    let exporter = Exporter::start(&sources(&[simulator.address]), &[]);
    wait_for_text(exporter.address, "<progress");
    check(exporter.address, "busy");
}

#[test]
fn the_page_of_a_failing_source_beside_a_good_one_is_accessible() {
    let simulator = Simulator::start_frozen(&[]);
    let broken = Simulator::start(&["--fault=html-502=1"]);
    let exporter = Exporter::start(&sources(&[simulator.address, broken.address]), &[]);
    wait_for_text(exporter.address, "What to do");
    wait_for_text(exporter.address, "<progress");
    check(exporter.address, "failing");
}

fn sources(endpoints: &[SocketAddr]) -> String {
    let quick = ["requests_per_second: 1000", "concurrency: 4", "max_attempts: 2"];
    let source = |(number, &endpoint): (usize, &SocketAddr)| {
        source(&format!("prod-{number}"), endpoint, (KEY_ID, KEY_SECRET), &quick)
    };
    config_of(&endpoints.iter().enumerate().map(source).collect::<Vec<_>>())
}

fn wait_for_text(address: SocketAddr, text: &str) {
    wait_for(&format!("{text} on the page"), POLLED_WITHIN, || {
        let page = http::get(address, "/").body;
        if page.contains(text) { Ok(()) } else { Err(page) }
    });
}

/// What the browser and axe-core find wrong is nothing.
fn check(address: SocketAddr, label: &str) {
    let mut command = tools::browser("check_page.mjs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    command.arg(format!("http://{address}/")).arg(folder).arg(label);
    let output = tools::feed(command, "");
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{label}:\n{}", String::from_utf8_lossy(&told));
}
