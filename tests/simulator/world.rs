//! The world that moves, and what it says of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use agentless_exporter::simulator::{Config, FaultRate, Listing};
use serde_json::Value;

use crate::client::{NOW, Server, list, list_all, small, start, world};

const SUBTASKS: (&str, &str) = ("RootTask", "false");

fn moving() -> Config {
    Config { frozen: false, ..small() }
}

#[tokio::test]
async fn the_same_seed_and_clock_give_the_same_answers() {
    let page = async |seed| list(&start(Config { seed, ..small() }).await, &[SUBTASKS]).await.body;
    assert_eq!(page(1).await, page(1).await);
    assert_ne!(page(1).await, page(2).await);
}

#[tokio::test]
async fn scans_only_go_forward_and_end_for_good() {
    let server = start(moving()).await;
    let mut before: BTreeMap<String, Value> = BTreeMap::new();
    let mut seen = [0; 5];
    for _ in 0..60 {
        for row in list_all(&server, &[SUBTASKS]).await {
            let id = row["TaskId"].as_str().unwrap().to_owned();
            let status = row["Status"].as_u64().unwrap();
            if let Some(old) = before.insert(id, row.clone()) {
                assert!(row["Progress"].as_u64() >= old["Progress"].as_u64(), "{old} {row}");
                assert_eq!(row["StartTime"], old["StartTime"]);
                if old["Status"] != 1 {
                    assert_eq!(row, old, "an ended task changed");
                } else if status != 1 {
                    seen[status as usize] += 1;
                }
            }
            if status == 1 {
                assert!(row["Progress"].as_u64().unwrap() < 100);
            }
        }
        server.hand.advance(Duration::from_secs(10));
    }
    assert!(before.len() > 137 + 20, "new ones start: {}", before.len());
    assert!(seen[2] > 10 && seen[3] > 0, "completed, failed, timed out: {seen:?}");
}

#[tokio::test]
async fn rows_bear_the_oddities_of_the_real_ones() {
    let server = start(Config { tasks: 2_000, ..moving() }).await;
    server.hand.advance(Duration::from_secs(60));
    let rows = list_all(&server, &[SUBTASKS]).await;
    let any = |is: &dyn Fn(&Value) -> bool| rows.iter().any(is);
    let now = NOW + 60_000;
    assert!(any(&|row| row["Status"] == 1 && row["EndTime"].as_u64().is_some_and(|end| end > now)));
    assert!(any(&|row| row["MeasureSpace"].as_f64().is_some_and(|mb| mb.fract() != 0.0)));
    assert!(any(&|row| row["MeasureSpace"].is_string()));
    assert!(any(&|row| row["Uuid"] == "") && any(&|row| row["InstanceName"].to_string().contains('\\')));
    assert!(any(&|row| row["ReportDownloadUrl"].to_string().contains("Signature=")));
    assert!(any(&|row| row["TaskId"].as_str().unwrap().starts_with('0')));
    // JSON in a string, and for some tasks once more.
    let checks =
        |row: &Value| serde_json::from_str::<Value>(row["ProgressByProject"].as_str().unwrap()).unwrap();
    assert!(any(&|row| checks(row)["binary"].is_number()));
    assert!(any(&|row| checks(row).as_str().is_some_and(|inner| inner.starts_with("{\"")
        && serde_json::from_str::<Value>(inner).unwrap()["binary"].is_number())));
}

#[tokio::test]
async fn a_frozen_world_stands_until_it_is_stepped_or_thawed() {
    let server = start(moving()).await;
    let page = async || list(&server, &[SUBTASKS, ("PageSize", "100")]).await.rows();
    assert_eq!(world(&server, "POST", "step?by=30s").await.status, 409);
    let frozen = world(&server, "POST", "freeze").await.json();
    assert_eq!((&frozen["now"], &frozen["frozen"]), (&NOW.into(), &true.into()));
    let before = page().await;
    server.hand.advance(Duration::from_secs(120));
    assert_eq!(page().await, before);
    let stepped = world(&server, "POST", "step?by=2m").await.json();
    assert_eq!(stepped["now"], NOW + 120_000);
    let after = page().await;
    assert_ne!(after, before);
    world(&server, "POST", "thaw").await;
    assert_eq!(page().await, after);
    server.hand.advance(Duration::from_secs(120));
    assert_ne!(page().await, after);
}

#[tokio::test]
async fn the_controls_refuse_what_they_do_not_know() {
    let server = start(small()).await;
    for (method, path, status) in [
        ("GET", "freeze", 405),
        ("POST", "truth", 405),
        ("GET", "elsewhere", 404),
        ("POST", "step?by=soon", 400),
        ("POST", "step", 400),
        ("GET", "truth?at=now", 400),
        ("GET", "truth?targets=some", 400),
    ] {
        assert_eq!(world(&server, method, path).await.status, status, "{method} {path}");
    }
}

/// What runs, united with what started at `since` or later.
async fn window(server: &Server, kind: (&str, &str), since: &str) -> Vec<Value> {
    let mut rows = BTreeMap::new();
    for filter in [("Status", "1"), ("StartTime", since)] {
        let listed = list_all(server, &[kind, filter]).await;
        rows.extend(listed.into_iter().map(|row| (row["TaskId"].to_string(), row)));
    }
    rows.into_values().collect()
}

/// Counts the rows of the API by hand and holds the truth against them.
async fn check_truth(listing: Listing, faults: &[&str]) {
    let rates = faults.iter().map(|fault| fault.parse::<FaultRate>().unwrap());
    let server = start(Config { listing, faults: rates.collect(), tasks: 500, ..small() }).await;
    let lookback = (NOW - 7 * 86_400_000).to_string();
    let margin = (NOW - 8 * 86_400_000).to_string();
    let roots = window(&server, ("RootTask", "true"), &lookback).await;
    let scans = match listing {
        Listing::Flat => window(&server, SUBTASKS, &lookback).await,
        Listing::Root => roots.clone(),
        Listing::PerRoot => {
            let mut scans = Vec::new();
            for root in window(&server, ("RootTask", "true"), &margin).await {
                let id = root["TaskId"].as_str().unwrap();
                scans.extend(list_all(&server, &[SUBTASKS, ("TaskId", id)]).await);
            }
            scans
        }
    };
    assert!(scans.len() > 100, "{}", scans.len());
    let truth = world(&server, "GET", "truth").await.json();
    for (metric, rows) in [("agentless_scan_tasks", &scans), ("agentless_scan_root_tasks", &roots)] {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for row in rows {
            let in_lookback = row["StartTime"].as_u64().is_none_or(|start| start >= NOW - 7 * 86_400_000);
            if in_lookback || row["Status"] == 1 {
                let kind = match row["TargetType"].as_u64() {
                    Some(1) => "snapshot",
                    Some(2) => "image",
                    Some(3) => "user_snapshot",
                    Some(4) => "user_image",
                    Some(5) => "nas",
                    Some(6) => "sandbox",
                    Some(7) => "security_fix",
                    _ => "unknown",
                };
                let status = match row["Status"].as_u64() {
                    Some(1) => "running",
                    Some(2) => "completed",
                    Some(3) => "failed",
                    Some(4) => "timed_out",
                    _ => "unknown",
                };
                let series = format!("{metric}{{target_type=\"{kind}\",status=\"{status}\"}}");
                *counts.entry(series).or_default() += 1;
            }
        }
        let told = truth.as_object().unwrap().iter().filter(|(series, value)| {
            series.starts_with(&format!("{metric}{{")) && value.as_u64().unwrap() > 0
        });
        let told: BTreeMap<_, _> =
            told.map(|(series, value)| (series.clone(), value.as_u64().unwrap())).collect();
        assert_eq!(told, counts);
        assert!(counts.len() > 5, "{counts:?}");
    }
}

#[tokio::test]
async fn truth_counts_the_rows_of_each_kind_of_listing() {
    for listing in Listing::ALL {
        check_truth(listing, &[]).await;
    }
}

#[tokio::test]
async fn truth_speaks_of_rows_as_they_are_shown() {
    for listing in Listing::ALL {
        check_truth(listing, &["null-fields=0.2", "unknown-status=0.2", "drift=0"]).await;
    }
}

#[tokio::test]
async fn truth_looks_back_from_the_time_it_is_asked_for() {
    let server = start(small()).await;
    let tasks = |truth: &Value| -> u64 {
        let all = truth.as_object().unwrap().iter();
        all.filter(|(series, _)| series.starts_with("agentless_scan_tasks{"))
            .map(|(_, v)| v.as_u64().unwrap())
            .sum()
    };
    let running = list(&server, &[SUBTASKS, ("Status", "1")]).await.total();
    let all = world(&server, "GET", "truth?lookback=2592000").await.json();
    assert_eq!(tasks(&all), 137);
    let late = format!("truth?at={}&lookback=60", NOW + 3_600_000);
    assert_eq!(tasks(&world(&server, "GET", &late).await.json()), running);
    // States of targets come from what keep covers, however short the look-back.
    let targets = |truth: &Value| {
        truth["agentless_scan_targets{target_type=\"snapshot\",status=\"completed\"}"].clone()
    };
    assert_eq!(targets(&all), targets(&world(&server, "GET", &late).await.json()));
    let brief = format!("truth?at={}&lookback=60&keep=60", NOW + 3_600_000);
    let brief = world(&server, "GET", &brief).await.json();
    assert_eq!(targets(&brief), 0);
    // What runs is listed however long ago it started.
    assert_eq!(tasks(&brief), running);
}
