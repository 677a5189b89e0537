//! The rules, as their file has them.

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::support::yaml;

/// Where rules stand and are tested, from the root of the project.
pub(crate) const FOLDER: &str = "deploy/prometheus";

/// What a rule about scans ends in: stale figures prove nothing.
pub(crate) const GATE: &str = "and on (job, instance, source) agentless_exporter_source_up == 1";

/// A rule: an alert, or an expression that is recorded.
#[derive(Debug)]
pub(crate) struct Rule {
    /// The group that it stands in.
    pub(crate) group: String,
    /// Of the alert, or of what is recorded.
    pub(crate) name: String,
    /// On one line.
    pub(crate) expression: String,
    /// What an alert has beyond that.
    pub(crate) alert: Option<Alert>,
}

/// What only an alert has.
#[derive(Debug)]
pub(crate) struct Alert {
    /// How long it must be true, and how long it outlasts that.
    pub(crate) waits: Option<String>,
    pub(crate) keeps: Option<String>,
    /// The labels that it adds, and its annotations.
    pub(crate) labels: Json,
    pub(crate) annotations: Json,
}

impl Alert {
    /// Who has to act.
    pub(crate) fn severity(&self) -> &str {
        self.labels["severity"].as_str().unwrap_or_default()
    }

    /// An annotation, empty if there is none.
    pub(crate) fn annotation(&self, name: &str) -> &str {
        self.annotations[name].as_str().unwrap_or_default()
    }
}

/// Every rule, in the order of the file.
pub(crate) fn all() -> Vec<Rule> {
    let tree = read("rules/agentless.rules.yml");
    let groups = tree["groups"].as_array().expect("there are groups");
    groups.iter().flat_map(of_group).collect()
}

/// The alerts among them.
pub(crate) fn alerts(rules: &[Rule]) -> impl Iterator<Item = (&Rule, &Alert)> {
    rules.iter().filter_map(|rule| Some((rule, rule.alert.as_ref()?)))
}

/// A YAML file of the folder.
pub(crate) fn read(file: &str) -> Json {
    let text = fs::read_to_string(Path::new(FOLDER).join(file)).expect("the file can be read");
    yaml::json(&text).unwrap_or_else(|| panic!("{file} is no YAML"))
}

fn of_group(group: &Json) -> Vec<Rule> {
    let name = text(&group["name"]).expect("a group has a name");
    let rules = group["rules"].as_array().expect("a group has rules");
    rules.iter().map(|rule| of(&name, rule)).collect()
}

fn of(group: &str, rule: &Json) -> Rule {
    let expression = text(&rule["expr"]).expect("a rule has an expression");
    let alert = rule["alert"].is_string().then(|| Alert {
        waits: text(&rule["for"]),
        keeps: text(&rule["keep_firing_for"]),
        labels: rule["labels"].clone(),
        annotations: rule["annotations"].clone(),
    });
    Rule {
        group: group.to_owned(),
        name: text(&rule["alert"]).or_else(|| text(&rule["record"])).expect("a rule has a name"),
        expression: expression.split_whitespace().collect::<Vec<_>>().join(" "),
        alert,
    }
}

fn text(value: &Json) -> Option<String> {
    value.as_str().map(str::to_owned)
}
