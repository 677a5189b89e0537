use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::Config;
use super::fake::{
    Answer, Cloud, FakeTask, HOUR, NOW, body, config, counts, fleet, main_task, per_root_cloud, polled,
    subtask,
};
use crate::model::{FailureReason, Listing};

#[tokio::test(start_paused = true)]
async fn auto_finds_the_flat_listing() {
    let published = polled(&Cloud::with(fleet()), config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::Flat);
}

#[tokio::test(start_paused = true)]
async fn auto_finds_that_subtasks_are_shown_per_main_task_only() {
    let published = polled(&per_root_cloud(fleet()), config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::PerRoot);
    assert_eq!(counts(&published), (4, 2, 4));
}

#[tokio::test(start_paused = true)]
async fn auto_takes_a_refused_flat_listing_for_one_that_is_not_there() {
    let cloud = Cloud::scripted(fleet(), |params, _| {
        let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
        if is_flat { Answer::Refused(400, "MissingTaskId") } else { Answer::Good }
    });
    let published = polled(&cloud, config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::PerRoot);
}

#[tokio::test(start_paused = true)]
async fn auto_does_not_trust_a_flat_listing_that_hides_a_subtask() {
    let good = Cloud::with(fleet());
    let cloud = Cloud::scripted([], move |params, _| {
        let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
        let mut answer = good.page(params);
        if is_flat {
            let rows = answer["List"].as_array_mut().unwrap();
            rows.retain(|row| row["TaskId"] != "s4");
            answer["PageInfo"]["TotalCount"] = rows.len().into();
        }
        Answer::Body(answer)
    });
    let published = polled(&cloud, config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::PerRoot);
    assert_eq!(counts(&published), (4, 2, 4));
}

#[tokio::test(start_paused = true)]
async fn without_any_subtask_the_main_tasks_are_the_scan_tasks() {
    for listing in [Listing::Auto, Listing::Root] {
        let cloud = Cloud::with([main_task("r1", 2), main_task("r2", 1)]);
        let published = polled(&cloud, config(listing)).await;
        assert_eq!(published.status.listing, Listing::Root);
        assert_eq!(counts(&published), (2, 2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shows_main_tasks_as_subtasks_has_only_main_tasks() {
    let good = Cloud::with([main_task("r1", 2), main_task("r2", 1)]);
    let cloud = Cloud::scripted([], move |params, _| {
        let mut params = params.clone();
        params.insert("RootTask".to_owned(), "true".to_owned());
        let of_a_root = params.contains_key("TaskId");
        Answer::Body(if of_a_root { body(Vec::new(), 0, 50) } else { good.page(&params) })
    });
    let published = polled(&cloud, config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::Root);
    assert_eq!(counts(&published), (2, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_account_without_tasks_is_published_as_such_and_stays_undecided() {
    let published = polled(&Cloud::with([]), config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::Auto);
    assert_eq!(counts(&published), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_first_main_task_that_still_runs_proves_nothing() {
    let running = FakeTask { status: 1, ..main_task("r1", 1) };
    let published = polled(&Cloud::with([running]), config(Listing::Auto)).await;
    assert!(published.snapshot.is_none());
    let failure = published.status.failure.as_ref().unwrap();
    assert_eq!(failure.reason, FailureReason::Incomplete);
}

#[tokio::test(start_paused = true)]
async fn running_main_tasks_without_subtasks_do_not_hide_a_finished_one() {
    let mut tasks: Vec<_> =
        (1..20).map(|n| FakeTask { status: 1, ..main_task(&format!("r{n}"), n) }).collect();
    tasks.push(main_task("r20", 20));
    let published = polled(&Cloud::with(tasks), config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::Root);
    assert_eq!(counts(&published).0, 20);
}

#[tokio::test(start_paused = true)]
async fn a_way_once_found_stays_while_nothing_speaks_against_it() {
    let cloud = Cloud::with(fleet());
    let mut source = cloud.source(config(Listing::Auto));
    source.poll_full().await;
    // Only a new main task is left, without subtasks so far.
    *cloud.tasks.lock().unwrap() = vec![FakeTask { status: 1, ..main_task("r3", 0) }];
    source.poll_full().await;
    let published = source.subscribe().borrow().clone();
    assert_eq!((published.status.listing, &published.status.failure), (Listing::Flat, &None));
    assert_eq!(counts(&published).0, 0);
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_rows_are_all_hidden_is_not_published_as_empty() {
    let cloud = Cloud::scripted([], |_, _| Answer::Body(body(Vec::new(), 30, 50)));
    let published = polled(&cloud, config(Listing::Auto)).await;
    assert!(published.snapshot.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_last_scanned_before_the_look_back_keeps_the_states_of_its_targets() {
    let failed = |id| FakeTask { status: 3, ..subtask(id, "r1", 240) };
    let tasks = || vec![main_task("r1", 240), failed("s1"), failed("s2")];
    for (cloud, way) in [(Cloud::with(tasks()), Listing::Flat), (per_root_cloud(tasks()), Listing::PerRoot)] {
        let monthly = Config { keep_targets: 800 * HOUR, ..config(Listing::Auto) };
        let mut source = cloud.source(monthly);
        for _ in 0..2 {
            source.poll_full().await;
            let published = source.subscribe().borrow().clone();
            assert_eq!((counts(&published), published.status.listing), ((0, 0, 2), way));
        }
        cloud.tasks.lock().unwrap().extend([main_task("r9", 1), subtask("s9", "r9", 1)]);
        source.poll_full().await;
        assert_eq!(counts(&source.subscribe().borrow()), (1, 1, 3), "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_main_task_that_failed_at_once_does_not_make_main_tasks_scans() {
    let mut tasks = vec![FakeTask { status: 3, ..main_task("dead", 0) }];
    tasks.extend((0..4).map(|n| FakeTask { status: 1, ..main_task(&format!("new{n}"), 0) }));
    for r in 0..10 {
        let root = format!("r{r}");
        tasks.push(main_task(&root, r + 2));
        tasks.extend((0..10).map(|s| subtask(&format!("s{r}-{s}"), &root, r + 2)));
    }
    let published = polled(&per_root_cloud(tasks), config(Listing::Auto)).await;
    assert_eq!(published.status.listing, Listing::PerRoot);
    assert_eq!(counts(&published), (100, 15, 100));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_way_leaves_nothing_of_the_old_one() {
    let cloud = Cloud::with([main_task("r1", 100), main_task("r2", 1)]);
    let mut source = cloud.source(Config { keep_targets: 200 * HOUR, ..config(Listing::Auto) });
    source.poll_full().await;
    assert_eq!(counts(&source.subscribe().borrow()), (1, 1, 2));
    cloud.tasks.lock().unwrap().extend([subtask("s1", "r1", 100), subtask("s2", "r2", 1)]);
    source.poll_full().await;
    let published = source.subscribe().borrow().clone();
    assert_eq!((counts(&published), published.status.listing), ((1, 1, 2), Listing::Flat));
}

#[tokio::test(start_paused = true)]
async fn a_proven_account_is_not_asked_for_more_proof_than_needed() {
    let cloud = Cloud::with((0..40).map(|n| main_task(&format!("r{n}"), n % 20)));
    let mut source = cloud.source(config(Listing::Auto));
    source.poll_full().await;
    let asked = |cloud: &Cloud| {
        let asked = cloud.asked.lock().unwrap();
        asked.iter().filter(|params| params.contains_key("TaskId")).count()
    };
    let first = asked(&cloud);
    assert!((20..=25).contains(&first), "{first}");
    source.poll_full().await;
    assert_eq!(asked(&cloud) - first, 5);
}

#[tokio::test(start_paused = true)]
async fn a_refused_flat_listing_is_no_empty_account() {
    for code in ["InvalidParameter", "SomethingNew", "InvalidApi.NotFound"] {
        let refusing = Arc::new(AtomicBool::new(false));
        let switch = Arc::clone(&refusing);
        let cloud = Cloud::scripted(fleet(), move |params, _| {
            let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
            if is_flat && switch.load(Ordering::Relaxed) { Answer::Refused(400, code) } else { Answer::Good }
        });
        let mut source = cloud.source(config(Listing::Auto));
        source.poll_full().await;
        refusing.store(true, Ordering::Relaxed);
        let newer = (0..5).map(|n| FakeTask { status: 1, ..main_task(&format!("new{n}"), 0) });
        cloud.tasks.lock().unwrap().extend(newer);
        source.poll_full().await;
        // Delta polls would go on, but find the same.
        source.poll().await;
        let published = source.subscribe().borrow().clone();
        assert_eq!(
            (published.status.consecutive_failures, published.status.listing),
            (1, Listing::Flat),
            "{code}"
        );
        assert_eq!(counts(&published), (4, 2, 4), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stray_row_does_not_prove_the_flat_listing() {
    let mut tasks: Vec<_> =
        (0..5).map(|n| FakeTask { status: 3, ..main_task(&format!("dead{n}"), 0) }).collect();
    for r in 0..10 {
        let root = format!("r{r}");
        tasks.push(main_task(&root, r + 5));
        tasks.extend((0..10).map(|s| subtask(&format!("s{r}-{s}"), &root, r + 5)));
    }
    let good = Cloud::with(tasks);
    let cloud = Cloud::scripted([], move |params, _| {
        let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
        let stray = json!({"TaskId": "stray", "Status": 2, "TargetType": 1, "StartTime": NOW - 3_600_000});
        let rows = if params.contains_key("Status") { Vec::new() } else { vec![stray] };
        Answer::Body(if is_flat { body(rows.clone(), rows.len(), 50) } else { good.page(params) })
    });
    let published = polled(&cloud, config(Listing::Auto)).await;
    assert_eq!((published.status.listing, counts(&published).0), (Listing::PerRoot, 100));
}

#[tokio::test(start_paused = true)]
async fn a_subtask_that_goes_meanwhile_does_not_change_the_way() {
    let cloud = Cloud::with(fleet());
    let shrinking = cloud.clone();
    let cloud = Cloud::scripted([], move |params, _| {
        let page = shrinking.page(params);
        if params.get("TaskId").is_some_and(|id| id == "r1") {
            shrinking.tasks.lock().unwrap().retain(|task| task.id != "s1");
        }
        Answer::Body(page)
    });
    let published = polled(&cloud, config(Listing::Auto)).await;
    assert_eq!((published.status.listing, counts(&published).0), (Listing::Flat, 3));
}

#[tokio::test(start_paused = true)]
async fn main_tasks_that_have_subtasks_after_all_are_no_scans() {
    let cloud = per_root_cloud(vec![main_task("r1", 2)]);
    let mut source = cloud.source(config(Listing::Auto));
    source.poll_full().await;
    assert_eq!(source.subscribe().borrow().status.listing, Listing::Root);
    // They started before the look-back, so no flat listing must hold them.
    cloud.tasks.lock().unwrap().push(subtask("s1", "r1", 30));
    source.poll_full().await;
    let published = source.subscribe().borrow().clone();
    assert_eq!((published.status.listing, counts(&published).0), (Listing::PerRoot, 0));
}
