use std::borrow::Cow;
use std::time::Duration;

use super::*;
use crate::model::{Check, CheckProgress, Progress, ReportStatus, Status, TargetType, Task};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn at(hours: i64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000 + hours * 3_600_000).unwrap()
}

pub(super) fn task(
    id: &str,
    target: &'static str,
    status: Status,
    start: i64,
    end: Option<i64>,
) -> (TaskKey, Record) {
    let task = Task {
        id: Cow::Borrowed(id),
        target_type: TargetType::Snapshot,
        target: Some(Cow::Borrowed(target)),
        instance_id: None,
        instance_name: Some(Cow::Borrowed("a name")),
        target_name: None,
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

/// A record of a task on `target`.
pub(super) fn record(target: &'static str, status: Status, start: Option<i64>, end: Option<i64>) -> Record {
    let (_, mut record) = task("any", target, status, 0, end);
    record.start = start.map(at);
    record
}

/// A look-back of a day, beyond which targets are not kept.
pub(super) fn horizon(hours: i64) -> Horizon {
    Horizon::new(at(hours), DAY, Duration::ZERO)
}

pub(super) fn listing(scans: impl IntoIterator<Item = (TaskKey, Record)>) -> FullListing {
    FullListing { scans: scans.into_iter().collect(), ..FullListing::default() }
}

fn latest(ledger: &Ledger) -> Vec<Status> {
    ledger.targets().values().map(|target| target.latest.status).collect()
}

#[test]
fn a_task_that_a_listing_does_not_show_leaves_and_its_target_stays() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Status::Failed, 0, Some(1))]), &horizon(2));
    assert_eq!((ledger.len(), latest(&ledger)), (1, vec![Status::Failed]));
    ledger.apply_full(listing([]), &horizon(3));
    assert_eq!((ledger.scans().count(), latest(&ledger)), (0, vec![Status::Failed]));
    assert_eq!(ledger.len(), 1, "its id stays known");
}

#[test]
fn a_target_is_forgotten_when_its_last_task_is_too_old() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Status::Failed, 0, Some(1))]), &horizon(2));
    ledger.apply_full(listing([]), &horizon(25));
    assert_eq!(latest(&ledger), [Status::Failed]);
    ledger.apply_full(listing([]), &horizon(26));
    assert_eq!(latest(&ledger), []);
}

#[test]
fn a_running_task_does_not_change_the_state_of_its_target() {
    let mut ledger = Ledger::default();
    let failed = task("a", "host", Status::Failed, 0, Some(1));
    let running = task("b", "host", Status::Running, 2, None);
    ledger.apply_full(listing([failed, running]), &horizon(3));
    assert_eq!(latest(&ledger), [Status::Failed]);
}

#[test]
fn a_task_that_runs_again_does_not_unsay_how_it_finished() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Status::Failed, 0, Some(1))]), &horizon(2));
    ledger.apply_full(listing([task("a", "host", Status::Running, 2, None)]), &horizon(3));
    assert_eq!(latest(&ledger), [Status::Failed]);
    ledger.apply_full(listing([task("a", "host", Status::Completed, 2, Some(4))]), &horizon(5));
    assert_eq!(latest(&ledger), [Status::Completed]);
}

#[test]
fn a_status_corrected_in_place_replaces_what_was_known() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("a", "host", Status::Completed, 0, Some(2))]), &horizon(3));
    ledger.apply_full(listing([task("a", "host", Status::Failed, 0, Some(1))]), &horizon(3));
    assert_eq!(latest(&ledger), [Status::Failed]);
    assert!(ledger.targets().values().all(|target| target.latest_success.is_none()));
}

#[test]
fn the_latest_task_is_the_one_that_ended_last() {
    let mut ledger = Ledger::default();
    let long = task("long", "host", Status::Failed, 0, Some(9));
    let short = task("short", "host", Status::Completed, 5, Some(6));
    ledger.apply_full(listing([long, short]), &horizon(10));
    assert_eq!(latest(&ledger), [Status::Failed]);
}

#[test]
fn an_end_that_lies_ahead_proves_nothing_and_the_start_counts() {
    let mut ledger = Ledger::default();
    let deadline = task("deadline", "host", Status::Failed, 0, Some(20));
    let honest = task("honest", "host", Status::Completed, 1, Some(2));
    ledger.apply_full(listing([deadline, honest]), &horizon(10));
    assert_eq!(latest(&ledger), [Status::Completed]);
}

#[test]
fn history_feeds_targets_and_nothing_else() {
    let mut ledger = Ledger::default();
    let old = task("old", "host", Status::TimedOut, 0, Some(1));
    let history = [old].into_iter().collect();
    ledger.apply_full(FullListing { history, ..FullListing::default() }, &horizon(2));
    assert!(ledger.is_empty());
    assert_eq!(latest(&ledger), [Status::TimedOut]);
}

#[test]
fn the_last_success_outlives_a_later_failure() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([task("good", "host", Status::Completed, 0, Some(1))]), &horizon(2));
    ledger.apply_full(listing([task("bad", "host", Status::Failed, 2, Some(3))]), &horizon(4));
    let target = ledger.targets().values().next().unwrap();
    assert_eq!(target.latest.status, Status::Failed);
    assert_eq!(target.latest_success.and_then(|success| success.finished_at), Some(at(1)));
}

pub(super) fn named(target: &str) -> Names {
    let mut names = Names::default();
    let task = Task {
        id: Cow::Borrowed("x"),
        target_type: TargetType::Snapshot,
        target: Some(Cow::Borrowed(target)),
        instance_id: Some(Cow::Borrowed("i-1")),
        instance_name: Some(Cow::Borrowed("web\u{1b}[31m")),
        target_name: None,
        status: Status::Failed,
        start: None,
        end: None,
        progress: None,
        checks: CheckProgress::default(),
        measured_bytes: None,
        report: ReportStatus::None,
    };
    names.note(&task);
    names
}

fn shown(ledger: &Ledger) -> Vec<String> {
    let key = |target: &Option<TargetKey>| target.and_then(|key| ledger.names().get(key).cloned());
    let names = ledger.scans().filter_map(|(_, scan)| key(&scan.target));
    names.map(|names| names.best().to_string()).collect()
}

#[test]
fn names_are_kept_while_their_target_fails_or_is_scanned_and_are_fit_to_be_shown() {
    let mut ledger = Ledger::default();
    let failed = || task("a", "host", Status::Failed, 0, Some(1));
    ledger.apply_full(FullListing { names: named("host"), ..listing([failed()]) }, &horizon(2));
    assert_eq!(shown(&ledger), ["web[31m"]);
    ledger.apply_full(listing([failed()]), &horizon(3));
    assert_eq!(shown(&ledger), ["web[31m"], "a poll that does not tell them keeps them");
    ledger.apply_full(listing([task("b", "host", Status::Completed, 3, Some(4))]), &horizon(5));
    assert_eq!(shown(&ledger), [""; 0], "a good target needs none");
    let running = || task("c", "host", Status::Running, 6, None);
    ledger.apply_full(FullListing { names: named("host"), ..listing([running()]) }, &horizon(7));
    assert_eq!(shown(&ledger), ["web[31m"]);
}

#[test]
fn a_target_without_a_running_or_failed_scan_costs_no_names() {
    let mut ledger = Ledger::default();
    let good = task("a", "host", Status::Completed, 0, Some(1));
    ledger.apply_full(FullListing { names: named("host"), ..listing([good]) }, &horizon(2));
    assert_eq!(shown(&ledger), [""; 0]);
}

fn failing_since(ledger: &Ledger) -> Vec<Option<UnixMillis>> {
    ledger.targets().values().map(|target| target.failing_since()).collect()
}

#[test]
fn a_target_fails_since_the_first_failure_after_its_last_success() {
    let mut ledger = Ledger::default();
    let tasks = [
        task("old", "host", Status::Failed, 0, Some(1)),
        task("good", "host", Status::Completed, 2, Some(3)),
        task("first", "host", Status::TimedOut, 4, Some(5)),
        task("second", "host", Status::Failed, 6, Some(7)),
    ];
    ledger.apply_full(listing(tasks), &horizon(8));
    assert_eq!(failing_since(&ledger), [Some(at(5))]);
    ledger.apply_full(listing([tasks[3]]), &horizon(9));
    assert_eq!(failing_since(&ledger), [Some(at(5))], "what was known is remembered");
    ledger.apply_full(listing([task("new", "host", Status::Completed, 9, Some(10))]), &horizon(11));
    assert_eq!(failing_since(&ledger), [None]);
    ledger.apply_full(listing([task("again", "host", Status::Failed, 12, Some(13))]), &horizon(14));
    assert_eq!(failing_since(&ledger), [Some(at(13))], "an older failure is over");
}

#[test]
fn a_first_failure_that_turns_out_otherwise_is_forgotten() {
    let second = task("second", "host", Status::Failed, 6, Some(7));
    let since = |first: (TaskKey, Record), corrected: (TaskKey, Record)| {
        let mut ledger = Ledger::default();
        ledger.apply_full(listing([first]), &horizon(8));
        ledger.apply_full(listing([corrected, second]), &horizon(9));
        failing_since(&ledger)
    };
    let of = |status, end| task("first", "host", status, 0, end);
    let failed = of(Status::Failed, Some(3));
    assert_eq!(since(failed, of(Status::Completed, Some(2))), [Some(at(7))]);
    assert_eq!(since(failed, of(Status::Unknown, None)), [Some(at(7))]);
    assert_eq!(since(of(Status::Failed, None), failed), [Some(at(3))], "its end became known");
}

#[test]
fn the_newest_row_names_a_target_and_older_ones_fill_its_gaps() {
    let row = |start, instance_name: Option<&'static str>, id: Option<&'static str>| Task {
        id: Cow::Owned(format!("{start}")),
        target_type: TargetType::Snapshot,
        target: Some(Cow::Borrowed("uuid")),
        instance_id: id.map(Cow::Borrowed),
        instance_name: instance_name.map(Cow::Borrowed),
        target_name: None,
        status: Status::Failed,
        start: Some(at(start)),
        end: None,
        progress: None,
        checks: CheckProgress::default(),
        measured_bytes: None,
        report: ReportStatus::None,
    };
    let rows = [row(1, Some("old"), Some("i-1")), row(2, Some("new"), None), row(3, None, None)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        let mut names = Names::default();
        order.iter().for_each(|&index| names.note(&rows[index]));
        let known = names.get(TargetKey::of(&rows[0]).unwrap()).unwrap();
        let told = [Some(known.best()), known.instance_id.as_ref()].map(|name| name.unwrap().as_str());
        assert_eq!(told, ["new", "i-1"], "{order:?}");
    }
}

#[test]
fn with_ids_alone_a_target_known_by_its_name_is_not_named() {
    let mut names = Names::new(TargetsShown { names: false, ..TargetsShown::default() });
    let mut task = Task {
        id: Cow::Borrowed("x"),
        target_type: TargetType::Image,
        target: Some(Cow::Borrowed("web")),
        instance_id: Some(Cow::Borrowed("i-1")),
        instance_name: None,
        target_name: Some(Cow::Borrowed("web")),
        status: Status::Failed,
        start: None,
        end: None,
        progress: None,
        checks: CheckProgress::default(),
        measured_bytes: None,
        report: ReportStatus::None,
    };
    names.note(&task);
    assert!(names.get(TargetKey::of(&task).unwrap()).is_none());
    task.target = Some(Cow::Borrowed("uuid"));
    names.note(&task);
    let known = names.get(TargetKey::of(&task).unwrap()).unwrap();
    assert_eq!((known.best().as_str(), &known.instance_id), ("uuid", &None));
}

#[test]
fn a_retry_that_fails_does_not_unsay_the_success_before_it() {
    let mut ledger = Ledger::default();
    let row = |status, start, end| task("a", "host", status, start, end);
    ledger.apply_full(listing([row(Status::Completed, 0, Some(1))]), &horizon(2));
    let last_success = |ledger: &Ledger| {
        ledger.targets().values().next().unwrap().latest_success.and_then(|success| success.finished_at)
    };
    ledger.apply_full(listing([row(Status::Failed, 3, Some(4))]), &horizon(5));
    assert_eq!((latest(&ledger), last_success(&ledger)), (vec![Status::Failed], Some(at(1))));
    ledger.apply_full(listing([row(Status::Failed, 3, Some(4))]), &horizon(6));
    assert_eq!(last_success(&ledger), Some(at(1)));
}

#[test]
fn a_retry_that_fails_again_does_not_unsay_since_when_its_target_fails() {
    let mut ledger = Ledger::default();
    let row = |status, start, end| task("a", "host", status, start, end);
    ledger.apply_full(listing([row(Status::Failed, 0, Some(1))]), &horizon(2));
    ledger.apply_full(listing([row(Status::Running, 3, None)]), &horizon(4));
    assert_eq!(failing_since(&ledger), [Some(at(1))]);
    ledger.apply_full(listing([row(Status::Failed, 3, Some(5))]), &horizon(6));
    assert_eq!(failing_since(&ledger), [Some(at(1))]);
}

#[test]
fn a_task_that_leaves_by_its_age_is_no_correction() {
    let mut ledger = Ledger::default();
    let old = || task("a", "host", Status::Completed, 0, Some(1));
    ledger.apply_full(listing([old()]), &horizon(2));
    let delta = || DeltaListing::default();
    assert_eq!(ledger.apply_delta(delta(), at(23), &horizon(23)).corrections, 0);
    let changes = ledger.apply_full(listing([]), &horizon(25));
    assert_eq!((changes.corrections, ledger.len()), (0, 0));
}

#[test]
fn a_retry_that_the_polls_before_a_full_listing_missed_is_a_correction() {
    let mut ledger = Ledger::default();
    let row = |start, end| task("a", "host", Status::Failed, start, Some(end));
    ledger.apply_full(listing([row(0, 1)]), &horizon(2));
    ledger.apply_delta(DeltaListing::default(), at(5), &horizon(5));
    let changes = ledger.apply_full(listing([row(3, 4)]), &horizon(6));
    assert_eq!((changes.finished, changes.corrections), (1, 1));
}

#[test]
fn a_task_that_started_while_the_last_delta_was_read_was_not_missed_by_it() {
    let mut ledger = Ledger::default();
    ledger.apply_full(listing([]), &horizon(2));
    ledger.apply_delta(DeltaListing::default(), at(3), &horizon(5));
    let changes = ledger.apply_full(listing([task("a", "host", Status::Failed, 4, Some(6))]), &horizon(6));
    assert_eq!((changes.finished, changes.corrections), (1, 0));
}

/// A listing of one running task whose check has come so far.
fn checked(percent: f64) -> FullListing {
    let (key, record) = task("a", "host", Status::Running, 0, None);
    let mut checks = CheckProgress::default();
    checks.set(Check::Vul, Progress::from_percent(percent).unwrap());
    let ids = TaskIds { task: "a".into(), root: None, target: None };
    let mut listing = listing([(key, record)]);
    listing.ids.restore(key, OpenTask { ids, checks });
    listing
}

/// How far that check has come, as far as is known.
fn known_check(ledger: &Ledger) -> Option<f64> {
    let open = ledger.ids().get(TaskKey::of("a"))?;
    open.checks.iter().next().map(|(_, progress)| progress.ratio())
}

#[test]
fn checks_are_known_while_a_task_runs_and_their_progress_is_a_change() {
    let mut ledger = Ledger::default();
    ledger.apply_full(checked(10.0), &horizon(1));
    assert_eq!(known_check(&ledger), Some(0.1));
    let FullListing { scans, ids, .. } = checked(20.0);
    let changes =
        ledger.apply_delta(DeltaListing { scans, ids, ..DeltaListing::default() }, at(2), &horizon(2));
    assert_eq!((known_check(&ledger), changes.scans.len()), (Some(0.2), 1));
    let scans = [task("a", "host", Status::Completed, 0, Some(2))].into_iter().collect();
    ledger.apply_delta(DeltaListing { scans, ..DeltaListing::default() }, at(3), &horizon(3));
    assert_eq!(known_check(&ledger), None);
}

#[test]
fn checks_that_a_delta_has_shown_are_newer_than_those_of_the_full_listing_beside_it() {
    let mut ledger = Ledger::default();
    ledger.apply_full(checked(10.0), &horizon(1));
    ledger.full_listing_begins();
    let FullListing { scans, ids, .. } = checked(20.0);
    ledger.apply_delta(DeltaListing { scans, ids, ..DeltaListing::default() }, at(2), &horizon(2));
    ledger.apply_full(checked(15.0), &horizon(3));
    assert_eq!(known_check(&ledger), Some(0.2));
    ledger.apply_full(checked(30.0), &horizon(4));
    assert_eq!(known_check(&ledger), Some(0.3));
}
