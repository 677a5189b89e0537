//! The HTML of the page.

use crate::clock::UnixMillis;
use crate::model::Status;

use super::html::Html;
use super::style::STYLE;
use super::view::{Failure, Source};

/// The document about `sources`, in their order.
pub(super) fn document(sources: &[Source<'_>], telemetry_path: &str, now: UnixMillis) -> String {
    let mut html = Html::default();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<title>agentless-exporter</title>\n<style>")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n<header>\n<h1>agentless-exporter</h1>\n")
        // Relative, so that they also work below a path of a reverse proxy.
        .raw("<nav aria-label=\"Endpoints\"><a href=\"./")
        .text(telemetry_path.trim_start_matches('/'))
        .raw("\">Metrics</a> <a href=\"./-/healthy\">Health</a> <a href=\"./-/ready\">Readiness</a></nav>\n")
        .raw("</header>\n<main>\n");
    for source in sources {
        section(&mut html, source);
    }
    html.raw("</main>\n<footer>Version ")
        .text(env!("CARGO_PKG_VERSION"))
        .raw(", as of ")
        .text(now)
        .raw("</footer>\n</body>\n</html>\n");
    html.into_string()
}

fn section(html: &mut Html, source: &Source<'_>) {
    html.raw("<section>\n<h2>").text(source.name).raw("</h2>\n<p class=\"state ");
    html.raw(source.state.class()).raw("\">").raw(source.state.words()).raw("</p>\n");
    if let Some(failure) = &source.failure {
        told(html, failure);
    }
    html.raw("<dl>\n");
    for (name, value) in &source.facts {
        html.raw("<div><dt>").raw(name).raw("</dt><dd>").text(value).raw("</dd></div>\n");
    }
    html.raw("</dl>\n");
    if !source.tasks.is_empty() {
        table(html, source);
    }
    html.raw("</section>\n");
}

fn told(html: &mut Html, failure: &Failure<'_>) {
    html.raw("<div class=\"failure\">\n<p><strong>").raw(failure.reason.as_str()).raw("</strong>, ");
    html.text(&failure.when);
    if failure.in_a_row > 1 {
        html.raw(", ").text(failure.in_a_row).raw(" polls in a row");
    }
    html.raw(": ").text(failure.message).raw("</p>\n<p>What to do: ");
    html.raw(failure.advice).raw(".</p>\n</div>\n");
}

fn table(html: &mut Html, source: &Source<'_>) {
    // It scrolls on a narrow screen, which a keyboard can do only where it can go.
    html.raw("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Scan tasks of ");
    html.text(source.name).raw("\"><table>\n<caption>Scan tasks in the look-back</caption>\n");
    html.raw("<thead><tr><th scope=\"col\">Target type</th>");
    for status in Status::ALL {
        html.raw("<th scope=\"col\">").text(status.as_str().replace('_', " ")).raw("</th>");
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for (target_type, counts) in &source.tasks {
        html.raw("<tr><th scope=\"row\">").text(target_type.as_str().replace('_', " ")).raw("</th>");
        for count in counts {
            html.raw("<td>").text(count).raw("</td>");
        }
        html.raw("</tr>\n");
    }
    html.raw("</tbody>\n</table></div>\n");
}
