use super::tests::{at, horizon, listing, task};
use super::*;
use crate::model::{Status, TargetType};
use Status::{Completed, Failed, Running};

fn delta(scans: impl IntoIterator<Item = (TaskKey, Record)>) -> DeltaListing {
    DeltaListing { scans: scans.into_iter().collect(), ..DeltaListing::default() }
}

fn counted(ledger: &Ledger) -> u64 {
    ledger.counters().of(TargetType::Snapshot).tasks.iter().sum()
}

/// A ledger that a first listing of `scans` has seeded at the first hour.
fn seeded(scans: impl IntoIterator<Item = (TaskKey, Record)>) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing(scans), &horizon(1));
    ledger
}

#[test]
fn what_had_finished_before_counting_began_is_not_counted() {
    let mut ledger = seeded([task("a", "host", Failed, 0, Some(1))]);
    ledger.apply_full(listing([task("a", "host", Failed, 0, Some(1))]), &horizon(2));
    assert_eq!(counted(&ledger), 0);
}

#[test]
fn a_task_that_finishes_is_counted_once_however_often_it_is_shown() {
    let mut ledger = seeded([task("a", "host", Running, 0, None)]);
    for hour in 2..5 {
        ledger.apply_delta(delta([task("a", "host", Completed, 0, Some(2))]), at(hour), &horizon(hour));
        ledger.apply_full(listing([task("a", "host", Completed, 0, Some(2))]), &horizon(hour));
    }
    assert_eq!(counted(&ledger), 1);
    let totals = ledger.counters().of(TargetType::Snapshot);
    assert_eq!((totals.root_tasks, totals.durations.count()), (totals.tasks, 1));
}

#[test]
fn a_task_that_left_the_look_back_is_forgotten_and_never_counted_again() {
    let old = task("a", "host", Completed, 2, Some(3));
    let mut ledger = seeded([]);
    ledger.apply_delta(delta([old]), at(4), &horizon(4));
    assert_eq!((counted(&ledger), ledger.len()), (1, 1));
    ledger.apply_delta(delta([]), at(27), &horizon(27));
    assert_eq!(ledger.len(), 0, "a day after its start nothing is left of it");
    // The clock is set back, or the look-back is made longer.
    let changes = ledger.apply_full(listing([old]), &horizon(5));
    assert_eq!((counted(&ledger), changes.finished), (1, 0));
    assert_eq!(ledger.scans().count(), 1, "it is in the gauges all the same");
}

#[test]
fn an_older_row_of_a_long_listing_undoes_nothing_that_a_delta_has_shown_since() {
    let mut ledger = seeded([task("a", "host", Running, 0, None)]);
    ledger.full_listing_begins();
    let started = task("b", "other", Running, 2, None);
    ledger.apply_delta(delta([task("a", "host", Failed, 0, Some(2)), started]), at(3), &horizon(3));
    let changes = ledger.apply_full(listing([task("a", "host", Running, 0, None)]), &horizon(4));
    assert_eq!(ledger.scan(TaskKey::of("a")).map(|scan| scan.status), Some(Failed));
    assert_eq!(ledger.scan(TaskKey::of("b")).map(|scan| scan.status), Some(Running));
    assert_eq!((counted(&ledger), changes.corrections), (1, 0));
}

#[test]
fn a_long_listing_that_shows_an_end_first_is_believed() {
    let mut ledger = seeded([task("a", "host", Running, 0, None)]);
    ledger.full_listing_begins();
    ledger.apply_delta(delta([task("a", "host", Running, 0, None)]), at(3), &horizon(3));
    ledger.apply_full(listing([task("a", "host", Failed, 0, Some(3))]), &horizon(4));
    assert_eq!((counted(&ledger), ledger.scans().filter(|(_, scan)| scan.is_open()).count()), (1, 0));
}

#[test]
fn what_deltas_have_missed_is_a_correction_and_what_is_new_is_none() {
    let mut ledger = seeded([]);
    ledger.apply_delta(delta([]), at(5), &horizon(5));
    let missed = task("missed", "host", Completed, 2, Some(3));
    let new = task("new", "host", Completed, 6, Some(7));
    let changes = ledger.apply_full(listing([missed, new]), &horizon(8));
    assert_eq!((changes.corrections, changes.finished), (1, 2));
}

#[test]
fn a_task_that_vanishes_and_comes_back_is_not_counted_twice() {
    let finished = task("a", "host", Completed, 0, Some(2));
    let mut ledger = seeded([task("a", "host", Running, 0, None)]);
    ledger.apply_full(listing([finished]), &horizon(3));
    ledger.apply_full(listing([]), &horizon(4));
    assert_eq!(ledger.scans().count(), 0);
    ledger.apply_full(listing([finished]), &horizon(5));
    assert_eq!((ledger.scans().count(), counted(&ledger)), (1, 1));
}

#[test]
fn a_ledger_that_starts_anew_keeps_what_it_has_counted() {
    let mut ledger = seeded([task("a", "host", Running, 0, None)]);
    ledger.apply_delta(delta([task("a", "host", Completed, 0, Some(2))]), at(3), &horizon(3));
    ledger.restart();
    ledger.apply_full(listing([task("b", "host", Completed, 0, Some(2))]), &horizon(4));
    assert_eq!((counted(&ledger), ledger.len()), (1, 1));
}
