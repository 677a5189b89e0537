//! A reader of the text formats, for comparing what was scraped. It knows what this exporter
//! writes and refuses anything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One series: its name and labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    /// Name as written, `x_bucket` for a bucket.
    pub(crate) name: String,
    /// Labels, sorted by name.
    pub(crate) labels: BTreeMap<String, String>,
}

impl Series {
    /// Reads `name` or `name{label="value",…}`.
    ///
    /// # Errors
    /// If it is written in another way, or names a label twice.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut labels = BTreeMap::new();
        let Some((name, rest)) = text.split_once('{') else {
            return Ok(Self { name: text.to_owned(), labels });
        };
        let mut rest = rest.strip_suffix('}').ok_or_else(|| format!("no closing brace: {text}"))?;
        while !rest.is_empty() {
            let (label, after) = rest.split_once("=\"").ok_or_else(|| format!("no label: {text}"))?;
            let (value, after) = unquoted(after).ok_or_else(|| format!("no closing quote: {text}"))?;
            if labels.insert(label.to_owned(), value).is_some() {
                return Err(format!("the label {label} twice: {text}"));
            }
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        Ok(Self { name: name.to_owned(), labels })
    }

    /// The value of a label; empty if it is not there.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> =
            self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        write!(f, "{}{{{}}}", self.name, labels.join(","))
    }
}

/// An exposition that was read.
#[derive(Debug)]
pub(crate) struct Exposition {
    /// The type of each family, by the name after `# TYPE`.
    pub(crate) types: BTreeMap<String, String>,
    /// Every sample.
    pub(crate) samples: BTreeMap<Series, f64>,
}

impl Exposition {
    /// Reads text 0.0.4 or OpenMetrics.
    ///
    /// # Errors
    /// If a line can't be read, a series or a family comes twice, a sample stands outside of its
    /// family, or two families have a name in common, be it only in OpenMetrics.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut types = BTreeMap::new();
        let mut samples = BTreeMap::new();
        let mut claimed = BTreeSet::new();
        let mut family: Option<Vec<String>> = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or_else(|| format!("no type: {line}"))?;
                let names = names_of(name, kind)?;
                for name in &names {
                    if !claimed.insert(name.clone()) {
                        return Err(format!("two families may write {name}: {line}"));
                    }
                }
                types.insert(name.to_owned(), kind.to_owned());
                family = Some(names);
            } else if line.starts_with("# HELP ") || line == "# EOF" {
                // The other parsers read these.
            } else {
                let (series, value) = sample(line)?;
                if !family.as_ref().is_some_and(|names| names.contains(&series.name)) {
                    return Err(format!("a sample outside of its family: {line}"));
                }
                if samples.insert(series, value).is_some() {
                    return Err(format!("the series twice: {line}"));
                }
            }
        }
        Ok(Self { types, samples })
    }

    /// The value of the only series of that name, if there is one.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        let mut found = self.samples.iter().filter(|(series, _)| series.name == name);
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} has several series");
        Some(*value)
    }

    /// The sum over every series of that name.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.samples.iter().filter(|(series, _)| series.name == name).map(|(_, value)| value).sum()
    }

    /// The sum over every series of that name which bears these labels.
    pub(crate) fn sum_of(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let bears = |series: &Series| labels.iter().all(|(label, value)| series.label(label) == *value);
        let found = self.samples.iter().filter(|(series, _)| series.name == name && bears(series));
        found.map(|(_, value)| value).sum()
    }

    /// Every sample of a gauge whose name starts with `prefix`.
    pub(crate) fn gauges(&self, prefix: &str) -> BTreeMap<Series, f64> {
        let is_gauge = |name: &str| self.types.get(name).is_some_and(|kind| kind == "gauge");
        let kept = self
            .samples
            .iter()
            .filter(|(series, _)| series.name.starts_with(prefix) && is_gauge(&series.name));
        kept.map(|(series, value)| (series.clone(), *value)).collect()
    }
}

/// Every name that a family may write in OpenMetrics, whatever the format it was read from.
fn names_of(family: &str, kind: &str) -> Result<Vec<String>, String> {
    let base = if kind == "counter" { family.strip_suffix("_total").unwrap_or(family) } else { family };
    let suffixes: &[&str] = match kind {
        "gauge" => &[""],
        "counter" => &["", "_total", "_created"],
        "histogram" => &["", "_bucket", "_count", "_sum", "_created"],
        other => return Err(format!("the family {family} is of the type {other}, which is not used here")),
    };
    Ok(suffixes.iter().map(|suffix| format!("{base}{suffix}")).collect())
}

fn sample(line: &str) -> Result<(Series, f64), String> {
    let end_of_series = line.rfind("} ").map_or_else(|| line.find(' '), |brace| Some(brace + 1));
    let (series, value) = line.split_at(end_of_series.ok_or_else(|| format!("no value: {line:?}"))?);
    // A time stamp after the value would fail here, as it must.
    let value = value.trim_start().parse().map_err(|_| format!("not one number: {line:?}"))?;
    Ok((Series::parse(series)?, value))
}

/// The label value up to its closing quote, and what follows the quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        for (text, counter) in [
            (
                "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"1\"} 2\n# TYPE b gauge\nb 1.5e3\n",
                "a_total",
            ),
            ("# HELP a A.\n# TYPE a counter\na_total{x=\"1\"} 2.0\n# TYPE b gauge\nb 1500.0\n# EOF\n", "a"),
        ] {
            let read = Exposition::parse(text).unwrap();
            assert_eq!(read.types[counter], "counter");
            assert_eq!(read.value("a_total"), Some(2.0));
            assert_eq!(read.gauges("b").len(), 1);
            assert_eq!(read.value("b"), Some(1500.0));
        }
    }

    #[test]
    fn escapes_and_braces_in_label_values_are_read() {
        let (series, value) = sample(r#"a{x="q\"} 1\\",y="n\n"} 7"#).unwrap();
        assert_eq!((series.label("x"), series.label("y"), value), ("q\"} 1\\", "n\n", 7.0));
    }

    #[test]
    fn a_series_that_comes_twice_is_refused_in_any_order_of_labels() {
        let text = "# TYPE a gauge\na{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n";
        assert!(Exposition::parse(text).unwrap_err().contains("twice"));
    }

    #[test]
    fn families_that_clash_are_refused() {
        for text in [
            "# TYPE a_total counter\na_total 1\n# TYPE a gauge\na 1\n",
            "# TYPE a histogram\na_count 1\n# TYPE a_count gauge\na_count 1\n",
            "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x=\"1\"} 1\n",
        ] {
            assert!(Exposition::parse(text).unwrap_err().contains("two families"), "{text}");
        }
    }

    #[test]
    fn a_sample_outside_of_its_family_is_refused() {
        assert!(Exposition::parse("# TYPE a gauge\nb 1\n").is_err());
        assert!(Exposition::parse("a 1\n").is_err());
        assert!(Exposition::parse("# TYPE a gauge\na 1 1700000000\n").is_err());
    }
}
