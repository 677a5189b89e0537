//! Reloading the configuration of a real process: all or nothing, and nothing for sources that stay as
//! they are.

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::exposition::Exposition;
use support::programs::{Exporter, KEY_ID, KEY_SECRET, Simulator, config_of, source};
use support::tap::Tap;
use support::{gate, http, wait_for};

/// A poll of the small world takes well under a second; finding out how to list takes several.
const WITHIN: Duration = Duration::from_secs(60);

const ENABLED: [&str; 1] = ["--web.enable-lifecycle"];

const QUICK: [&str; 2] = ["requests_per_second: 1000", "concurrency: 4"];

/// A source of the account that all here share but those with a rate of their own.
fn quick(name: &str, address: SocketAddr, api: &[&str]) -> String {
    source(name, address, (KEY_ID, KEY_SECRET), &[&QUICK, api].concat())
}

fn up(shown: &Exposition, name: &str) -> f64 {
    shown.sum_of("agentless_exporter_source_up", &[("source", name)])
}

fn polls(shown: &Exposition, name: &str, kind: &str) -> f64 {
    shown.sum_of("agentless_exporter_polls_total", &[("source", name), ("kind", kind)])
}

fn finished(shown: &Exposition, name: &str) -> f64 {
    shown.sum_of("agentless_scan_tasks_finished_total", &[("source", name)])
}

/// The sources that anything is said of.
fn sources(shown: &Exposition) -> BTreeSet<String> {
    shown.samples.keys().filter_map(|series| series.labels.get("source").cloned()).collect()
}

fn is_reloaded(shown: &Exposition) -> Option<f64> {
    shown.value("agentless_exporter_config_last_reload_successful")
}

/// Waits until the meter tells whether the last reload was good: meters are shared for up to a second.
fn until_told(exporter: &Exporter, is_good: bool) -> Exposition {
    wait_for("the meter to tell of the reload", WITHIN, || {
        let shown = gate::scrape(exporter.address);
        if is_reloaded(&shown) == Some(f64::from(u8::from(is_good))) {
            Ok(shown)
        } else {
            Err(format!("{shown:?}"))
        }
    })
}

fn reloaded_at(shown: &Exposition) -> f64 {
    shown
        .value("agentless_exporter_config_last_reload_success_timestamp_seconds")
        .expect("it is always there")
}

/// Waits until these sources are up, each after so many finished tasks.
fn until_up(exporter: &Exporter, names: &[&str], tasks: f64) -> Exposition {
    wait_for(&format!("{names:?} to be up"), WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let is_up = names.iter().all(|name| up(&shown, name) == 1.0 && finished(&shown, name) >= tasks);
        if is_up { Ok(shown) } else { Err(exporter.process.output().stderr) }
    })
}

/// Lets tasks finish until these sources have counted some.
fn until_counted(simulator: &Simulator, exporter: &Exporter, names: &[&str]) -> Exposition {
    until_up(exporter, names, 0.0);
    simulator.step(240);
    until_up(exporter, names, 1.0)
}

#[test]
fn sources_are_added_removed_and_changed_while_the_others_go_on() {
    let simulator = Simulator::start_frozen(&[]);
    let at = simulator.address;
    let exporter = Exporter::start(
        &config_of(&[quick("gone", at, &[]), quick("kept", at, &[]), quick("mended", at, &[])]),
        &ENABLED,
    );
    let before = until_counted(&simulator, &exporter, &["gone", "kept", "mended"]);
    assert_eq!(is_reloaded(&before), Some(1.0), "the start is the first reading");
    assert_eq!(http::get(exporter.address, "/-/ready").status, 200);

    exporter.configure(&config_of(&[
        quick("mended", at, &["page_size: 7"]),
        quick("new", at, &[]),
        quick("kept", at, &[]),
    ]));
    let answer = exporter.reload();
    let expected =
        "configuration reloaded: changed mended (api.page_size); added new; removed gone; 1 as before\n";
    assert_eq!((answer.status, answer.body.as_str()), (200, expected));
    // At once, and not after some polls.
    let after = gate::scrape(exporter.address);
    assert_eq!(sources(&after), ["kept", "mended", "new"].map(str::to_owned).into());
    for name in ["kept", "mended"] {
        assert_eq!(up(&after, name), 1.0, "{name}");
        assert_eq!(finished(&after, name), finished(&before, name), "{name}");
        let full = [&before, &after].map(|shown| polls(shown, name, "full"));
        assert_eq!(full[0], full[1], "{name} was listed anew");
    }
    assert!(reloaded_at(&after) > reloaded_at(&before));
    let ready = http::get(exporter.address, "/-/ready");
    assert_eq!(ready.status, 200, "{ready:?}");
    let names: Vec<_> = ready.body.lines().skip(1).filter_map(|line| line.split(':').next()).collect();
    assert_eq!(names, ["mended", "new", "kept"], "in the order of the file");

    let later = until_up(&exporter, &["new"], 0.0);
    assert!(finished(&later, "new") < finished(&later, "kept"), "what finished before is not counted");
    simulator.step(240);
    let all = until_up(&exporter, &["mended", "kept"], finished(&before, "kept") + 1.0);
    assert_eq!(sources(&all).len(), 3);
    gate::scrape_strictly(exporter.address);
    let log = exporter.process.output().stderr;
    for line in [
        "source=mended change=changed keys=api.page_size",
        "source=new change=added keys=\"\"",
        "source=gone change=removed keys=\"\"",
        "by=/-/reload added=1 removed=1 changed=1 kept=1",
    ] {
        assert!(log.contains(line), "{line} is not in {log}");
    }
}

#[test]
fn a_configuration_with_mistakes_is_refused_with_all_of_them_and_changes_nothing() {
    let simulator = Simulator::start_frozen(&[]);
    let good = config_of(&[quick("a", simulator.address, &[])]);
    let exporter = Exporter::start(&good, &ENABLED);
    let before = until_up(&exporter, &["a"], 0.0);

    let broken = good.replace("listing: auto", "listing: sideways").replace("interval: 1s", "intreval: 1s");
    exporter.configure(&broken.replace("\"testsecret\"", "hunter2:\n"));
    let first = exporter.reload();
    assert_eq!(first.status, 500);
    assert!(!first.body.contains("hunter2"), "{first:?}");
    exporter.configure(&broken);
    let answer = exporter.reload();
    assert_eq!((answer.status, answer.header("Content-Type")), (500, Some("text/plain; charset=utf-8")));
    let told = exporter.check().stderr;
    assert_eq!(format!("agentless-exporter: {}", answer.body), told, "as check-config tells it");
    for key in ["poll.intreval", "sources[0].listing"] {
        assert!(answer.body.contains(key), "{key}: {answer:?}");
    }
    let state = format!("state:\n  path: {}\n{good}", Path::new("/no/such/folder/state").display());
    exporter.configure(&state);
    let answer = exporter.reload();
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("state.path") && answer.body.contains("restart"), "{answer:?}");

    let after = until_told(&exporter, false);
    assert_eq!(reloaded_at(&after), reloaded_at(&before));
    assert_eq!(sources(&after), sources(&before));
    let polled = polls(&after, "a", "delta");
    wait_for("the source to be polled on", WITHIN, || {
        let shown = gate::scrape(exporter.address);
        if polls(&shown, "a", "delta") >= polled + 2.0 { Ok(()) } else { Err(format!("{shown:?}")) }
    });
    let log = exporter.process.output().stderr;
    assert_eq!(log.matches("could not be reloaded").count(), 3, "each is told once: {log}");
    assert!(!log.contains("hunter2"));

    exporter.configure(&good);
    let answer = exporter.reload();
    assert_eq!((answer.status, answer.body.as_str()), (200, "configuration reloaded: 1 as before\n"));
    let mended = until_told(&exporter, true);
    assert!(reloaded_at(&mended) > reloaded_at(&before));
    gate::scrape_strictly(exporter.address);
}

#[test]
fn a_hangup_reloads_too_and_none_is_lost() {
    let simulator = Simulator::start_frozen(&[]);
    // Also without leave to do so by HTTP.
    let exporter = Exporter::start(&config_of(&[quick("first", simulator.address, &[])]), &[]);
    for round in 0..20 {
        let name = format!("round-{round}");
        exporter.configure(&config_of(&[quick(&name, simulator.address, &[])]));
        exporter.process.hang_up();
    }
    wait_for("the last configuration to be in force", WITHIN, || {
        let shown = gate::scrape(exporter.address);
        if sources(&shown) == BTreeSet::from(["round-19".to_owned()]) {
            Ok(())
        } else {
            Err(exporter.process.output().stderr)
        }
    });
    until_up(&exporter, &["round-19"], 0.0);
    exporter.configure("nonsense: true\n");
    exporter.process.hang_up();
    until_told(&exporter, false);
    assert!(exporter.process.output().stderr.contains("by=SIGHUP"));
    exporter.process.terminate();
    let (status, output) = exporter.process.wait(WITHIN);
    assert_eq!(status.code(), Some(0), "{output:?}");
}

#[test]
fn nobody_reloads_by_a_get_without_leave_or_from_another_site() {
    let address = "127.0.0.1:9".parse().expect("an address");
    let configuration = config_of(&[quick("a", address, &[])]);
    let closed = Exporter::start(&configuration, &[]);
    let answer = closed.reload();
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("--web.enable-lifecycle"), "{answer:?}");

    let open = Exporter::start(&configuration, &ENABLED);
    let ask = |method: &str, origin: &[(&str, &str)]| {
        http::ask(method, open.address, "/-/reload", origin).expect("an answer").status
    };
    let answer = http::get(open.address, "/-/reload");
    assert_eq!((answer.status, answer.header("Allow")), (405, Some("POST")));
    assert_eq!(ask("POST", &[("Origin", "http://evil.example")]), 403);
    assert_eq!(ask("POST", &[("Origin", &format!("http://{}", open.address))]), 200);
    let shown = gate::scrape(open.address);
    for (code, count) in [("200", 1.0), ("403", 1.0), ("405", 1.0)] {
        let labels = [("path", "/-/reload"), ("code", code)];
        assert_eq!(shown.sum_of("agentless_exporter_http_requests_total", &labels), count, "{code}");
    }
}

#[test]
fn what_was_counted_outlives_a_change_a_removal_and_a_restart_in_the_state_file() {
    let simulator = Simulator::start_frozen(&[]);
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let state = format!("state:\n  path: {}\n", folder.path().join("state").display());
    let of = |sources: &[String]| config_of(sources) + &state;
    let at = simulator.address;
    let (a, b) = (quick("a", at, &[]), quick("b", at, &[]));
    let exporter = Exporter::start(&of(&[a.clone(), b.clone()]), &ENABLED);
    let before = until_counted(&simulator, &exporter, &["a", "b"]);
    let counted = ["a", "b"].map(|name| finished(&before, name));

    let changed = of(&[quick("a", at, &["page_size: 9"])]);
    exporter.configure(&changed);
    assert_eq!(exporter.reload().status, 200);
    assert_eq!(sources(&gate::scrape(exporter.address)), BTreeSet::from(["a".to_owned()]));
    let all = of(&[quick("a", at, &["page_size: 9"]), b]);
    exporter.configure(&all);
    assert_eq!(exporter.reload().status, 200);
    let after = gate::scrape(exporter.address);
    assert_eq!(["a", "b"].map(|name| finished(&after, name)), counted, "b goes on from the file");
    until_up(&exporter, &["a", "b"], 1.0);
    assert_eq!(is_persisted(&exporter), Some(1.0));

    // Other tasks: nothing of it may be taken for the old ones.
    let other = Simulator::start_seeded(8, &[]);
    exporter.configure(&of(&[quick("a", other.address, &[]), quick("b", at, &[])]));
    assert_eq!(exporter.reload().status, 200);
    let after = gate::scrape(exporter.address);
    assert_eq!((finished(&after, "a"), finished(&after, "b")), (0.0, counted[1]));
    assert!(exporter.process.output().stderr.contains("differences=endpoint"));
    until_up(&exporter, &["a", "b"], 0.0);
    let restart = of(&[quick("a", other.address, &[]), quick("b", at, &[])]);
    drop(exporter);
    let exporter = Exporter::start(&restart, &ENABLED);
    assert_eq!(finished(&gate::scrape(exporter.address), "b"), counted[1]);
}

fn is_persisted(exporter: &Exporter) -> Option<f64> {
    gate::scrape(exporter.address).value("agentless_exporter_state_persisted")
}

/// Reloads of which the first hundred may make memory grow: caches fill, threads start.
const WARM_UP: usize = 100;
const RELOADS: usize = 500;

#[test]
fn hundreds_of_reloads_cost_no_scrape_no_memory_and_an_unchanged_source_nothing() {
    let simulator = Simulator::start_frozen(&[]);
    let tap = Tap::on(simulator.address);
    let at = simulator.address;
    let kept = quick("kept", tap.address, &[]);
    let with = [
        config_of(&[kept.clone(), quick("mended", at, &["page_size: 50"]), quick("extra", at, &[])]),
        config_of(&[kept, quick("mended", at, &["page_size: 49"])]),
    ];
    let exporter = Exporter::start(&with[0], &ENABLED);
    let before = until_counted(&simulator, &exporter, &["kept", "mended"]);
    let (began, requests) = (Instant::now(), tap.signatures().len());
    let (is_over, scrapes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let resident = || {
        let bytes = gate::scrape(exporter.address).value("process_resident_memory_bytes");
        bytes.expect("it is told on Linux")
    };
    let (mut warm, mut slowest) = (0.0, Duration::ZERO);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let answer = http::ask("GET", exporter.address, "/metrics", &[http::OPENMETRICS]);
                    let answer = answer.expect("no scrape fails");
                    assert_eq!(answer.status, 200);
                    assert!(answer.body.ends_with("# EOF\n"), "{answer:?}");
                    assert!(
                        answer.body.contains("agentless_exporter_source_up{source=\"kept\"} 1"),
                        "{answer:?}"
                    );
                    scrapes.fetch_add(1, Ordering::Relaxed);
                    // As many as a dozen Prometheus servers would.
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        // Ends the threads also if something below fails.
        let _ends = Ends(&is_over);
        for number in 1..=RELOADS {
            exporter.configure(&with[number % 2]);
            let asked = Instant::now();
            let answer = exporter.reload();
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(answer.body.contains("changed mended (api.page_size); "), "{answer:?}");
            assert!(answer.body.ends_with("1 as before\n"), "{answer:?}");
            slowest = slowest.max(asked.elapsed());
            if number == WARM_UP {
                warm = resident();
            }
        }
    });
    let (took, last) = (began.elapsed(), resident());
    let after = until_up(&exporter, &["kept", "mended"], 1.0);
    println!(
        "{RELOADS} reloads in {took:?}, the slowest in {slowest:?}, beside {} scrapes; {} KiB resident after {WARM_UP}, {} KiB at the end",
        scrapes.load(Ordering::Relaxed),
        warm / 1024.0,
        last / 1024.0,
    );
    assert!(last <= warm * 1.1, "{last} bytes resident, {warm} after {WARM_UP} reloads");
    for name in ["kept", "mended"] {
        assert_eq!(finished(&after, name), finished(&before, name), "{name}");
    }
    // One poll a second, none twice, none of everything. On a busy machine some are skipped, as each
    // reload builds a source.
    let polled = polls(&after, "kept", "delta") - polls(&before, "kept", "delta");
    let due = began.elapsed().as_secs_f64();
    assert!((0.7 * due - 3.0..due + 2.0).contains(&polled), "{polled} polls in {due} s");
    assert_eq!(polls(&after, "kept", "full"), polls(&before, "kept", "full"));
    let requests = (tap.signatures().len() - requests) as f64;
    assert!(requests <= 6.0 * (polled + 1.0), "{requests} requests for {polled} polls");
    let failed = after.sum_of("agentless_exporter_poll_failures_total", &[]);
    assert_eq!(failed, 0.0, "a poll that is dropped is no failure");
    assert_eq!(http::get(exporter.address, "/-/healthy").status, 200);
    gate::scrape_strictly(exporter.address);
}

struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
