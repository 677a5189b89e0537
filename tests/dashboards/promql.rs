//! What a PromQL expression names. A scan, not a parser: Prometheus itself parses them all.

use agentless_exporter::meters::reference::values_of;
use agentless_exporter::meters::table::{self, Kind};

/// Labels that Prometheus adds.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// What is wrong with the names in `expr`: metrics, labels and values that do not exist.
pub(crate) fn mistakes(expr: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = expr;
    while let Some((word, after)) = next_word(rest) {
        rest = after;
        if word.starts_with("agentless_") || word.starts_with("process_") {
            let Some(labels) = labels_of(word) else {
                found.push(format!("no metric {word}"));
                continue;
            };
            if let Some((matchers, after)) = after.strip_prefix('{').and_then(|after| after.split_once('}')) {
                rest = after;
                found.extend(matcher_mistakes(word, matchers, &labels));
            }
        } else if ["by", "on", "without", "ignoring", "group_left", "group_right"].contains(&word) {
            let opened = after.trim_start().strip_prefix('(').and_then(|after| after.split_once(')'));
            if let Some((names, after)) = opened {
                rest = after;
                let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
                found.extend(
                    names.filter(|name| !is_label(name)).map(|name| format!("no metric has a label {name}")),
                );
            }
        }
    }
    found
}

/// Whether any metric has that label.
pub(crate) fn is_label(name: &str) -> bool {
    name == "le" || SCRAPED.contains(&name) || table::ALL.iter().any(|metric| metric.labels.contains(&name))
}

/// The next identifier outside of quotes, and what comes after it.
fn next_word(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let (start, _) = text.char_indices().find(|&(_, character)| {
        if character == '"' {
            quoted = !quoted;
        }
        !quoted && (character.is_ascii_alphabetic() || character == '_')
    })?;
    let from = &text[start..];
    let length = from.find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let (word, after) = from.split_at(length.unwrap_or(from.len()));
    Some((word, after))
}

/// The labels of a series of that name, if there is one.
fn labels_of(name: &str) -> Option<Vec<&'static str>> {
    let of = |metric: &table::Metric, more: &[&'static str]| [metric.labels, &SCRAPED, more].concat();
    if name.starts_with("process_") {
        let is_documented = include_str!("../../docs/metrics.md").contains(&format!("`{name}`"));
        return is_documented.then(|| SCRAPED.to_vec());
    }
    if let Some(metric) = table::find(name) {
        return (metric.kind != Kind::Histogram).then(|| of(metric, &[]));
    }
    let (family, more): (_, &[&str]) = if let Some(family) = name.strip_suffix("_bucket") {
        (family, &["le"])
    } else {
        (name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count"))?, &[])
    };
    let metric = table::find(family).filter(|metric| metric.kind == Kind::Histogram)?;
    Some(of(metric, more))
}

fn matcher_mistakes(metric: &str, matchers: &str, labels: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for matcher in matchers.split("\",").map(str::trim).filter(|matcher| !matcher.is_empty()) {
        let (label, rest) = matcher.split_at(matcher.find(['=', '!']).unwrap_or(matcher.len()));
        if !labels.contains(&label) {
            found.push(format!("{metric} has no label {label}"));
        }
        let value = rest.split('"').nth(1).unwrap_or_default();
        let known = values_of(label).filter(|_| !value.contains('$'));
        for alternative in value.split('|') {
            if known.as_ref().is_some_and(|known| !known.contains(&alternative)) {
                found.push(format!("{label} of {metric} is never {alternative}"));
            }
        }
    }
    found
}

#[test]
fn every_kind_of_mistyped_name_is_found() {
    let cases = [
        ("sum(agentless_scan_task{})", "no metric agentless_scan_task"),
        (r#"agentless_scan_tasks{statu="failed"}"#, "agentless_scan_tasks has no label statu"),
        (
            r#"agentless_scan_tasks{source="a", status=~"failed|timeout"}"#,
            "status of agentless_scan_tasks is never timeout",
        ),
        ("sum by (target_typ) (agentless_scan_tasks)", "no metric has a label target_typ"),
        ("rate(agentless_scan_task_duration_seconds[5m])", "no metric agentless_scan_task_duration_seconds"),
        ("rate(agentless_scan_tasks_bucket[5m])", "no metric agentless_scan_tasks_bucket"),
        ("process_cpu_seconds", "no metric process_cpu_seconds"),
    ];
    for (expr, mistake) in cases {
        assert_eq!(mistakes(expr), [mistake], "{expr}");
    }
    let fine = r#"sum by (le) (rate(agentless_scan_task_duration_seconds_bucket{source=~"$source", le="60.0"}[5m])) or on () up"#;
    assert!(mistakes(fine).is_empty(), "{:?}", mistakes(fine));
}
