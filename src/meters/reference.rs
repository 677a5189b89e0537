//! The table of metrics as a page for readers.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::{Check, FailureReason, Field, Listing, PollKind, ReportStatus, Status, TargetType};

use super::handles::OUTCOMES;
use super::table::{self, Kind, Metric};

/// What the names of metrics about scans start with; all others are about the exporter.
const SCANS: &str = "agentless_scan_";

/// A part of the page: its heading, what is said of it as a whole, and whether a metric belongs to it.
struct Part {
    heading: &'static str,
    about: &'static str,
    holds: fn(&Metric) -> bool,
}

/// In the order of the page. Each metric belongs to one.
const PARTS: &[Part] = &[
    Part {
        heading: "Scans, as last polled",
        about: "Gauges of the last complete poll of a source. They are withdrawn while its data is stale.",
        holds: |metric| metric.name.starts_with(SCANS) && metric.kind == Kind::Gauge,
    },
    Part {
        heading: "Scans, counted",
        about: "Counted from the start of the process or, with `state.path`, from the first start with that file. They are never withdrawn.",
        holds: |metric| metric.name.starts_with(SCANS) && metric.kind != Kind::Gauge,
    },
    Part {
        heading: "The exporter",
        about: "Facts about the exporter and its sources, always present.",
        holds: |metric| !metric.name.starts_with(SCANS),
    },
];

const HEAD: &str = "\
# Metrics

Written by `agentless-exporter metrics`. A scan task is one scan of one target. Timestamps are in seconds since 1970-01-01 UTC.
";

const PROCESS: &str = "
## The process

The usual metrics of a process, on Linux: `process_cpu_seconds_total`, `process_max_fds`, `process_open_fds`,
`process_resident_memory_bytes`, `process_start_time_seconds`, `process_threads` and `process_virtual_memory_bytes`.
";

/// Amounts and progress as tasks are counted by; the ranges themselves are on a floor above.
const SPACES: &[&str] = &["0", "lt_1gib", "lt_10gib", "lt_100gib", "ge_100gib", "unknown"];
const PROGRESSES: &[&str] = &["0", "1-24", "25-49", "50-74", "75-99", "100", "unknown"];

/// What is served, and the operations that are asked for, by the same token.
const PATHS: &[&str] = &["/metrics", "/", "/-/healthy", "/-/ready", "/-/reload", "other"];
const ACTIONS: &[&str] = &["ListAgentlessTask"];

const LABELS: &str = "
## Labels

Values that are always of these sets. The values of other labels are names: of sources and what else is configured for them, of
targets, of versions. The `code` of `agentless_exporter_http_requests_total` is a status of HTTP; that of
`agentless_exporter_api_requests_total` is `OK`, an error code of the API that the exporter knows, `other` for any other one, or
without an answer that can be read a `reason`.

| label | values |
| --- | --- |
";

/// The values of `label`, if it has no others.
pub fn values_of(label: &str) -> Option<Vec<&'static str>> {
    /// The words of an enum.
    macro_rules! words {
        ($name:ident) => {
            $name::ALL.iter().map(|word| word.as_str()).collect()
        };
    }
    Some(match label {
        "action" => ACTIONS.to_vec(),
        "check" => words!(Check),
        "field" => words!(Field),
        "kind" => words!(PollKind),
        "listing" => words!(Listing),
        "outcome" => OUTCOMES.to_vec(),
        "path" => PATHS.to_vec(),
        "progress" => PROGRESSES.to_vec(),
        "reason" => words!(FailureReason),
        "report_status" => words!(ReportStatus),
        "space" => SPACES.to_vec(),
        "status" => words!(Status),
        "target_type" => words!(TargetType),
        _ => return None,
    })
}

/// Every metric with its type, labels and meaning, in Markdown.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for Part { heading, about, holds } in PARTS {
        let mut metrics = table::ALL.iter().filter(|metric| holds(metric)).peekable();
        if metrics.peek().is_none() {
            continue;
        }
        let head = "| name | type | labels | meaning |\n| --- | --- | --- | --- |\n";
        write!(page, "\n## {heading}\n\n{about}\n\n{head}").expect("a String takes all");
        for Metric { name, kind, labels, help } in metrics {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            let (kind, labels, help) = (kind.as_str(), labels.join(", "), help.replace('|', "\\|"));
            writeln!(page, "| `{name}` | {kind} | {labels} | {help} |").expect("a String takes all");
        }
    }
    page += LABELS;
    let labels: BTreeSet<&str> = table::ALL.iter().flat_map(|metric| metric.labels).copied().collect();
    for label in labels {
        let Some(values) = values_of(label) else { continue };
        let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        writeln!(page, "| `{label}` | {} |", values.join(", ")).expect("a String takes all");
    }
    page + PROCESS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::Meters;

    #[test]
    fn each_metric_is_on_the_page_once() {
        let page = markdown();
        for metric in table::ALL {
            assert_eq!(page.matches(&format!("| `{}` |", metric.name)).count(), 1, "{}", metric.name);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_metrics_of_the_process_are_those_that_it_has() {
        let gathered = Meters::new().gather();
        let process = gathered.iter().map(|family| family.name()).filter(|name| name.starts_with("process_"));
        let named: Vec<&str> = PROCESS.split('`').filter(|word| word.starts_with("process_")).collect();
        assert_eq!(process.collect::<Vec<_>>(), named);
    }
}
