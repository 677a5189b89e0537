//! The table of metrics as a page for readers.

use std::fmt::Write as _;

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
