//! The schema lets through what the program takes, and stops what a schema can know to be wrong.

use std::fs;
use std::path::Path;

use agentless_exporter::app::check;
use agentless_exporter::config::{self, Inputs, KEYS, Scope};
use agentless_exporter::env::Env;
use serde_json::Value as Json;

use crate::yaml::json;
use crate::{example, facts, reference, schema};

/// Cases with mistakes that a schema of one file can't know: a file that holds no certificate, names
/// given twice, times in the wrong order, a region without a host inside its VPCs, deep indents.
const BEYOND_A_SCHEMA: &[&str] =
    &["ca_file_bad", "duplicate_names", "times_in_the_wrong_order", "vpc_without_host", "yaml_too_deep"];

#[test]
fn every_configuration_that_loads_is_valid_and_every_other_is_not() {
    let mut wrong = Vec::new();
    let mut counts = [0, 0];
    for case in fs::read_dir("tests/config/cases").expect("the cases are there") {
        let case = case.expect("a case").path();
        let name = case.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8").to_owned();
        let file = case.join("config.yaml");
        let Some(json) = fs::read_to_string(&file).ok().and_then(|text| json(&text)) else { continue };
        let loads = config::load(&Inputs { file: Some(file), ..Inputs::default() });
        let is_good = match &loads {
            Ok(_) => true,
            // Without its environment a file that has no sources lacks a region.
            Err(mistakes) => mistakes.iter().all(|mistake| mistake.key == "ALIBABA_CLOUD_REGION_ID"),
        };
        let problem = problem(&json);
        let expected = is_good || BEYOND_A_SCHEMA.contains(&name.as_str());
        if problem.is_none() != expected {
            wrong.push(format!("{name}: loads {is_good}, schema says {problem:?}"));
        }
        counts[usize::from(is_good)] += 1;
    }
    assert!(counts.iter().all(|&count| count >= 10), "{counts:?}");
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn single_slips_are_no_valid_configurations() {
    for (text, slip) in [
        ("poll: {intervall: 1m}", "an unknown key"),
        ("poll: {interval: 30}", "a number for a duration"),
        ("poll: {interval: \"\"}", "a blank duration"),
        ("poll: {interval: 1m1h}", "units in the wrong order"),
        ("api: {page_size: 1001}", "a number out of range"),
        ("api: {page_size: 1.5}", "no whole number"),
        ("api: {signature: hmac}", "an unknown word"),
        ("api: {proxy: \"http://a:1\", proxy_file: b}", "a secret given twice"),
        ("api: 5", "no group"),
        ("metrics: {targets: {names: 1}}", "no flag"),
        ("log: {level: info}", "a flag of the command line"),
        ("sources: []", "no source"),
        ("sources: [{name: a}]", "neither region nor endpoint"),
        ("sources: [{region: cn-hangzhou}]", "no name"),
        ("sources: [{name: a, region: cn-hangzhou, poll: {lokback: 1d}}]", "an unknown key in a source"),
        ("sources: [{name: a, region: cn-hangzhou, state: {path: x}}]", "a key that can't stand in a source"),
        ("sources: [{name: a, region: cn-hangzhou, target_types: [image, image]}]", "a word given twice"),
        ("sources: [{name: a, region: cn-hangzhou, labels: {__a: x}}]", "a reserved label"),
        ("sources: [{name: a, region: cn-hangzhou, credentials: {type: ram_role_arn}}]", "no role"),
        ("sources: [{name: a, region: cn-hangzhou, credentials: {base: {type: env}}}]", "a base not used"),
        (
            "sources: [{name: a, region: cn-hangzhou, credentials: {type: ram_role_arn, role_arn: acs:ram::1:role/a, \
             base: {type: env, access_key_id: x}}}]",
            "a key that the base does not use",
        ),
        ("sources: [{name: a, region: cn-hangzhou, credentials: {type: access_key}}]", "no key"),
        ("sources: [{name: a, region: cn-hangzhou, credentials: {access_key_id: x}}]", "a key not used"),
    ] {
        assert!(problem(&json(text).expect("YAML")).is_some(), "{slip}: {text}");
        let folder = tempfile::tempdir().expect("a folder can be made");
        assert!(load(text, folder.path()).is_err(), "{slip}: {text}");
    }
}

#[test]
fn the_example_loads_and_is_valid_as_it_is_and_with_every_key_set() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let env = Env::from_iter([("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")]);
    let defaults = config::load(&Inputs { env, ..Inputs::default() }).expect("defaults are valid");
    let [as_it_is, whole] = [example::text(), example::with_every_key()];
    for text in [&as_it_is, &whole] {
        assert_eq!(problem(&json(text).expect("YAML")), None, "{text}");
        let report = load(text, folder.path()).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        // The examples are for other machines than this one.
        let is_of_here = |line: &&str| line.ends_with("; the exporter needs this when it runs");
        let warning = report.lines().find(|line| line.contains("warning") && !is_of_here(line));
        assert_eq!(warning, None, "{report}");
        let file = Some(folder.path().join("exporter.yaml"));
        let shown = config::load(&Inputs { file, ..Inputs::default() }).expect("it was loaded before");
        assert_eq!(shown.sources[0], defaults.sources[0]);
    }
    for key in KEYS.iter().filter(|key| key.scope != Scope::Flag) {
        let names = [
            Some(facts::name(key).to_owned()),
            facts::twin(key).map(|_| format!("{}_file", facts::name(key))),
        ];
        for name in names.into_iter().flatten() {
            let sets = |line: &str| line.trim_start_matches([' ', '-']).starts_with(&format!("{name}:"));
            assert!(whole.lines().any(sets), "{name} is not set in\n{whole}");
        }
    }
}

#[test]
fn what_the_documents_show_loads_and_is_valid() {
    let readme = fs::read_to_string("README.md").expect("it is there");
    let is_ours = |text: &&str| KEYS.iter().any(|key| text.starts_with(&format!("{}:", first(key.path))));
    for (document, least) in [(readme, 2), (reference::text(), 2)] {
        let blocks: Vec<_> =
            document.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next()).collect();
        let ours: Vec<_> = blocks.into_iter().filter(is_ours).collect();
        assert!(ours.len() >= least, "{ours:?}");
        for text in ours {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let secret = folder.path().join("secret");
            fs::write(&secret, "made-up").expect("a file can be written");
            let text = text.replace("\"…\"", "\"made-up\"");
            let text: String = text
                .lines()
                .map(|line| match line.split_once("_file: /") {
                    Some((name, _)) => format!("{name}_file: {}\n", secret.display()),
                    None => format!("{line}\n"),
                })
                .collect();
            assert_eq!(problem(&json(&text).expect("YAML")), None, "{text}");
            load(&text, folder.path()).unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        }
    }
}

fn first(path: &str) -> &str {
    path.split(['.', '[']).next().unwrap_or_default()
}

fn load(text: &str, folder: &Path) -> Result<String, config::Mistakes> {
    let file = folder.join("exporter.yaml");
    fs::write(&file, text).expect("a file can be written");
    let env = Env::from_iter([
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "made-up"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "made-up"),
    ]);
    check::run(&Inputs { file: Some(file), env, ..Inputs::default() })
}

/// What the schema has against it.
fn problem(configuration: &Json) -> Option<String> {
    const NAME: &str = "configuration.schema.json";
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource(NAME, schema::schema()).expect("a schema");
    let index = compiler.compile(NAME, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    schemas.validate(configuration, index).err().map(|error| format!("{error:#}"))
}
