//! What every exposition has to pass, in every state of the exporter.

use std::net::SocketAddr;

use agentless_exporter::meters::reference::values_of;

use super::exposition::Exposition;
use super::{http, tools};

/// Scrapes `/metrics` in both formats and has each read by the strictest readers there are;
/// gives the text format as read.
///
/// # Panics
/// If a reader has anything to say.
pub(crate) fn scrape_strictly(address: SocketAddr) -> Exposition {
    let text = http::get(address, "/metrics");
    assert_eq!(text.status, 200, "{text:?}");
    assert_eq!(text.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let verdict = tools::feed(tools::promtool(), &text.body);
    assert!(
        verdict.status.success() && verdict.stdout.is_empty() && verdict.stderr.is_empty(),
        "promtool is not silent: {verdict:?}"
    );

    let open = http::ask("GET", address, "/metrics", &[http::OPENMETRICS]).expect("a scrape is answered");
    assert_eq!(open.status, 200, "{open:?}");
    assert_eq!(
        open.header("Content-Type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let verdict = tools::feed(tools::python("check_openmetrics.py"), &open.body);
    assert!(verdict.status.success(), "the strict OpenMetrics parser refuses: {verdict:?}");

    read(&open.body);
    read(&text.body)
}

/// A scrape in the text format.
pub(crate) fn scrape(address: SocketAddr) -> Exposition {
    let answer = http::get(address, "/metrics");
    assert_eq!(answer.status, 200, "{answer:?}");
    read(&answer.body)
}

fn read(body: &str) -> Exposition {
    let shown = Exposition::parse(body).unwrap_or_else(|error| panic!("{error}\nin:\n{body}"));
    for series in shown.samples.keys() {
        for (label, value) in &series.labels {
            let is_documented = values_of(label).is_none_or(|values| values.contains(&value.as_str()));
            assert!(is_documented, "{series}: the reference knows no such {label}");
        }
    }
    shown
}
