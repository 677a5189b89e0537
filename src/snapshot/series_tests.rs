use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::series::{TargetSeries, series};
use crate::clock::UnixMillis;
use crate::ledger::{
    FullListing, Horizon, KeyMap, Ledger, Names, Target, TargetKey, TargetsShown, TaskKey, Which,
};
use crate::model::{CheckProgress, ReportStatus, Status, TargetType, Task};

const DAY: Duration = Duration::from_secs(86_400);

fn at(hours: i64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000 + hours * 3_600_000).unwrap()
}

/// A row of the snapshot `target`.
fn row(id: u32, target: &str, status: Status, start: i64, end: i64) -> Task<'static> {
    Task {
        id: Cow::Owned(id.to_string()),
        target_type: TargetType::Snapshot,
        target: Some(Cow::Owned(target.to_owned())),
        instance_id: Some(Cow::Owned(format!("i-{target}"))),
        instance_name: Some(Cow::Owned(format!("host of {target}"))),
        target_name: None,
        status,
        start: Some(at(start)),
        end: Some(at(end)),
        progress: None,
        checks: CheckProgress::default(),
        measured_bytes: None,
        report: ReportStatus::None,
    }
}

/// A ledger that took over these listings, one each hour from 100 on.
fn ledger(shown: TargetsShown, listings: &[&[Task<'_>]]) -> Ledger {
    let mut ledger = Ledger::default();
    for (hour, rows) in (100..).zip(listings) {
        let mut listing = FullListing { names: Names::new(shown), ..FullListing::default() };
        for row in *rows {
            listing.names.note(row);
            listing.scans.insert(TaskKey::of(&row.id), row.into());
        }
        ledger.apply_full(listing, &Horizon::new(at(hour), 365 * DAY, Duration::ZERO));
    }
    ledger
}

fn shown(which: Which, limit: usize) -> TargetsShown {
    TargetsShown { which, names: true, limit }
}

fn of(shown: TargetsShown, rows: &[Task<'_>]) -> TargetSeries {
    series(&ledger(shown, &[rows]), shown)
}

fn names(series: &TargetSeries) -> Vec<&str> {
    series.targets.keys().map(|(_, name)| name.as_str()).collect()
}

#[test]
fn a_target_has_the_status_and_the_times_of_its_latest_finished_tasks() {
    let rows = [
        row(1, "a", Status::Completed, 0, 1),
        row(2, "a", Status::TimedOut, 2, 3),
        row(3, "a", Status::Running, 4, 900),
    ];
    let series = of(shown(Which::Failing, 9), &rows);
    let [state] = series.targets.values().collect::<Vec<_>>()[..] else { panic!("{series:?}") };
    assert_eq!(state.status, Status::TimedOut);
    assert_eq!((state.last_success, state.last_finished), (Some(at(1)), Some(at(3))));
    assert_eq!(state.names.as_ref().map(|names| names.best().as_str()), Some("host of a"));
}

#[test]
fn without_names_a_target_is_its_uuid_and_one_that_has_none_is_dropped() {
    let mut by_name = row(2, "web", Status::Failed, 0, 1);
    by_name.target_name = by_name.target.clone();
    let rows = [row(1, "uuid", Status::Failed, 0, 1), by_name];
    let series = of(TargetsShown { names: false, ..shown(Which::All, 9) }, &rows);
    assert_eq!((names(&series), series.dropped), (vec!["uuid"], 1));
    assert!(series.targets.values().all(|state| state.names.is_none()));
}

#[test]
fn of_two_targets_with_one_name_as_a_label_the_failing_one_stays_and_the_other_is_dropped() {
    let good = row(1, "a\u{200b}", Status::Completed, 0, 1);
    let failed = row(2, "a", Status::Failed, 0, 1);
    for rows in [[good.clone(), failed.clone()], [failed, good]] {
        let series = of(shown(Which::All, 9), &rows);
        let states: Vec<_> = series.targets.values().map(|state| state.status).collect();
        assert_eq!((names(&series), states, series.dropped), (vec!["a"], vec![Status::Failed], 1));
    }
    let mut image = row(3, "a", Status::Completed, 0, 1);
    image.target_type = TargetType::Image;
    let series = of(shown(Which::All, 9), &[row(2, "a", Status::Failed, 0, 1), image]);
    assert_eq!((series.targets.len(), series.dropped), (2, 0), "another type is another target");
}

#[test]
fn a_good_target_that_is_not_listed_any_more_keeps_its_series() {
    let shown = shown(Which::All, 9);
    let good = [row(1, "a", Status::Completed, 0, 1)];
    let series = series(&ledger(shown, &[&good, &[], &[]]), shown);
    assert_eq!((names(&series), series.dropped), (vec!["a"], 0));
}

#[test]
fn a_target_that_fails_takes_the_place_of_a_good_one_and_gives_it_back() {
    let shown = shown(Which::All, 3);
    let mut rows: Vec<_> = (0..9).map(|n| row(n, &format!("t{n}"), Status::Completed, 0, 1)).collect();
    let before = series(&ledger(shown, &[&rows]), shown);
    let late = (0..9).find(|n| !names(&before).contains(&format!("t{n}").as_str())).unwrap();
    let good = rows.clone();
    rows[late as usize].status = Status::Failed;
    let failing = series(&ledger(shown, &[&good, &rows]), shown);
    assert!(names(&failing).contains(&format!("t{late}").as_str()), "{failing:?}");
    let kept = names(&failing).into_iter().filter(|name| names(&before).contains(name));
    assert_eq!((kept.count(), failing.targets.len(), failing.dropped), (2, 3, 6));
    let after = series(&ledger(shown, &[&good, &rows, &good]), shown);
    assert_eq!(names(&after), names(&before));
}

/// Up to 60 rows of up to 25 targets.
fn rows() -> impl Strategy<Value = Vec<Task<'static>>> {
    let row = (0u32..25, prop::sample::select(Status::ALL), 0i64..50, 0i64..50).prop_map(
        |(target, status, start, length)| row(0, &format!("t{target}"), status, start, start + length),
    );
    prop::collection::vec(row, 0..60).prop_map(|mut rows| {
        (0..).zip(&mut rows).for_each(|(id, row): (u32, &mut Task<'_>)| row.id = id.to_string().into());
        rows
    })
}

/// The targets that `ledger` knows, by name, and whether they fail.
fn known(ledger: &Ledger, rows: &[Task<'_>]) -> KeyMap<TargetKey, (String, bool)> {
    let finished = rows.iter().filter_map(|row| {
        let key = TargetKey::of(row)?;
        let target = ledger.targets().get(&key)?;
        Some((key, (row.target.as_deref()?.to_owned(), target.is_failing())))
    });
    finished.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn series_are_those_of_the_mode_up_to_the_limit_and_failing_ones_go_first(
        rows in rows(),
        limit in 0usize..30,
        which in prop::sample::select(&[Which::None, Which::Failing, Which::All]),
    ) {
        let shown = shown(which, limit);
        let ledger = ledger(shown, &[&rows]);
        let series = series(&ledger, shown);
        let known = known(&ledger, &rows);
        let wanted = match which {
            Which::None => 0,
            Which::Failing => known.values().filter(|(_, fails)| *fails).count(),
            Which::All => known.len(),
        };
        prop_assert_eq!(series.targets.len(), wanted.min(limit));
        prop_assert_eq!(series.dropped as usize, wanted - wanted.min(limit));
        let told: BTreeSet<_> = names(&series).into_iter().collect();
        let is_full_of_failing =
            series.targets.len() == limit && series.targets.values().all(|state| state.status != Status::Completed);
        for (name, fails) in known.values() {
            prop_assert!(!fails || which == Which::None || is_full_of_failing || told.contains(name.as_str()), "{}", name);
        }
    }

    #[test]
    fn the_same_targets_keep_their_series_whatever_order_rows_come_in(
        rows in rows(),
        limit in 0usize..30,
        which in prop::sample::select(&[Which::Failing, Which::All]),
    ) {
        let shown = shown(which, limit);
        let reversed: Vec<_> = rows.iter().rev().cloned().collect();
        let states = |listings: &[&[Task<'_>]]| {
            let series = series(&ledger(shown, listings), shown);
            let states = series.targets.into_iter().map(|(target, state)| (target, state.status));
            states.collect::<Vec<_>>()
        };
        let first = states(&[&rows]);
        prop_assert_eq!(&states(&[&reversed]), &first);
        prop_assert_eq!(&states(&[&rows, &reversed]), &first);
    }

    #[test]
    fn names_of_no_more_targets_are_kept_than_can_be_shown(
        listings in prop::collection::vec(rows(), 1..4),
        limit in 0usize..10,
    ) {
        let shown = shown(Which::All, limit);
        let listings: Vec<_> = listings.iter().map(Vec::as_slice).collect();
        let ledger = ledger(shown, &listings);
        let running = ledger.scans().map(|(_, scan)| scan).filter(|scan| scan.status == Status::Running);
        let running: BTreeSet<_> = running.filter_map(|scan| scan.target).collect();
        let all: BTreeSet<_> = listings.concat().iter().filter_map(TargetKey::of).collect();
        let fails = |key: &TargetKey| ledger.targets().get(key).is_some_and(Target::is_failing);
        let needed = |key: &TargetKey| running.contains(key) || fails(key);
        let named = |key: &&TargetKey| ledger.names().get(**key).is_some();
        prop_assert!(all.iter().filter(|key| needed(key)).all(|key| named(&key)));
        prop_assert!(all.iter().filter(|key| !needed(key)).filter(named).count() <= limit);
    }
}
