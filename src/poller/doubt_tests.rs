//! When delta polls are not trusted: a full listing follows, or the source falls back to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus::proto::Metric;

use super::Config;
use super::fake::{Answer, Cloud, FakeTask, HOUR, NOW, Params, body, config, main_task, quick};
use crate::clock::{Clock, UnixMillis};
use crate::model::{Listing, Status, TargetType};

use super::delta_tests::{MINUTE, SECOND, asked, change, facts, falls_back, finished, running, settled};

#[tokio::test(start_paused = true)]
async fn an_old_task_that_ends_is_found_by_its_id_else_by_its_machine() {
    let is_by_id = |params: &Params| params.contains_key("TaskIdList");
    let of_no_use: [fn(&Cloud, &Params) -> Answer; 4] = [
        |cloud, params| Answer::Body(cloud.page(params)),
        |_, _| Answer::Refused(400, "InvalidParameter.TaskIdList"),
        |_, _| Answer::Body(body(Vec::new(), 0, 50)),
        |cloud, params| {
            let mut params = params.clone();
            params.remove("TaskIdList");
            Answer::Body(cloud.page(&params))
        },
    ];
    for (case, answer) in of_no_use.into_iter().enumerate() {
        let good = Cloud::with([main_task("new", 1), running(main_task("old", 20))]);
        let tasks = good.clone();
        let cloud = Cloud::scripted([], move |params, _| {
            if is_by_id(params) { answer(&good, params) } else { Answer::Body(good.page(params)) }
        });
        let mut source = settled(&cloud, config(Listing::Root)).await;
        change(&tasks, "old", |task| task.status = 4);
        let asked = asked(&cloud, &mut source).await;
        assert_eq!(finished(&source), [0, 0, 0, 1, 0], "case {case}");
        let by_machine = asked.iter().filter(|params| params.contains_key("Uuid")).count();
        assert_eq!(by_machine, usize::from(case > 0), "case {case}");
        assert!(!falls_back(&source), "case {case}");
    }
}

#[tokio::test(start_paused = true)]
async fn growth_that_nothing_explains_calls_for_a_full_listing() {
    let cloud = Cloud::with([main_task("a", 1)]);
    let mut source = settled(&cloud, config(Listing::Root)).await;
    // A row that comes ten hours late.
    cloud.tasks.lock().unwrap().push(main_task("late", 10));
    asked(&cloud, &mut source).await;
    assert_eq!(finished(&source)[1], 0, "no delta can see it");
    tokio::time::advance(15 * MINUTE).await;
    source.poll().await;
    assert_eq!((facts(&source).tasks[1], finished(&source)[1]), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn an_api_that_refuses_or_ignores_a_filter_is_read_in_full_and_told_once() {
    let without = |name: &'static str| {
        move |cloud: &Cloud, params: &Params| {
            let mut params = params.clone();
            params.remove(name);
            Answer::Body(cloud.page(&params))
        }
    };
    let refuse_status = |cloud: &Cloud, params: &Params| {
        let is_finished = params.get("Status").is_some_and(|status| status != "1");
        if is_finished {
            Answer::Refused(400, "InvalidParameter.Status")
        } else {
            Answer::Body(cloud.page(params))
        }
    };
    type Server = Box<dyn Fn(&Cloud, &Params) -> Answer + Send + Sync>;
    let servers: [(&str, Server); 3] = [
        ("ignores Status", Box::new(without("Status"))),
        ("ignores StartTime", Box::new(without("StartTime"))),
        ("refuses Status", Box::new(refuse_status)),
    ];
    for (case, server) in servers {
        let good = Cloud::with([main_task("a", 1), main_task("b", 20), running(main_task("c", 2))]);
        let tasks = good.clone();
        let cloud = Cloud::scripted([], move |params, _| server(&good, params));
        let mut source = settled(&cloud, config(Listing::Root)).await;
        assert!(falls_back(&source), "{case}");
        change(&tasks, "c", |task| task.status = 3);
        asked(&cloud, &mut source).await;
        assert_eq!((facts(&source).tasks, finished(&source)), ([0, 2, 1, 0, 0], [0, 0, 1, 0, 0]), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_ignores_the_ids_is_not_read_from_end_to_end_for_one_task() {
    let old = (0..2000).map(|n| main_task(&format!("t{n}"), n % 20));
    let good = Cloud::with(old.chain([running(main_task("old", 20))]));
    let tasks = good.clone();
    let cloud = Cloud::scripted([], move |params, _| {
        let mut params = params.clone();
        params.remove("TaskIdList");
        Answer::Body(good.page(&params))
    });
    let mut source = settled(&cloud, config(Listing::Root)).await;
    change(&tasks, "old", |task| task.status = 4);
    let asked = asked(&cloud, &mut source).await;
    assert_eq!(finished(&source)[Status::TimedOut.index()], 1);
    assert_eq!(asked.iter().filter(|params| params.contains_key("TaskIdList")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_never_shown_call_for_no_full_listing_time_and_again() {
    let hidden = |cloud: &Cloud, params: &Params| {
        let mut page = cloud.page(params);
        if params["PageSize"] != "1" && !params.contains_key("Status") {
            page["List"].as_array_mut().unwrap().retain(|row| row["TaskId"] != "hidden");
        }
        Answer::Body(page)
    };
    let good = Cloud::with([main_task("a", 1), main_task("b", 1), main_task("hidden", 1)]);
    let cloud = Cloud::scripted([], move |params, _| hidden(&good, params));
    let mut source = settled(&cloud, config(Listing::Root)).await;
    assert_eq!(source.subscribe().borrow().snapshot.as_ref().unwrap().missing_rows, 1);
    let first = source.subscribe().borrow().status.last_full_success;
    tokio::time::advance(15 * MINUTE).await;
    source.poll().await;
    let second = source.subscribe().borrow().status.last_full_success;
    assert!(second > first, "one more look");
    tokio::time::advance(HOUR).await;
    source.poll().await;
    assert_eq!(source.subscribe().borrow().status.last_full_success, second);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_during_the_first_delta_poll_calls_for_no_full_listing() {
    let armed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (switch, good) = (armed.clone(), Cloud::with([main_task("a", 1), running(main_task("b", 1))]));
    let cloud = Cloud::scripted([], move |params, _| {
        let is_recent = params.contains_key("StartTime") && !params.contains_key("Status");
        if is_recent && switch.swap(false, std::sync::atomic::Ordering::Relaxed) {
            // After the counts were read.
            change(&good, "b", |task| task.status = 3);
        }
        Answer::Body(good.page(params))
    });
    let mut source = cloud.source(config(Listing::Root));
    source.poll().await;
    let first = source.subscribe().borrow().status.last_full_success;
    armed.store(true, std::sync::atomic::Ordering::Relaxed);
    asked(&cloud, &mut source).await;
    assert_eq!(finished(&source)[Status::Failed.index()], 1);
    asked(&cloud, &mut source).await;
    tokio::time::advance(20 * MINUTE).await;
    source.poll().await;
    assert_eq!(source.subscribe().borrow().status.last_full_success, first);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_after_a_full_listing_hides_no_task() {
    let cloud = Cloud::with([main_task("a", 1)]);
    let now = UnixMillis::new(NOW).unwrap();
    let (clock, hand) = Clock::manual(now.plus(5 * HOUR));
    let mut source = cloud.source_at(config(Listing::Root), clock);
    source.poll().await;
    hand.set(now);
    // It starts and ends between the two polls.
    cloud.tasks.lock().unwrap().push(main_task("new", 0));
    tokio::time::advance(2 * MINUTE).await;
    source.poll().await;
    assert_eq!(finished(&source)[Status::Completed.index()], 1);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_ignores_the_type_of_the_target_is_noticed() {
    let image = |id| FakeTask { target_type: 2, ..main_task(id, 1) };
    let good = Cloud::with([main_task("a", 1), image("0"), image("1"), image("2")]);
    let cloud = Cloud::scripted([], move |params, _| {
        let mut params = params.clone();
        params.remove("TargetType");
        Answer::Body(good.page(&params))
    });
    let one = Config { target_types: vec![TargetType::Snapshot], ..config(Listing::Root) };
    let source = settled(&cloud, one).await;
    assert!(falls_back(&source));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_end_a_long_full_listing_finds_first_calls_for_no_other() {
    // 8 pages of 22 s each for the full listing, beside a delta every 30 s.
    let tasks = (0..399).map(|n| main_task(&format!("t{n}"), n % 20));
    let cloud = Cloud::scripted(tasks.chain([running(main_task("long", 21))]), |params, _| {
        let is_full =
            params.get("StartTime").is_some_and(|start| start.parse::<i64>().unwrap() < NOW - 12 * 3_600_000);
        if is_full { Answer::Late(22 * SECOND) } else { Answer::Good }
    });
    let slow = Config {
        interval: 30 * SECOND,
        full_every: HOUR,
        keep_targets: Duration::ZERO,
        stall_timeout: 10 * MINUTE,
        lookback: 30 * HOUR,
        ..config(Listing::Root)
    };
    let source = cloud.source(slow);
    let mut published = source.subscribe();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let task = tokio::spawn(source.run(Duration::ZERO, shutdown.clone()));
    let last_full = async |published: &mut tokio::sync::watch::Receiver<_>, before| {
        let is_new = |p: &std::sync::Arc<crate::snapshot::Published>| p.status.last_full_success != before;
        published.wait_for(is_new).await.unwrap().status.last_full_success
    };
    let first = last_full(&mut published, None).await;
    tokio::time::sleep(MINUTE).await;
    published.wait_for(|p| p.status.rows.read >= 300 && p.status.rows.read < 350).await.unwrap();
    tokio::time::sleep(20 * SECOND).await;
    change(&cloud, "long", |task| task.status = 3);
    let second = last_full(&mut published, first).await;
    let counted = published.borrow().counters.of(TargetType::Snapshot).tasks[Status::Failed.index()];
    assert_eq!(counted, 1, "the listing found it");
    let third = tokio::time::timeout(30 * MINUTE, last_full(&mut published, second)).await;
    assert!(third.is_err(), "a full listing followed");
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_was_ahead_and_is_set_back_calls_for_a_full_listing() {
    let cloud = Cloud::with([main_task("a", 1)]);
    let now = UnixMillis::new(NOW).unwrap();
    let (clock, hand) = Clock::manual(now);
    let mut source = cloud.source_at(config(Listing::Root), clock);
    source.poll().await;
    hand.set(now.plus(48 * HOUR));
    asked(&cloud, &mut source).await;
    assert_eq!(facts(&source).tasks[Status::Completed.index()], 0, "it has left the look-back");
    hand.set(now);
    asked(&cloud, &mut source).await;
    tokio::time::advance(15 * MINUTE).await;
    source.poll().await;
    assert_eq!(facts(&source).tasks[Status::Completed.index()], 1);
    assert_eq!(finished(&source), [0; 5]);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_was_scanned_in_two_types_is_still_a_machine() {
    let good = Cloud::with([main_task("new", 1), running(main_task("old", 20))]);
    let tasks = good.clone();
    let cloud = Cloud::scripted([], move |params, _| {
        if params.contains_key("TaskIdList") {
            return Answer::Refused(400, "InvalidParameter.TaskIdList");
        }
        let mut page = good.page(params);
        if params.contains_key("Uuid") {
            let mut other = page["List"][0].clone();
            (other["TaskId"], other["TargetType"]) = ("other".into(), 3.into());
            page["List"].as_array_mut().unwrap().push(other);
            page["PageInfo"]["TotalCount"] = 2.into();
        }
        Answer::Body(page)
    });
    let mut source = settled(&cloud, config(Listing::Root)).await;
    change(&tasks, "old", |task| task.status = 4);
    asked(&cloud, &mut source).await;
    assert!(!falls_back(&source));
    assert_eq!(finished(&source)[Status::TimedOut.index()], 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_forgets_its_oldest_tasks_all_the_time_is_no_reason_to_fall_back() {
    let cloud = Cloud::with((0..60).map(|n| main_task(&format!("t{n}"), n % 20)));
    let mut source = cloud.source(config(Listing::Root));
    for _ in 0..4 {
        source.poll().await;
        tokio::time::advance(2 * MINUTE).await;
        cloud.tasks.lock().unwrap().pop();
    }
    assert!(!falls_back(&source));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_runs_again_hides_no_other_that_finished_meanwhile() {
    let cloud = Cloud::with([main_task("a", 1)]);
    let mut source = settled(&cloud, config(Listing::Root)).await;
    // One leaves the count of completed tasks, one joins it: the count stands.
    change(&cloud, "a", |task| {
        task.status = 1;
        task.later = 61 * 60_000;
    });
    cloud.tasks.lock().unwrap().push(main_task("b", 0));
    asked(&cloud, &mut source).await;
    assert_eq!((facts(&source).tasks, finished(&source)), ([1, 1, 0, 0, 0], [0, 1, 0, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_delta_poll_that_is_of_no_use_is_counted_as_one_that_failed() {
    let good = Cloud::with([main_task("a", 1), running(main_task("b", 2))]);
    let cloud = Cloud::scripted([], move |params, _| {
        let mut params = params.clone();
        params.remove("Status");
        Answer::Body(good.page(&params))
    });
    let (mut source, meters) = cloud.source_with(config(Listing::Root), quick());
    source.poll().await;
    source.poll().await;
    let count = |name: &str, label: &str, value: &str| -> f64 {
        let families = meters.gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        let has = |m: &&Metric| m.get_label().iter().any(|l| (l.name(), l.value()) == (label, value));
        family.get_metric().iter().filter(has).map(|m| m.get_counter().get_value()).sum()
    };
    assert_eq!(count("agentless_exporter_polls_total", "kind", "delta"), 1.0);
    assert_eq!(count("agentless_exporter_polls_total", "outcome", "failure"), 1.0);
    assert_eq!(count("agentless_exporter_poll_failures_total", "reason", "incomplete"), 1.0);
    assert!(source.subscribe().borrow().status.failure.is_none(), "a full listing took its place");
}

#[tokio::test(start_paused = true)]
async fn a_full_listing_that_fails_beside_deltas_is_under_way_no_more() {
    let tasks = Cloud::with([main_task("a", 1), running(main_task("b", 2))]);
    let is_down = Arc::new(AtomicBool::new(false));
    let (good, down) = (tasks.clone(), Arc::clone(&is_down));
    let cloud = Cloud::scripted([], move |params, _| match down.load(Ordering::Relaxed) {
        true => Answer::Refused(403, "NoPermission"),
        false => Answer::Body(good.page(params)),
    });
    let mut source = settled(&cloud, config(Listing::Root)).await;
    is_down.store(true, Ordering::Relaxed);
    source.poll_full().await;
    let status = source.subscribe().borrow().status.clone();
    assert_eq!((status.poll_began, status.full_began), (None, None));
}
