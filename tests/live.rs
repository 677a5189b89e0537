//! `check-config --live` from outside, against simulated Security Centers: what it tells of
//! sources that can be polled and of those that can't, and how it ends.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use support::process::{Output, Process, run};
use support::programs::{KEY_ID, KEY_SECRET, Simulator, config_file, config_of, program, source};
use support::tap::Tap;
use support::{hostile, wait_for};

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:9";

/// Nothing is waited for once it is told to end.
const SOON: Duration = Duration::from_secs(5);

/// Long enough for a debug build to start.
const PATIENCE: Duration = Duration::from_secs(30);

const SECRET_KEY: (&str, &str) = (KEY_ID, KEY_SECRET);
const WRONG_KEY: (&str, &str) = (KEY_ID, "not-the-secret");

/// A source that asks `sts` whose its key is.
fn asking(sts: SocketAddr, source: &str) -> String {
    format!("{source}      sts_endpoint: http://{sts}\n")
}

/// The source `name` of `simulator`, whose key that tells too.
fn of(name: &str, simulator: &Simulator, key: (&str, &str), api: &[&str]) -> String {
    let quick = ["requests_per_second: 1000", "max_attempts: 1"];
    asking(simulator.address, &source(name, simulator.address, key, &[&quick, api].concat()))
}

fn check(sources: &[String], arguments: &[&str]) -> (i32, Output) {
    let (_folder, file) = config_file(&config_of(sources));
    let mut command = program(&["check-config", "--live", &format!("--config.file={}", file.display())]);
    command.args(arguments);
    let (status, output) = run(command);
    (status.code().expect("no signal ended it"), output)
}

/// The code, what it prints as JSON, and all of its text.
fn check_in_json(sources: &[String]) -> (i32, Value, String) {
    let (code, output) = check(sources, &["--output=json"]);
    let json = serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    (code, json, format!("{}{}", output.stdout, output.stderr))
}

#[test]
fn every_listing_is_told_as_the_simulated_world_is() {
    for (listing, seen) in [("flat", "flat"), ("per-root", "per_root"), ("root", "root")] {
        let arguments = [format!("--listing={listing}"), "--page-size-max=20".to_owned()];
        let simulator = Simulator::start_frozen(&arguments.each_ref().map(String::as_str));
        let world = simulator.world("tasks");
        let count = |kind: &str| world[kind].as_array().expect("ids").len();
        let (code, json, _) = check_in_json(&[of("sim", &simulator, SECRET_KEY, &[])]);
        assert_eq!((code, &json["ok"]), (0, &true.into()), "{json}");
        let told = &json["sources"][0];
        let counts = &told["counts"][0];
        let (scans, roots) = (json!(count("scan_tasks")), json!(count("root_tasks")));
        let expected = match listing {
            "flat" => [&roots, &scans, &scans],
            "per-root" => [&roots, &json!(0), &json!(0)],
            // There the scans are the main tasks.
            _ => [&scans, &json!(0), &json!(0)],
        };
        assert_eq!(
            ["main_tasks", "subtasks", "root_task_omitted"].map(|kind| &counts[kind]),
            expected,
            "{listing}: {json}"
        );
        assert_eq!(told["listing"], json!({"configured": "auto", "seen": seen}), "{json}");
        let page_size = json!({"configured": 50, "accepted": 50, "answered": 20});
        assert_eq!(told["page_size"], page_size, "{listing}: {json}");
        let newest = counts["newest_main_tasks"].as_array().expect("main tasks");
        let has_subtasks = newest.iter().all(|task| task["subtasks"].as_u64().is_some_and(|count| count > 0));
        assert_eq!((newest.len(), has_subtasks), (3, listing != "root"), "{listing}: {json}");
        let arn = "acs:ram::1000000000000001:user/simulated";
        assert_eq!((&told["identity"]["arn"], &told["permission"]), (&arn.into(), &"granted".into()));
        assert_eq!(told["key"], json!({"provider": "access_key", "id": "…", "expires": null}));
        assert!(told["requests_a_day"]["total"].as_f64().is_some_and(|total| total > 345_600.0), "{json}");
    }
}

#[test]
fn one_source_that_cannot_be_polled_makes_the_exit_code_1_and_hides_no_other() {
    let simulator = Simulator::start_frozen(&[]);
    let sources = [
        of("good", &simulator, SECRET_KEY, &[]),
        of("bad", &simulator, WRONG_KEY, &["signature: hmac-sha1"]),
    ];
    let (code, json, text) = check_in_json(&sources);
    assert_eq!((code, &json["ok"]), (1, &false.into()), "{json}");
    let [good, bad] = [&json["sources"][0], &json["sources"][1]];
    assert_eq!((&good["ok"], &bad["ok"]), (&true.into(), &false.into()), "{json}");
    assert_eq!(bad["failure"]["code"], "SignatureDoesNotMatch", "{json}");
    assert_eq!(
        (&bad["identity"], &bad["permission"], &bad["counts"][0]["main_tasks"]),
        (&Value::Null, &Value::Null, &Value::Null),
        "{json}"
    );
    assert!(text.ends_with("agentless-exporter: 1 of 2 sources cannot be polled\n"), "{text}");

    let (code, table) = check(&sources, &[]);
    assert_eq!(code, 1, "{table:?}");
    for line in [
        "source good\n",
        "configuration is valid\n",
        "\ngood can be polled\n",
        "\nbad can't be polled (auth): ",
    ] {
        assert!(table.stdout.contains(line), "{line:?}: {}", table.stdout);
    }
    assert!(!table.stdout.contains('\u{1b}'), "escapes without a terminal: {table:?}");
}

#[test]
fn a_key_without_permission_is_told_what_to_grant() {
    let cloud = hostile::cloud(Some(json!({"Code": "NoPermission", "Message": "no permission"})));
    let simulator = Simulator::start_frozen(&[]);
    let (code, json, _) = check_in_json(&[asking(
        simulator.address,
        &source("sim", cloud, SECRET_KEY, &["requests_per_second: 1000"]),
    )]);
    let told = &json["sources"][0];
    assert_eq!((code, &told["permission"]), (1, &"refused".into()), "{json}");
    assert_eq!(told["identity"]["account_id"], "1000000000000001", "{json}");
    let advice = told["failure"]["advice"].as_str().unwrap_or_default();
    assert!(advice.contains("yundun-sas:ListAgentlessTask"), "{json}");
}

#[test]
fn an_api_that_throttles_or_is_down_is_told_as_such() {
    let simulator = Simulator::start_frozen(&["--fault=throttle=1"]);
    let nobody: SocketAddr = NOBODY.parse().unwrap();
    let (code, json, _) = check_in_json(&[
        of("throttled", &simulator, SECRET_KEY, &[]),
        asking(nobody, &source("down", nobody, SECRET_KEY, &["max_attempts: 1"])),
    ]);
    let reasons = [0, 1].map(|index| json["sources"][index]["failure"]["reason"].as_str());
    assert_eq!((code, reasons), (1, [Some("throttled"), Some("network")]), "{json}");
    assert!(json["sources"][0]["identity"]["arn"].is_string(), "another service does not throttle: {json}");
    for index in [0, 1] {
        assert_eq!(json["sources"][index]["permission"], Value::Null, "{json}");
        assert_eq!(json["sources"][index]["requests_a_day"], Value::Null, "{json}");
    }
}

#[test]
fn a_key_whose_owner_cannot_be_asked_is_no_failure() {
    let simulator = Simulator::start_frozen(&[]);
    let quick = ["requests_per_second: 1000", "max_attempts: 1"];
    let one = source("sim", simulator.address, SECRET_KEY, &quick);
    let (code, json, _) = check_in_json(&[asking(NOBODY.parse().unwrap(), &one)]);
    assert_eq!((code, &json["sources"][0]["identity"]), (0, &Value::Null), "{json}");
    let notes = json["sources"][0]["notes"].to_string();
    assert!(notes.contains("whose key it is is not known, which is no failure by itself"), "{notes}");
}

#[test]
fn the_default_chain_tells_where_its_key_comes_from() {
    let simulator = Simulator::start_frozen(&[]);
    let address = simulator.address;
    let text = format!(
        "sources:\n  - name: sim\n    endpoint: http://{address}\n    credentials: {{sts_endpoint: \"http://{address}\"}}\n"
    );
    let (_folder, file) = config_file(&text);
    let mut command = program(&["check-config", "--live", "--output=json"]);
    command.arg(format!("--config.file={}", file.display()));
    command.env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY_ID).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY_SECRET);
    let (status, output) = run(command);
    assert_eq!(status.code(), Some(0), "{output:?}");
    let json: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    assert_eq!(json["sources"][0]["key"]["provider"], "default: env", "{json}");
    assert_eq!(json["sources"][0]["identity"]["identity_type"], "RAMUser", "{json}");
}

#[test]
fn no_secret_token_or_signature_is_told() {
    const TOKEN: &str = "Zq7token/+=Zq7";
    let simulator = Simulator::start(&[&format!("--security-token={TOKEN}")]);
    let tap = Tap::on(simulator.address);
    let temporary = |secret: &str| {
        let key = format!("type: sts\n      security_token: \"{TOKEN}\"");
        let one = source("sim", tap.address, (KEY_ID, secret), &["requests_per_second: 1000"]);
        asking(tap.address, &one.replace("type: access_key", &key))
    };
    for (secret, expected) in [(KEY_SECRET, 0), ("Zq7wrongsecretZq7", 1)] {
        for form in ["table", "json"] {
            let (code, output) = check(&[temporary(secret)], &[&format!("--output={form}")]);
            assert_eq!(code, expected, "{output:?}");
            let told = format!("{}{}", output.stdout, output.stderr);
            let signatures = tap.signatures();
            assert!(!signatures.is_empty(), "no signed request was seen, so nothing was proven");
            let secrets = [secret, TOKEN, "Zq7token%2F%2B%3DZq7", "Signature=", "SignatureNonce="];
            for word in secrets.into_iter().chain(signatures.iter().map(String::as_str)) {
                assert!(!told.contains(word), "{word:?} is told: {told}");
            }
        }
    }
}

#[test]
fn a_signal_ends_it_with_1_and_a_message() {
    let simulator = Simulator::start(&["--latency=60s"]);
    let tap = Tap::on(simulator.address);
    let one = asking(tap.address, &source("sim", tap.address, SECRET_KEY, &["max_attempts: 1"]));
    let (_folder, file) = config_file(&config_of(&[one]));
    let process =
        Process::start(program(&["check-config", "--live", &format!("--config.file={}", file.display())]));
    wait_for("a request", PATIENCE, || {
        if tap.signatures().is_empty() { Err(process.output().stderr) } else { Ok(()) }
    });
    process.terminate();
    let (status, output) = process.wait(SOON);
    assert_eq!(status.code(), Some(1), "{output:?}");
    assert!(output.stderr.contains("ended by a signal before every source was"), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}
