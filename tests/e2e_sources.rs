//! Several sources in one exporter: what they share, and that a bad one does not touch a good one.

mod support;

use std::time::{Duration, Instant};

use support::exposition::Exposition;
use support::programs::{Exporter, KEY_ID, KEY_SECRET, Simulator, config_of, source};
use support::{gate, http, wait_for};

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:9";

/// A poll of the small world takes well under a second; finding out how to list takes several.
const UP_WITHIN: Duration = Duration::from_secs(45);

/// What five polls, a second apart, may take on a busy machine; a source that waited for the bad
/// ones' attempts and pauses would need far longer.
const FIVE_POLLS_WITHIN: Duration = Duration::from_secs(10);

const QUICK: [&str; 2] = ["requests_per_second: 1000", "concurrency: 4"];

#[test]
fn bad_sources_fail_for_their_own_reasons_and_leave_the_good_ones_alone() {
    let simulator = Simulator::start(&[]);
    let key = (KEY_ID, KEY_SECRET);
    let exporter = Exporter::start(
        &config_of(&[
            source("good-1", simulator.address, key, &QUICK),
            source("down", NOBODY.parse().unwrap(), key, &QUICK),
            source("wrong-secret", simulator.address, (KEY_ID, "not-the-secret"), &QUICK),
            source("good-2", simulator.address, key, &QUICK),
        ]),
        &[],
    );
    let good = ["good-1", "good-2"];
    let bad = [("down", "network"), ("wrong-secret", "auth")];

    let before = wait_for("every source to be polled", UP_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let is_up = good.iter().all(|name| up(&shown, name) == 1.0);
        let has_failed = bad.iter().all(|(name, reason)| failures(&shown, name, reason) >= 1.0);
        if is_up && has_failed { Ok(shown) } else { Err(format!("{shown:?}")) }
    });
    let ready = http::get(exporter.address, "/-/ready");
    assert_eq!(ready.status, 200, "{ready:?}");
    assert!(ready.body.contains("down: failed:network"), "{ready:?}");

    let after = wait_for("five more polls of the good sources", FIVE_POLLS_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        for name in good {
            assert_eq!(up(&shown, name), 1.0, "{name}: {shown:?}");
        }
        let more = good.map(|name| polls(&shown, name, "success") - polls(&before, name, "success"));
        if more.iter().all(|&count| count >= 5.0) { Ok(shown) } else { Err(format!("{more:?}")) }
    });
    for name in good {
        assert_eq!(polls(&after, name, "failure"), 0.0, "{name}: {after:?}");
    }
    for (name, reason) in bad {
        assert_eq!(up(&after, name), 0.0, "{name}");
        assert_eq!(polls(&after, name, "success"), 0.0, "{name}");
        // For this reason and for no other.
        assert_eq!(failures(&after, name, reason), polls(&after, name, "failure"), "{name}: {after:?}");
    }
    assert_eq!(http::get(exporter.address, "/-/ready").status, 200);
    gate::scrape_strictly(exporter.address);
}

#[test]
fn sources_with_one_access_key_share_the_lower_of_their_rate_limits() {
    const RATE: f64 = 5.0;
    const REQUESTS: f64 = 20.0;
    let simulator = Simulator::start(&["--page-size-max=5"]);
    let key = (KEY_ID, KEY_SECRET);
    let exporter = Exporter::start(
        &config_of(&[
            source("quick", simulator.address, key, &["requests_per_second: 1000"]),
            source("slow", simulator.address, key, &["requests_per_second: 5"]),
        ]),
        &[],
    );
    let requests = |shown: &Exposition, name: &str| {
        shown.sum_of("agentless_exporter_api_requests_total", &[("source", name)])
    };
    // Both read, each more pages than would come in a second.
    wait_for("both sources to send requests", UP_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let sent = ["quick", "slow"].map(|name| requests(&shown, name));
        if sent.iter().all(|&count| count > 0.0) { Ok(()) } else { Err(format!("{sent:?}")) }
    });
    let start = Instant::now();
    let both = |shown: &Exposition| requests(shown, "quick") + requests(shown, "slow");
    let before = both(&gate::scrape(exporter.address));
    let sent = wait_for("more requests", UP_WITHIN, || {
        let sent = both(&gate::scrape(exporter.address)) - before;
        if sent >= REQUESTS { Ok(sent) } else { Err(format!("{sent} so far")) }
    });
    // One may have been due already, and those in flight were counted late.
    let most = RATE * start.elapsed().as_secs_f64() + 4.0;
    assert!(sent <= most, "{sent} requests where {most} are allowed");

    let shown = gate::scrape(exporter.address);
    for name in ["quick", "slow"] {
        assert_eq!(shown.sum_of("agentless_exporter_api_rate_limit", &[("source", name)]), RATE, "{name}");
    }
    let log = exporter.process.output().stderr;
    assert!(log.contains("sources quick, slow have the same access key"), "{log}");
}

/// A smoke test; how late a source may be is proven with paused time.
#[test]
fn three_of_ten_sources_fail_and_the_seven_others_stay_up_and_on_time() {
    let (simulator, no_list) = (Simulator::start(&[]), Simulator::start(&["--fault=no-list=1"]));
    let (silent, key) = (Simulator::start(&["--fault=stall=1"]), (KEY_ID, KEY_SECRET));
    let good: Vec<_> = (1..=7).map(|number| format!("good-{number}")).collect();
    // All share the limits of their access key.
    let impatient =
        [&QUICK[..], &["connect_timeout: 500ms", "request_timeout: 1s", "max_attempts: 1"]].concat();
    let mut sources: Vec<_> = good.iter().map(|name| source(name, simulator.address, key, &QUICK)).collect();
    let bad = [
        ("down", NOBODY.parse().unwrap(), "network"),
        ("silent", silent.address, "timeout"),
        ("no-list", no_list.address, "malformed"),
    ];
    for (place, (name, address, _)) in bad.iter().enumerate() {
        sources.insert(3 * place, source(name, *address, key, &impatient));
    }
    let exporter = Exporter::start(&config_of(&sources), &[]);

    let before = wait_for("all ten sources to be polled", UP_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let is_up = good.iter().all(|name| up(&shown, name) == 1.0);
        let has_failed = bad.iter().all(|(name, _, reason)| failures(&shown, name, reason) >= 1.0);
        if is_up && has_failed { Ok(shown) } else { Err(format!("{shown:?}")) }
    });
    let after = wait_for("five more polls of the good sources", FIVE_POLLS_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        for name in &good {
            assert_eq!(up(&shown, name), 1.0, "{name}: {shown:?}");
        }
        let polled = |name: &String| polls(&shown, name, "success") - polls(&before, name, "success");
        let more: Vec<_> = good.iter().map(polled).collect();
        if more.iter().all(|&count| count >= 5.0) { Ok(shown) } else { Err(format!("{more:?}")) }
    });
    let shown_of = |name: &str| after.sum_of("agentless_scan_tasks", &[("source", name)]);
    for name in &good {
        assert_eq!(polls(&after, name, "failure"), 0.0, "{name}: {after:?}");
        assert!(shown_of(name) > 0.0, "{name}: {after:?}");
    }
    for (name, _, reason) in bad {
        assert_eq!((up(&after, name), polls(&after, name, "success")), (0.0, 0.0), "{name}");
        assert_eq!(failures(&after, name, reason), polls(&after, name, "failure"), "{name}: {after:?}");
        assert_eq!(shown_of(name), 0.0, "{name}");
    }
    gate::scrape_strictly(exporter.address);
}

fn up(shown: &Exposition, source: &str) -> f64 {
    shown.sum_of("agentless_exporter_source_up", &[("source", source)])
}

fn polls(shown: &Exposition, source: &str, outcome: &str) -> f64 {
    shown.sum_of("agentless_exporter_polls_total", &[("source", source), ("outcome", outcome)])
}

fn failures(shown: &Exposition, source: &str, reason: &str) -> f64 {
    shown.sum_of("agentless_exporter_poll_failures_total", &[("source", source), ("reason", reason)])
}
