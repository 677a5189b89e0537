//! Sources that go on under other settings.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::delta_tests::{MINUTE, SECOND, asked, change, facts, finished, running, settled};
use super::fake::{Answer, Cloud, HOUR, NOW, config, identity, main_task};
use super::{Config, Source};
use crate::ledger::TargetsShown;
use crate::meters::Meters;
use crate::model::{Listing, Status};
use crate::snapshot::Published;
use crate::state::{Config as StateConfig, Disk, Identity as StateIdentity, StateFile};

const COMPLETED: usize = Status::Completed.index();
const FAILED: usize = Status::Failed.index();

fn published(source: &Source) -> Arc<Published> {
    Arc::clone(&source.subscribe().borrow())
}

/// A source that has counted a failed task since it began.
async fn counted(cloud: &Cloud) -> Source {
    let mut source = settled(cloud, config(Listing::Root)).await;
    change(cloud, "now", |task| task.status = 3);
    asked(cloud, &mut source).await;
    assert_eq!(finished(&source)[FAILED], 1);
    source
}

fn cloud() -> Cloud {
    Cloud::with([main_task("old", 3), running(main_task("now", 1))])
}

#[tokio::test(start_paused = true)]
async fn a_source_under_other_settings_keeps_what_it_counted_published_and_knows() {
    let cloud = cloud();
    let before = counted(&cloud).await;
    let reader = before.subscribe();
    let shown = published(&before);
    let interval = 7 * MINUTE;
    let source = cloud.source_after(before, Config { interval, ..config(Listing::Root) });
    assert!(reader.same_channel(&source.subscribe()), "who reads it need not notice");
    let now = published(&source);
    assert_eq!((&now.snapshot, &now.counters), (&shown.snapshot, &shown.counters));
    assert_eq!(now.status.last_success, shown.status.last_success);
    assert_eq!((now.status.interval, now.status.stale_after), (interval, 3 * interval));

    let mut source = source;
    change(&cloud, "old", |task| task.later = 1);
    let asked = asked(&cloud, &mut source).await;
    let is_delta = asked.iter().any(|params| params["PageSize"] == "1");
    assert!(is_delta, "it asked for everything: {asked:?}");
    assert_eq!(finished(&source)[FAILED], 1, "it is counted once");
    assert_eq!(facts(&source).tasks[COMPLETED], 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_stopped_drops_its_poll_and_comes_back_with_all_it_knew() {
    let cloud =
        Cloud::scripted(
            [main_task("old", 3)],
            |_, number| {
                if number < 8 { Answer::Good } else { Answer::Silence }
            },
        );
    let source = cloud.source(Config { interval: 10 * SECOND, ..config(Listing::Root) });
    let mut reader = source.subscribe();
    let stop = CancellationToken::new();
    let task = tokio::spawn(source.run(Duration::ZERO, stop.clone()));
    reader.wait_for(|p| p.status.last_success.is_some() && p.status.poll_began.is_some()).await.unwrap();
    tokio::time::sleep(HOUR / 60).await;
    let under_way = reader.borrow().clone();
    assert!(under_way.status.poll_began.is_some(), "the cloud is silent");
    stop.cancel();
    let source = task.await.unwrap();
    let status = published(&source).status.clone();
    assert_eq!((status.poll_began, status.full_began, status.next_poll), (None, None, None));
    assert_eq!(published(&source).snapshot, under_way.snapshot);
    assert_eq!(status.consecutive_failures, under_way.status.consecutive_failures, "that was no failure");
    assert!(source.standing().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_full_listing_under_way_ends_with_its_source() {
    let cloud = Cloud::scripted([main_task("old", 3)], |_, _| Answer::Late(10 * SECOND));
    let source = cloud.source(config(Listing::Root));
    let mut reader = source.subscribe();
    let stop = CancellationToken::new();
    let task = tokio::spawn(source.run(Duration::ZERO, stop.clone()));
    reader.wait_for(|p| p.status.full_began.is_some()).await.unwrap();
    tokio::time::sleep(SECOND).await;
    stop.cancel();
    let source = task.await.unwrap();
    assert!(source.full.is_empty());
    let asked = cloud.asked.lock().unwrap().len();
    tokio::time::sleep(MINUTE).await;
    assert_eq!(cloud.asked.lock().unwrap().len(), asked);
    assert!(published(&source).snapshot.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_longer_look_back_is_shown_only_when_it_has_been_read() {
    let refuse = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let refused = Arc::clone(&refuse);
    let tasks = [main_task("older", 40), main_task("old", 3), running(main_task("now", 1))];
    let cloud = Cloud::scripted(tasks, move |_, _| {
        if refused.load(std::sync::atomic::Ordering::Relaxed) {
            Answer::Refused(403, "NoPermission")
        } else {
            Answer::Good
        }
    });
    let before = counted(&cloud).await;
    let shown = published(&before);
    assert_eq!(shown.snapshot.as_ref().unwrap().tasks, 2);
    let mut source = cloud.source_after(before, Config { lookback: 48 * HOUR, ..config(Listing::Root) });
    refuse.store(true, std::sync::atomic::Ordering::Relaxed);
    source.poll().await;
    let now = published(&source);
    assert_eq!(now.snapshot, shown.snapshot);
    assert_eq!(now.status.lookback, 24 * HOUR, "of which the snapshot speaks");
    refuse.store(false, std::sync::atomic::Ordering::Relaxed);
    tokio::time::advance(SECOND).await;
    source.poll().await;
    let now = published(&source);
    assert!(now.status.last_success > shown.status.last_success, "what changed is polled meanwhile");
    assert_eq!((now.snapshot.as_ref().unwrap().tasks, now.status.lookback), (2, 24 * HOUR));
    // A full listing that failed is tried again after that.
    tokio::time::advance(15 * MINUTE).await;
    source.poll().await;
    let now = published(&source);
    assert_eq!((now.snapshot.as_ref().unwrap().tasks, now.status.lookback), (3, 48 * HOUR));
    assert_eq!(finished(&source)[FAILED], 1);
    assert_eq!(finished(&source)[COMPLETED], 0, "what had finished long ago is not counted");
}

#[tokio::test(start_paused = true)]
async fn names_that_may_not_be_shown_any_more_leave_at_once() {
    let cloud = cloud();
    let before = counted(&cloud).await;
    let is_named =
        |source: &Source| format!("{:?}", published(source).snapshot).contains("name-of-host-of-now");
    assert!(is_named(&before));
    let numbers = facts(&before);
    let targets = TargetsShown { names: false, ..TargetsShown::default() };
    let source = cloud.source_after(before, Config { targets, ..config(Listing::Root) });
    assert!(!is_named(&source), "{:?}", published(&source).snapshot);
    assert_eq!(facts(&source), numbers);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_are_counted_on_under_other_settings() {
    let cloud = Cloud::scripted([], |_, _| Answer::Refused(403, "NoPermission"));
    let mut source = cloud.source(config(Listing::Root));
    source.poll().await;
    let mut source = cloud.source_after(source, config(Listing::Root));
    assert_eq!(published(&source).status.consecutive_failures, 1);
    source.poll().await;
    assert_eq!(published(&source).status.consecutive_failures, 2);
}

#[tokio::test]
async fn a_source_under_other_settings_goes_on_in_the_state_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let open = || async {
        let config = StateConfig { path: path.clone(), patience: SECOND };
        StateFile::open(config, Disk::real(), Meters::new().state()).await.unwrap()
    };
    let of = || StateIdentity {
        source: identity().name,
        endpoint: identity().endpoint,
        listing: Listing::Root,
        target_types: Vec::new(),
    };
    let file = open().await;
    let cloud = cloud();
    let mut source = cloud.source(config(Listing::Root)).with_restored(file.source(of()), None);
    source.poll().await;
    change(&cloud, "now", |task| task.status = 3);
    source.poll().await;
    let targets = TargetsShown { names: false, ..TargetsShown::default() };
    let mut source = cloud.source_after(source, Config { targets, ..config(Listing::Root) });
    source.poll().await;
    drop((source, file));
    let restored = open().await.source(of()).load(TargetsShown::default()).unwrap().unwrap();
    let counted = restored.ledger.counters().of(crate::model::TargetType::Snapshot).tasks;
    assert_eq!(counted[FAILED], 1);
    let names: Vec<_> =
        restored.ledger.names().iter().map(|(_, names)| names.instance_name.clone()).collect();
    assert_eq!(names, [None], "names that are not to be shown are not kept either");
}

#[tokio::test(start_paused = true)]
async fn what_was_counted_outlives_a_second_change_before_a_longer_look_back_has_been_read() {
    let cloud = cloud();
    let before = counted(&cloud).await;
    let facts_before = facts(&before);
    let longer = Config { lookback: 48 * HOUR, ..config(Listing::Root) };
    let source = cloud.source_after(before, longer.clone());
    let targets = TargetsShown { names: false, ..TargetsShown::default() };
    let mut source = cloud.source_after(source, Config { interval: 7 * MINUTE, targets, ..longer });
    assert_eq!(facts(&source), facts_before, "what is published is folded from what is known");
    source.poll().await;
    assert_eq!(finished(&source)[FAILED], 1);
    assert_eq!(facts(&source), facts_before);
}

#[tokio::test(start_paused = true)]
async fn a_full_listing_that_something_called_for_is_not_forgotten_over_another_change() {
    let cloud = cloud();
    let hidden = TargetsShown { names: false, ..TargetsShown::default() };
    let mut source = settled(&cloud, Config { targets: hidden, ..config(Listing::Root) }).await;
    let full = published(&source).status.last_full_success;
    // Calls for a full listing, because no name is known; then another setting changes.
    source = cloud.source_after(source, config(Listing::Root));
    source = cloud.source_after(source, Config { interval: 7 * MINUTE, ..config(Listing::Root) });
    tokio::time::advance(15 * MINUTE).await;
    source.poll().await;
    assert!(published(&source).status.last_full_success > full, "names are missing for hours");
}

#[tokio::test(start_paused = true)]
async fn a_look_back_that_is_shortened_and_lengthened_again_counts_nothing_twice() {
    let cloud = Cloud::with([main_task("old", 20), running(main_task("now", 10))]);
    let mut source = settled(&cloud, config(Listing::Root)).await;
    change(&cloud, "now", |task| task.status = 3);
    asked(&cloud, &mut source).await;
    assert_eq!(finished(&source)[FAILED], 1);
    let shorter = Config { lookback: 2 * HOUR, keep_targets: HOUR, ..config(Listing::Root) };
    let mut source = cloud.source_after(source, shorter);
    source.poll().await;
    source.poll_full().await;
    assert_eq!(published(&source).snapshot.as_ref().unwrap().tasks, 0);
    let mut source = cloud.source_after(source, config(Listing::Root));
    source.poll().await;
    assert_eq!(published(&source).snapshot.as_ref().unwrap().tasks, 2);
    assert_eq!((finished(&source)[FAILED], finished(&source)[COMPLETED]), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_longer_look_back_is_read_beside_polls_that_keep_the_data_fresh() {
    let late = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_late = Arc::clone(&late);
    let tasks = [main_task("older", 40), main_task("old", 3), running(main_task("now", 1))];
    let cloud = Cloud::scripted(tasks, move |params, _| {
        let from = params.get("StartTime").and_then(|from| from.parse::<i64>().ok());
        let is_of_longer = from.is_some_and(|from| from < NOW - 30 * 3_600_000);
        if is_of_longer && is_late.load(std::sync::atomic::Ordering::Relaxed) {
            Answer::Late(25 * SECOND)
        } else {
            Answer::Good
        }
    });
    let before = counted(&cloud).await;
    let longer = Config {
        lookback: 48 * HOUR,
        interval: 5 * SECOND,
        stale_after: 15 * SECOND,
        ..config(Listing::Root)
    };
    let source = cloud.source_after(before, longer);
    let first = published(&source).status.last_success;
    late.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut reader = source.subscribe();
    let stop = CancellationToken::new();
    let task = tokio::spawn(source.run(Duration::ZERO, stop.clone()));
    reader.wait_for(|p| p.status.full_began.is_some()).await.unwrap();
    tokio::time::sleep(20 * SECOND).await;
    let now = reader.borrow().clone();
    assert!(now.status.full_began.is_some(), "it is being read");
    assert!(now.status.last_success > first, "nothing was polled beside it");
    assert_eq!((now.snapshot.as_ref().unwrap().tasks, now.status.lookback), (2, 24 * HOUR));
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_longer_look_back_than_that_in_the_state_file_is_shown_only_when_it_has_been_read() {
    let folder = tempfile::tempdir().unwrap();
    let config_of_file = StateConfig { path: folder.path().join("state"), patience: SECOND };
    let file = StateFile::open(config_of_file, Disk::real(), Meters::new().state()).await.unwrap();
    let of = || StateIdentity {
        source: identity().name,
        endpoint: identity().endpoint,
        listing: Listing::Root,
        target_types: Vec::new(),
    };
    let cloud = Cloud::with([main_task("older", 40), main_task("old", 3), running(main_task("now", 1))]);
    let mut source = cloud.source(config(Listing::Root)).with_restored(file.source(of()), None);
    source.poll().await;
    change(&cloud, "now", |task| task.status = 3);
    source.poll().await;
    drop(source);
    let go_on = |lookback| {
        let mut state = file.source(of());
        let restored = state.load(TargetsShown::default()).unwrap();
        cloud.source(Config { lookback, ..config(Listing::Root) }).with_restored(state, restored)
    };
    assert!(go_on(24 * HOUR).can_delta());
    let mut source = go_on(48 * HOUR);
    source.poll().await;
    assert_eq!(published(&source).snapshot.as_ref().unwrap().tasks, 3);
    assert_eq!(finished(&source)[FAILED], 1);
    // Also if its settings change before that.
    let source = go_on(72 * HOUR);
    let mut source = cloud.source_after(source, Config { lookback: 72 * HOUR, ..config(Listing::Root) });
    source.poll().await;
    assert_eq!(published(&source).snapshot.as_ref().unwrap().tasks, 3);
    assert_eq!(finished(&source)[FAILED], 1);
}
