//! The dashboards: as Grafana reads them, and what their queries find in a real Prometheus that scrapes the demo.
//! How they look is drawn by `make test-deploy`.

#[path = "dashboards/board.rs"]
mod board;
#[path = "dashboards/promql.rs"]
mod promql;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use agentless_exporter::env::Env;
use board::{Board, files, list, text};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use support::process::Process;
use support::{http, programs, tools, wait_for};

/// A scan finishes in the demo, and Prometheus looks at counters twice.
const DATA_WITHIN: Duration = Duration::from_secs(120);

#[test]
fn the_dashboards_are_those_that_their_sources_build() {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let is_update = Env::process().get("UPDATE_DOCS").is_some();
    let target = if is_update { Path::new("dashboards") } else { folder.path() };
    let mut command = tools::python("../../dashboards/source/build.py");
    silent(command.arg(target).env("PYTHONDONTWRITEBYTECODE", "1"));
    for file in files() {
        let built = fs::read_to_string(target.join(file.file_name().expect("it is a file")));
        let kept = fs::read_to_string(&file).expect("a dashboard can be read");
        let is_same = built.is_ok_and(|built| built == kept);
        assert!(is_same, "{}: UPDATE_DOCS=1 cargo test --test dashboards writes it anew", file.display());
    }
}

#[test]
fn grafana_knows_every_key() {
    silent(tools::python("check_dashboards.py").args(files()));
}

#[test]
fn every_panel_says_what_it_shows() {
    for board in Board::all() {
        for panel in board.panels() {
            let place = format!("{}: {}", board.name, panel["title"]);
            assert!(!text(&panel["title"]).is_empty(), "{place}");
            let description = text(&panel["description"]);
            assert!(description.len() > 20 && description.ends_with('.'), "{place}: {description}");
            assert!(!text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty(), "{place} has no unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{place}");
            assert!(!list(&panel["targets"]).is_empty(), "{place} asks for nothing");
        }
    }
}

#[test]
fn ids_are_unique_and_no_panel_lies_on_another() {
    let boards = Board::all();
    let uids: BTreeSet<_> = boards.iter().map(|board| text(&board.json["uid"])).collect();
    assert_eq!(uids.len(), boards.len());
    for board in &boards {
        let panels = list(&board.json["panels"]);
        let ids: BTreeSet<_> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
        assert_eq!(ids.len(), panels.len(), "{}", board.name);
        let mut taken = BTreeSet::new();
        for panel in panels {
            let [x, y, w, h] = ["x", "y", "w", "h"]
                .map(|key| panel["gridPos"][key].as_u64().or((key == "x" || key == "y").then_some(0)))
                .map(|number| number.unwrap_or_else(|| panic!("{} has no size", panel["title"])));
            assert!(w > 0 && h > 0 && x + w <= 24, "{}: {}", board.name, panel["title"]);
            for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
                assert!(taken.insert(cell), "{}: {} lies on another", board.name, panel["title"]);
            }
        }
        let bottom = taken.iter().map(|&(_, row)| row + 1).max().unwrap_or(0);
        assert_eq!(taken.len() as u64, 24 * bottom, "{} has a hole", board.name);
    }
}

#[test]
fn variables_are_all_used_and_all_known() {
    for board in Board::all() {
        let variables = board.variables();
        let mut rest = board.json.clone();
        rest["templating"] = Value::Null;
        let rest = rest.to_string();
        for name in variables.keys() {
            let is_used = [format!("${name}"), format!("${{{name}}}")].iter().any(|used| rest.contains(used));
            assert!(is_used, "{}: nothing uses {name}", board.name);
        }
        for (place, expr) in board.queries() {
            let left = filled_in(&board, expr);
            // Of label_replace, a group of its pattern.
            assert!(!left.replace("\"$1\"", "").contains('$'), "{place}: {left}");
        }
    }
}

#[test]
fn every_metric_label_and_value_of_a_query_exists() {
    for board in Board::all() {
        let variables = list(&board.json["templating"]["list"]).iter();
        let choices = variables
            .filter_map(|one| one["query"]["query"].as_str())
            .map(|query| (board.name.clone(), query));
        for (place, expr) in board.queries().into_iter().chain(choices) {
            let mistakes = promql::mistakes(expr);
            assert!(mistakes.is_empty(), "{place}: {mistakes:?} in {expr}");
        }
        for target in board.panels().flat_map(|panel| list(&panel["targets"])) {
            for label in
                text(&target["legendFormat"]).split("{{").skip(1).filter_map(|rest| rest.split("}}").next())
            {
                assert!(promql::is_label(label), "{}: {target}", board.name);
            }
        }
    }
}

#[test]
fn links_between_dashboards_lead_to_dashboards() {
    let boards = Board::all();
    let uids: BTreeSet<_> = boards.iter().map(|board| text(&board.json["uid"])).collect();
    let mut links = 0;
    for board in &boards {
        assert_eq!(board.json["links"][0]["tags"], board.json["tags"], "{}", board.name);
        for after in board.json.to_string().split("\"/d/").skip(1) {
            let uid = after.split(['?', '"']).next().unwrap_or_default();
            assert!(uids.contains(uid), "{}: there is no dashboard {uid}", board.name);
            links += 1;
        }
    }
    assert!(links >= 2, "{links}");
}

#[test]
fn what_deploys_them_is_valid_and_names_files_that_there_are() {
    let mut command = Command::new("target/test-tools/venv/bin/check-jsonschema");
    let output = command
        .args(["--quiet", "--builtin-schema", "vendor.compose-spec", "deploy/compose.yaml"])
        .output()
        .expect("scripts/install-test-tools has installed it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut command = Command::new("promtool");
    let output = command.args(["check", "config", "deploy/prometheus/prometheus.yml"]).output();
    assert!(output.as_ref().is_ok_and(|output| output.status.success()), "{output:?}");

    let compose = fs::read_to_string("deploy/compose.yaml").expect("it is there");
    for path in ["grafana/provisioning", "prometheus/prometheus.yml", "../dashboards"] {
        let mounted = if path.starts_with("..") { format!("- {path}:") } else { format!("- ./{path}:") };
        assert!(compose.contains(&mounted) && Path::new("deploy").join(path).exists(), "{path}");
    }
    let dashboards =
        fs::read_to_string("deploy/grafana/provisioning/dashboards/agentless.yaml").expect("it is there");
    let path = dashboards.lines().find_map(|line| line.trim().strip_prefix("path: ")).expect("a path");
    assert!(compose.contains(&format!("../dashboards:{path}:ro")), "{path}");
}

#[test]
fn every_query_has_data_in_a_prometheus_that_scrapes_the_demo() {
    let mut demo = Process::start(programs::program(&["demo", "--web.listen-address=127.0.0.1:0"]));
    let address = demo.address("listening");
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let configuration = folder.path().join("prometheus.yml");
    let scrape =
        format!("scrape_configs: [{{job_name: agentless, static_configs: [{{targets: ['{address}']}}]}}]");
    fs::write(&configuration, format!("global: {{scrape_interval: 1s}}\n{scrape}\n"))
        .expect("it can be written");
    let mut prometheus = Process::start(tools::prometheus(&configuration, &folder.path().join("data")));
    let prometheus = prometheus.address("Listening on");

    for board in Board::all() {
        let panels = board.panels().map(|panel| text(&panel["title"])).collect::<BTreeSet<_>>();
        for (place, expr) in board.queries() {
            let query = filled_in(&board, expr);
            // A demo need not have failed scans yet, but the query must parse.
            let is_annotation = !panels.iter().any(|title| place.ends_with(&format!("\"{title}\"")));
            wait_for(&format!("data of {place}: {query}"), DATA_WITHIN, || {
                let rows = rows(prometheus, &query)?;
                let has_data = rows.iter().any(|row| row["value"][1] != "NaN");
                if has_data || is_annotation { Ok(()) } else { Err(format!("{rows:?}")) }
            });
        }
    }
}

/// The expression with its variables filled in as Grafana does for all sources and the usual scrape interval.
fn filled_in(board: &Board, expr: &str) -> String {
    let mut filled = expr.replace("$__rate_interval", "1m").replace("$__range", "15m");
    // Longer names first: one may start with another.
    let mut variables: Vec<_> = board.variables().into_iter().collect();
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    for (name, value) in variables {
        filled = filled.replace(&format!("${name}"), value);
    }
    filled
}

/// The rows of an instant query.
///
/// # Panics
/// If Prometheus can't parse or answer it.
fn rows(prometheus: SocketAddr, expr: &str) -> Result<Vec<Value>, String> {
    let path = format!("/api/v1/query?query={}", utf8_percent_encode(expr, NON_ALPHANUMERIC));
    let answer = http::ask("GET", prometheus, &path, &[])?;
    let read: Value = serde_json::from_str(&answer.body).map_err(|error| error.to_string())?;
    assert_eq!(read["status"], "success", "{expr}: {read}");
    Ok(list(&read["data"]["result"]).to_vec())
}

/// Runs what says only what is wrong.
fn silent(command: &mut Command) {
    let output = command.output().expect("Python starts");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}
