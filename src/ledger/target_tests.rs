//! What becomes of targets as time passes.

use super::tests::{at, horizon, listing, named, task};
use super::*;
use crate::clock::UnixMillis;
use crate::model::Status;
use Status::Failed;

/// When its latest task ended, and since when it fails, of the one target.
fn told(ledger: &Ledger) -> Vec<(Option<UnixMillis>, Option<UnixMillis>)> {
    ledger.targets().values().map(|target| (target.latest.finished_at, target.failing_since())).collect()
}

#[test]
fn an_end_that_lay_ahead_is_known_from_the_first_poll_after_it() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Failed, 0, Some(4))]), &horizon(2));
    assert_eq!(told(&ledger), [(None, Some(at(0)))]);
    ledger.apply_delta(DeltaListing::default(), at(3), &horizon(3));
    assert_eq!(told(&ledger), [(None, Some(at(0)))]);
    let changes = ledger.apply_delta(DeltaListing::default(), at(4), &horizon(4));
    assert_eq!(told(&ledger), [(Some(at(4)), Some(at(4)))]);
    assert_eq!((changes.targets.len(), changes.corrections), (1, 0));
}

#[test]
fn an_end_that_came_while_the_process_was_down_is_known_from_the_first_poll_after_it() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Failed, 0, Some(4))]), &horizon(2));
    let parts = Parts {
        scans: ledger.remembered_scans().clone(),
        targets: ledger.targets().clone(),
        standing: ledger.standing(),
        ..Parts::default()
    };
    let mut ledger = Ledger::restore(parts, at(2));
    ledger.apply_delta(DeltaListing::default(), at(5), &horizon(5));
    assert_eq!(told(&ledger), [(Some(at(4)), Some(at(4)))]);
}

#[test]
fn a_row_that_is_older_than_targets_are_kept_brings_none_back() {
    let mut ledger = Ledger::default();
    let old = || task("a", "host", Failed, 0, Some(1));
    ledger.apply_full(listing([old()]), &horizon(25));
    assert_eq!(told(&ledger).len(), 1);
    ledger.apply_full(listing([old()]), &horizon(26));
    assert_eq!(told(&ledger), []);
    let scans = [old(), task("b", "host", Failed, 25, Some(26))].into_iter().collect();
    ledger.apply_delta(DeltaListing { scans, ..DeltaListing::default() }, at(26), &horizon(26));
    assert_eq!(told(&ledger), [(Some(at(26)), Some(at(26)))]);
}

#[test]
fn a_target_fails_since_a_failure_that_is_too_old_to_keep_it_whether_that_is_shown_or_not() {
    let mut ledger = Ledger::default();
    let (first, second) = (task("a", "host", Failed, 0, Some(1)), task("b", "host", Failed, 24, Some(25)));
    ledger.apply_full(listing([first, second]), &horizon(25));
    let since_first = [(Some(at(25)), Some(at(1)))];
    assert_eq!(told(&ledger), since_first);
    ledger.apply_full(listing([first, second]), &horizon(26));
    assert_eq!(told(&ledger), since_first);
    ledger.apply_full(listing([second]), &horizon(27));
    assert_eq!(told(&ledger), since_first);
}

#[test]
fn a_failure_that_turns_out_to_be_the_first_counts_although_its_task_runs_again() {
    let mut ledger = Ledger::default();
    let ahead = task("a", "host", Failed, 0, Some(4));
    let tasks = [ahead, task("b", "host", Failed, 1, None)];
    ledger.apply_full(listing(tasks), &horizon(2));
    assert_eq!(told(&ledger), [(None, Some(at(0)))], "by their starts, for want of an end");
    ledger.apply_full(listing([ahead, task("b", "host", Status::Running, 3, None)]), &horizon(5));
    assert_eq!(told(&ledger), [(Some(at(4)), Some(at(1)))]);
}

#[test]
fn names_are_kept_while_an_end_that_lies_ahead_may_make_their_target_fail() {
    let mut ledger = Ledger::default();
    let tasks = [task("a", "host", Failed, 0, Some(4)), task("b", "host", Status::Completed, 1, Some(2))];
    ledger.apply_full(FullListing { names: named("host"), ..listing(tasks) }, &horizon(3));
    ledger.apply_delta(DeltaListing::default(), at(4), &horizon(4));
    assert_eq!(told(&ledger), [(Some(at(4)), Some(at(4)))]);
    assert_eq!(ledger.names().iter().count(), 1);
}

#[test]
fn a_new_end_does_not_hide_the_one_that_turns_out_to_be_the_first_failure() {
    let mut ledger = Ledger::default();
    let tasks = [task("a", "host", Failed, 0, Some(5)), task("b", "host", Failed, 1, Some(3))];
    ledger.apply_full(listing(tasks), &horizon(4));
    assert_eq!(told(&ledger), [(Some(at(3)), Some(at(0)))], "one is dated by its start, for want of an end");
    let scans = [task("b", "host", Failed, 5, Some(6))].into_iter().collect();
    ledger.apply_delta(DeltaListing { scans, ..DeltaListing::default() }, at(7), &horizon(7));
    assert_eq!(told(&ledger), [(Some(at(6)), Some(at(3)))]);
}

#[test]
fn a_task_that_names_another_target_than_before_is_taken_from_the_first() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Failed, 0, Some(1))]), &horizon(2));
    let scans = [task("a", "other", Failed, 0, Some(1))].into_iter().collect();
    ledger.apply_delta(DeltaListing { scans, ..DeltaListing::default() }, at(3), &horizon(3));
    assert_eq!(ledger.targets().len(), 1);
}

#[test]
fn a_first_failure_whose_task_is_gone_still_stands_when_a_later_one_turns_out_to_be_a_success() {
    let mut ledger = Ledger::default();
    let first = task("a", "host", Failed, 2, Some(3));
    let later = |status, end| task("b", "host", status, 1, end);
    ledger.apply_full(listing([first, later(Failed, Some(4))]), &horizon(5));
    ledger.apply_full(listing([later(Failed, Some(4))]), &horizon(6));
    // Without an end it is dated by its start, before the first.
    ledger.apply_full(listing([later(Status::Completed, None)]), &horizon(7));
    assert_eq!(told(&ledger), [(Some(at(3)), Some(at(3)))]);
}

#[test]
fn an_end_whose_times_a_delta_sets_right_is_not_remembered_as_it_was() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Failed, 0, Some(1))]), &horizon(4));
    let scans = [task("a", "host", Failed, 0, Some(3))].into_iter().collect();
    let delta = DeltaListing { scans, ..DeltaListing::default() };
    ledger.apply_delta(delta, at(5), &horizon(5));
    assert_eq!(told(&ledger), [(Some(at(3)), Some(at(3)))]);
}
