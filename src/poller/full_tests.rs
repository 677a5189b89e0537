use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Config;
use super::fake::{
    Answer, Cloud, FakeTask, HOUR, body, config, counts, fleet, main_task, per_root_cloud, polled, subtask,
};
use crate::model::{Listing, Status, TargetType};

#[tokio::test(start_paused = true)]
async fn each_way_of_listing_counts_the_same_tasks() {
    for listing in [Listing::Flat, Listing::PerRoot, Listing::Auto] {
        let published = polled(&Cloud::with(fleet()), config(listing)).await;
        assert_eq!(counts(&published), (4, 2, 4), "{listing}");
    }
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
        source.poll_full().await;
        assert_eq!(counts(&source.subscribe().borrow()), (1, 1, 2));
        let first = cloud.asked.lock().unwrap().len();
        source.poll_full().await;
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

#[tokio::test(start_paused = true)]
async fn one_unusable_row_costs_only_itself_however_small_its_listing() {
    let tasks = (0..20).flat_map(|r| {
        let root = format!("r{r}");
        let scans: Vec<_> = (0..50).map(|s| subtask(&format!("s{r}-{s}"), &root, r)).collect();
        [main_task(&root, r)].into_iter().chain(scans)
    });
    let good = Cloud::with(tasks);
    let cloud = Cloud::scripted([], move |params, _| {
        let mut page = good.page(params);
        for row in page["List"].as_array_mut().unwrap().iter_mut().filter(|row| row["TaskId"] == "s7-7") {
            row["TaskId"] = Value::Null;
        }
        Answer::Body(page)
    });
    for listing in [Listing::Flat, Listing::PerRoot] {
        let published = polled(&cloud, config(listing)).await;
        assert_eq!(counts(&published), (999, 20, 999), "{listing}");
        assert_eq!(published.snapshot.as_ref().unwrap().skipped_rows, 1, "{listing}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_rows_are_counted_once_though_they_are_lost_in_several_listings() {
    let running = |task: FakeTask| FakeTask { status: 1, ..task };
    let tasks = (0..300).map(|n| running(subtask(&format!("t{n}"), "r0", n % 10)));
    let good = Cloud::with(tasks.chain([running(main_task("r0", 1))]));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut page = good.page(params);
        let rows = page["List"].as_array_mut().unwrap();
        rows.retain(|row| row["TaskId"] != "t5");
        for row in rows.iter_mut().filter(|row| row["TaskId"] == "t3") {
            row["TaskId"] = Value::Null;
        }
        Answer::Body(page)
    });
    let mut source = cloud.source(Config { keep_targets: 48 * HOUR, ..config(Listing::Flat) });
    for _ in 0..2 {
        source.poll_full().await;
        let snapshot = source.subscribe().borrow().snapshot.clone().unwrap();
        assert_eq!((snapshot.tasks, snapshot.skipped_rows, snapshot.missing_rows), (298, 1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_the_type_filter_changes_nothing() {
    let good =
        Cloud::with((0..10).map(|n| FakeTask { target_type: 1 + n % 2, ..main_task(&format!("t{n}"), n) }));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut params = params.clone();
        params.remove("TargetType");
        Answer::Body(good.page(&params))
    });
    let only = Config { target_types: vec![TargetType::Snapshot], ..config(Listing::Root) };
    let published = polled(&cloud, only).await;
    let types = &published.snapshot.as_ref().unwrap().types;
    assert_eq!(types[&TargetType::Snapshot].tasks.iter().sum::<u64>(), 5);
    assert_eq!(types[&TargetType::Image].tasks.iter().sum::<u64>(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_the_start_filter_changes_nothing() {
    let good = Cloud::with([main_task("old", 30), main_task("new", 1)]);
    let cloud = Cloud::scripted([], move |params, _| {
        let mut params = params.clone();
        params.remove("StartTime");
        Answer::Body(good.page(&params))
    });
    let published = polled(&cloud, config(Listing::Root)).await;
    assert_eq!(counts(&published), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_between_two_listings_counts_as_ended() {
    let cloud = Cloud::with([FakeTask { status: 1, ..main_task("r1", 1) }]);
    let moving = cloud.clone();
    let cloud = Cloud::scripted([], move |params, _| {
        let page = moving.page(params);
        if params.contains_key("Status") {
            moving.tasks.lock().unwrap()[0].status = 2;
        }
        Answer::Body(page)
    });
    let published = polled(&cloud, config(Listing::Root)).await;
    let facts = &published.snapshot.as_ref().unwrap().types[&TargetType::Snapshot];
    assert_eq!(facts.tasks[Status::Completed.index()], 1);
    assert_eq!(facts.tasks[Status::Running.index()], 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_poll_shows_what_later_ones_show_of_tasks_without_a_start() {
    let good = Cloud::with([
        main_task("r0", 100),
        subtask("s0", "r0", 100),
        main_task("r1", 1),
        subtask("s1", "r1", 1),
    ]);
    let cloud = Cloud::scripted([], move |params, _| {
        let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
        if is_flat {
            return Answer::Body(body(Vec::new(), 0, 50));
        }
        let mut page = good.page(params);
        page["List"].as_array_mut().unwrap().iter_mut().for_each(|row| row["StartTime"] = json!(null));
        Answer::Body(page)
    });
    let mut source = cloud.source(Config { keep_targets: 200 * HOUR, ..config(Listing::PerRoot) });
    source.poll_full().await;
    let first = Arc::clone(&source.subscribe().borrow());
    source.poll_full().await;
    assert_eq!(counts(&first), counts(&source.subscribe().borrow()));
    assert_eq!(counts(&first), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn numbers_without_measure_are_no_panic_and_no_small_sum() {
    let good = Cloud::with((0..2100).map(|n| main_task(&format!("t{n}"), n % 20)));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut page = good.page(params);
        for row in page["List"].as_array_mut().unwrap() {
            row["MeasureSpace"] = json!(8_589_934_591.9_f64);
        }
        Answer::Body(page)
    });
    let published = polled(&cloud, Config { page_size: 1000, ..config(Listing::Root) }).await;
    let facts = &published.snapshot.as_ref().unwrap().types[&TargetType::Snapshot];
    assert_eq!(facts.measured_bytes[Status::Completed.index()], u64::MAX);
}

#[tokio::test(start_paused = true)]
async fn a_poll_has_no_more_requests_under_way_than_allowed() {
    let tasks = (0..8).flat_map(|r| {
        let root = format!("r{r}");
        let scans: Vec<_> = (0..40).map(|s| subtask(&format!("s{r}-{s}"), &root, r)).collect();
        [main_task(&root, r)].into_iter().chain(scans)
    });
    let cloud = Cloud::scripted(tasks, |_, _| Answer::Late(Duration::from_secs(5)));
    let config = Config { page_size: 5, concurrency: 3, ..config(Listing::PerRoot) };
    let published = polled(&cloud, config).await;
    assert_eq!(counts(&published), (320, 8, 320));
    assert_eq!(cloud.most_under_way(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_type_that_is_not_understood_may_be_one_of_the_configured() {
    let good = Cloud::with((0..10).map(|n| main_task(&format!("t{n}"), n)));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut page = good.page(params);
        page["List"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .take(4)
            .for_each(|row| row["TargetType"] = json!(null));
        Answer::Body(page)
    });
    let only = Config { target_types: vec![TargetType::Snapshot], ..config(Listing::Root) };
    let published = polled(&cloud, only).await;
    let types = &published.snapshot.as_ref().unwrap().types;
    assert_eq!(types[&TargetType::Snapshot].tasks.iter().sum::<u64>(), 6);
    assert_eq!(types[&TargetType::Unknown].tasks.iter().sum::<u64>(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_listing_whose_only_row_is_hidden_costs_only_that_row() {
    let good = Cloud::with((0..10).map(|n| main_task(&format!("t{n}"), n)));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut page = good.page(params);
        if params.contains_key("Status") {
            // Counted as running, though it has just ended.
            page["PageInfo"]["TotalCount"] = json!(1);
        }
        Answer::Body(page)
    });
    let published = polled(&cloud, config(Listing::Root)).await;
    assert_eq!(counts(&published).0, 10);
    assert_eq!(published.snapshot.as_ref().unwrap().missing_rows, 1);
}

#[tokio::test(start_paused = true)]
async fn a_main_task_that_the_api_lists_and_does_not_know_costs_only_itself() {
    for flat in [true, false] {
        let cloud = Cloud::scripted(fleet(), move |params, _| {
            let is_flat = params["RootTask"] == "false" && !params.contains_key("TaskId");
            if params.get("TaskId").is_some_and(|id| id == "r2") {
                Answer::Refused(400, "TaskNotExist")
            } else if is_flat && !flat {
                Answer::Body(body(Vec::new(), 0, 50))
            } else {
                Answer::Good
            }
        });
        let published = polled(&cloud, config(Listing::Auto)).await;
        let snapshot = published.snapshot.as_ref().expect("a snapshot");
        assert_eq!((snapshot.tasks, snapshot.missing_rows), if flat { (4, 0) } else { (2, 1) });
    }
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_history_is_read_again_a_few_times() {
    let hides = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&hides);
    let good = Cloud::with([main_task("old", 100), main_task("new", 1)]);
    let cloud = Cloud::scripted([], move |params, _| {
        let mut page = good.page(params);
        if switch.load(Ordering::Relaxed) {
            page["List"].as_array_mut().unwrap().retain(|row| row["TaskId"] != "old");
        }
        Answer::Body(page)
    });
    let long = || Config { keep_targets: 200 * HOUR, ..config(Listing::Root) };
    let mut source = cloud.source(long());
    source.poll_full().await;
    assert_eq!(source.subscribe().borrow().snapshot.as_ref().unwrap().missing_rows, 1);
    hides.store(false, Ordering::Relaxed);
    source.poll_full().await;
    assert_eq!(counts(&source.subscribe().borrow()), (1, 1, 2));

    // What stays hidden is not asked for for ever.
    hides.store(true, Ordering::Relaxed);
    let mut source = cloud.source(long());
    let mut asked = Vec::new();
    for _ in 0..5 {
        let before = cloud.asked.lock().unwrap().len();
        source.poll_full().await;
        asked.push(cloud.asked.lock().unwrap().len() - before);
    }
    // A first page that is short makes one request more of each read.
    assert_eq!(asked, [6, 6, 6, 2, 2]);
}
