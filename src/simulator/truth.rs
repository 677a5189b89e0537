//! What an exporter that starts now must show, computed from the rows that it gets.
//!
//! The answer of `GET /_world/truth` is a flat JSON object from series, in the syntax of the
//! exposition but without the label `source`, to numbers. It has all gauges about scans except
//! what single targets are called. The rows are those of the world as it stands; `at` is the time at
//! which the exporter ends its poll, from which the look-back counts. An exporter that starts now
//! lists what started within the look-back and whatever runs, and further back, as far as keep
//! goes, what tells the last states of targets; the server's filters act on what is, while
//! everything else here is taken from the rows as they are shown, with their nulls and unknown
//! words.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::{Number, Value};

use super::config::Listing;
use super::reading::{
    CHECKS, PROGRESSES, REPORTS, SPACES, STATUSES, bytes_of, is_finished, progress_bucket, report_of,
    space_bucket, status_of, time, type_of,
};
use super::row::Row;
use super::single::{self, Single, latest_of_targets};

/// Series and their values.
pub(super) type Truth = BTreeMap<String, Value>;

/// The rows that a fresh exporter gets.
#[derive(Debug, Default)]
pub(super) struct Rows<'w> {
    /// Scan tasks of the look-back. With [`Listing::Root`] these are the main tasks.
    pub(super) scans: Vec<Row<'w>>,
    /// Older scan tasks, which tell the last states of targets and nothing else.
    pub(super) history: Vec<Row<'w>>,
    /// Main tasks of the look-back; with [`Listing::Root`] not looked at.
    pub(super) roots: Vec<Row<'w>>,
}

/// Rows, and when and how an exporter looks at them.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'r, 'w> {
    /// How subtasks are listed.
    pub(super) listing: Listing,
    /// What is looked at.
    pub(super) rows: &'r Rows<'w>,
    /// Milliseconds since the epoch.
    pub(super) at: u64,
    /// In milliseconds.
    pub(super) lookback: u64,
    /// Which targets have series of their own.
    pub(super) single: Single,
}

impl View<'_, '_> {
    /// The gauges.
    pub(super) fn truth(self) -> Truth {
        let Self { listing, rows: Rows { scans, history, roots }, at, lookback, single } = self;
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
        let finished = || scans.iter().chain(history).filter(|row| is_finished(row));
        let latest = latest_of_targets(finished(), at);
        for ((kind, _), latest) in &latest {
            *types.entry(kind).or_default().targets.entry(status_of(latest)).or_default() += 1;
        }
        let successes = latest_of_targets(finished().filter(|row| status_of(row) == "completed"), at);
        for row in scans.iter().chain(latest.values().copied()).chain(successes.values().copied()) {
            if let Some(facts) = types.get_mut(type_of(row)) {
                facts.note_end(row, at);
            }
        }
        let mut truth = Truth::new();
        types.iter().for_each(|(kind, facts)| facts.write(kind, &mut truth));
        single::write(single, &latest, &successes, at, &mut truth);
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
        let bytes = bytes_of(row);
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

    fn note_end(&mut self, row: &Row<'_>, at: u64) {
        let end = time(row.end_time.value()).filter(|&end| is_finished(row) && end <= at);
        self.last_finished = self.last_finished.max(end);
        if status_of(row) == "completed" {
            self.last_success = self.last_success.max(end);
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

pub(super) fn series(name: &str, kind: impl Display, labels: &[(&str, &str)]) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
    let rest: String =
        labels.iter().map(|(label, value)| format!(",{label}=\"{}\"", escaped(value))).collect();
    format!("{name}{{target_type=\"{kind}\"{rest}}}")
}

#[cfg(test)]
mod tests {
    use super::super::row::{Checks, Field, Space};
    use super::*;

    const AT: u64 = 1_000_000_000;
    const LOOKBACK: u64 = 1_000_000;

    fn scan(id: &str, kind: i64, status: i64, start: u64, end: u64, target: &'static str) -> Row<'static> {
        Row {
            task_id: id.to_owned(),
            target_type: Field::Is(kind),
            status: Field::Is(status),
            start_time: Field::Is(start),
            end_time: Field::Is(end),
            uuid: Field::Is(""),
            target_name: Field::Is(target),
            ..Row::default()
        }
    }

    fn truth<'w>(listing: Listing, scans: &[Row<'w>], roots: &[Row<'w>]) -> Truth {
        let rows = Rows { scans: scans.to_vec(), history: Vec::new(), roots: roots.to_vec() };
        View { listing, rows: &rows, at: AT, lookback: LOOKBACK, single: Single::None }.truth()
    }

    /// The series that are not 0, as lines.
    fn lines(truth: &Truth) -> Vec<String> {
        let told = truth.iter().filter(|(_, value)| value.as_f64() != Some(0.0));
        told.map(|(series, value)| format!("{series} {value}").replace("agentless_scan_", "")).collect()
    }

    #[test]
    fn an_empty_account_has_zeros_for_snapshots_and_images_and_no_times() {
        let truth = truth(Listing::Flat, &[], &[]);
        assert_eq!(lines(&truth), [""; 0]);
        // Of each type: 5 statuses of 4 metrics, 35 of progress, 6 of space, 7 of reports.
        assert_eq!(truth.len(), 2 * (4 * 5 + 35 + 6 + 7));
        assert_eq!(truth["agentless_scan_tasks{target_type=\"image\",status=\"timed_out\"}"], 0);
    }

    #[test]
    fn a_running_task_tells_its_progress_space_and_start() {
        let items = vec![("vul", 50), ("new", 10), ("newer", 30)];
        let row = |id, percent, items| Row {
            progress: Field::Is(percent),
            progress_by_project: Field::Is(Checks { items, twice: true }),
            measure_space: Field::Is(Space { hundredths: 15411, as_text: true }),
            report_status: Field::Is("RUNNING"),
            ..scan(id, 1, 1, AT - 2 * LOOKBACK, AT + 5, "t")
        };
        let got = truth(Listing::Flat, &[row("1", 20, items), row("2", 61, vec![("vul", 100)])], &[]);
        assert_eq!(
            lines(&got),
            [
                r#"check_progress_ratio{target_type="snapshot",check="other"} 0.3"#,
                r#"check_progress_ratio{target_type="snapshot",check="vul"} 0.75"#,
                r#"measured_bytes{target_type="snapshot",status="running"} 323192094"#,
                r#"oldest_running_start_timestamp_seconds{target_type="snapshot"} 998000.0"#,
                r#"reports{target_type="snapshot",report_status="running"} 2"#,
                r#"running_progress_ratio{target_type="snapshot"} 0.405"#,
                r#"tasks_by_measured_space{target_type="snapshot",space="lt_1gib"} 2"#,
                r#"tasks_by_progress{target_type="snapshot",status="running",progress="1-24"} 1"#,
                r#"tasks_by_progress{target_type="snapshot",status="running",progress="50-74"} 1"#,
                r#"tasks{target_type="snapshot",status="running"} 2"#,
            ]
        );
    }

    #[test]
    fn a_target_counts_by_its_latest_end_though_it_left_the_lookback() {
        let old = AT - 5 * LOOKBACK;
        let scans = [
            scan("1", 5, 2, old, old + 500, "nas"),
            scan("2", 5, 3, old + 10, old + 400, "nas"),
            scan("3", 5, 1, AT - 10, AT + 10, "other"),
            scan("4", 5, 4, old, old + 100, ""),
        ];
        let got = truth(Listing::Flat, &scans, &[]);
        let told = |name: &str| got.get(&format!("agentless_scan_{name}")).cloned();
        assert_eq!(told("targets{target_type=\"nas\",status=\"completed\"}"), Some(1.into()));
        assert_eq!(told("targets{target_type=\"nas\",status=\"failed\"}"), Some(0.into()));
        assert_eq!(told("targets{target_type=\"nas\",status=\"timed_out\"}"), Some(0.into()));
        assert_eq!(told("tasks{target_type=\"nas\",status=\"running\"}"), Some(1.into()));
        let end = Some(((old + 500) as f64 / 1000.0).into());
        assert_eq!(told("last_success_timestamp_seconds{target_type=\"nas\"}"), end);
        assert_eq!(told("last_finished_timestamp_seconds{target_type=\"nas\"}"), end);
    }

    #[test]
    fn an_end_that_lies_ahead_proves_nothing() {
        let scans = [scan("1", 1, 2, AT - 100, AT + 1, "t"), scan("2", 1, 3, AT - 90, AT - 80, "t")];
        let got = truth(Listing::Flat, &scans, &[]);
        // By its start the first one is older than the end of the second.
        assert_eq!(got["agentless_scan_targets{target_type=\"snapshot\",status=\"failed\"}"], 1);
        assert!(!got.contains_key("agentless_scan_last_success_timestamp_seconds{target_type=\"snapshot\"}"));
        let tie = [scan("1", 1, 2, AT - 100, AT - 80, "t"), scan("2", 1, 3, AT - 90, AT - 80, "t")];
        let got = truth(Listing::Flat, &tie, &[]);
        assert_eq!(got["agentless_scan_targets{target_type=\"snapshot\",status=\"failed\"}"], 1);
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        let row = Row { task_id: "1".to_owned(), status: Field::Is(9), ..Row::default() };
        assert_eq!(
            lines(&truth(Listing::Flat, &[row], &[])),
            [
                r#"reports{target_type="unknown",report_status="none"} 1"#,
                r#"tasks_by_measured_space{target_type="unknown",space="unknown"} 1"#,
                r#"tasks_by_progress{target_type="unknown",status="unknown",progress="unknown"} 1"#,
                r#"tasks{target_type="unknown",status="unknown"} 1"#,
            ]
        );
    }

    #[test]
    fn main_tasks_count_by_the_same_window() {
        let roots = [
            scan("1", 1, 2, AT - LOOKBACK, AT, ""),
            scan("2", 6, 2, AT - LOOKBACK - 1, AT, ""),
            scan("3", 7, 1, AT - 3 * LOOKBACK, 0, ""),
        ];
        let told = [
            r#"root_tasks{target_type="security_fix",status="running"} 1"#,
            r#"root_tasks{target_type="snapshot",status="completed"} 1"#,
        ];
        assert_eq!(lines(&truth(Listing::PerRoot, &[], &roots)), told);
        let own = truth(Listing::Root, &roots, &[]);
        assert!(told.iter().all(|line| lines(&own).contains(&(*line).to_owned())), "{:?}", lines(&own));
        assert_eq!(own["agentless_scan_tasks{target_type=\"security_fix\",status=\"running\"}"], 1);
    }
}
