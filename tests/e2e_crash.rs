//! A real process, killed at any instant while the fleet moves: no finished task is counted twice
//! or lost, and no counter goes back. `make soak` kills it a thousand times.

mod support;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use agentless_exporter::env::Env;
use support::counted::{counted, counted_at_all, finished, until_polled_after};
use support::exposition::Series;
use support::gate;
use support::programs::{Exporter, KEY_ID, KEY_SECRET, Simulator, config_polling, source};

/// A world runs ahead of the exporter's clock by all its steps, so that its delta polls ask for all
/// that started since: after hours no poll would end before the next kill.
const KILLS_IN_A_WORLD: usize = 17;

#[test]
fn every_counter_equals_the_count_of_the_fleet_however_often_the_exporter_is_killed() {
    let kills = Env::process().get("SOAK_KILLS").and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let listings = [("--listing=flat", 11), ("--listing=per-root", 12), ("--listing=root", 13)];
    thread::scope(|scope| {
        for (listing, seed) in listings {
            scope.spawn(move || {
                let mut left = kills / listings.len() + 1;
                let mut seed = seed;
                while left > 0 {
                    let in_this_world = left.min(KILLS_IN_A_WORLD);
                    survive(listing, seed, in_this_world);
                    left -= in_this_world;
                    seed += 10;
                }
            });
        }
    });
}

fn survive(listing: &str, seed: u64, kills: usize) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let simulator = Simulator::start_seeded(seed, &[listing, "--tasks=2000"]);
    simulator.freeze();
    let since = simulator.world("tasks")["now"].as_u64().expect("a time");
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let api = ["requests_per_second: 1000", "concurrency: 4"];
    let source = source("sim", simulator.address, (KEY_ID, KEY_SECRET), &api);
    let state = format!("state:\n  path: {}\n", folder.path().join("state").display());
    let configuration = config_polling(&["full_every: 5s"], &[source]) + &state;
    let start = || Exporter::start(&configuration, &[]);

    let first = start();
    until_polled_after(&first, 0.0);
    drop(first);
    let mut shown = BTreeMap::new();
    for _ in 0..kills {
        simulator.step(dice.u64(1..40));
        let exporter = start();
        let restored = counted(&gate::scrape(exporter.address));
        assert_not_below(&restored, &shown);
        // A random instant of a poll, of a commit or between two.
        thread::sleep(Duration::from_millis(dice.u64(0..1500)));
        simulator.step(dice.u64(1..40));
        thread::sleep(Duration::from_millis(dice.u64(0..700)));
        shown = counted(&gate::scrape(exporter.address));
        assert_not_below(&shown, &restored);
        drop(exporter);
    }
    let exporter = start();
    let up = until_polled_after(&exporter, 0.0);
    let at = up.value("agentless_exporter_last_poll_success_timestamp_seconds").expect("it was polled");
    // One more, which is a full one or follows it.
    let last = until_polled_after(&exporter, at + 6.0);
    let truth = finished(&simulator, since);
    assert!(truth.values().sum::<f64>() > 50.0, "too few tasks finished to prove anything: {truth:?}");
    assert_eq!(counted_at_all(&last), truth, "{listing}, seed {seed}");
}

fn assert_not_below(now: &BTreeMap<Series, f64>, before: &BTreeMap<Series, f64>) {
    for (series, value) in before {
        assert!(now.get(series).is_some_and(|now| now >= value), "{series} went back from {value}: {now:?}");
    }
}
