//! What the exporter shows, against what the simulated world says of itself; and that it shows
//! nothing while it can't know.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use support::exposition::{Exposition, Series};
use support::programs::{Exporter, KEY_SECRET, Simulator, config};
use support::{gate, http, wait_for};

/// A poll of the small world takes well under a second; finding out how to list takes several.
const UP_WITHIN: Duration = Duration::from_secs(45);

const ACS3: &str = "signature: acs3-hmac-sha256";
const SHA1: &str = "signature: hmac-sha1";

/// What the simulated account's API answers to, and what `auto` makes of it.
const LISTINGS: [(&str, &str); 3] =
    [("--listing=flat", "flat"), ("--listing=per-root", "per_root"), ("--listing=root", "root")];

#[test]
fn gauges_tell_the_truth_of_every_kind_of_account_with_both_signatures() {
    of_every_kind_of_account(&[], "page_size: 50");
}

#[test]
fn gauges_tell_the_truth_when_the_server_clamps_the_page_size() {
    of_every_kind_of_account(&["--page-size-max=7"], "page_size: 100");
}

#[test]
fn gauges_tell_the_truth_when_rows_shift_between_pages() {
    of_every_kind_of_account(&["--fault=drift=0.5"], "page_size: 20");
}

fn of_every_kind_of_account(world: &[&str], api: &str) {
    for signature in [ACS3, SHA1] {
        for (flag, listing) in LISTINGS {
            gauges_equal_the_truth(listing, &[&[flag], world].concat(), &[signature, api]);
        }
    }
}

#[test]
fn gauges_tell_the_truth_when_fields_are_null_and_words_are_new() {
    let faults = ["--listing=flat", "--fault=null-fields=0.2", "--fault=unknown-status=0.1"];
    gauges_equal_the_truth("flat", &faults, &[ACS3]);
}

#[test]
fn an_error_inside_a_200_publishes_nothing() {
    nothing_is_published("--fault=error-in-200=1");
}

#[test]
fn an_answer_without_a_list_publishes_nothing() {
    nothing_is_published("--fault=no-list=1");
}

/// Freezes a world, has it polled with `listing: auto`, and compares every gauge about scans.
fn gauges_equal_the_truth(listing: &str, world: &[&str], api: &[&str]) {
    let simulator = Simulator::start_frozen(world);
    let exporter = Exporter::start(&config(simulator.address, KEY_SECRET, api), &[]);
    let shown = wait_for(&format!("the source to be up, whole and listed as {listing}"), UP_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let info = shown.gauges("agentless_exporter_source_info");
        let is_found = info.keys().all(|series| series.label("listing") == listing);
        // Rows that shifted away twice in the same way count as missing, which is told, until the
        // next poll.
        let is_whole = shown.value("agentless_exporter_snapshot_missing_rows") == Some(0.0);
        if is_found && is_whole && shown.value("agentless_exporter_source_up") == Some(1.0) {
            return Ok(shown);
        }
        Err(format!("{:?}", shown.gauges("agentless_exporter_")))
    });
    let at = shown.value("agentless_exporter_last_poll_success_timestamp_seconds").expect("it was polled");
    let truth = truth(&simulator, (at * 1000.0).round());
    let gauges = gauges_about_scans(&shown);
    assert!(gauges.len() > 100, "too few gauges to prove anything: {}", gauges.len());
    let differences = differences(&truth, &gauges);
    assert!(differences.is_empty(), "the truth, and what is shown instead:\n{}", differences.join("\n"));
}

/// Polls a world where every answer bears `fault`.
fn nothing_is_published(fault: &str) {
    let simulator = Simulator::start(&[fault]);
    let mut exporter = Exporter::start(&config(simulator.address, KEY_SECRET, &["max_attempts: 2"]), &[]);
    wait_for("several polls to fail", UP_WITHIN, || {
        let failures = gate::scrape(exporter.address).sum("agentless_exporter_poll_failures_total");
        if failures >= 3.0 { Ok(()) } else { Err(format!("{failures} so far")) }
    });

    let shown = gate::scrape_strictly(exporter.address);
    let gauges = shown.gauges("agentless_scan_");
    assert!(gauges.is_empty(), "published without a good poll: {gauges:?}");
    assert_eq!(shown.value("agentless_exporter_source_up"), Some(0.0));
    assert_eq!(shown.value("agentless_exporter_last_poll_success_timestamp_seconds"), None);
    assert!(shown.value("agentless_exporter_consecutive_poll_failures") >= Some(3.0), "{shown:?}");
    assert_eq!(http::get(exporter.address, "/-/ready").status, 503);
    assert_eq!(http::get(exporter.address, "/-/healthy").status, 200);
    assert!(exporter.process.is_running());

    let log = exporter.process.output().stderr;
    let told = log.lines().filter(|line| line.contains("level=warn") || line.contains("level=error")).count();
    assert_eq!(told, 1, "a failure that lasts is told once:\n{log}");
}

/// What an exporter must show of this world at `at`, milliseconds since the epoch.
fn truth(simulator: &Simulator, at: f64) -> BTreeMap<Series, f64> {
    let told = simulator.world(&format!("truth?at={at}"));
    let told = told.as_object().expect("the truth is an object of series");
    let series = told.iter().map(|(series, value)| {
        let series = Series::parse(series).expect("a key is a series");
        (series, value.as_f64().expect("a value is a number"))
    });
    series.collect()
}

/// The gauges about scans of the only source, without its label, as the world tells them.
fn gauges_about_scans(shown: &Exposition) -> BTreeMap<Series, f64> {
    let gauges = shown.gauges("agentless_scan_").into_iter();
    let without_source = gauges.map(|(mut series, value)| {
        assert_eq!(series.labels.remove("source").as_deref(), Some("sim"), "{series}");
        (series, value)
    });
    without_source.collect()
}

/// One line for each series that is missing, invented or wrong.
fn differences(truth: &BTreeMap<Series, f64>, shown: &BTreeMap<Series, f64>) -> Vec<String> {
    let wrong = truth.iter().filter_map(|(series, expected)| match shown.get(series) {
        None => Some(format!("{series}: {expected}, not shown")),
        Some(value) if !is_close(*value, *expected) => Some(format!("{series}: {expected}, shown {value}")),
        Some(_) => None,
    });
    let invented = shown.iter().filter(|(series, _)| !truth.contains_key(series));
    wrong.chain(invented.map(|(series, value)| format!("{series}: none, shown {value}"))).collect()
}

/// Equal but for the order in which floating-point numbers were added.
fn is_close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
}

#[test]
fn the_comparison_finds_what_is_missing_invented_or_wrong() {
    let series = |pairs: &[(&str, f64)]| -> BTreeMap<Series, f64> {
        pairs.iter().map(|&(text, value)| (Series::parse(text).unwrap(), value)).collect()
    };
    let truth = series(&[("a{x=\"1\"}", 1.0), ("b", 1e12), ("c", 3.0)]);
    assert_eq!(differences(&truth, &series(&[("a{x=\"1\"}", 1.0), ("b", 1e12 + 1e-3), ("c", 3.0)])), [""; 0]);
    let shown = series(&[("a{x=\"1\"}", 2.0), ("b", 1e12), ("d", 4.0)]);
    assert_eq!(
        differences(&truth, &shown),
        ["a{x=\"1\"}: 1, shown 2", "c{}: 3, not shown", "d{}: none, shown 4"]
    );
}
