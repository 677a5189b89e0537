//! The facts about the exporter: its build, and the state of each source.

use std::collections::BTreeMap;

use crate::clock::UnixMillis;
use crate::meters::table::{self, Metric};
use crate::model::{SourceStatus, check_label_name};
use crate::snapshot::Snapshot;

use super::family::{Family, Sample, Value};
use super::view::Seen;

/// The families of the facts about the exporter. Everything of a source is there from
/// the start, but what nobody knows yet. What speaks of the last snapshot stays when that is stale:
/// it tells of the exporter, and the gauges about scans are withdrawn by themselves.
pub(super) fn families<'a>(sources: &[Seen<'a>]) -> Vec<Family<'a>> {
    let of_status = |metric, value: fn(&SourceStatus) -> Option<f64>| {
        per_source(metric, sources, |source| value(&source.published.status))
    };
    let of_snapshot = |metric, value: fn(&Snapshot) -> u64| {
        per_source(metric, sources, |source| {
            source.published.snapshot.as_deref().map(|last| value(last) as f64)
        })
    };
    let seconds = |time: Option<UnixMillis>| time.map(UnixMillis::as_secs_f64);
    vec![
        build_info(),
        source_info(sources),
        per_source(&table::SOURCE_UP, sources, |s| Some(f64::from(s.fresh.is_some()))),
        of_status(&table::STALE_AFTER, |s| Some(s.stale_after.as_secs_f64())),
        of_status(&table::POLL_INTERVAL, |s| Some(s.interval.as_secs_f64())),
        of_status(&table::LOOKBACK, |s| Some(s.lookback.as_secs_f64())),
        of_status(&table::CONSECUTIVE_POLL_FAILURES, |s| Some(s.consecutive_failures as f64)),
        per_source(&table::LAST_POLL, sources, |s| seconds(s.published.status.last_poll)),
        per_source(&table::LAST_POLL_SUCCESS, sources, |s| seconds(s.published.status.last_success)),
        per_source(&table::LAST_FULL_POLL_SUCCESS, sources, |s| {
            seconds(s.published.status.last_full_success)
        }),
        of_status(&table::POLL_ROWS, |s| Some(s.rows.read as f64)),
        of_status(&table::POLL_ROWS_EXPECTED, |s| Some(s.rows.expected as f64)),
        of_status(&table::DELTA_FALLBACK, |s| Some(f64::from(s.falls_back))),
        of_snapshot(&table::SNAPSHOT_TASKS, |snapshot| snapshot.tasks),
        of_snapshot(&table::SNAPSHOT_SKIPPED_ROWS, |snapshot| snapshot.skipped_rows),
        of_snapshot(&table::SNAPSHOT_MISSING_ROWS, |snapshot| snapshot.missing_rows),
        of_status(&table::LEDGER_TASKS, |s| Some(s.ledger_tasks as f64)),
        of_snapshot(&table::TARGETS_DROPPED, |snapshot| snapshot.series.dropped),
        of_snapshot(&table::TARGETS_UNIDENTIFIED, |snapshot| snapshot.targets_unidentified),
        of_status(&table::API_RATE_LIMIT, |s| Some(s.rate_limit)),
        of_status(&table::API_CLOCK_SKEW, |s| s.clock_skew_seconds),
        per_source(&table::CREDENTIALS_EXPIRY, sources, |s| {
            seconds(s.published.status.key.as_ref()?.expires)
        }),
    ]
}

fn per_source<'a>(
    metric: &Metric,
    sources: &[Seen<'a>],
    value: impl Fn(&Seen<'a>) -> Option<f64>,
) -> Family<'a> {
    let mut family = Family::new(metric);
    for source in sources {
        family.push_known(&[source.name()], value(source));
    }
    family
}

fn build_info<'a>() -> Family<'a> {
    let mut family = Family::new(&table::BUILD_INFO);
    family.push(&[env!("CARGO_PKG_VERSION"), env!("AGENTLESS_EXPORTER_RUSTC")], 1.0);
    family
}

fn source_info<'a>(sources: &[Seen<'a>]) -> Family<'a> {
    let mut family = Family::new(&table::SOURCE_INFO);
    for source in sources {
        let SourceStatus { name, region, endpoint, labels: extra, listing, .. } = &source.published.status;
        let values = [name.as_str(), region, endpoint, listing.as_str()];
        let mut labels: Vec<_> = table::SOURCE_INFO.labels.iter().copied().zip(values).collect();
        labels.extend(extra_labels(extra));
        family.samples.push(Sample { labels, value: Value::Number(1.0) });
    }
    family
}

/// The configured labels, sorted. The configuration refuses names that the formats refuse or that
/// are taken; one that came through would cost the whole page, so it is left out.
fn extra_labels(configured: &[(String, String)]) -> BTreeMap<&str, &str> {
    let taken = table::SOURCE_INFO.labels;
    configured
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| check_label_name(name).is_ok() && !taken.contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configured_labels_are_sorted_and_never_break_the_line() {
        let configured = [
            ("team", "red"),
            ("source", "x"),
            ("9lives", "x"),
            ("a-b", "x"),
            ("__name__", "x"),
            ("env", "prod"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let labels: Vec<_> = extra_labels(&configured).into_iter().collect();
        assert_eq!(labels, [("env", "prod"), ("team", "red")]);
    }
}
