use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::fake::{Answer, Cloud, main_task, quick};
use crate::clock::{Clock, UnixMillis};
use crate::meters::Meters;
use crate::model::{FailureReason, Listing, Status, TargetType};
use crate::rpc;

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
async fn a_poll_that_takes_long_skips_the_ticks_it_runs_over_and_counts_them() {
    // Two answers make the full listing, five the delta poll after it.
    let cloud = Cloud::scripted([main_task("r1", 1)], |_, _| Answer::Late(35 * SECOND));
    let patient = Config { keep_targets: Duration::ZERO, stall_timeout: 100 * SECOND, ..config() };
    let slow = rpc::Config { requests_per_second: 1e6, request_timeout: 90 * SECOND, ..quick() };
    let (source, meters) = cloud.source_with(patient, slow);
    let mut published = source.subscribe();
    let shutdown = CancellationToken::new();
    let began = Instant::now();
    let running = tokio::spawn(source.run(Duration::ZERO, shutdown.clone()));
    let mut ends = Vec::new();
    while ends.len() < 2 {
        let at = published.wait_for(|p| p.status.last_poll.is_some_and(|at| ends.last() != Some(&at))).await;
        ends.push(at.unwrap().status.last_poll.unwrap());
    }
    assert_eq!(ends[1].since(ends[0]), 225 * SECOND);
    assert_eq!(began.elapsed(), 295 * SECOND);
    assert!(published.borrow().status.failure.is_none());
    // Of the first poll that at 60 s; the second began at 120 s.
    tokio::task::yield_now().await;
    assert_eq!(skipped(&meters), 3);
    shutdown.cancel();
    running.await.unwrap();
}

fn skipped(meters: &Meters) -> u64 {
    let families = meters.gather();
    let family = families.iter().find(|f| f.name() == "agentless_exporter_polls_skipped_total").unwrap();
    family.get_metric()[0].get_counter().get_value() as u64
}

#[tokio::test(start_paused = true)]
async fn the_age_at_which_data_is_stale_follows_the_configuration_and_the_interval() {
    let stale_after = |config| Cloud::with([]).source(config).subscribe().borrow().status.stale_after;
    assert_eq!(stale_after(config()), 900 * SECOND);
    assert_eq!(stale_after(Config { interval: 600 * SECOND, ..config() }), 1800 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn the_age_at_which_data_is_stale_follows_the_last_good_poll() {
    let slow = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&slow);
    let cloud = Cloud::scripted([main_task("r1", 1)], move |_, _| {
        let is_slow = switch.load(Ordering::Relaxed);
        if is_slow { Answer::Late(20 * SECOND) } else { Answer::Refused(500, "ServerError") }
    });
    let tight = Config { stale_after: SECOND, interval: SECOND, keep_targets: Duration::ZERO, ..config() };
    let mut source = cloud.source(tight);
    source.poll().await;
    assert_eq!(source.subscribe().borrow().status.stale_after, 120 * SECOND);
    // A failure says nothing of how long the next good poll takes.
    slow.store(false, Ordering::Relaxed);
    source.poll().await;
    assert!(source.subscribe().borrow().status.failure.is_some());
    assert_eq!(source.subscribe().borrow().status.stale_after, 120 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn data_ages_though_the_clock_is_set_back() {
    let broken = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&broken);
    let cloud = Cloud::scripted([main_task("r1", 1)], move |_, _| {
        if switch.load(Ordering::Relaxed) { Answer::Refused(403, "NoPermission") } else { Answer::Good }
    });
    let (clock, hand) = Clock::manual(UnixMillis::new(super::fake::NOW).unwrap());
    let mut source = cloud.source_at(config(), clock.clone());
    source.poll().await;
    broken.store(true, Ordering::Relaxed);
    hand.set(clock.now().minus(Duration::from_secs(86_400)));
    let is_fresh = |source: &super::Source| source.subscribe().borrow().fresh_snapshot(clock.now()).is_some();
    source.poll().await;
    assert!(is_fresh(&source));
    tokio::time::advance(901 * SECOND).await;
    source.poll().await;
    assert!(!is_fresh(&source));
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

#[tokio::test(start_paused = true)]
async fn a_cloud_that_goes_quiet_is_given_up_in_the_middle_of_its_attempts() {
    let cloud = Cloud::scripted([], |_, _| Answer::Silence);
    // Three attempts of 30 s each, and more to come.
    let patient = rpc::Config { max_attempts: 5, ..rpc::Config::default() };
    let (mut source, _) = cloud.source_with(Config { stall_timeout: 70 * SECOND, ..config() }, patient);
    let began = Instant::now();
    source.poll().await;
    assert!((70..90).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    let failure = source.subscribe().borrow().status.failure.clone().unwrap();
    assert_eq!((failure.reason, failure.message.as_str()), (FailureReason::Timeout, "no page came for 70 s"));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_our_own_rate_limit_is_no_silence_of_the_cloud() {
    let cloud = Cloud::with((0..200).map(|n| main_task(&format!("r{n}"), n % 20)));
    let slow = rpc::Config { requests_per_second: 0.005, ..quick() };
    let (mut source, _) = cloud.source_with(Config { stall_timeout: 60 * SECOND, ..config() }, slow);
    source.poll().await;
    let published = source.subscribe().borrow().clone();
    assert_eq!((&published.status.failure, published.status.ledger_tasks), (&None, 200));
}

#[tokio::test(start_paused = true)]
async fn a_lower_rate_is_published_while_the_poll_goes_on_and_the_full_one_when_the_next_begins() {
    let cloud =
        Cloud::scripted((0..200).map(|n| main_task(&format!("r{n}"), n % 20)), |_, number| match number {
            0 => Answer::Refused(400, "Throttling.User"),
            1 => Answer::Good,
            _ => Answer::Silence,
        });
    let (mut source, _) = cloud.source_with(config(), rpc::Config { max_attempts: 2, ..quick() });
    let published = source.subscribe();
    let rate = || published.borrow().status.rate_limit;
    assert_eq!(rate(), 2.0);
    let cut_off = tokio::time::timeout(20 * SECOND, source.poll()).await;
    assert!(cut_off.is_err(), "the poll was to go on");
    assert_eq!(rate(), 1.0);
    tokio::time::advance(120 * SECOND).await;
    source.poll().await;
    assert!(published.borrow().status.failure.is_some(), "the cloud was to be given up");
    let cut_off = tokio::time::timeout(SECOND, source.poll()).await;
    assert!(cut_off.is_err(), "the poll was to go on");
    assert_eq!(rate(), 2.0);
}
