//! The alerts in `deploy/prometheus/`: that Prometheus takes them, that each has its cases and its
//! runbook, and that they speak of metrics that exist. `UPDATE_DOCS=1` writes docs/alerts.md.

mod cases;
mod docs;
mod promql;
mod routing;
mod rules;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use agentless_exporter::env::Env;
use rules::{FOLDER, GATE, alerts};
use support::tools;

const UPDATE: &str = "UPDATE_DOCS";

/// The alerts that wake a person, and no others.
const PAGES: [&str; 3] = ["AgentlessDataStale", "AgentlessScanFailureRatioHigh", "AgentlessNoSuccessfulScan"];

/// What each section of the runbooks answers.
const QUESTIONS: [&str; 4] = ["**Means:** ", "**Check:** ", "**Mend:** ", "**Ignore:** "];

#[test]
fn prometheus_accepts_the_rules() {
    promtool(&["check", "rules", "rules/agentless.rules.yml"]);
}

#[test]
fn every_case_ends_as_it_should() {
    let files = cases::files();
    let arguments: Vec<_> = ["test", "rules"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let said = promtool(&arguments);
    assert_eq!(said.matches("SUCCESS").count(), files.len(), "{said}");
}

#[test]
fn every_alert_has_a_case_where_it_fires_one_where_it_stays_silent_and_one_where_it_clears() {
    let rules = rules::all();
    let cases: Vec<_> = cases::files().iter().flat_map(|file| cases::read(file)).collect();
    let known: BTreeSet<_> = alerts(&rules).map(|(rule, _)| rule.name.as_str()).collect();
    let mut wrong = Vec::new();
    for alert in &known {
        let any = |holds: &dyn Fn(&cases::Case) -> bool| cases.iter().any(holds);
        let claims = |case: &cases::Case, word: &str| {
            case.name.split_once(':').is_some_and(|(claim, _)| claim.split(" and ").any(|part| part == word))
        };
        if !any(&|case| case.fires(alert) && claims(case, "fires")) {
            wrong.push(format!("{alert} fires in no case"));
        }
        if !any(&|case| case.is_silent(alert) && claims(case, "silent")) {
            wrong.push(format!("{alert} has no case that looks like it and is none"));
        }
        if !any(&|case| case.clears(alert) && claims(case, "clears")) {
            wrong.push(format!("{alert} clears in no case"));
        }
        for case in &cases {
            let is_wrong = claims(case, "silent") && case.fires(alert);
            wrong.extend(is_wrong.then(|| format!("{alert} fires in a case called {:?}", case.name)));
        }
    }
    // promtool takes an alert that there is not for one that does not fire.
    for (alert, _) in cases.iter().flat_map(|case| &case.looks) {
        wrong.extend((!known.contains(alert.as_str())).then(|| format!("a case looks at {alert}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_series_of_the_cases_are_such_as_exporters_show() {
    let mut wrong = Vec::new();
    for file in cases::files() {
        for series in cases::read(&file).iter().flat_map(|case| &case.series) {
            wrong.extend(cases::mistake(series).map(|mistake| format!("{file}: {mistake}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rules_name_only_metrics_and_labels_that_there_are() {
    let rules = rules::all();
    let is_recorded = |name: &str| rules.iter().any(|rule| rule.alert.is_none() && rule.name == name);
    let mut wrong = Vec::new();
    for rule in &rules {
        let annotations = rule.alert.iter().flat_map(|alert| {
            let all = alert.annotations.as_object().expect("annotations have names");
            all.values().filter_map(|text| text.as_str()).flat_map(promql::queries).collect::<Vec<_>>()
        });
        for expression in annotations.chain([rule.expression.clone()]) {
            let mistakes = promql::mistakes(&expression, &is_recorded);
            wrong.extend(mistakes.iter().map(|mistake| format!("{}: {mistake}", rule.name)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_recorded_rule_is_used() {
    let rules = rules::all();
    for recorded in rules.iter().filter(|rule| rule.alert.is_none()) {
        assert!(rules.iter().any(|rule| docs::uses(rule, &recorded.name)), "{} is of no use", recorded.name);
    }
}

#[test]
fn every_alert_says_who_must_act_what_is_wrong_where_and_what_to_do() {
    for (rule, alert) in alerts(&rules::all()) {
        let name = &rule.name;
        let labels = alert.labels.as_object().expect("an alert has labels");
        assert_eq!(labels.len(), 1, "{name} adds other labels than its severity");
        let severity = alert.severity();
        assert!(["info", "warning", "critical"].contains(&severity), "{name}: {severity:?}");
        assert_eq!(severity == "critical", PAGES.contains(&name.as_str()), "{name} is {severity}");
        let (summary, description) = (alert.annotation("summary"), alert.annotation("description"));
        assert!(!summary.is_empty() && summary.len() < 150, "{name}: {summary:?}");
        assert!(description.trim_end_matches("{{ end }}").ends_with('.'), "{name}: {description:?}");
        let runbook = format!("docs/runbooks.md#{}", name.to_lowercase());
        assert_eq!(alert.annotation("runbook_url"), runbook, "{name}");
        for label in ["source", "target_type"] {
            let is_told =
                [summary, description].iter().any(|text| text.contains(&format!("$labels.{label} ")));
            assert_eq!(is_told, has_label(&rule.expression, label), "{name}: {label}");
        }
    }
}

/// Whether what `expression` gives has that label.
fn has_label(expression: &str, label: &str) -> bool {
    let names = promql::names(expression);
    let first = names.first().map(String::as_str).unwrap_or_default();
    match agentless_exporter::meters::table::find(first) {
        Some(metric) => metric.labels.contains(&label),
        None => first.starts_with("agentless:failing"),
    }
}

#[test]
fn what_is_said_of_scans_is_said_of_fresh_data_and_not_withdrawn_with_it() {
    let rules = rules::all();
    let of_scans = alerts(&rules).filter(|(rule, _)| rule.group == "agentless-scans");
    let mut count = 0;
    for (rule, alert) in of_scans {
        count += 1;
        assert!(rule.expression.ends_with(GATE), "{}: {}", rule.name, rule.expression);
        // Events end by themselves.
        let is_event = rule.expression.contains("increase(");
        assert_eq!(alert.keeps.is_none(), is_event, "{} is to be kept like others", rule.name);
    }
    assert_eq!(count, 8);
    for (rule, _) in alerts(&rules).filter(|(rule, _)| rule.group != "agentless-scans") {
        let about_scans =
            promql::names(&rule.expression).iter().any(|name| name.starts_with("agentless_scan_"));
        assert!(!about_scans, "{} belongs to the group agentless-scans", rule.name);
    }
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let text = fs::read_to_string("docs/runbooks.md").expect("the runbooks can be read");
    let sections: Vec<_> = text.split("\n## ").skip(1).collect();
    let titles: Vec<_> = sections.iter().filter_map(|section| section.lines().next()).collect();
    let rules = rules::all();
    let names: Vec<_> = alerts(&rules).map(|(rule, _)| rule.name.as_str()).collect();
    assert_eq!(titles, names, "sections on the left, alerts in the order of the rules on the right");
    for section in sections {
        for question in QUESTIONS {
            let answers =
                section.lines().filter(|line| line.len() > question.len() && line.starts_with(question));
            assert_eq!(answers.count(), 1, "{question} in {section}");
        }
    }
}

#[test]
fn the_list_of_alerts_in_the_docs_is_what_the_rules_say() {
    let made = docs::text(&rules::all());
    let file = Path::new("docs/alerts.md");
    if Env::process().get(UPDATE).is_some() {
        fs::write(file, &made).expect("the docs can be written");
    }
    let committed = fs::read_to_string(file).unwrap_or_default();
    assert!(committed == made, "docs/alerts.md is old: {UPDATE}=1 cargo test --test alert_rules writes it");
}

/// What promtool says in the folder of the rules.
///
/// # Panics
/// If it is not content.
fn promtool(arguments: &[&str]) -> String {
    let mut command = tools::promtool_in(Path::new(FOLDER), arguments);
    let output = command.output().expect("promtool is installed: run scripts/install-test-tools");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}
