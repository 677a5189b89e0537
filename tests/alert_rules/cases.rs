//! The cases that `promtool test rules` runs: that they are there, and speak of series that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use agentless_exporter::meters::{reference, table};
use serde_json::Value as Json;

use crate::rules::{self, FOLDER};

/// One group of series, and what is expected of alerts over its time.
pub(crate) struct Case {
    /// What happens, beginning with what comes of it.
    pub(crate) name: String,
    /// The series, as `name{labels}`.
    pub(crate) series: Vec<String>,
    /// Alerts, and whether each fires at the moments that are looked at, in order of time.
    pub(crate) looks: Vec<(String, bool)>,
}

impl Case {
    fn of<'c>(&'c self, alert: &'c str) -> impl Iterator<Item = bool> + 'c {
        self.looks.iter().filter(move |(name, _)| name == alert).map(|(_, fires)| *fires)
    }

    /// Whether the alert fires in it.
    pub(crate) fn fires(&self, alert: &str) -> bool {
        self.of(alert).any(|fires| fires)
    }

    /// Whether it is looked at in vain.
    pub(crate) fn is_silent(&self, alert: &str) -> bool {
        self.of(alert).next().is_some() && !self.fires(alert)
    }

    /// Whether it fires and does no more in the end.
    pub(crate) fn clears(&self, alert: &str) -> bool {
        self.fires(alert) && self.of(alert).last() == Some(false)
    }
}

/// The files of cases, from the folder of the rules, sorted.
pub(crate) fn files() -> Vec<String> {
    let folder = Path::new(FOLDER).join("tests");
    let entries = fs::read_dir(folder).expect("the cases are there");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let mut files: Vec<_> = entries.filter_map(name).map(|name| format!("tests/{name}")).collect();
    files.sort();
    files
}

/// The cases of one of them.
pub(crate) fn read(file: &str) -> Vec<Case> {
    list(&rules::read(file)["tests"]).iter().map(case).collect()
}

fn case(case: &Json) -> Case {
    let word = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let mut looks: Vec<_> = list(&case["alert_rule_test"])
        .iter()
        .map(|look| {
            let fires = !list(&look["exp_alerts"]).is_empty();
            (seconds(&word(&look["eval_time"])), word(&look["alertname"]), fires)
        })
        .collect();
    looks.sort();
    Case {
        name: word(&case["name"]),
        series: list(&case["input_series"]).iter().map(|series| word(&series["series"])).collect(),
        looks: looks.into_iter().map(|(_, alert, fires)| (alert, fires)).collect(),
    }
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A time such as `1h30m`.
fn seconds(time: &str) -> u64 {
    let (mut whole, mut number) = (0, 0);
    for c in time.chars() {
        match c {
            'd' => whole += std::mem::take(&mut number) * 86_400,
            'h' => whole += std::mem::take(&mut number) * 3600,
            'm' => whole += std::mem::take(&mut number) * 60,
            's' => whole += std::mem::take(&mut number),
            digit => {
                let digit = digit.to_digit(10).unwrap_or_else(|| panic!("no time: {time}"));
                number = number * 10 + u64::from(digit);
            }
        }
    }
    assert_eq!(number, 0, "a time without a unit: {time}");
    whole
}

/// What of a series no exporter can ever show.
pub(crate) fn mistake(series: &str) -> Option<String> {
    let (name, labels) = series.strip_suffix('}')?.split_once('{')?;
    let pairs: Vec<_> = labels.split(", ").filter_map(|pair| pair.split_once('=')).collect();
    let metric = match table::find(name) {
        Some(metric) => metric.labels,
        None if name == "up" => &[],
        None => return Some(format!("nothing is called {name}")),
    };
    let expected: BTreeSet<_> = metric.iter().copied().chain(["job", "instance"]).collect();
    let given: BTreeSet<_> = pairs.iter().map(|(label, _)| *label).collect();
    if given != expected {
        return Some(format!("{name} has other labels than {given:?}"));
    }
    pairs.into_iter().find_map(|(label, value)| {
        let known = reference::values_of(label)?;
        (!known.contains(&value.trim_matches('"'))).then(|| format!("{label} is never {value}"))
    })
}

#[test]
fn a_series_that_no_exporter_shows_is_seen() {
    let scraped = "job=\"a\", instance=\"b\"";
    assert_eq!(mistake(&format!("up{{{scraped}}}")), None);
    let of = |rest: &str| format!("agentless_scan_targets{{{scraped}, source=\"c\", {rest}}}");
    assert_eq!(mistake(&of("target_type=\"image\", status=\"failed\"")), None);
    for slip in [
        of("target_type=\"image\""),
        of("target_type=\"image\", status=\"failure\""),
        format!("agentless_scan_target{{{scraped}, source=\"c\"}}"),
        "up{job=\"a\"}".to_owned(),
    ] {
        assert!(mistake(&slip).is_some(), "{slip}");
    }
}

#[test]
fn times_are_read_as_promtool_reads_them() {
    assert_eq!(["90s", "1h30m", "1d", "0m"].map(seconds), [90, 5400, 86_400, 0]);
}
