//! The Prometheus text format 0.0.4.

use std::ops::Range;

use super::family::Family;
use super::lines::{self, Spelling};

const SPELLING: Spelling = Spelling { number_suffix: "", bound: lines::number };

/// Writes `family`, and tells where its name stands.
pub(super) fn encode(out: &mut String, family: &Family<'_>) -> Range<usize> {
    let name = lines::metadata(out, "HELP", family.name);
    // Between no quotes, a quote needs no backslash in this format.
    lines::escape(out, family.help, false);
    out.push('\n');
    lines::metadata(out, "TYPE", family.name);
    out.push_str(family.kind.as_str());
    out.push('\n');
    for sample in &family.samples {
        lines::sample(out, family.name, sample, &SPELLING);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::super::family::{Histogram, Sample, Value};
    use super::*;
    use crate::meters::table::Kind;

    #[test]
    fn a_counter_keeps_its_whole_name() {
        let mut family = Family::foreign("jobs_total", Kind::Counter, "Jobs with a \\ and a \"\nin them.");
        family.samples.push(Sample { labels: vec![], value: Value::Number(3.0) });
        let mut out = String::new();
        encode(&mut out, &family);
        assert_eq!(
            out,
            "# HELP jobs_total Jobs with a \\\\ and a \"\\nin them.\n# TYPE jobs_total counter\njobs_total 3\n"
        );
    }

    #[test]
    fn a_histogram_ends_in_the_bucket_of_all() {
        let mut family = Family::foreign("wait_seconds", Kind::Histogram, "Waiting.");
        let histogram = Histogram { buckets: vec![(0.5, 1), (1.0, 2)], count: 3, sum: 7.25 };
        family.samples.push(Sample { labels: vec![("source", "a")], value: Value::Histogram(histogram) });
        let mut out = String::new();
        encode(&mut out, &family);
        assert_eq!(
            out,
            "# HELP wait_seconds Waiting.\n\
             # TYPE wait_seconds histogram\n\
             wait_seconds_bucket{source=\"a\",le=\"0.5\"} 1\n\
             wait_seconds_bucket{source=\"a\",le=\"1\"} 2\n\
             wait_seconds_bucket{source=\"a\",le=\"+Inf\"} 3\n\
             wait_seconds_sum{source=\"a\"} 7.25\n\
             wait_seconds_count{source=\"a\"} 3\n"
        );
    }
}
