//! What the exporter must show, by the words of the contract alone: from the tasks that there are, and
//! from what was seen before.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Listing;
use crate::poller::fake::FakeTask;

use super::fleet::{MINUTE, RUNNING, is_finished};
use super::history::Choice;
use super::target_model::TargetModel;

pub(super) const LOOKBACK: i64 = 24 * 60 * MINUTE;

/// Values by family and labels; of counts only those above 0.
pub(super) type Facts = BTreeMap<String, f64>;

/// What is known of one source.
#[derive(Debug)]
pub(super) struct Model {
    listing: Listing,
    is_seeded: bool,
    /// (TaskId, StartTime) of all that was ever seen finished.
    seen: BTreeSet<(String, i64)>,
    /// Tasks that had not finished when they were last seen.
    open: BTreeSet<String>,
    pub(super) totals: Facts,
    pub(super) gauges: Facts,
    /// Starts of the scans that run, and their targets.
    pub(super) running: Vec<(i64, &'static str, Option<String>)>,
    pub(super) targets: TargetModel,
}

impl Model {
    pub(super) fn new(listing: Listing, choice: Choice) -> Self {
        Self {
            listing,
            is_seeded: false,
            seen: BTreeSet::new(),
            open: BTreeSet::new(),
            totals: Facts::new(),
            gauges: Facts::new(),
            running: Vec::new(),
            targets: TargetModel::new(choice),
        }
    }

    /// A poll that has seen all that `tasks` are at `now`.
    pub(super) fn poll(&mut self, tasks: &[FakeTask], now: i64) {
        self.gauges = Facts::new();
        let shown: Vec<_> = tasks.iter().filter(|task| self.is_shown(task, now)).collect();
        for task in &shown {
            self.count(task, now);
        }
        if !self.is_seeded {
            self.seen.extend(tasks.iter().filter(|task| is_finished(task)).map(end_of));
        }
        for task in shown.iter().filter(|task| is_in_lookback(task, now)) {
            self.gauge(task, now);
        }
        let (listing, is_first) = (self.listing, !self.is_seeded);
        let is_scan = |task: &&FakeTask| is_scan(listing, task);
        let shown_scans: Vec<_> = shown.iter().copied().filter(is_scan).collect();
        means(&mut self.gauges, &shown_scans);
        let running = shown_scans.iter().filter(|task| task.status == RUNNING);
        self.running = running.map(|task| (task.start(), type_name(task), task.target.clone())).collect();
        self.running.sort();
        let older = tasks.iter().filter(is_scan).filter(|_| is_first);
        self.targets.poll(&shown_scans, older, now);
        self.targets.gauge(&mut self.gauges);
        self.open = shown.iter().filter(|task| !is_finished(task)).map(|task| task.id.clone()).collect();
        self.is_seeded = true;
    }

    /// Whether a listing shows it: what runs, what started within the look-back, what ran and has ended
    /// since. Main tasks of the last two days, and no other task here is older, show all their subtasks.
    fn is_shown(&self, task: &FakeTask, now: i64) -> bool {
        let is_by_root = self.listing == Listing::PerRoot && task.parent.is_some();
        is_by_root || is_in_lookback(task, now) || self.open.contains(&task.id)
    }

    fn count(&mut self, task: &FakeTask, now: i64) {
        let is_new = is_finished(task) && !self.seen.contains(&end_of(task)) && self.is_seeded;
        if !is_new {
            return;
        }
        self.seen.insert(end_of(task));
        let is_scan = is_scan(self.listing, task);
        let (labels, target_type) = (labels(task), type_name(task));
        let totals = &mut self.totals;
        if task.parent.is_none() {
            add(totals, &format!("root_tasks_finished{{{labels}}}"), 1);
        }
        if !is_scan {
            return;
        }
        add(totals, &format!("tasks_finished{{{labels}}}"), 1);
        add(totals, &format!("finished_bytes{{{labels}}}"), bytes(task).unwrap_or(0));
        let took = task.end().filter(|&end| end <= now).map_or(0, |end| end - task.start());
        if task.status == 2 && took > 0 {
            for minutes in [1, 2, 5, 10, 20, 30, 60, 120, 240, 480, 1440] {
                let is_within = took <= minutes * MINUTE;
                add(totals, &format!("duration{{{target_type},le {minutes} min}}"), i64::from(is_within));
            }
            add(totals, &format!("duration_count{{{target_type}}}"), 1);
            add(totals, &format!("duration_millis{{{target_type}}}"), took);
        }
    }

    /// A task in the look-back.
    fn gauge(&mut self, task: &FakeTask, now: i64) {
        let (labels, target_type, is_running) = (labels(task), type_name(task), task.status == RUNNING);
        let is_scan = is_scan(self.listing, task);
        let gauges = &mut self.gauges;
        if task.parent.is_none() {
            add(gauges, &format!("root_tasks{{{labels}}}"), 1);
        }
        if !is_scan {
            return;
        }
        add(gauges, &format!("tasks{{{labels}}}"), 1);
        add(gauges, &format!("by_progress{{{labels},{}}}", progress_range(task.percent)), 1);
        add(gauges, &format!("by_space{{{target_type},{}}}", space_range(bytes(task))), 1);
        add(gauges, &format!("measured_bytes{{{labels}}}"), bytes(task).unwrap_or(0));
        add(gauges, &format!("reports{{{target_type},{}}}", report_name(task.report)), 1);
        add(gauges, "unidentified", i64::from(task.target.is_none()));
        if is_running {
            least(gauges, &format!("oldest_running{{{target_type}}}"), seconds(task.start()));
        }
        if let Some(end) = task.end().filter(|&end| is_finished(task) && end <= now) {
            finish(gauges, target_type, task.status, end);
        }
    }
}

/// The mean progress of the scans that run, and of their checks.
fn means(gauges: &mut Facts, scans: &[&FakeTask]) {
    for target_type in ["snapshot", "image", "nas", "unknown"] {
        let running = scans.iter().filter(|task| task.status == RUNNING && type_name(task) == target_type);
        let percents: [Vec<_>; 2] = [
            running.clone().filter_map(|task| task.percent).collect(),
            running.filter_map(|task| task.vul_percent).collect(),
        ];
        let names =
            [format!("running_progress{{{target_type}}}"), format!("check_progress{{{target_type},vul}}")];
        for (name, mut percents) in names.into_iter().zip(percents) {
            percents.retain(|percent| (0.0..=100.0).contains(percent));
            if !percents.is_empty() {
                let mean = percents.iter().sum::<f64>() / percents.len() as f64 / 100.0;
                gauges.insert(name, to_the_billionth(mean));
            }
        }
    }
}

/// Quotients of floats depend on how they are written.
pub(super) fn to_the_billionth(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// The latest times that something finished, and completed.
pub(super) fn finish(gauges: &mut Facts, target_type: &str, status: i64, end: i64) {
    most(gauges, &format!("last_finished{{{target_type}}}"), seconds(end));
    if status == 2 {
        most(gauges, &format!("last_success{{{target_type}}}"), seconds(end));
    }
}

/// Scan tasks are the subtasks, or main tasks where there are no others.
fn is_scan(listing: Listing, task: &FakeTask) -> bool {
    task.parent.is_some() || listing == Listing::Root
}

fn is_in_lookback(task: &FakeTask, now: i64) -> bool {
    task.status == RUNNING || task.start() >= now - LOOKBACK
}

fn end_of(task: &FakeTask) -> (String, i64) {
    (task.id.clone(), task.start())
}

fn labels(task: &FakeTask) -> String {
    format!("{},{}", type_name(task), status_name(task.status))
}

pub(super) fn type_name(task: &FakeTask) -> &'static str {
    match task.target_type {
        1 => "snapshot",
        2 => "image",
        5 => "nas",
        _ => "unknown",
    }
}

pub(super) fn status_name(status: i64) -> &'static str {
    ["running", "completed", "failed", "timed_out"].get(status as usize - 1).unwrap_or(&"unknown")
}

fn report_name(report: Option<&str>) -> &'static str {
    match report {
        None => "none",
        Some("SUCCESS") => "success",
        Some("FAILED") => "failed",
        Some("RUNNING") => "running",
        Some(_) => "unknown",
    }
}

fn bytes(task: &FakeTask) -> Option<i64> {
    task.megabytes.map(|megabytes| megabytes * 1_048_576)
}

fn progress_range(percent: Option<f64>) -> &'static str {
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => match percent as i64 {
            0 => "0",
            1..=24 => "1-24",
            25..=49 => "25-49",
            50..=74 => "50-74",
            75..=99 => "75-99",
            _ => "100",
        },
        _ => "unknown",
    }
}

fn space_range(bytes: Option<i64>) -> &'static str {
    let bounds = [(1, "0"), (1 << 30, "lt_1gib"), (10 << 30, "lt_10gib"), (100 << 30, "lt_100gib")];
    let Some(bytes) = bytes else { return "unknown" };
    bounds.iter().find(|(bound, _)| bytes < *bound).map_or("ge_100gib", |(_, name)| name)
}

pub(super) fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

pub(super) fn add(facts: &mut Facts, name: &str, value: i64) {
    if value != 0 {
        *facts.entry(name.to_owned()).or_default() += value as f64;
    }
}

fn least(facts: &mut Facts, name: &str, value: f64) {
    let known = facts.entry(name.to_owned()).or_insert(value);
    *known = known.min(value);
}

fn most(facts: &mut Facts, name: &str, value: f64) {
    let known = facts.entry(name.to_owned()).or_insert(value);
    *known = known.max(value);
}
