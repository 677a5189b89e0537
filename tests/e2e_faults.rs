//! Everything that the simulated API can do wrong, each alone and all together: what is shown is
//! the truth or visibly old, and every failure is told once, with a fixed reason and advice.

mod support;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use agentless_exporter::clock::Clock;
use support::exposition::{Exposition, Series};
use support::process::field;
use support::programs::{Exporter, KEY_ID, KEY_SECRET, Simulator, config_polling, source};
use support::switch::Switch;
use support::truth::{differences, gauges_about_scans, truth};
use support::{gate, http, wait_for};

/// A fault can hide rows from a full listing; here the next one is not waited for.
const ALWAYS_FULL: [&str; 1] = ["full_every: 1s"];

/// Far more than any case takes on a busy machine.
const WITHIN: Duration = Duration::from_secs(90);

/// Faults by which an answer is none, and the reason that polls fail for when every answer has it.
const FAILING: [(&str, &str); 8] = [
    ("throttle", "throttled"),
    ("server-error", "server"),
    ("html-502", "server"),
    ("reset", "network"),
    ("stall", "timeout"),
    // The connection breaks in the middle of the body, as that of any server that dies does.
    ("truncate", "network"),
    // Its `Code` is that of a server's error; the status 200 does not count.
    ("error-in-200", "server"),
    ("no-list", "malformed"),
];

/// Faults of rows and filters, which leave answers that can be understood.
const DISTORTING: [&str; 3] = ["null-fields", "unknown-status", "ignore-filter"];

/// What the simulated account's API answers to.
const LISTINGS: [&str; 3] = ["--listing=flat", "--listing=per-root", "--listing=root"];

/// The reasons there are.
const REASONS: [&str; 9] =
    ["auth", "permission", "throttled", "timeout", "network", "server", "malformed", "incomplete", "config"];

/// A request that is cut off when a switch is turned is made once more and meets what is there then.
const ATTEMPTS: &str = "max_attempts: 2";

/// No time-out but that of a stall is to be met.
const SHORT: [&str; 2] = ["connect_timeout: 500ms", "request_timeout: 1s"];

const LAST_SUCCESS: &str = "agentless_exporter_last_poll_success_timestamp_seconds";
const UP: &str = "agentless_exporter_source_up";
const MISSING: &str = "agentless_exporter_snapshot_missing_rows";
const IN_A_ROW: &str = "agentless_exporter_consecutive_poll_failures";

#[test]
fn a_fault_that_always_strikes_publishes_nothing_until_it_ends() {
    at_once(FAILING, |(fault, reason)| nothing_until_it_ends(fault, reason));
}

#[test]
fn a_fault_that_comes_later_leaves_old_data_with_its_age_until_it_is_stale() {
    let faults = FAILING.map(|(fault, reason)| (Some(fault), reason));
    at_once(faults.into_iter().chain([(None, "network")]), |(fault, reason)| {
        old_until_stale(fault, reason);
    });
}

#[test]
fn odd_rows_and_ignored_filters_leave_the_truth() {
    let cases = LISTINGS.iter().flat_map(|listing| DISTORTING.map(|fault| (fault, *listing)));
    at_once(cases, |(fault, listing)| {
        // Where no main task tells that it has ended none is known to have no subtasks, which
        // alone proves this kind of account.
        let often = if (fault, listing) == ("null-fields", "--listing=root") { "0.5" } else { "1" };
        Watch::start(7, &[&format!("--fault={fault}={often}"), listing], &[], "").until_true(1);
    });
}

/// A listing that is short of the same rows twice running is taken for what the server has, and
/// when every page shifts that comes by chance: the rows are then told to be missing. The world is
/// small, so that chance also gives whole listings soon.
#[test]
fn pages_that_always_shift_hide_no_row_in_silence() {
    let cases = LISTINGS.iter().flat_map(|listing| [1, 2].map(|seed| (seed, *listing)));
    at_once(cases, |(seed, listing)| {
        let world = ["--fault=drift=1", listing, "--targets=30", "--tasks=60"];
        Watch::start(seed, &world, &[], "").until_true(3);
    });
}

#[test]
fn all_faults_together_leave_the_truth_once_the_world_stands_still() {
    let cases = LISTINGS.iter().flat_map(|listing| [1, 2, 3].map(|seed| (seed, *listing)));
    at_once(cases, |(seed, listing)| {
        // A row that lost its `StartTime` counts, so where a filter is ignored too it is a matter
        // of luck which rows from before the look-back do. Two seeds have all faults and a
        // look-back on all there is, the others the usual one and whole rows.
        let looks_back_on_all = seed < 3;
        let distorting = &DISTORTING[usize::from(!looks_back_on_all)..];
        let names = FAILING.iter().map(|(name, _)| name).chain(distorting).chain(&["drift"]);
        let faults: Vec<_> = names.map(|name| format!("--fault={name}=0.05")).collect();
        let few = [listing, "--targets=30", "--tasks=60"];
        let world: Vec<_> = faults.iter().map(String::as_str).chain(few).collect();
        let (poll, windows): (&[&str], _) = match looks_back_on_all {
            true => (&["lookback: 40d"], "&lookback=3456000&keep=3456000"),
            false => (&[], ""),
        };
        let watch = Watch::start(seed, &world, poll, windows);
        watch.until_true(2);
        let shown = gate::scrape_strictly(watch.exporter.address);
        assert!(shown.sum("agentless_exporter_api_retries_total") > 0.0, "no fault was met: {shown:?}");
    });
}

/// Runs `case` for each of `cases` beside the others: they mostly wait.
fn at_once<C: Send>(cases: impl IntoIterator<Item = C>, case: impl Fn(C) + Copy + Send) {
    thread::scope(|scope| {
        for each in cases {
            scope.spawn(move || case(each));
        }
    });
}

/// Polls a world where every answer bears `fault`, and then the same without it.
fn nothing_until_it_ends(fault: &str, reason: &str) {
    let bad = Simulator::start(&[&format!("--fault={fault}=1")]);
    let good = Simulator::start_frozen(&[]);
    let mut switch = Switch::to(bad.address);
    let mut exporter = start(&switch, fault, &[]);
    wait_for(&format!("several polls to fail by {fault}"), WITHIN, || {
        let shown = gate::scrape(exporter.address);
        if failures(&shown) >= 3.0 { Ok(()) } else { Err(format!("{} so far", failures(&shown))) }
    });

    let shown = gate::scrape_strictly(exporter.address);
    let gauges = shown.gauges("agentless_scan_");
    assert!(gauges.is_empty(), "{fault}: published without a good poll: {gauges:?}");
    assert_eq!(shown.value(UP), Some(0.0), "{fault}");
    assert_eq!(shown.value(LAST_SUCCESS), None, "{fault}");
    assert!(shown.value(IN_A_ROW) >= Some(3.0), "{fault}: {shown:?}");
    assert_failed_only_for(&shown, fault, reason);
    assert_eq!(http::get(exporter.address, "/-/ready").status, 503, "{fault}");
    assert_eq!(http::get(exporter.address, "/-/healthy").status, 200, "{fault}");
    assert!(exporter.process.is_running(), "{fault}");
    assert_eq!(reasons_told(&exporter), [reason], "{fault}: a failure that lasts is told once");
    assert_eq!(told(&exporter, "polls succeed again"), 0, "{fault}");

    switch.turn_to(good.address);
    let shown = until_whole(&exporter, fault);
    assert_is_true(&shown, &good, fault);
    assert_eq!(http::get(exporter.address, "/-/ready").status, 200, "{fault}");
    assert_recovery_is_told(&exporter, reason, fault);
}

/// Polls a good world, then one where every answer bears `fault` (if there is none: nobody
/// listens) until the data is stale, then the good one again.
fn old_until_stale(fault: Option<&str>, reason: &str) {
    let name = fault.unwrap_or("nobody listens");
    let good = Simulator::start_frozen(&[]);
    let bad = fault.map(|fault| Simulator::start(&[&format!("--fault={fault}=1")]));
    let mut switch = Switch::to(good.address);
    let exporter = start(&switch, name, &["stale_after: 8s"]);
    assert_is_true(&until_whole(&exporter, name), &good, name);

    match &bad {
        Some(bad) => switch.turn_to(bad.address),
        None => switch.turn_off(),
    }
    let mut kept = None;
    let mut failed_while_up = 0.0;
    wait_for(&format!("stale data by {name}"), WITHIN, || {
        let before = Clock::system().now().as_secs_f64();
        let shown = gate::scrape(exporter.address);
        let after = Clock::system().now().as_secs_f64();
        let failed = shown.value(IN_A_ROW).expect("it is always there");
        let last = shown.value(LAST_SUCCESS).expect("a poll succeeded");
        let stale_after = shown.value("agentless_exporter_stale_after_seconds").expect("it is always there");
        let gauges = gauges_about_scans(&shown);
        if failed > 0.0 {
            // The poll under way while the switch was turned may have succeeded before.
            let (first, first_gauges) = kept.get_or_insert_with(|| (last, gauges.clone()));
            assert_eq!(last, *first, "{name}: a failure is no success");
            if shown.value(UP) == Some(1.0) {
                assert_eq!(gauges, *first_gauges, "{name}: gauges without a good poll");
            }
        }
        if shown.value(UP) == Some(1.0) {
            assert!(before - last < stale_after, "{name}: {} s old and not withdrawn", before - last);
            failed_while_up = failed;
            return Err(format!("{failed} failures, {} s old", after - last));
        }
        assert!(gauges.is_empty(), "{name}: stale and shown: {gauges:?}");
        assert!(after - last >= stale_after, "{name}: withdrawn after {} s", after - last);
        Ok(())
    });
    assert!(failed_while_up >= 2.0, "{name}: {failed_while_up} failures before the data was stale");
    // A poll that fails is what finds the data stale for the log.
    wait_for(&format!("the log to tell stale data by {name}"), WITHIN, || {
        if told(&exporter, "the data is stale") > 0 { Ok(()) } else { Err(String::new()) }
    });
    assert_failed_only_for(&gate::scrape_strictly(exporter.address), name, reason);
    assert_eq!(http::get(exporter.address, "/-/ready").status, 200, "{name}: bad data is no reason to leave");

    switch.turn_to(good.address);
    assert_is_true(&until_whole(&exporter, name), &good, name);
    assert_recovery_is_told(&exporter, reason, name);
    assert_eq!(told(&exporter, "the data is stale"), 1, "{name}");
}

fn start(switch: &Switch, fault: &str, poll: &[&str]) -> Exporter {
    let mut api = vec!["requests_per_second: 1000", "concurrency: 4", ATTEMPTS];
    if fault == "stall" {
        api.extend(SHORT);
    }
    let source = source("sim", switch.address, (KEY_ID, KEY_SECRET), &api);
    Exporter::start(&config_polling(&[poll, &ALWAYS_FULL].concat(), &[source]), &[])
}

/// Waits until the source is up with every row.
fn until_whole(exporter: &Exporter, case: &str) -> Exposition {
    wait_for(&format!("the source to be up ({case})"), WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let is_whole = shown.value(MISSING) == Some(0.0) && shown.value(IN_A_ROW) == Some(0.0);
        if is_whole && shown.value(UP) == Some(1.0) {
            return Ok(shown);
        }
        Err(format!("{:?}", shown.gauges("agentless_exporter_")))
    })
}

fn assert_is_true(shown: &Exposition, world: &Simulator, case: &str) {
    let at = shown.value(LAST_SUCCESS).expect("a poll succeeded");
    let gauges = gauges_about_scans(shown);
    assert!(gauges.len() > 100, "{case}: too few gauges to prove anything: {}", gauges.len());
    let differences = differences(&truth(world, at, ""), &gauges);
    assert!(
        differences.is_empty(),
        "{case}: the truth, and what is shown instead:\n{}",
        differences.join("\n")
    );
}

fn assert_failed_only_for(shown: &Exposition, case: &str, reason: &str) {
    let of_reason = shown.sum_of("agentless_exporter_poll_failures_total", &[("reason", reason)]);
    assert_eq!(
        of_reason,
        failures(shown),
        "{case}: polls failed for another reason than {reason}: {shown:?}"
    );
}

/// One failure was told, and its end.
fn assert_recovery_is_told(exporter: &Exporter, reason: &str, case: &str) {
    wait_for(&format!("the log to tell the end of {case}"), WITHIN, || {
        if told(exporter, "polls succeed again") > 0 { Ok(()) } else { Err(String::new()) }
    });
    assert_eq!(told(exporter, "polls succeed again"), 1, "{case}");
    // To turn the switch breaks the requests under way, which may have been their last attempt.
    let mut reasons = reasons_told(exporter);
    if reasons.len() == 2 && reasons[1] == "network" {
        reasons.pop();
    }
    assert_eq!(reasons, [reason], "{case}");
}

fn failures(shown: &Exposition) -> f64 {
    shown.sum("agentless_exporter_poll_failures_total")
}

/// How many lines of the log say `message`.
fn told(exporter: &Exporter, message: &str) -> usize {
    exporter.process.output().stderr.lines().filter(|line| line.contains(message)).count()
}

/// The reasons of the failures that the log tells, each of which must be one of those there are
/// and come with advice.
fn reasons_told(exporter: &Exporter) -> Vec<String> {
    let log = exporter.process.output().stderr;
    let failures = log.lines().filter(|line| line.contains("a poll failed"));
    let reasons = failures.map(|line| {
        let reason = field(line, "reason").unwrap_or_default();
        assert!(REASONS.contains(&reason), "no reason: {line}");
        let advice = line.split_once(" advice=\"").map(|(_, rest)| rest);
        assert!(advice.is_some_and(|rest| !rest.starts_with('"')), "no advice: {line}");
        reason.to_owned()
    });
    reasons.collect()
}

/// An exporter of one simulated account. Every look at it compares all that it shows.
struct Watch {
    case: String,
    simulator: Simulator,
    exporter: Exporter,
    windows: String,
}

impl Watch {
    /// Starts both. `windows` are parameters of the truth, to which `poll` must have set the exporter.
    fn start(seed: u64, world: &[&str], poll: &[&str], windows: &str) -> Self {
        let simulator = Simulator::start_seeded(seed, world);
        let api = ["requests_per_second: 1000", "concurrency: 4", "max_attempts: 5"];
        let api = [&api[..], &["connect_timeout: 500ms", "request_timeout: 1s"]].concat();
        let source = source("sim", simulator.address, (KEY_ID, KEY_SECRET), &api);
        let exporter = Exporter::start(&config_polling(&[poll, &ALWAYS_FULL].concat(), &[source]), &[]);
        Self {
            case: format!("seed {seed} {}", world.join(" ")),
            simulator,
            exporter,
            windows: windows.to_owned(),
        }
    }

    /// Lets the world stand still, and waits for `snapshots` of it and for one without a missing
    /// row. Every snapshot must be true.
    fn until_true(&self, snapshots: usize) {
        let before = self.before_standstill();
        let mut seen = BTreeMap::new();
        wait_for(&format!("{snapshots} true snapshots ({})", self.case), WITHIN, || {
            let shown = gate::scrape(self.exporter.address);
            let last = shown.value(LAST_SUCCESS);
            if last > before && shown.value(UP) == Some(1.0) {
                let at = last.expect("more than nothing is something");
                seen.entry(at.to_bits()).or_insert_with(|| self.missing_rows(&shown, at));
            }
            if seen.len() >= snapshots && seen.values().any(|&missing| missing == 0.0) {
                return Ok(());
            }
            Err(format!("missing rows of snapshots: {:?}", seen.values()))
        });
        // Each with a reason and advice; which they are is a matter of luck here.
        let _reasons = reasons_told(&self.exporter);
    }

    /// Lets the world stand still. Gives when the last poll succeeded that may have begun before.
    fn before_standstill(&self) -> Option<f64> {
        let polls = |shown: &Exposition| shown.sum("agentless_exporter_polls_total");
        self.simulator.freeze();
        let under_way = polls(&gate::scrape(self.exporter.address));
        wait_for(&format!("the poll under way to end ({})", self.case), WITHIN, || {
            let shown = gate::scrape(self.exporter.address);
            if polls(&shown) > under_way {
                Ok(shown.value(LAST_SUCCESS))
            } else {
                Err(format!("{under_way} polls"))
            }
        })
    }

    /// How many rows a snapshot of `at` lacks, as it says itself, which must be all that is wrong
    /// with it.
    fn missing_rows(&self, shown: &Exposition, at: f64) -> f64 {
        let missing = shown.value(MISSING).expect("it is always there");
        let (truth, gauges) = (truth(&self.simulator, at, &self.windows), gauges_about_scans(shown));
        if missing == 0.0 {
            let differences = differences(&truth, &gauges);
            assert!(
                differences.is_empty(),
                "{}: the truth, and what is shown:\n{}",
                self.case,
                differences.join("\n")
            );
        }
        for family in ["agentless_scan_tasks", "agentless_scan_root_tasks"] {
            let of_family = |all: &BTreeMap<Series, f64>| -> f64 {
                all.iter().filter(|(series, _)| series.name == family).map(|(_, count)| count).sum()
            };
            let (there, counted) = (of_family(&truth), of_family(&gauges));
            assert!(
                (there - missing..=there).contains(&counted),
                "{}: {counted} where {there} are in {family} and {missing} are told to be missing",
                self.case
            );
        }
        missing
    }
}
