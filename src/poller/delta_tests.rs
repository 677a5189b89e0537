use std::time::Duration;

use super::fake::{Answer, Cloud, FakeTask, Params, config, fleet, main_task, per_root_cloud, subtask};
use super::{Config, Source};
use crate::model::{Listing, Status, TargetType};
use crate::snapshot::TypeFacts;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn facts(source: &Source) -> TypeFacts {
    let published = source.subscribe().borrow().clone();
    assert!(published.status.failure.is_none(), "{:?}", published.status.failure);
    published.snapshot.as_ref().unwrap().types[&TargetType::Snapshot].clone()
}

pub(super) fn finished(source: &Source) -> [u64; 5] {
    source.subscribe().borrow().counters.of(TargetType::Snapshot).tasks
}

pub(super) fn falls_back(source: &Source) -> bool {
    source.subscribe().borrow().status.falls_back
}

pub(super) fn change(cloud: &Cloud, id: &str, change: impl FnOnce(&mut FakeTask)) {
    let mut tasks = cloud.tasks.lock().unwrap();
    change(tasks.iter_mut().find(|task| task.id == id).expect("the task is there"));
}

/// The parameters of the requests that `source` sends for its next poll.
pub(super) async fn asked(cloud: &Cloud, source: &mut Source) -> Vec<Params> {
    let before = cloud.asked.lock().unwrap().len();
    tokio::time::advance(2 * MINUTE).await;
    source.poll().await;
    cloud.asked.lock().unwrap()[before..].to_vec()
}

/// A source of `cloud` after its full listing and a first delta poll.
pub(super) async fn settled(cloud: &Cloud, config: Config) -> Source {
    let mut source = cloud.source(config);
    source.poll().await;
    asked(cloud, &mut source).await;
    source
}

pub(super) fn running(task: FakeTask) -> FakeTask {
    FakeTask { status: 1, ..task }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_poll_costs_three_single_rows_and_the_pages_of_what_runs_however_long_the_history() {
    for history in [10, 2000] {
        let old = (0..history).map(|n| main_task(&format!("t{n}"), n % 20));
        let cloud = Cloud::with(old.chain([running(main_task("now", 1))]));
        let mut source = settled(&cloud, config(Listing::Root)).await;
        let asked = asked(&cloud, &mut source).await;
        let single = asked.iter().filter(|params| params["PageSize"] == "1").count();
        let of_running = asked.iter().filter(|params| params.get("Status").is_some_and(|s| s == "1")).count();
        assert_eq!((single, of_running, asked.len()), (3, 1, 4), "{history}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_way_of_listing_finds_what_ends_what_starts_and_what_did_both_between_two_polls() {
    for (cloud, listing) in [
        (Cloud::with(fleet()), Listing::Flat),
        (per_root_cloud(fleet()), Listing::PerRoot),
        (Cloud::with(fleet().into_iter().map(|task| FakeTask { parent: None, ..task })), Listing::Root),
    ] {
        let of_root =
            |task: FakeTask| FakeTask { parent: task.parent.filter(|_| listing != Listing::Root), ..task };
        change(&cloud, "s4", |task| task.status = 1);
        change(&cloud, "r2", |task| task.status = 1);
        let mut source = settled(&cloud, config(listing)).await;
        let before = facts(&source).tasks;
        assert_eq!(finished(&source), [0; 5], "{listing}: what had finished is not counted");
        change(&cloud, "s4", |task| task.status = 3);
        change(&cloud, "r2", |task| task.status = 3);
        let new = [main_task("r3", 0), running(subtask("s5", "r3", 0)), subtask("s6", "r3", 0)];
        cloud.tasks.lock().unwrap().extend(new.map(of_root));
        change(&cloud, "r3", |task| task.status = 1);
        asked(&cloud, &mut source).await;
        let after = facts(&source);
        let roots = u64::from(listing == Listing::Root);
        assert_eq!(after.tasks[Status::Failed.index()], 1 + roots, "{listing}");
        assert_eq!(
            after.tasks[Status::Completed.index()],
            before[Status::Completed.index()] + 1,
            "{listing}"
        );
        assert_eq!(after.tasks[Status::Running.index()], 1 + roots, "{listing}");
        assert_eq!(after.root_tasks.iter().sum::<u64>(), if roots == 1 { 9 } else { 3 }, "{listing}");
        assert_eq!(finished(&source), [0, 1, 1 + roots, 0, 0], "{listing}");
        assert!(!falls_back(&source), "{listing}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_main_task_is_asked_for_its_subtasks_once_more_and_then_never_again() {
    let cloud = per_root_cloud(fleet());
    change(&cloud, "r2", |task| task.status = 1);
    let mut source = settled(&cloud, config(Listing::PerRoot)).await;
    let of_root =
        |asked: &[Params]| asked.iter().filter(|p| p.get("TaskId").is_some_and(|id| id == "r2")).count();
    assert_eq!(of_root(&asked(&cloud, &mut source).await), 1, "it runs");
    change(&cloud, "r2", |task| task.status = 2);
    assert_eq!(of_root(&asked(&cloud, &mut source).await), 1, "once more");
    for _ in 0..3 {
        let asked = asked(&cloud, &mut source).await;
        assert_eq!((of_root(&asked), asked.iter().filter(|p| p.contains_key("TaskId")).count()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_deleted_while_it_runs_leaves_the_gauges_uncounted() {
    let cloud = Cloud::with([main_task("a", 1), running(main_task("b", 2))]);
    let mut source = settled(&cloud, config(Listing::Root)).await;
    cloud.tasks.lock().unwrap().retain(|task| task.id != "b");
    asked(&cloud, &mut source).await;
    assert_eq!((facts(&source).tasks, finished(&source)), ([0, 1, 0, 0, 0], [0; 5]));
}

#[tokio::test(start_paused = true)]
async fn deltas_go_on_beside_a_full_listing_that_takes_longer_than_the_interval() {
    // 400 tasks, 8 pages of 10 s each for the full listing.
    let tasks = (0..400).map(|n| main_task(&format!("t{n}"), n % 20));
    let cloud = Cloud::scripted(tasks.chain([running(main_task("now", 1))]), |params, _| {
        let is_full = params
            .get("StartTime")
            .is_some_and(|start| start.parse::<i64>().unwrap() < super::fake::NOW - 12 * 3_600_000);
        if is_full { Answer::Late(20 * SECOND) } else { Answer::Good }
    });
    let slow = Config {
        interval: 30 * SECOND,
        full_every: 10 * MINUTE,
        keep_targets: Duration::ZERO,
        stall_timeout: 10 * MINUTE,
        ..config(Listing::Root)
    };
    let source = cloud.source(slow);
    let mut published = source.subscribe();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(source.run(Duration::ZERO, shutdown.clone()));
    published.wait_for(|p| p.status.last_full_success.is_some()).await.unwrap();
    let first = published.borrow().status.last_full_success;
    // The second full listing is under way for longer than the interval.
    published
        .wait_for(|p| {
            p.status.rows.read > 0
                && p.status.rows.read < 300
                && p.status.last_full_success == first
                && p.status.last_success > first
        })
        .await
        .unwrap();
    change(&cloud, "now", |task| task.status = 3);
    published.wait_for(|p| p.counters.of(TargetType::Snapshot).tasks[2] == 1).await.unwrap();
    assert_eq!(published.borrow().status.last_full_success, first, "a delta found it");
    published.wait_for(|p| p.status.last_full_success != first).await.unwrap();
    let after = published.borrow().clone();
    assert_eq!(after.counters.of(TargetType::Snapshot).tasks, [0, 0, 1, 0, 0]);
    let tasks = after.snapshot.as_ref().unwrap().types[&TargetType::Snapshot].tasks;
    assert_eq!(tasks, [0, 400, 1, 0, 0], "the older row of the listing does not undo it");
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_account_without_tasks_is_listed_in_full_until_its_first_tasks_tell_how() {
    let cloud = Cloud::with([]);
    let source = cloud.source(Config { interval: MINUTE, ..config(Listing::Auto) });
    let mut published = source.subscribe();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(source.run(Duration::ZERO, shutdown.clone()));
    published.wait_for(|p| p.status.last_success.is_some()).await.unwrap();
    // Main tasks that have no subtasks.
    cloud.tasks.lock().unwrap().extend([main_task("first", 0), main_task("second", 0)]);
    let seen = published.wait_for(|p| p.snapshot.as_ref().is_some_and(|snapshot| snapshot.tasks == 2));
    assert!(tokio::time::timeout(3 * MINUTE, seen).await.is_ok(), "the tasks are not shown");
    assert_eq!(published.borrow().status.listing, Listing::Root);
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_older_than_the_look_back_that_ends_right_before_a_full_listing_is_counted() {
    for listing in [Listing::Flat, Listing::Root] {
        let main = main_task("main", 1);
        let long = running(subtask("long", "main", 30));
        let long = FakeTask { parent: long.parent.filter(|_| listing == Listing::Flat), ..long };
        let cloud = Cloud::with([main, long]);
        let mut source = settled(&cloud, config(listing)).await;
        assert_eq!(facts(&source).tasks[Status::Running.index()], 1, "{listing}");
        change(&cloud, "long", |task| task.status = 3);
        source.poll_full().await;
        assert_eq!(facts(&source).tasks[Status::Running.index()], 0, "{listing}: it runs no more");
        asked(&cloud, &mut source).await;
        assert_eq!(finished(&source)[Status::Failed.index()], 1, "{listing}");
        asked(&cloud, &mut source).await;
        assert_eq!(finished(&source)[Status::Failed.index()], 1, "{listing}: once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_subtask_that_outlives_its_main_task_is_not_taken_for_deleted_where_subtasks_hide() {
    let cloud = per_root_cloud(fleet());
    change(&cloud, "r2", |task| task.status = 1);
    change(&cloud, "s4", |task| task.status = 1);
    let mut source = settled(&cloud, config(Listing::PerRoot)).await;
    change(&cloud, "r2", |task| task.status = 2);
    asked(&cloud, &mut source).await;
    asked(&cloud, &mut source).await;
    assert_eq!(facts(&source).tasks[Status::Running.index()], 1, "it still runs");
    change(&cloud, "s4", |task| task.status = 3);
    tokio::time::advance(15 * MINUTE).await;
    source.poll().await;
    assert_eq!(finished(&source)[Status::Failed.index()], 1);
}
