//! What a source publishes, in the form of the model, and how the two differ.

use crate::clock::UnixMillis;
use crate::ledger::{Counters, Which};
use crate::model::{Check, ReportStatus, Status, TargetType};
use crate::snapshot::{ProgressBucket, Snapshot, SpaceBucket, TypeFacts};

use super::model::{Facts, Model, seconds, status_name, to_the_billionth};

/// Every value that differs, in words.
pub(super) fn differences(published: &Facts, expected: &Facts) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = published.keys().chain(expected.keys()).collect();
    let of = |facts: &Facts, name: &str| facts.get(name).map_or("nothing".to_owned(), f64::to_string);
    let differ = names.into_iter().filter(|name| published.get(*name) != expected.get(*name));
    differ.map(|name| format!("{name} is {}, not {}", of(published, name), of(expected, name))).collect()
}

/// The counters and histograms.
pub(super) fn totals(counters: &Counters) -> Facts {
    let mut facts = Facts::new();
    for &target_type in TargetType::ALL {
        let totals = counters.of(target_type);
        for &status in Status::ALL {
            let mut put =
                |family: &str, value: u64| count(&mut facts, family, &[&target_type, &status], value);
            put("tasks_finished", totals.tasks[status.index()]);
            put("finished_bytes", totals.bytes[status.index()]);
            put("root_tasks_finished", totals.root_tasks[status.index()]);
        }
        for (bound, value) in totals.durations.buckets() {
            let bound = format!("le {} min", bound / 60.0);
            count(&mut facts, "duration", &[&target_type, &bound], value);
        }
        count(&mut facts, "duration_count", &[&target_type], totals.durations.count());
        let millis = (totals.durations.sum_seconds() * 1000.0).round();
        count(&mut facts, "duration_millis", &[&target_type], millis as u64);
    }
    facts
}

/// The gauges by type.
pub(super) fn gauges(snapshot: &Snapshot) -> Facts {
    let mut facts = Facts::new();
    count(&mut facts, "unidentified", &[], snapshot.targets_unidentified);
    for (target_type, of_type) in &snapshot.types {
        gauges_of(&mut facts, *target_type, of_type);
    }
    facts
}

fn gauges_of(facts: &mut Facts, target_type: TargetType, of_type: &TypeFacts) {
    for &status in Status::ALL {
        let at = status.index();
        let labels: &[&dyn ToString] = &[&target_type, &status];
        count(facts, "tasks", labels, of_type.tasks[at]);
        count(facts, "measured_bytes", labels, of_type.measured_bytes[at]);
        count(facts, "targets", labels, of_type.targets[at]);
        count(facts, "root_tasks", labels, of_type.root_tasks[at]);
        for &range in ProgressBucket::ALL {
            let value = of_type.by_progress[at][range.index()];
            count(facts, "by_progress", &[&target_type, &status, &range], value);
        }
    }
    for &range in SpaceBucket::ALL {
        count(facts, "by_space", &[&target_type, &range], of_type.by_space[range.index()]);
    }
    for &report in ReportStatus::ALL {
        count(facts, "reports", &[&target_type, &report], of_type.reports[report.index()]);
    }
    for &check in Check::ALL {
        let mean = of_type.check_progress[check.index()].value();
        known(facts, "check_progress", &[&target_type, &check], mean.map(to_the_billionth));
    }
    let mut put = |family: &str, value: Option<f64>| known(facts, family, &[&target_type], value);
    put("running_progress", of_type.running_progress.value().map(to_the_billionth));
    put("oldest_running", of_type.oldest_running_start.map(UnixMillis::as_secs_f64));
    put("last_success", of_type.last_success.map(UnixMillis::as_secs_f64));
    put("last_finished", of_type.last_finished.map(UnixMillis::as_secs_f64));
}

/// The failing targets as the status page lists them, and those of the model: status, end, since when,
/// last success. The list is in the order of ends and may be cut.
pub(super) fn failing(snapshot: &Snapshot, model: &Model) -> Vec<String> {
    type Row = (Option<f64>, String, Option<f64>, Option<f64>);
    let at = |at: Option<UnixMillis>| at.map(UnixMillis::as_secs_f64);
    let row = |failing: &crate::snapshot::FailingTarget| {
        let label = format!("{},{}", failing.target_type, failing.status);
        (at(failing.finished_at), label, at(failing.failing_since), at(failing.last_success))
    };
    let listed: Vec<Row> = snapshot.failing.iter().map(row).collect();
    let states = model.targets.states.iter().filter(|(_, state)| state.is_failing());
    let mut expected: Vec<Row> = states
        .map(|((target_type, _), state)| {
            let at = |at: Option<i64>| at.map(seconds);
            let label = format!("{target_type},{}", status_name(state.status));
            (at(state.last_finished), label, at(state.failing_since), at(state.last_success))
        })
        .collect();
    let most = expected.len().min(model.targets.choice.limit);
    let mut mistakes = Vec::new();
    if listed.len() != most {
        mistakes.push(format!("{} of {most} failing targets are listed", listed.len()));
    }
    for row in &listed {
        match expected.iter().position(|expected| expected == row) {
            Some(place) => drop(expected.swap_remove(place)),
            None => mistakes.push(format!("the failing target {row:?} is not among {expected:?}")),
        }
    }
    let is_in_order = listed.is_sorted_by(|a, b| a.0 >= b.0);
    let last = listed.last().map(|row| row.0);
    if !is_in_order || expected.iter().any(|row| last.is_some_and(|last| row.0 > last)) {
        mistakes.push(format!("{listed:?} are not those that failed last, before {expected:?}"));
    }
    mistakes
}

/// The running scans as the status page lists them: those that run longest, with their names.
pub(super) fn running(snapshot: &Snapshot, model: &Model) -> Vec<String> {
    let choice = model.targets.choice;
    let listed: Vec<_> = snapshot
        .running
        .iter()
        .map(|scan| {
            let name = scan.target.as_ref().map(|names| names.target.to_string());
            (scan.start.map_or(0, |start| start.as_millis() as i64), scan.target_type.as_str(), name)
        })
        .collect();
    let shown = |name: Option<String>| name.filter(|_| choice.which != Which::None);
    let expected = model.running.iter().take(choice.limit).cloned();
    let expected: Vec<_> =
        expected.map(|(start, target_type, name)| (start, target_type, shown(name))).collect();
    if listed == expected { Vec::new() } else { vec![format!("there run {listed:?}, not {expected:?}")] }
}

/// The types that the snapshot must have and has not.
pub(super) fn types(snapshot: &Snapshot) -> Vec<String> {
    let missing = [TargetType::Snapshot, TargetType::Image].into_iter();
    let missing = missing.filter(|target_type| !snapshot.types.contains_key(target_type));
    missing.map(|target_type| format!("there are no gauges of {target_type}")).collect()
}

fn count(facts: &mut Facts, family: &str, labels: &[&dyn ToString], value: u64) {
    known(facts, family, labels, (value > 0).then_some(value as f64));
}

fn known(facts: &mut Facts, family: &str, labels: &[&dyn ToString], value: Option<f64>) {
    let Some(value) = value else { return };
    let labels: Vec<_> = labels.iter().map(|label| label.to_string()).collect();
    let name =
        if labels.is_empty() { family.to_owned() } else { format!("{family}{{{}}}", labels.join(",")) };
    facts.insert(name, value);
}
