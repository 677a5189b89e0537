//! OpenMetrics 1.0.0.

use std::fmt::Write as _;
use std::ops::Range;

use crate::meters::table::Kind;

use super::family::Family;
use super::lines::{self, Spelling};

/// The last line.
pub(super) const END: &str = "# EOF\n";

/// Bounds are canonical floats here: always with a point.
const PLAIN: Spelling = Spelling { number_suffix: "", bound };
const COUNTER: Spelling = Spelling { number_suffix: "_total", ..PLAIN };

fn bound(out: &mut String, bound: f64) {
    let _infallible = write!(out, "{bound:?}");
}

/// Writes `family`, and tells where its name stands. The name of a counter's family lacks the `_total` of its samples.
pub(super) fn encode(out: &mut String, family: &Family<'_>) -> Range<usize> {
    let (name, spelling) = match family.kind {
        Kind::Counter => (family.name.strip_suffix("_total").unwrap_or(family.name), COUNTER),
        Kind::Gauge | Kind::Histogram => (family.name, PLAIN),
    };
    let place = lines::metadata(out, "HELP", name);
    lines::escape(out, family.help, true);
    out.push('\n');
    lines::metadata(out, "TYPE", name);
    out.push_str(family.kind.as_str());
    out.push('\n');
    for sample in &family.samples {
        lines::sample(out, name, sample, &spelling);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::super::family::{Histogram, Sample, Value};
    use super::*;

    #[test]
    fn only_the_samples_of_a_counter_end_in_total() {
        let mut family = Family::foreign("jobs_total", Kind::Counter, "Jobs with a \\ and a \"\nin them.");
        family.samples.push(Sample { labels: vec![], value: Value::Number(3.0) });
        let mut out = String::new();
        encode(&mut out, &family);
        assert_eq!(
            out,
            "# HELP jobs Jobs with a \\\\ and a \\\"\\nin them.\n# TYPE jobs counter\njobs_total 3\n"
        );
    }

    #[test]
    fn bounds_of_buckets_always_have_a_point() {
        let mut family = Family::foreign("wait_seconds", Kind::Histogram, "Waiting.");
        let histogram = Histogram { buckets: vec![(0.5, 1), (3600.0, 2)], count: 3, sum: 7.0 };
        family.samples.push(Sample { labels: vec![], value: Value::Histogram(histogram) });
        let mut out = String::new();
        encode(&mut out, &family);
        assert_eq!(
            out,
            "# HELP wait_seconds Waiting.\n\
             # TYPE wait_seconds histogram\n\
             wait_seconds_bucket{le=\"0.5\"} 1\n\
             wait_seconds_bucket{le=\"3600.0\"} 2\n\
             wait_seconds_bucket{le=\"+Inf\"} 3\n\
             wait_seconds_sum 7\n\
             wait_seconds_count 3\n"
        );
    }
}
