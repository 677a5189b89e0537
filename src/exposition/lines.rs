//! The sample lines, which both formats write alike but for two spellings.

use std::fmt::Write as _;
use std::ops::Range;

use super::family::{Histogram, Labels, Sample, Value};

/// Where the formats differ in a sample line.
pub(super) struct Spelling {
    /// What is added to the name of a family for the sample of a gauge or counter.
    pub(super) number_suffix: &'static str,
    /// Writes the bound of a bucket.
    pub(super) bound: fn(&mut String, f64),
}

/// Writes every line of `sample`, of the family `name`.
pub(super) fn sample(out: &mut String, name: &str, sample: &Sample<'_>, spelling: &Spelling) {
    match &sample.value {
        Value::Number(value) => line(out, name, spelling.number_suffix, &sample.labels, None, *value),
        Value::Histogram(histogram) => buckets(out, name, &sample.labels, histogram, spelling.bound),
    }
}

/// Writes the number as the formats want it: shortest form that reads back the same, whole numbers
/// without a point, never an exponent.
pub(super) fn number(out: &mut String, value: f64) {
    /// Up to here every whole number has a float of its own.
    const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    let whole = value as i64;
    let _infallible = if value.is_infinite() {
        out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if value.abs() < EXACT && (whole as f64).to_bits() == value.to_bits() {
        // Most values are counts, and integers are written much faster.
        write!(out, "{whole}")
    } else {
        write!(out, "{value}")
    };
}

/// Writes `text` on one line; `quotes` too need a backslash between quotes.
pub(super) fn escape(out: &mut String, text: &str, quotes: bool) {
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '\n', '"']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\\' => "\\\\",
            b'\n' => "\\n",
            _ if quotes => "\\\"",
            _ => "\"",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Writes the start of a line of the metadata of a family, and tells where `name` stands in it.
pub(super) fn metadata(out: &mut String, keyword: &str, name: &str) -> Range<usize> {
    for part in ["# ", keyword, " "] {
        out.push_str(part);
    }
    let start = out.len();
    out.push_str(name);
    out.push(' ');
    start..start + name.len()
}

fn buckets(
    out: &mut String,
    name: &str,
    labels: &Labels<'_>,
    histogram: &Histogram,
    bound: fn(&mut String, f64),
) {
    let mut written = String::new();
    for &(upper, count) in &histogram.buckets {
        written.clear();
        bound(&mut written, upper);
        line(out, name, "_bucket", labels, Some(("le", &written)), count as f64);
    }
    line(out, name, "_bucket", labels, Some(("le", "+Inf")), histogram.count as f64);
    line(out, name, "_sum", labels, None, histogram.sum);
    line(out, name, "_count", labels, None, histogram.count as f64);
}

fn line(
    out: &mut String,
    name: &str,
    suffix: &str,
    labels: &Labels<'_>,
    last_label: Option<(&str, &str)>,
    value: f64,
) {
    out.push_str(name);
    out.push_str(suffix);
    let mut separator = '{';
    for &(label, value) in labels.iter().chain(&last_label) {
        out.push(separator);
        separator = ',';
        out.push_str(label);
        out.push_str("=\"");
        escape(out, value, true);
        out.push('"');
    }
    if separator == ',' {
        out.push('}');
    }
    out.push(' ');
    number(out, value);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_exponent_and_no_needless_point() {
        let cases = [
            (0.0, "0"),
            (137.0, "137"),
            (0.1, "0.1"),
            (1e15, "1000000000000000"),
            (1e21, "1000000000000000000000"),
            (1_795_489_445.999, "1795489445.999"),
            (-2.0, "-2"),
            (-0.0, "-0"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (1_152_921_504_606_846_976.0, "1152921504606847000"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (value, expected) in cases {
            let mut out = String::new();
            number(&mut out, value);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn label_values_escape_what_would_end_them() {
        let labels = vec![("source", "a\\b\"c\nd{}=,é")];
        let mut out = String::new();
        let spelling = Spelling { number_suffix: "", bound: number };
        sample(&mut out, "x", &Sample { labels, value: Value::Number(1.0) }, &spelling);
        assert_eq!(out, "x{source=\"a\\\\b\\\"c\\nd{}=,é\"} 1\n");
    }
}
