//! A family of samples: the shape that both formats are written from.

use std::collections::HashSet;

use crate::meters::table::{Kind, Metric};

/// A metric family and its samples, in the order in which they are written.
#[derive(Debug)]
pub(super) struct Family<'a> {
    /// Name as scraped, a counter's with `_total`.
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) help: &'a str,
    pub(super) samples: Vec<Sample<'a>>,
    label_names: &'static [&'static str],
}

/// The labels and the value of one series, or of the series of one histogram.
#[derive(Debug)]
pub(super) struct Sample<'a> {
    pub(super) labels: Labels<'a>,
    pub(super) value: Value,
}

/// Names and values of labels, in the order in which they are written.
pub(super) type Labels<'a> = Vec<(&'a str, &'a str)>;

/// What a sample says.
#[derive(Debug)]
pub(super) enum Value {
    /// Of a gauge or counter.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
}

/// The counts of a histogram.
#[derive(Debug)]
pub(super) struct Histogram {
    /// Upper bounds, ascending and finite, with the observations up to each.
    pub(super) buckets: Vec<(f64, u64)>,
    /// All observations.
    pub(super) count: u64,
    /// Their sum.
    pub(super) sum: f64,
}

impl<'a> Family<'a> {
    /// A family of the table, without samples yet.
    pub(super) fn new(metric: &Metric) -> Self {
        Self {
            name: metric.name,
            kind: metric.kind,
            help: metric.help,
            samples: Vec::new(),
            label_names: metric.labels,
        }
    }

    /// A family from outside the table.
    pub(super) fn foreign(name: &'a str, kind: Kind, help: &'a str) -> Self {
        Self { name, kind, help, samples: Vec::new(), label_names: &[] }
    }

    /// Adds a sample whose labels have the table's names and these `values`, in that order.
    pub(super) fn push(&mut self, values: &[&'a str], value: f64) {
        self.push_value(values, Value::Number(value));
    }

    /// As [`Self::push`], of any value.
    pub(super) fn push_value(&mut self, values: &[&'a str], value: Value) {
        debug_assert_eq!(values.len(), self.label_names.len(), "label values of {}", self.name);
        let labels = self.label_names.iter().copied().zip(values.iter().copied()).collect();
        self.samples.push(Sample { labels, value });
    }

    /// As [`Self::push`], if there is a value.
    pub(super) fn push_known(&mut self, values: &[&'a str], value: Option<f64>) {
        if let Some(value) = value {
            self.push(values, value);
        }
    }

    /// Whether two samples have the same labels.
    pub(super) fn has_duplicates(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.samples.len());
        !self.samples.iter().all(|sample| seen.insert(&sample.labels))
    }
}

/// One list of families out of several lists that name the same families in the same order:
/// each family then has the samples of all lists, so that no family is written in two places.
pub(super) fn joined<'a>(lists: impl IntoIterator<Item = Vec<Family<'a>>>) -> Vec<Family<'a>> {
    let mut lists = lists.into_iter();
    let mut all = lists.next().unwrap_or_default();
    for list in lists {
        for (family, more) in all.iter_mut().zip(list) {
            debug_assert_eq!(family.name, more.name, "the lists differ");
            family.samples.extend(more.samples);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::table;

    #[test]
    fn the_same_labels_twice_are_noticed() {
        let mut family = Family::new(&table::SOURCE_UP);
        family.push(&["a"], 1.0);
        family.push(&["b"], 1.0);
        assert!(!family.has_duplicates());
        family.push(&["a"], 0.0);
        assert!(family.has_duplicates());
    }

    #[test]
    fn joined_lists_keep_each_family_in_one_place() {
        let list = |source| {
            let mut up = Family::new(&table::SOURCE_UP);
            up.push(&[source], 1.0);
            let mut rows = Family::new(&table::POLL_ROWS);
            rows.push(&[source], 7.0);
            vec![up, rows]
        };
        let all = joined([list("a"), list("b")]);
        let got: Vec<_> = all
            .iter()
            .map(|family| (family.name, family.samples.iter().map(|s| s.labels[0].1).collect::<Vec<_>>()))
            .collect();
        assert_eq!(got, [(table::SOURCE_UP.name, vec!["a", "b"]), (table::POLL_ROWS.name, vec!["a", "b"])]);
        assert!(joined([]).is_empty());
    }
}
