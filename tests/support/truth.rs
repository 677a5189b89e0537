//! What the exporter shows of scans, against what the simulated world says of itself.

use std::collections::BTreeMap;

use super::exposition::{Exposition, Series};
use super::programs::Simulator;

/// What an exporter must show of this world after a poll that ended at `at`, seconds since the
/// epoch. `windows` are more parameters of the question, such as `&lookback=60`.
pub(crate) fn truth(simulator: &Simulator, at: f64, windows: &str) -> BTreeMap<Series, f64> {
    let millis = (at * 1000.0).round();
    let told = simulator.world(&format!("truth?at={millis}{windows}"));
    let told = told.as_object().expect("the truth is an object of series");
    let series = told.iter().map(|(series, value)| {
        let series = Series::parse(series).expect("a key is a series");
        (series, value.as_f64().expect("a value is a number"))
    });
    series.collect()
}

/// What targets are called, which the world does not tell.
const INFO: &str = "agentless_scan_target_info";

/// The gauges about scans of the only source, without its label, as the world tells them.
pub(crate) fn gauges_about_scans(shown: &Exposition) -> BTreeMap<Series, f64> {
    let gauges = shown.gauges("agentless_scan_").into_iter().filter(|(series, _)| series.name != INFO);
    let without_source = gauges.map(|(mut series, value)| {
        assert_eq!(series.labels.remove("source").as_deref(), Some("sim"), "{series}");
        (series, value)
    });
    without_source.collect()
}

/// What Prometheus answers to the question which targets fail, by their names:
///
/// ```promql
/// agentless_scan_target_status{status=~"failed|timed_out"}
///   * on (source, target_type, target) group_left (instance_name, target_name)
///   agentless_scan_target_info
/// ```
///
/// # Panics
/// If a target would have several names, for which Prometheus refuses the question.
pub(crate) fn failing_targets(shown: &Exposition) -> Vec<Series> {
    let of_target =
        |series: &Series| ["source", "target_type", "target"].map(|on| series.label(on).to_owned());
    let mut infos: BTreeMap<_, &Series> = BTreeMap::new();
    for series in shown.samples.keys().filter(|series| series.name == INFO) {
        assert!(infos.insert(of_target(series), series).is_none(), "another one of this target: {series}");
    }
    let is_failing = |series: &&Series| {
        series.name == "agentless_scan_target_status"
            && matches!(series.label("status"), "failed" | "timed_out")
    };
    let failing = shown.samples.keys().filter(is_failing);
    let rows = failing.filter_map(|series| {
        let info = infos.get(&of_target(series))?;
        let mut row = Series { name: String::new(), labels: series.labels.clone() };
        for name in ["instance_name", "target_name"] {
            row.labels.insert(name.to_owned(), info.label(name).to_owned());
        }
        Some(row)
    });
    rows.collect()
}

/// One line for each series that is missing, invented or wrong.
pub(crate) fn differences(truth: &BTreeMap<Series, f64>, shown: &BTreeMap<Series, f64>) -> Vec<String> {
    let wrong = truth.iter().filter_map(|(series, expected)| match shown.get(series) {
        None => Some(format!("{series}: {expected}, not shown")),
        Some(value) if !is_close(*value, *expected) => Some(format!("{series}: {expected}, shown {value}")),
        Some(_) => None,
    });
    let invented = shown.iter().filter(|(series, _)| !truth.contains_key(series));
    wrong.chain(invented.map(|(series, value)| format!("{series}: none, shown {value}"))).collect()
}

/// Equal but for the order in which floating-point numbers were added.
fn is_close(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * left.abs().max(right.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comparison_finds_what_is_missing_invented_or_wrong() {
        let series = |pairs: &[(&str, f64)]| -> BTreeMap<Series, f64> {
            pairs.iter().map(|&(text, value)| (Series::parse(text).unwrap(), value)).collect()
        };
        let truth = series(&[("a{x=\"1\"}", 1.0), ("b", 1e12), ("c", 3.0)]);
        assert_eq!(
            differences(&truth, &series(&[("a{x=\"1\"}", 1.0), ("b", 1e12 + 1e-3), ("c", 3.0)])),
            [""; 0]
        );
        let shown = series(&[("a{x=\"1\"}", 2.0), ("b", 1e12), ("d", 4.0)]);
        assert_eq!(
            differences(&truth, &shown),
            ["a{x=\"1\"}: 1, shown 2", "c{}: 3, not shown", "d{}: none, shown 4"]
        );
    }
}
