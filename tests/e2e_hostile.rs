//! Names and messages that an enemy writes do no harm: on the page, in metrics, in logs and in a
//! terminal.

mod support;

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use support::programs::{Exporter, KEY_SECRET, config, config_file, program};
use support::{gate, hostile, http, process, tools, wait_for};

const POLLED_WITHIN: Duration = Duration::from_secs(45);

/// `listing: root`, as the enemy's account has main tasks only.
fn configuration(refusal: Option<serde_json::Value>) -> String {
    config(hostile::cloud(refusal), KEY_SECRET, &["max_attempts: 1"])
        .replace("listing: auto", "listing: root")
}

#[test]
fn hostile_names_are_harmless_on_the_page_in_metrics_and_in_logs() {
    let exporter = Exporter::start(&configuration(None), &["--log.level=debug"]);
    let page = wait_for("the failing targets on the page", POLLED_WITHIN, || {
        let page = http::get(exporter.address, "/").body;
        if page.contains("Failing targets: ") { Ok(page) } else { Err(page) }
    });
    assert!(page.contains("&#60;script&#62;alert(1)"), "the names are shown: {page}");
    is_harmless_html(&page);
    let shown = gate::scrape_strictly(exporter.address);
    assert_eq!(shown.value("agentless_exporter_source_up"), Some(1.0));
    assert!(!shown.gauges("evil").keys().any(|_| true), "a name forged a series");
    is_plain("the log", &exporter.process.output().stderr);

    let mut browser = tools::browser("check_page.mjs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    browser.arg(format!("http://{}/", exporter.address)).arg(folder).arg("hostile");
    let output = tools::feed(browser, "");
    let told = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
}

#[test]
fn a_hostile_error_message_is_harmless_on_the_page_and_in_logs_of_both_forms() {
    for form in ["logfmt", "json"] {
        let evil = hostile::names().concat();
        let refusal = json!({"Code": "Evil<b>\u{1b}[31m", "Message": evil, "RequestId": "\u{202e}x"});
        let exporter = Exporter::start(&configuration(Some(refusal)), &[&format!("--log.format={form}")]);
        let page = wait_for("the failure on the page", POLLED_WITHIN, || {
            let page = http::get(exporter.address, "/").body;
            if page.contains("What to do") { Ok(page) } else { Err(page) }
        });
        is_harmless_html(&page);
        gate::scrape_strictly(exporter.address);
        let log = exporter.process.output().stderr;
        is_plain("the log", &log);
        let told = log.lines().filter(|line| line.contains("a poll failed")).count();
        assert_eq!(told, 1, "one line tells it all:\n{log}");
        if form == "json" {
            log.lines().for_each(|line| drop(serde_json::from_str::<serde_json::Value>(line).expect(line)));
        } else {
            assert!(log.lines().all(|line| line.starts_with("ts=")), "a message forged a line:\n{log}");
        }
    }
}

#[test]
fn hostile_names_are_harmless_in_what_once_prints() {
    let (_folder, file) = config_file(&configuration(None));
    for form in ["table", "json", "metrics"] {
        let mut command = program(&["once", "--output", form]);
        command.arg(format!("--config.file={}", file.display()));
        let (status, output) = process::run(command);
        assert!(status.success(), "{form}: {}", output.stderr);
        is_plain(form, &output.stdout);
        is_plain("the progress", &output.stderr);
        assert!(output.stdout.lines().count() > 3, "{form}: {}", output.stdout);
    }
}

/// No tag but those of the page, nothing that hides or reorders, and no name of full length.
fn is_harmless_html(page: &str) {
    for tag in ["<script", "<img", "<b>", "*{display:none}</style>"] {
        assert!(!page.contains(tag), "{tag} in {page}");
    }
    is_plain("the page", page);
    assert!(!page.contains(&"&#60;b&#62;".repeat(200)), "a name of 4 KB is cut");
}

/// Lines of text without what a terminal or a reader would obey.
fn is_plain(what: &str, text: &str) {
    let controls = |c: char| {
        c.is_control() && c != '\n'
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
    };
    let found: Vec<_> = text.char_indices().filter(|&(_, c)| controls(c)).take(5).collect();
    assert!(found.is_empty(), "{what} has {found:?}:\n{text:?}");
}
