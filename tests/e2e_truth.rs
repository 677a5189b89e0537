//! What the exporter shows, against what the simulated world says of itself.

mod support;

use std::time::Duration;

use support::exposition::Exposition;
use support::programs::{Exporter, KEY_ID, KEY_SECRET, Simulator, config_polling, source};
use support::truth::{differences, failing_targets, gauges_about_scans, truth};
use support::{gate, wait_for};

/// A poll of the small world takes well under a second; finding out how to list takes several.
const UP_WITHIN: Duration = Duration::from_secs(45);

const ACS3: &str = "signature: acs3-hmac-sha256";
const SHA1: &str = "signature: hmac-sha1";

/// What the simulated account's API answers to, and what `auto` makes of it.
const LISTINGS: [(&str, &str); 3] =
    [("--listing=flat", "flat"), ("--listing=per-root", "per_root"), ("--listing=root", "root")];

#[test]
fn gauges_tell_the_truth_of_every_kind_of_account_with_both_signatures() {
    of_every_kind_of_account(&[], &[], "page_size: 50");
}

#[test]
fn gauges_tell_the_truth_when_the_server_clamps_the_page_size() {
    of_every_kind_of_account(&["--page-size-max=7"], &[], "page_size: 100");
}

#[test]
fn gauges_tell_the_truth_when_rows_shift_between_pages() {
    of_every_kind_of_account(&["--fault=drift=0.5"], &["full_every: 1s"], "page_size: 20");
}

fn of_every_kind_of_account(world: &[&str], poll: &[&str], api: &str) {
    for signature in [ACS3, SHA1] {
        for (flag, listing) in LISTINGS {
            gauges_equal_the_truth(listing, &[&[flag], world].concat(), poll, &[signature, api], "failing");
        }
    }
}

#[test]
fn gauges_tell_the_truth_when_fields_are_null_and_words_are_new() {
    let faults = ["--listing=flat", "--fault=null-fields=0.2", "--fault=unknown-status=0.1"];
    gauges_equal_the_truth("flat", &faults, &[], &[ACS3], "failing");
}

#[test]
fn series_of_single_targets_tell_the_truth_in_every_mode() {
    for mode in ["off", "failing", "all"] {
        for (flag, listing) in LISTINGS {
            let shown = gauges_equal_the_truth(listing, &[flag], &[], &[ACS3], mode);
            let targets = |status| shown.sum_of("agentless_scan_targets", &[("status", status)]);
            let failing = targets("failed") + targets("timed_out");
            let wanted = match mode {
                "off" => 0.0,
                "failing" => failing,
                _ => failing + targets("completed"),
            };
            assert_eq!(shown.sum("agentless_scan_target_status"), wanted, "{mode}, {listing}");
            assert_eq!(shown.value("agentless_exporter_targets_dropped"), Some(0.0), "{mode}, {listing}");
            let named = failing_targets(&shown);
            assert_eq!(named.len() as f64, failing.min(wanted), "{mode}, {listing}");
            assert!(named.iter().all(|row| !row.label("instance_name").is_empty()), "{named:?}");
            assert!(failing > 1.0, "too few of them to prove anything: {failing}");
        }
    }
}

/// Freezes a world, has it polled with `listing: auto` and the `metrics.targets.mode`, and compares
/// every gauge about scans. What was shown.
fn gauges_equal_the_truth(
    listing: &str,
    world: &[&str],
    poll: &[&str],
    api: &[&str],
    mode: &str,
) -> Exposition {
    let simulator = Simulator::start_frozen(world);
    let targets = format!("metrics:\n  targets:\n    mode: {mode}\n");
    let api = [&["requests_per_second: 1000", "concurrency: 4"], api].concat();
    let source = source("sim", simulator.address, (KEY_ID, KEY_SECRET), &api);
    let exporter = Exporter::start(&(config_polling(poll, &[source]) + &targets), &[]);
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
    let truth = truth(&simulator, at, &format!("&targets={mode}"));
    let gauges = gauges_about_scans(&shown);
    assert!(gauges.len() > 100, "too few gauges to prove anything: {}", gauges.len());
    let differences = differences(&truth, &gauges);
    assert!(differences.is_empty(), "the truth, and what is shown instead:\n{}", differences.join("\n"));
    shown
}
