use std::sync::Arc;

use super::Config;
use super::fake::{Answer, Cloud, FakeTask, HOUR, main_task, subtask};
use crate::model::{FailureReason, Listing, Status, TargetType};
use crate::snapshot::Published;

/// Polls a fresh source once.
async fn polled(cloud: &Cloud, config: Config) -> Arc<Published> {
    let mut source = cloud.source(config);
    source.poll().await;
    Arc::clone(&source.subscribe().borrow())
}

fn config(listing: Listing) -> Config {
    Config { listing, lookback: 24 * HOUR, keep_targets: 24 * HOUR, ..Config::default() }
}

/// Scan tasks, main tasks and targets of snapshots that are published.
fn counts(published: &Published) -> (u64, u64, u64) {
    let facts = &published.snapshot.as_ref().expect("a snapshot").types[&TargetType::Snapshot];
    (facts.tasks.iter().sum(), facts.root_tasks.iter().sum(), facts.targets.iter().sum())
}

/// Two main tasks with two subtasks each.
fn fleet() -> Vec<FakeTask> {
    vec![
        main_task("r1", 2),
        subtask("s1", "r1", 2),
        subtask("s2", "r1", 2),
        main_task("r2", 1),
        subtask("s3", "r2", 1),
        subtask("s4", "r2", 1),
    ]
}

/// A cloud that shows subtasks only to those who name their main task.
fn per_root_cloud(tasks: Vec<FakeTask>) -> Cloud {
    Cloud::scripted(tasks, |params, _| {
        let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
        if is_flat { Answer::Body(super::fake::body(Vec::new(), 0, 50)) } else { Answer::Good }
    })
}

#[tokio::test(start_paused = true)]
async fn each_way_of_listing_counts_the_same_tasks() {
    for listing in [Listing::Flat, Listing::PerRoot, Listing::Auto] {
        let published = polled(&Cloud::with(fleet()), config(listing)).await;
        assert_eq!(counts(&published), (4, 2, 4), "{listing}");
    }
}

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
        Answer::Body(if of_a_root { super::fake::body(Vec::new(), 0, 50) } else { good.page(&params) })
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
    source.poll().await;
    // Only a new main task is left, without subtasks so far.
    *cloud.tasks.lock().unwrap() = vec![FakeTask { status: 1, ..main_task("r3", 0) }];
    source.poll().await;
    let published = source.subscribe().borrow().clone();
    assert_eq!((published.status.listing, &published.status.failure), (Listing::Flat, &None));
    assert_eq!(counts(&published).0, 0);
}

#[tokio::test(start_paused = true)]
async fn the_window_is_what_started_in_it_united_with_what_runs() {
    let long = FakeTask { status: 1, ..subtask("long", "r1", 300) };
    let tasks = [main_task("r1", 300), long, subtask("old", "r1", 30), subtask("new", "r1", 23)];
    for listing in [Listing::Flat, Listing::Root] {
        let tasks = tasks.clone().map(|task| FakeTask {
            // As main tasks they make the same window.
            parent: task.parent.filter(|_| listing == Listing::Flat),
            ..task
        });
        let published = polled(&Cloud::with(tasks), config(listing)).await;
        let facts = &published.snapshot.as_ref().unwrap().types[&TargetType::Snapshot];
        assert_eq!(facts.tasks[Status::Running.index()], 1, "{listing}");
        assert_eq!(facts.tasks[Status::Completed.index()], 1, "{listing}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_subtask_of_an_older_main_task_is_found_per_root() {
    let tasks = vec![main_task("r1", 30), subtask("late", "r1", 23), subtask("early", "r1", 30)];
    let published = polled(&per_root_cloud(tasks), config(Listing::PerRoot)).await;
    assert_eq!(counts(&published), (1, 0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_ledger_learns_the_last_states_of_targets_from_further_back() {
    let tasks =
        || vec![main_task("r0", 100), subtask("s0", "r0", 100), main_task("r1", 2), subtask("s1", "r1", 2)];
    let long = Config { keep_targets: 200 * HOUR, ..config(Listing::Auto) };
    for cloud in [Cloud::with(tasks()), per_root_cloud(tasks())] {
        let mut source = cloud.source(long.clone());
        source.poll().await;
        assert_eq!(counts(&source.subscribe().borrow()), (1, 1, 2));
        let first = cloud.asked.lock().unwrap().len();
        source.poll().await;
        assert_eq!(counts(&source.subscribe().borrow()), (1, 1, 2));
        let second = cloud.asked.lock().unwrap().len() - first;
        assert!(second < first, "the history is read once: {first} requests, then {second}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_configured_types_of_targets_are_counted() {
    let image = |task: FakeTask| FakeTask { target_type: 2, ..task };
    let tasks = || {
        vec![
            main_task("r1", 1),
            subtask("s1", "r1", 1),
            image(main_task("r2", 1)),
            image(subtask("s2", "r2", 1)),
        ]
    };
    for cloud in [Cloud::with(tasks()), per_root_cloud(tasks())] {
        let only = Config { target_types: vec![TargetType::Image], ..config(Listing::Auto) };
        let published = polled(&cloud, only).await;
        let types = &published.snapshot.as_ref().unwrap().types;
        assert_eq!(types[&TargetType::Image].tasks.iter().sum::<u64>(), 1);
        assert_eq!(types[&TargetType::Snapshot].tasks.iter().sum::<u64>(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_filter_end_time_is_never_sent() {
    let cloud = Cloud::with(fleet());
    polled(&cloud, config(Listing::Auto)).await;
    let asked = cloud.asked.lock().unwrap();
    assert!(asked.iter().all(|params| !params.contains_key("EndTime") && params.contains_key("RootTask")));
    assert!(asked.len() > 4);
}
