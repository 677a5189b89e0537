//! What the exporter has counted, against what the simulated world says must have been.

use std::collections::BTreeMap;
use std::time::Duration;

use super::exposition::{Exposition, Series};
use super::programs::{Exporter, Simulator};
use super::{gate, wait_for};

/// Enough for a process of a busy machine to start and to poll.
pub(crate) const UP_WITHIN: Duration = Duration::from_secs(60);

/// What counts finished tasks.
const COUNTERS: [&str; 4] = [
    "agentless_scan_tasks_finished_total",
    "agentless_scan_finished_bytes_total",
    "agentless_scan_root_tasks_finished_total",
    "agentless_scan_task_duration_seconds_count",
];

/// Waits for a good poll that ended after `time`, seconds since the epoch.
pub(crate) fn until_polled_after(exporter: &Exporter, time: f64) -> Exposition {
    wait_for("a good poll", UP_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let at = shown.value("agentless_exporter_last_poll_success_timestamp_seconds");
        let is_up = shown.value("agentless_exporter_source_up") == Some(1.0);
        if is_up && at.is_some_and(|at| at > time) { Ok(shown) } else { Err(format!("{at:?}")) }
    })
}

/// The counters of finished tasks, without the label of the source.
pub(crate) fn counted(shown: &Exposition) -> BTreeMap<Series, f64> {
    let all = shown.samples.iter().filter(|(series, _)| COUNTERS.contains(&series.name.as_str()));
    let without_source = all.map(|(series, &value)| {
        let mut series = series.clone();
        series.labels.remove("source");
        (series, value)
    });
    without_source.collect()
}

/// Those that are not at 0.
pub(crate) fn counted_at_all(shown: &Exposition) -> BTreeMap<Series, f64> {
    counted(shown).into_iter().filter(|&(_, value)| value > 0.0).collect()
}

/// What finished in a world that stands still since the exporter began to count; ends lie ahead of
/// its clock, so none is measured.
pub(crate) fn finished(simulator: &Simulator, since: u64) -> BTreeMap<Series, f64> {
    let told = simulator.world(&format!("counted?since={since}&at={since}"));
    let series = told.as_object().expect("an object of series").iter().map(|(series, value)| {
        (Series::parse(series).expect("a key is a series"), value.as_f64().expect("a value is a number"))
    });
    series.collect()
}
