//! The families of the meters, `process_*` among them.

use prometheus::proto::{Metric as Gathered, MetricFamily, MetricType};

use crate::meters::table::{self, Kind};

use super::family::{Family, Histogram, Labels, Sample, Value};

/// A gathered family with its labels in the order of the table. `None` for types that the meters
/// do not have.
pub(super) fn family(gathered: &MetricFamily) -> Option<Family<'_>> {
    let kind = match gathered.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::GAUGE => Kind::Gauge,
        MetricType::HISTOGRAM => Kind::Histogram,
        MetricType::SUMMARY | MetricType::UNTYPED => return None,
    };
    let order = table::find(gathered.name()).map_or(&[][..], |metric| metric.labels);
    let mut family = Family::foreign(gathered.name(), kind, gathered.help());
    family.samples = gathered
        .get_metric()
        .iter()
        .map(|metric| Sample { labels: labels(metric, order), value: value(metric, kind) })
        .collect();
    // By source first, as everywhere; the registry's own order goes by the names of labels.
    family.samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    Some(family)
}

/// The registry sorts labels by name; here they stand as the table says.
fn labels<'g>(metric: &'g Gathered, order: &[&str]) -> Labels<'g> {
    let mut labels: Labels<'_> =
        metric.get_label().iter().map(|label| (label.name(), label.value())).collect();
    labels.sort_by_key(|(name, _)| order.iter().position(|label| label == name));
    labels
}

fn value(metric: &Gathered, kind: Kind) -> Value {
    match kind {
        Kind::Counter => Value::Number(metric.get_counter().get_value()),
        Kind::Gauge => Value::Number(metric.get_gauge().get_value()),
        Kind::Histogram => {
            let histogram = metric.get_histogram();
            let buckets = histogram
                .get_bucket()
                .iter()
                .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()))
                // The lines write the last bucket, that of all, themselves.
                .filter(|(bound, _)| bound.is_finite())
                .collect();
            Value::Histogram(Histogram {
                buckets,
                count: histogram.get_sample_count(),
                sum: histogram.get_sample_sum(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::meters::Meters;
    use crate::model::{FailureReason, PollKind};

    #[test]
    fn labels_stand_in_the_order_of_the_table() {
        let meters = Meters::new();
        meters.source("a").api_request("ListAgentlessTask", "OK", Duration::from_millis(30));
        let gathered = meters.gather();
        let families: Vec<_> = gathered.iter().filter_map(family).collect();
        let requests = families.iter().find(|family| family.name == table::API_REQUESTS.name).unwrap();
        assert_eq!(
            requests.samples[0].labels,
            [("source", "a"), ("action", "ListAgentlessTask"), ("code", "OK")]
        );
    }

    #[test]
    fn a_poll_stands_in_every_bucket_from_its_duration_on() {
        let meters = Meters::new();
        meters.source("a").poll(PollKind::Full, Duration::from_secs(2), Some(FailureReason::Auth));
        let gathered = meters.gather();
        let families: Vec<_> = gathered.iter().filter_map(family).collect();
        let durations = families.iter().find(|family| family.name == table::POLL_DURATION.name).unwrap();
        let Value::Histogram(histogram) = &durations.samples[0].value else { panic!("not a histogram") };
        assert_eq!((histogram.count, histogram.sum), (1, 2.0));
        assert!(histogram.buckets.contains(&(1.0, 0)) && histogram.buckets.contains(&(5.0, 1)));
        assert!(histogram.buckets.iter().all(|(bound, _)| bound.is_finite()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_is_among_them_with_its_types() {
        let gathered = Meters::new().gather();
        let kinds: Vec<_> = gathered.iter().filter_map(family).map(|f| (f.name.to_owned(), f.kind)).collect();
        assert!(kinds.contains(&("process_cpu_seconds_total".to_owned(), Kind::Counter)), "{kinds:?}");
        assert!(kinds.contains(&("process_resident_memory_bytes".to_owned(), Kind::Gauge)), "{kinds:?}");
    }
}
