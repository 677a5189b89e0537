//! The example for Alertmanager: that it knows the alerts by their names.

use serde_json::Value as Json;

use crate::rules::{self, Rule, alerts};

#[test]
fn the_example_for_alertmanager_names_alerts_and_receivers_that_there_are() {
    let tree = example();
    let rules = rules::all();
    for rule in list(&tree["inhibit_rules"]) {
        let muted = list(&rule["source_matchers"]).iter().chain(list(&rule["target_matchers"]));
        for pattern in muted.flat_map(|matcher| alternatives(matcher, "alertname")) {
            let matched = alerts(&rules).filter(|(rule, _)| is_match(&pattern, &rule.name)).count();
            assert!(matched > 0, "no alert is called {pattern}");
        }
    }
    let receivers: Vec<_> = list(&tree["receivers"]).iter().map(|receiver| &receiver["name"]).collect();
    let route = &tree["route"];
    for named in list(&route["routes"]).iter().chain([route]).map(|route| &route["receiver"]) {
        assert!(receivers.contains(&named), "{named} is no receiver");
    }
}

#[test]
fn each_severity_has_a_route_of_its_own() {
    let tree = example();
    let routed = list(&tree["route"]["routes"]).iter().flat_map(|route| list(&route["matchers"]));
    let mut routed: Vec<_> = routed.flat_map(|matcher| alternatives(matcher, "severity")).collect();
    routed.sort();
    let rules = rules::all();
    let mut severities: Vec<_> = alerts(&rules).map(|(_, alert)| alert.severity().to_owned()).collect();
    severities.sort();
    severities.dedup();
    assert_eq!(routed, severities);
}

#[test]
fn stale_data_mutes_all_that_is_said_of_scans_and_never_the_clock_or_itself() {
    let rules = rules::all();
    let muted = muted_by("AgentlessDataStale", &rules);
    for (rule, _) in alerts(&rules).filter(|(rule, _)| rule.group == "agentless-scans") {
        assert!(muted.contains(&rule.name), "{} would be told as resolved", rule.name);
    }
    for spared in
        ["AgentlessDataStale", "AgentlessClockSkew", "AgentlessExporterDown", "AgentlessReloadFailed"]
    {
        assert!(!muted.iter().any(|name| name == spared), "{spared}");
    }
}

#[test]
fn a_dead_exporter_mutes_all_that_it_said_but_what_wakes_a_person_for_it() {
    let rules = rules::all();
    let muted = muted_by("AgentlessExporterDown", &rules);
    let spared = alerts(&rules).map(|(rule, _)| rule.name.clone()).filter(|name| !muted.contains(name));
    let expected = ["AgentlessExporterDown", "AgentlessExporterAbsent", "AgentlessDataStale"];
    assert_eq!(spared.collect::<Vec<_>>(), expected);
}

/// The alerts that `source` mutes.
fn muted_by(source: &str, rules: &[Rule]) -> Vec<String> {
    let tree = example();
    let is_by = |rule: &&Json| {
        list(&rule["source_matchers"])
            .iter()
            .any(|by| alternatives(by, "alertname").iter().any(|by| by == source))
    };
    let targets =
        list(&tree["inhibit_rules"]).iter().filter(is_by).flat_map(|rule| list(&rule["target_matchers"]));
    let patterns: Vec<_> = targets.flat_map(|matcher| alternatives(matcher, "alertname")).collect();
    let names = alerts(rules).map(|(rule, _)| rule.name.clone());
    names.filter(|name| patterns.iter().any(|pattern| is_match(pattern, name))).collect()
}

fn example() -> Json {
    rules::read("alertmanager.example.yml")
}

/// What a matcher allows for `label`: the alternatives of `label =~ "Begin(a|b.+)"` or `label = "a"`.
fn alternatives(matcher: &Json, label: &str) -> Vec<String> {
    let matcher = matcher.as_str().expect("a matcher is a text");
    let Some((name, pattern)) = matcher.split_once(" = ").or_else(|| matcher.split_once(" =~ ")) else {
        panic!("{matcher} is written in another way");
    };
    if name != label {
        return Vec::new();
    }
    let pattern = pattern.trim_matches('"');
    match pattern.trim_end_matches(')').split_once('(') {
        Some((start, ends)) => ends.split('|').map(|end| format!("{start}{end}")).collect(),
        None => vec![pattern.to_owned()],
    }
}

fn is_match(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix(".+") {
        Some(start) => name.len() > start.len() && name.starts_with(start),
        None => name == pattern,
    }
}

fn list(value: &Json) -> &[Json] {
    value.as_array().map_or(&[], Vec::as_slice)
}
