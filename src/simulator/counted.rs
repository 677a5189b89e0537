//! What an exporter must have counted: the tasks that finished within a span of time, by their rows.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reading::{bytes_of, is_finished, status_of, time, type_of};
use super::row::Row;
use super::truth::{Truth, series};

/// The counters, of those series that are not 0, of an exporter that has seen exactly these rows
/// finish. An end that lies ahead of `at` is no time to measure by.
pub(super) fn counted<'r, 'w: 'r>(
    scans: impl Iterator<Item = &'r Row<'w>>,
    roots: impl Iterator<Item = &'r Row<'w>>,
    at: u64,
) -> Truth {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let mut seconds: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |name: &str, row: &Row<'_>, amount: u64| {
        let labels = [("status", status_of(row))];
        *sums.entry(series(name, type_of(row), &labels)).or_default() += amount;
    };
    for row in scans.filter(|row| is_finished(row)) {
        add("agentless_scan_tasks_finished_total", row, 1);
        add("agentless_scan_finished_bytes_total", row, bytes_of(row).unwrap_or(0));
        let [start, end] = [&row.start_time, &row.end_time].map(|field| time(field.value()));
        let took = start.zip(end).filter(|&(start, end)| start < end && end <= at);
        if let Some((start, end)) = took.filter(|_| status_of(row) == "completed") {
            let of_type = |name: &str| series(name, type_of(row), &[]);
            *seconds.entry(of_type("agentless_scan_task_duration_seconds_sum")).or_default() += end - start;
            *seconds.entry(of_type("agentless_scan_task_duration_seconds_count")).or_default() += 1000;
        }
    }
    for row in roots.filter(|row| is_finished(row)) {
        add("agentless_scan_root_tasks_finished_total", row, 1);
    }
    let sums = sums.into_iter().filter(|&(_, sum)| sum > 0).map(|(series, sum)| (series, sum.into()));
    sums.chain(seconds.into_iter().map(|(series, millis)| (series, Value::from(millis as f64 / 1000.0))))
        .collect()
}
