//! The one table of metric names. Everything that names a metric is checked against it.

/// The type of a metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up; the name ends in `_total`.
    Counter,
    /// Counts of observations in cumulative buckets.
    Histogram,
}

impl Kind {
    /// The word of the exposition formats.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric family: its name, type, help and label names.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Name as scraped, a counter's with `_total`.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Label names in the order of the values.
    pub labels: &'static [&'static str],
    /// The documentation of the metric.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($id:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(#[doc = $help] pub const $id: Metric = Metric {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        };)+

        /// Every metric of this program but the `process_*` ones, in the order of the docs.
        pub const ALL: &[Metric] = &[$($id,)+];
    };
}

metrics! {
    SCAN_TASKS: Gauge "agentless_scan_tasks" ["source", "target_type", "status"]
        "Scan tasks that started within the look-back or still run, polled from Security Center.";
    SCAN_TASKS_BY_PROGRESS: Gauge "agentless_scan_tasks_by_progress" ["source", "target_type", "status", "progress"]
        "The polled scan tasks by the progress they reached, in percent rounded down.";
    SCAN_TASKS_BY_MEASURED_SPACE: Gauge "agentless_scan_tasks_by_measured_space" ["source", "target_type", "space"]
        "The polled scan tasks by the amount of data scanned (MeasureSpace), where 1 MB of the API is 1,048,576 bytes.";
    SCAN_MEASURED_BYTES: Gauge "agentless_scan_measured_bytes" ["source", "target_type", "status"]
        "Data scanned by the polled scan tasks (sum of MeasureSpace, where 1 MB of the API is 1,048,576 bytes).";
    SCAN_RUNNING_PROGRESS_RATIO: Gauge "agentless_scan_running_progress_ratio" ["source", "target_type"]
        "Mean progress of the running scan tasks, 0 to 1, polled; absent when none runs.";
    SCAN_CHECK_PROGRESS_RATIO: Gauge "agentless_scan_check_progress_ratio" ["source", "target_type", "check"]
        "Mean progress of one check of the running scan tasks, 0 to 1, polled; absent when none runs.";
    SCAN_OLDEST_RUNNING_START: Gauge "agentless_scan_oldest_running_start_timestamp_seconds" ["source", "target_type"]
        "When the oldest of the running scan tasks started, polled; absent when none runs.";
    SCAN_REPORTS: Gauge "agentless_scan_reports" ["source", "target_type", "report_status"]
        "The polled scan tasks by the state of their report.";
    SCAN_TARGETS: Gauge "agentless_scan_targets" ["source", "target_type", "status"]
        "Targets by the status of their latest finished scan task, polled.";
    SCAN_LAST_SUCCESS: Gauge "agentless_scan_last_success_timestamp_seconds" ["source", "target_type"]
        "When a scan task last completed, polled; absent until one is known.";
    SCAN_LAST_FINISHED: Gauge "agentless_scan_last_finished_timestamp_seconds" ["source", "target_type"]
        "When a scan task last completed, failed or timed out, polled; absent until one is known.";
    SCAN_ROOT_TASKS: Gauge "agentless_scan_root_tasks" ["source", "target_type", "status"]
        "Main tasks that started within the look-back or still run, polled from Security Center.";
    SCAN_TARGET_STATUS: Gauge "agentless_scan_target_status" ["source", "target_type", "target", "status"]
        "The status of the latest finished scan task of one target (its Uuid, else its TargetName), polled; the value is 1. The configuration says which targets have it (metrics.targets).";
    SCAN_TARGET_LAST_SUCCESS: Gauge "agentless_scan_target_last_success_timestamp_seconds" ["source", "target_type", "target"]
        "When a scan task of one target last completed, polled; absent until it is known.";
    SCAN_TARGET_LAST_FINISHED: Gauge "agentless_scan_target_last_finished_timestamp_seconds" ["source", "target_type", "target"]
        "When the latest finished scan task of one target completed, failed or timed out, polled; absent if the API does not tell.";
    SCAN_TARGET_INFO: Gauge "agentless_scan_target_info" ["source", "target_type", "target", "instance_id", "instance_name", "target_name"]
        "What one target with a status is called, by its newest rows, polled; the value is 1. Absent with metrics.targets.names: false.";

    SCAN_TASKS_FINISHED: Counter "agentless_scan_tasks_finished_total" ["source", "target_type", "status"]
        "Scan tasks that completed, failed or timed out, each once for every time it started.";
    SCAN_FINISHED_BYTES: Counter "agentless_scan_finished_bytes_total" ["source", "target_type", "status"]
        "Data scanned by the tasks counted as finished (sum of MeasureSpace, where 1 MB of the API is 1,048,576 bytes).";
    SCAN_ROOT_TASKS_FINISHED: Counter "agentless_scan_root_tasks_finished_total" ["source", "target_type", "status"]
        "Main tasks that completed, failed or timed out, each once for every time it started.";
    SCAN_TASK_DURATION: Histogram "agentless_scan_task_duration_seconds" ["source", "target_type"]
        "How long the scan tasks counted as completed took, from start to end.";

    BUILD_INFO: Gauge "agentless_exporter_build_info" ["version", "rustc"]
        "The build of this exporter; the value is 1.";
    SOURCE_INFO: Gauge "agentless_exporter_source_info" ["source", "region", "endpoint", "listing"]
        "What a source is, with the extra labels of its configuration; the value is 1.";
    SOURCE_UP: Gauge "agentless_exporter_source_up" ["source"]
        "1 while the snapshot of the source is not stale, judged at the scrape; 0 before the first one.";
    STALE_AFTER: Gauge "agentless_exporter_stale_after_seconds" ["source"]
        "Age at which the snapshot of the source is stale, as now in force.";
    POLL_INTERVAL: Gauge "agentless_exporter_poll_interval_seconds" ["source"]
        "Time between the starts of two polls of the source.";
    LOOKBACK: Gauge "agentless_exporter_lookback_seconds" ["source"]
        "Scan tasks that started within this time before the poll are in the gauges.";
    POLLS: Counter "agentless_exporter_polls_total" ["source", "kind", "outcome"]
        "Polls that ended.";
    POLL_FAILURES: Counter "agentless_exporter_poll_failures_total" ["source", "reason"]
        "Polls that failed, by reason.";
    CONSECUTIVE_POLL_FAILURES: Gauge "agentless_exporter_consecutive_poll_failures" ["source"]
        "Polls that failed since the last good one.";
    POLLS_SKIPPED: Counter "agentless_exporter_polls_skipped_total" ["source"]
        "Polls that were due while the one before still ran.";
    LAST_POLL: Gauge "agentless_exporter_last_poll_timestamp_seconds" ["source"]
        "When the last poll ended, good or bad; absent before.";
    LAST_POLL_SUCCESS: Gauge "agentless_exporter_last_poll_success_timestamp_seconds" ["source"]
        "When the last good poll ended: the time that the gauges about scans speak of; absent before.";
    LAST_FULL_POLL_SUCCESS: Gauge "agentless_exporter_last_full_poll_success_timestamp_seconds" ["source"]
        "When the last good full listing ended; absent before.";
    POLL_DURATION: Histogram "agentless_exporter_poll_duration_seconds" ["source"]
        "How long polls took, good or bad.";
    POLL_ROWS: Gauge "agentless_exporter_poll_rows" ["source"]
        "Rows read so far by the queries of the full listing under way, else of the last one; a task may be in several.";
    POLL_ROWS_EXPECTED: Gauge "agentless_exporter_poll_rows_expected" ["source"]
        "Rows that the API counts for the queries of the full listing under way so far, else of the last one.";
    DELTA_FALLBACK: Gauge "agentless_exporter_delta_fallback" ["source"]
        "1 while everything is listed at each poll because the API can't be asked for what changed, else 0.";
    SNAPSHOT_TASKS: Gauge "agentless_exporter_snapshot_tasks" ["source"]
        "Scan tasks in the last snapshot; absent before the first one.";
    SNAPSHOT_SKIPPED_ROWS: Gauge "agentless_exporter_snapshot_skipped_rows" ["source"]
        "Rows without a usable TaskId that the last snapshot leaves out.";
    SNAPSHOT_MISSING_ROWS: Gauge "agentless_exporter_snapshot_missing_rows" ["source"]
        "Rows that the API counts and did not show for the last snapshot.";
    LEDGER_TASKS: Gauge "agentless_exporter_ledger_tasks" ["source"]
        "Scan tasks that the source remembers.";
    STATE_PERSISTED: Gauge "agentless_exporter_state_persisted" []
        "1, also without state.path; 0 only while the state file that is configured can't be written, when a restart would lose what it lacks.";
    TARGETS_DROPPED: Gauge "agentless_exporter_targets_dropped" ["source"]
        "Targets that have no series of their own though metrics.targets.mode asks for them: they are beyond metrics.targets.limit, or have no name of their own that may be shown.";
    TARGETS_UNIDENTIFIED: Gauge "agentless_exporter_targets_unidentified" ["source"]
        "Scan tasks in the last snapshot that name no target; they count as tasks, not as targets.";
    API_REQUESTS: Counter "agentless_exporter_api_requests_total" ["source", "action", "code"]
        "Requests sent to the cloud, by the code of the answer, OK when it was good.";
    API_REQUEST_DURATION: Histogram "agentless_exporter_api_request_duration_seconds" ["source", "action"]
        "Time from sending a request to the end of its answer.";
    API_RETRIES: Counter "agentless_exporter_api_retries_total" ["source", "reason"]
        "Requests that were sent again, by the reason of the failure before.";
    API_RATE_LIMIT: Gauge "agentless_exporter_api_rate_limit" ["source"]
        "Requests a second that the source may now send.";
    API_CLOCK_SKEW: Gauge "agentless_exporter_api_clock_skew_seconds" ["source"]
        "The clock of the cloud minus the clock of this machine, to the second; absent until an answer told it.";
    CREDENTIALS_EXPIRY: Gauge "agentless_exporter_credentials_expiry_timestamp_seconds" ["source"]
        "When the access key in use expires; absent if it does not, and until one was needed.";
    UNKNOWN_VALUES: Counter "agentless_exporter_unknown_values_total" ["source", "field"]
        "Values in rows that could not be understood and count as unknown, at each reading.";
    CORRECTIONS: Counter "agentless_exporter_corrections_total" ["source"]
        "Tasks that had to be set right: whose status changed after they had finished, or of which a full listing found what the delta polls before it had missed.";
    CONFIG_RELOAD_SUCCESSFUL: Gauge "agentless_exporter_config_last_reload_successful" []
        "1 if the last reading of the configuration was good, at the start or at a reload, and that of the web config file too, else 0; then what was read before is still in force.";
    CONFIG_RELOAD_SUCCESS: Gauge "agentless_exporter_config_last_reload_success_timestamp_seconds" []
        "When the configuration in force was read, at the start or at a reload.";
    HTTP_REQUESTS: Counter "agentless_exporter_http_requests_total" ["path", "code"]
        "Requests answered by this exporter.";
}

/// The metric of that name, as scraped.
pub fn find(name: &str) -> Option<&'static Metric> {
    ALL.iter().find(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_families_clash_once_total_is_stripped() {
        let names: BTreeSet<_> = ALL.iter().map(|m| m.name.trim_end_matches("_total")).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn counters_and_only_they_end_in_total() {
        for metric in ALL {
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        }
    }

    #[test]
    fn every_metric_is_documented_and_labels_are_unique() {
        for metric in ALL {
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            let labels: BTreeSet<_> = metric.labels.iter().collect();
            assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
        }
    }
}
