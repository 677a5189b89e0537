//! What an exporter that starts now must show, computed from the rows that it gets.
//!
//! The answer of `GET /_world/truth` is a flat JSON object from series, in the syntax of the
//! exposition but without the label `source`, to numbers. It has all gauges about scans except
//! those about single targets. The rows are those of the world as it stands; `at` is the time at
//! which the exporter ends its poll, from which the look-back counts. An exporter that starts now
//! lists what started within the greater of look-back and keep, and whatever runs; the server's
//! filters act on what is, while everything else here is taken from the rows as they are shown,
//! with their nulls and unknown words.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::{Number, Value};

use super::config::Listing;
use super::row::Row;

/// Bytes of the API's MB.
const MEGABYTE: f64 = 1_048_576.0;
const GIB: u64 = 1 << 30;

const TYPES: [&str; 8] =
    ["unknown", "snapshot", "image", "user_snapshot", "user_image", "nas", "sandbox", "security_fix"];
const STATUSES: [&str; 5] = ["unknown", "running", "completed", "failed", "timed_out"];
const PROGRESSES: [&str; 7] = ["0", "1-24", "25-49", "50-74", "75-99", "100", "unknown"];
const SPACES: [&str; 6] = ["0", "lt_1gib", "lt_10gib", "lt_100gib", "ge_100gib", "unknown"];
const REPORTS: [&str; 7] = ["prepared", "running", "success", "timeout", "failed", "none", "unknown"];
const CHECKS: [&str; 7] = ["scaVul", "binary", "baseline", "vul", "webshell", "script", "sensitiveInfo"];

/// Series and their values.
pub(super) type Truth = BTreeMap<String, Value>;

/// The rows that a fresh exporter gets, and when it looks at them.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'r, 'w> {
    /// How subtasks are listed.
    pub(super) listing: Listing,
    /// Rows of scan tasks. With [`Listing::Root`] these are the main tasks.
    pub(super) scans: &'r [Row<'w>],
    /// Rows of main tasks; with [`Listing::Root`] not looked at.
    pub(super) roots: &'r [Row<'w>],
    /// Milliseconds since the epoch.
    pub(super) at: u64,
    /// In milliseconds.
    pub(super) lookback: u64,
}

impl View<'_, '_> {
    /// The gauges.
    pub(super) fn truth(self) -> Truth {
        let Self { listing, scans, roots, at, lookback } = self;
        let roots = if listing == Listing::Root { scans } else { roots };
        let since = at.saturating_sub(lookback);
        let counts = |row: &&Row<'_>| {
            status_of(row) == "running" || time(row.start_time.value()).is_none_or(|start| start >= since)
        };
        let mut types: BTreeMap<&'static str, Facts> = BTreeMap::new();
        types.entry("snapshot").or_default();
        types.entry("image").or_default();
        for row in scans.iter().filter(counts) {
            types.entry(type_of(row)).or_default().count_scan(row);
        }
        for row in roots.iter().filter(counts) {
            *types.entry(type_of(row)).or_default().roots.entry(status_of(row)).or_default() += 1;
        }
        for ((kind, _), latest) in latest_of_targets(scans, at) {
            *types.entry(kind).or_default().targets.entry(status_of(latest)).or_default() += 1;
        }
        for row in scans {
            let ended = time(row.end_time.value()).filter(|&end| end <= at);
            if let (Some(facts), Some(end), true) = (types.get_mut(type_of(row)), ended, is_finished(row)) {
                facts.last_finished = facts.last_finished.max(Some(end));
                if status_of(row) == "completed" {
                    facts.last_success = facts.last_success.max(Some(end));
                }
            }
        }
        let mut truth = Truth::new();
        types.iter().for_each(|(kind, facts)| facts.write(kind, &mut truth));
        truth
    }
}

/// What is counted of one type.
#[derive(Debug, Default)]
struct Facts {
    tasks: BTreeMap<&'static str, u64>,
    progresses: BTreeMap<(&'static str, &'static str), u64>,
    spaces: BTreeMap<&'static str, u64>,
    bytes: BTreeMap<&'static str, u64>,
    running: Mean,
    checks: BTreeMap<&'static str, Mean>,
    oldest_running: Option<u64>,
    reports: BTreeMap<&'static str, u64>,
    targets: BTreeMap<&'static str, u64>,
    roots: BTreeMap<&'static str, u64>,
    last_success: Option<u64>,
    last_finished: Option<u64>,
}

impl Facts {
    fn count_scan(&mut self, row: &Row<'_>) {
        let status = status_of(row);
        let percent = row.progress.value().copied().filter(|percent| *percent <= 100);
        let bytes = row.measure_space.value().map(|space| (space.megabytes() * MEGABYTE).round() as u64);
        *self.tasks.entry(status).or_default() += 1;
        *self.progresses.entry((status, progress_bucket(percent))).or_default() += 1;
        *self.spaces.entry(space_bucket(bytes)).or_default() += 1;
        *self.bytes.entry(status).or_default() += bytes.unwrap_or(0);
        *self.reports.entry(report_of(row)).or_default() += 1;
        if status != "running" {
            return;
        }
        if let Some(percent) = percent {
            self.running.add(percent);
        }
        let mut of_row = BTreeMap::new();
        for &(key, percent) in row.progress_by_project.value().map_or(&[][..], |checks| &checks.items) {
            // Of several unknown keys the last one stands.
            of_row.insert(CHECKS.into_iter().find(|check| *check == key).unwrap_or("other"), percent);
        }
        for (check, percent) in of_row {
            self.checks.entry(check).or_default().add(percent);
        }
        if let Some(start) = time(row.start_time.value()) {
            self.oldest_running = Some(self.oldest_running.map_or(start, |oldest| oldest.min(start)));
        }
    }

    fn write(&self, kind: &str, truth: &mut Truth) {
        let mut say = |name: &str, labels: &[(&str, &str)], value: Number| {
            truth.insert(series(name, kind, labels), Value::Number(value));
        };
        let of = |counts: &BTreeMap<&str, u64>, word: &str| counts.get(word).copied().unwrap_or(0).into();
        for status in STATUSES {
            let label = ("status", status);
            say("agentless_scan_tasks", &[label], of(&self.tasks, status));
            say("agentless_scan_measured_bytes", &[label], of(&self.bytes, status));
            say("agentless_scan_targets", &[label], of(&self.targets, status));
            say("agentless_scan_root_tasks", &[label], of(&self.roots, status));
            for progress in PROGRESSES {
                let count = self.progresses.get(&(status, progress)).copied().unwrap_or(0);
                say("agentless_scan_tasks_by_progress", &[label, ("progress", progress)], count.into());
            }
        }
        for space in SPACES {
            say("agentless_scan_tasks_by_measured_space", &[("space", space)], of(&self.spaces, space));
        }
        for report in REPORTS {
            say("agentless_scan_reports", &[("report_status", report)], of(&self.reports, report));
        }
        if let Some(ratio) = self.running.ratio() {
            say("agentless_scan_running_progress_ratio", &[], ratio);
        }
        for (check, mean) in &self.checks {
            if let Some(ratio) = mean.ratio() {
                say("agentless_scan_check_progress_ratio", &[("check", check)], ratio);
            }
        }
        let times = [
            ("agentless_scan_oldest_running_start_timestamp_seconds", self.oldest_running),
            ("agentless_scan_last_success_timestamp_seconds", self.last_success),
            ("agentless_scan_last_finished_timestamp_seconds", self.last_finished),
        ];
        for (name, millis) in times {
            if let Some(seconds) = millis.and_then(|millis| Number::from_f64(millis as f64 / 1000.0)) {
                say(name, &[], seconds);
            }
        }
    }
}

/// A mean of whole percents.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    sum: u64,
    count: u64,
}

impl Mean {
    fn add(&mut self, percent: u64) {
        self.sum += percent;
        self.count += 1;
    }

    fn ratio(self) -> Option<Number> {
        (self.count > 0).then(|| self.sum as f64 / (100 * self.count) as f64).and_then(Number::from_f64)
    }
}

/// The latest finished row of each target, by type and identity. By the end if it is known and
/// past, else by the start; then by the start; then by the id.
fn latest_of_targets<'r, 'w>(
    scans: &'r [Row<'w>],
    at: u64,
) -> BTreeMap<(&'static str, &'r str), &'r Row<'w>> {
    let rank = |row: &'r Row<'w>| {
        let start = time(row.start_time.value()).unwrap_or(0);
        let end = time(row.end_time.value()).filter(|&end| end <= at);
        (end.unwrap_or(start), start, row.task_id.as_str())
    };
    let mut latest: BTreeMap<_, &'r Row<'w>> = BTreeMap::new();
    for row in scans.iter().filter(|row| is_finished(row)) {
        let known = |text: Option<&&'w str>| text.copied().filter(|text| !text.is_empty());
        let Some(identity) = known(row.uuid.value()).or_else(|| known(row.target_name.value())) else {
            continue;
        };
        let entry = latest.entry((type_of(row), identity)).or_insert(row);
        if rank(row) > rank(entry) {
            *entry = row;
        }
    }
    latest
}

fn series(name: &str, kind: impl Display, labels: &[(&str, &str)]) -> String {
    let rest: String = labels.iter().map(|(label, value)| format!(",{label}=\"{value}\"")).collect();
    format!("{name}{{target_type=\"{kind}\"{rest}}}")
}

fn time(millis: Option<&u64>) -> Option<u64> {
    millis.copied().filter(|&millis| millis > 0)
}

fn type_of(row: &Row<'_>) -> &'static str {
    let code = row.target_type.value().and_then(|&code| usize::try_from(code).ok());
    code.and_then(|code| TYPES.get(code)).unwrap_or(&TYPES[0])
}

fn status_of(row: &Row<'_>) -> &'static str {
    let code = row.status.value().and_then(|&code| usize::try_from(code).ok());
    code.and_then(|code| STATUSES.get(code)).unwrap_or(&STATUSES[0])
}

fn is_finished(row: &Row<'_>) -> bool {
    matches!(status_of(row), "completed" | "failed" | "timed_out")
}

fn report_of(row: &Row<'_>) -> &'static str {
    match row.report_status.value() {
        None | Some(&"") => "none",
        Some(word) => {
            REPORTS.into_iter().find(|report| report.eq_ignore_ascii_case(word)).unwrap_or("unknown")
        }
    }
}

fn progress_bucket(percent: Option<u64>) -> &'static str {
    match percent {
        Some(0) => "0",
        Some(1..25) => "1-24",
        Some(25..50) => "25-49",
        Some(50..75) => "50-74",
        Some(75..100) => "75-99",
        Some(100) => "100",
        _ => "unknown",
    }
}

fn space_bucket(bytes: Option<u64>) -> &'static str {
    match bytes {
        None => "unknown",
        Some(0) => "0",
        Some(bytes) if bytes < GIB => "lt_1gib",
        Some(bytes) if bytes < 10 * GIB => "lt_10gib",
        Some(bytes) if bytes < 100 * GIB => "lt_100gib",
        Some(_) => "ge_100gib",
    }
}
