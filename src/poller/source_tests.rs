use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::fake::{Answer, Cloud, main_task};
use crate::clock::UnixMillis;
use crate::model::{FailureReason, Listing, Status, TargetType};

const SECOND: Duration = Duration::from_secs(1);

fn config() -> Config {
    Config { listing: Listing::Root, interval: 60 * SECOND, ..Config::default() }
}

#[tokio::test(start_paused = true)]
async fn a_failed_poll_keeps_the_snapshot_and_tells_why() {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let cloud = Cloud::scripted([main_task("r1", 1)], move |_, _| {
        if switch.load(Ordering::Relaxed) { Answer::Refused(403, "NoPermission") } else { Answer::Good }
    });
    let mut source = cloud.source(config());
    source.poll().await;
    let before = source.subscribe().borrow().snapshot.clone().unwrap();
    broken.store(true, Ordering::Relaxed);
    for failures in 1..=2 {
        source.poll().await;
        let published = source.subscribe().borrow().clone();
        assert_eq!(published.snapshot.as_ref(), Some(&before));
        assert_eq!(published.status.consecutive_failures, failures);
        let failure = published.status.failure.as_ref().unwrap();
        assert_eq!(failure.reason, FailureReason::Permission);
        assert!(failure.message.contains("NoPermission"), "{}", failure.message);
    }
    broken.store(false, Ordering::Relaxed);
    source.poll().await;
    let published = source.subscribe().borrow().clone();
    assert_eq!((published.status.consecutive_failures, &published.status.failure), (0, &None));
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_half_read_listing_is_published() {
    let cloud = Cloud::scripted((0..100).map(|n| main_task(&format!("r{n}"), n % 20)), |params, _| {
        if params["CurrentPage"] == "2" { Answer::Refused(500, "ServerError") } else { Answer::Good }
    });
    let mut source = cloud.source(config());
    source.poll().await;
    assert!(source.subscribe().borrow().snapshot.is_none());
}

#[tokio::test(start_paused = true)]
async fn polls_start_every_interval_and_the_first_after_its_delay() {
    let cloud = Cloud::with([main_task("r1", 1)]);
    let source = cloud.source(config());
    let mut published = source.subscribe();
    let shutdown = CancellationToken::new();
    let began = Instant::now();
    let running = tokio::spawn(source.run(7 * SECOND, shutdown.clone()));
    let mut ends = Vec::new();
    while ends.len() < 3 {
        published.changed().await.unwrap();
        let at = published.borrow_and_update().status.last_success;
        if at.is_some() && ends.last() != Some(&(at, began.elapsed().as_secs())) {
            ends.push((at, began.elapsed().as_secs()));
        }
        ends.dedup_by_key(|(at, _)| *at);
    }
    let seconds: Vec<u64> = ends.into_iter().map(|(_, seconds)| seconds).collect();
    assert_eq!(seconds, [7, 67, 127]);
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_takes_long_skips_the_ticks_it_runs_over() {
    let cloud = Cloud::scripted([], |_, number| if number == 0 { Answer::Silence } else { Answer::Good });
    let long = Config { stall_timeout: 150 * SECOND, ..config() };
    let mut source_config = long;
    source_config.listing = Listing::Root;
    let source = cloud.source(source_config);
    let mut published = source.subscribe();
    let shutdown = CancellationToken::new();
    let began = Instant::now();
    let running = tokio::spawn(source.run(Duration::ZERO, shutdown.clone()));
    published.wait_for(|published| published.status.last_success.is_some()).await.unwrap();
    // Silent until 30 s or 150 s, by time-out of the request or of the poll; never two at a time.
    assert_eq!(began.elapsed().as_secs() % 60, 0);
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_age_at_which_data_is_stale_follows_interval_and_duration() {
    let source = Cloud::with([]).source(config());
    assert_eq!(source.subscribe().borrow().status.stale_after, Duration::from_secs(15 * 60));
    let slow = Config { interval: 600 * SECOND, ..config() };
    assert_eq!(Cloud::with([]).source(slow).subscribe().borrow().status.stale_after, 1800 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_speaks_of_the_end_of_its_poll() {
    let cloud = Cloud::with([main_task("r1", 1)]);
    let mut source = cloud.source(config());
    tokio::time::advance(5 * SECOND).await;
    source.poll().await;
    let published = source.subscribe().borrow().clone();
    let snapshot = published.snapshot.as_ref().unwrap();
    assert_eq!(Some(snapshot.as_of), published.status.last_success);
    assert!(snapshot.as_of >= UnixMillis::new(super::fake::NOW + 5000).unwrap());
    assert_eq!(snapshot.types[&TargetType::Snapshot].tasks[Status::Completed.index()], 1);
    assert_eq!(published.status.ledger_tasks, 1);
}
