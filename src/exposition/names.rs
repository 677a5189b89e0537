//! Families asked for by name.

use crate::meters::table::Kind;

/// The names that a scraper wants, of which any may be unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// These names, each that of a family, with or without a counter's `_total`, or of the samples
    /// of a histogram.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        Self(names)
    }

    /// Whether one of them names `family`, as either format writes it.
    pub(super) fn name(&self, family: &[u8], kind: Kind) -> bool {
        let (stem, endings) = match kind {
            Kind::Gauge => (family, &[""][..]),
            Kind::Counter => (family.strip_suffix(b"_total").unwrap_or(family), &["", "_total"][..]),
            Kind::Histogram => (family, &["", "_bucket", "_sum", "_count"][..]),
        };
        let is_it = |name: &String| {
            let ending = name.as_bytes().strip_prefix(stem);
            ending.is_some_and(|ending| endings.iter().any(|known| known.as_bytes() == ending))
        };
        self.0.iter().any(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, family: &str, kind: Kind) -> bool {
        Names::new([name.to_owned()]).name(family.as_bytes(), kind)
    }

    #[test]
    fn a_counter_goes_by_its_name_with_and_without_total_in_both_formats() {
        for family in ["jobs_total", "jobs"] {
            assert!(named("jobs_total", family, Kind::Counter) && named("jobs", family, Kind::Counter));
            for other in ["job", "jobs_", "jobs_total_total", "jobs_count", "", "JOBS"] {
                assert!(!named(other, family, Kind::Counter), "{other}");
            }
        }
    }

    #[test]
    fn a_histogram_goes_by_its_samples_too() {
        for name in ["wait_seconds", "wait_seconds_bucket", "wait_seconds_sum", "wait_seconds_count"] {
            assert!(named(name, "wait_seconds", Kind::Histogram), "{name}");
        }
        for other in ["wait", "wait_seconds_total", "wait_seconds_bucket_sum"] {
            assert!(!named(other, "wait_seconds", Kind::Histogram), "{other}");
        }
    }

    #[test]
    fn a_gauge_goes_by_its_name_alone() {
        assert!(named("up", "up", Kind::Gauge));
        for other in ["up_total", "up_count", "u", "up "] {
            assert!(!named(other, "up", Kind::Gauge), "{other}");
        }
    }

    #[test]
    fn any_of_several_names_will_do_and_none_names_nothing() {
        let names = Names::new(["a", "b", "a"].map(str::to_owned));
        assert!(names.name(b"a", Kind::Gauge) && names.name(b"b", Kind::Gauge));
        assert!(!Names::new([]).name(b"a", Kind::Gauge));
    }
}
