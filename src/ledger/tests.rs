use std::borrow::Cow;

use super::*;
use crate::model::{CheckProgress, ReportStatus, Status, TargetType, Task};

const DAY: Duration = Duration::from_secs(86_400);

fn at(hours: i64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000 + hours * 3_600_000).unwrap()
}

fn task(id: &str, target: &'static str, status: Status, start: i64, end: Option<i64>) -> (TaskKey, Record) {
    let task = Task {
        id: Cow::Borrowed(id),
        target_type: TargetType::Snapshot,
        target: Some(Cow::Borrowed(target)),
        status,
        start: Some(at(start)),
        end: end.map(at),
        progress: None,
        checks: CheckProgress::default(),
        measured_bytes: None,
        report: ReportStatus::None,
    };
    (TaskKey::of(id), Record::from(&task))
}

fn listing(scans: impl IntoIterator<Item = (TaskKey, Record)>) -> FullListing {
    FullListing { scans: scans.into_iter().collect(), ..FullListing::default() }
}

fn latest(ledger: &Ledger) -> Vec<Status> {
    ledger.targets().values().map(|target| target.latest.status).collect()
}

#[test]
fn a_task_that_a_listing_does_not_show_leaves_and_its_target_stays() {
    let mut ledger = Ledger::default();
    ledger.apply(listing([task("a", "host", Status::Failed, 0, Some(1))]), at(2), DAY);
    assert_eq!((ledger.len(), latest(&ledger)), (1, vec![Status::Failed]));
    ledger.apply(listing([]), at(3), DAY);
    assert_eq!((ledger.len(), latest(&ledger)), (0, vec![Status::Failed]));
}

#[test]
fn a_target_is_forgotten_when_its_last_task_is_too_old() {
    let mut ledger = Ledger::default();
    ledger.apply(listing([task("a", "host", Status::Failed, 0, Some(1))]), at(2), DAY);
    ledger.apply(listing([]), at(25), DAY);
    assert_eq!(latest(&ledger), [Status::Failed]);
    ledger.apply(listing([]), at(26), DAY);
    assert_eq!(latest(&ledger), []);
}

#[test]
fn a_running_task_does_not_change_the_state_of_its_target() {
    let mut ledger = Ledger::default();
    let failed = task("a", "host", Status::Failed, 0, Some(1));
    let running = task("b", "host", Status::Running, 2, None);
    ledger.apply(listing([failed, running]), at(3), DAY);
    assert_eq!(latest(&ledger), [Status::Failed]);
}

#[test]
fn a_task_that_runs_again_does_not_unsay_how_it_finished() {
    let mut ledger = Ledger::default();
    ledger.apply(listing([task("a", "host", Status::Failed, 0, Some(1))]), at(2), DAY);
    ledger.apply(listing([task("a", "host", Status::Running, 2, None)]), at(3), DAY);
    assert_eq!(latest(&ledger), [Status::Failed]);
    ledger.apply(listing([task("a", "host", Status::Completed, 2, Some(4))]), at(5), DAY);
    assert_eq!(latest(&ledger), [Status::Completed]);
}

#[test]
fn a_status_corrected_in_place_replaces_what_was_known() {
    let mut ledger = Ledger::default();
    ledger.apply(listing([task("a", "host", Status::Completed, 0, Some(2))]), at(3), DAY);
    ledger.apply(listing([task("a", "host", Status::Failed, 0, Some(1))]), at(3), DAY);
    assert_eq!(latest(&ledger), [Status::Failed]);
    assert!(ledger.targets().values().all(|target| target.latest_success.is_none()));
}

#[test]
fn the_latest_task_is_the_one_that_ended_last() {
    let mut ledger = Ledger::default();
    let long = task("long", "host", Status::Failed, 0, Some(9));
    let short = task("short", "host", Status::Completed, 5, Some(6));
    ledger.apply(listing([long, short]), at(10), DAY);
    assert_eq!(latest(&ledger), [Status::Failed]);
}

#[test]
fn an_end_that_lies_ahead_proves_nothing_and_the_start_counts() {
    let mut ledger = Ledger::default();
    let deadline = task("deadline", "host", Status::Failed, 0, Some(20));
    let honest = task("honest", "host", Status::Completed, 1, Some(2));
    ledger.apply(listing([deadline, honest]), at(10), DAY);
    assert_eq!(latest(&ledger), [Status::Completed]);
}

#[test]
fn history_feeds_targets_and_nothing_else() {
    let mut ledger = Ledger::default();
    let old = task("old", "host", Status::TimedOut, 0, Some(1));
    let history = [old].into_iter().collect();
    ledger.apply(FullListing { history, ..FullListing::default() }, at(2), DAY);
    assert!(ledger.is_empty());
    assert_eq!(latest(&ledger), [Status::TimedOut]);
}

#[test]
fn the_last_success_outlives_a_later_failure() {
    let mut ledger = Ledger::default();
    ledger.apply(listing([task("good", "host", Status::Completed, 0, Some(1))]), at(2), DAY);
    ledger.apply(listing([task("bad", "host", Status::Failed, 2, Some(3))]), at(4), DAY);
    let target = ledger.targets().values().next().unwrap();
    assert_eq!(target.latest.status, Status::Failed);
    assert_eq!(target.latest_success.and_then(|success| success.finished_at), Some(at(1)));
}
