//! Where keys come from, case by case: one folder each in `tests/credentials/cases/` with
//! `expected.json` and, where the case has them, `credentials.yaml` (that of a source; `default`
//! without it), `env.json`, `fs/` (the home directory) and `http.json` (what is asked, in order, and what
//! is answered). `{HOME}` stands for the home directory. The vendor's own SDK is given the same
//! environment, files and answers, and must name the same key wherever it can do the same.
//!
//! The order of the default chain is shown pair by pair: each of its places has a case that gives a key
//! and one that fails, and two of them are put together.

mod credentials;

use std::fs;
use std::path::{Path, PathBuf};

use agentless_exporter::env::Env;
use serde_json::{Value, json};

use credentials::case::Case;

const CASES: &str = "tests/credentials/cases";

/// A place of the default chain, and the cases in which it alone is set up.
struct Place {
    /// What errors call it.
    name: &'static str,
    good: &'static str,
    failing: &'static str,
}

/// The default chain in its order.
const CHAIN: [Place; 6] = [
    Place { name: "env", good: "env_long_term", failing: "env_half_set" },
    Place { name: "oidc", good: "pod_of_the_environment", failing: "pod_with_an_expired_token" },
    Place { name: "cli_profile", good: "cli_profile", failing: "cli_broken" },
    Place { name: "ini_profile", good: "ini_profile", failing: "ini_half_filled" },
    Place {
        name: "ecs_ram_role",
        good: "machine_role_discovered",
        failing: "machine_does_not_tell_its_role",
    },
    Place { name: "uri", good: "service_of_the_environment", failing: "service_answers_html" },
];

/// Every two places of the chain, the first one first: 15.
fn pairs() -> impl Iterator<Item = (&'static Place, &'static Place)> {
    CHAIN.iter().enumerate().flat_map(|(n, first)| CHAIN[n + 1..].iter().map(move |later| (first, later)))
}

fn folder(case: &str) -> PathBuf {
    Path::new(CASES).join(case)
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir(CASES)
        .expect("the case is whole")
        .map(|entry| entry.expect("the case is whole").path())
        .collect();
    cases.sort();
    cases
}

#[tokio::test]
async fn every_case_gives_the_expected_key_or_error() {
    let update = Env::process().get("UPDATE_CREDENTIALS_CASES").is_some();
    let mut wrong = String::new();
    let cases = cases();
    for folder in &cases {
        let case = Case::of(folder);
        let expected = case.expected();
        let mut came = case.run().await;
        if came != expected {
            wrong += &format!("\n{}:\nexpected {expected:#}\ncame {came:#}\n", folder.display());
            if update {
                came["vendor"] = case.vendor().unwrap_or_else(|| "same".to_owned()).into();
                fs::write(folder.join("expected.json"), format!("{came:#}\n")).expect("the case is whole");
            }
        }
    }
    assert!(cases.len() >= 30, "{} cases", cases.len());
    assert!(wrong.is_empty() || update, "{wrong}");
}

#[test]
fn the_sdk_of_the_vendor_names_the_same_key() {
    let mut compared = 0;
    let mut wrong = String::new();
    for folder in cases() {
        let case = Case::of(&folder);
        let expected = case.expected();
        match case.vendor().as_deref() {
            Some("same") => {}
            Some(reason) => {
                assert!(reason.len() > 20, "{}: say why the SDK differs", folder.display());
                continue;
            }
            None => panic!("{}: say whether the SDK does the same", folder.display()),
        }
        compared += 1;
        wrong += &differs(&expected, &case.run_vendor())
            .map_or_else(String::new, |differs| format!("\n{}: {differs}", folder.display()));
    }
    assert!(compared >= 15, "{compared} cases were compared");
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test]
async fn a_place_of_the_chain_that_has_a_key_comes_before_each_later_one() {
    let mut wrong = String::new();
    for (first, later) in pairs() {
        let case = Case::of_both(&folder(first.good), &folder(later.good));
        let expected = case.expected();
        let (ours, vendors) = (case.run().await, case.run_vendor());
        if ours != expected {
            wrong +=
                &format!("\n{} before {}:\nexpected {expected:#}\ncame {ours:#}", first.name, later.name);
        }
        wrong += &differs(&expected, &vendors)
            .map_or_else(String::new, |differs| format!("\n{} before {}: {differs}", first.name, later.name));
    }
    assert_eq!(pairs().count(), 15);
    assert!(wrong.is_empty(), "{wrong}");
}

/// The vendor's SDK for Python goes on to the next place instead, whose key may be that of somebody
/// else. That it comes to the key of the later one also shows that there was one to be had.
#[tokio::test]
async fn a_place_of_the_chain_that_is_set_up_and_fails_stops_it_before_each_later_one() {
    let mut wrong = String::new();
    for (first, later) in pairs() {
        let case = Case::of_both(&folder(first.failing), &folder(later.good));
        let expected = case.expected();
        let (ours, vendors) = (case.run().await, case.run_vendor());
        if ours != expected {
            wrong += &format!(
                "\n{} fails before {}:\nexpected {expected:#}\ncame {ours:#}",
                first.name, later.name
            );
        }
        let key = Case::of(&folder(later.good)).expected();
        wrong += &differs(&key, &vendors).map_or_else(String::new, |differs| {
            format!("\n{} fails before {}, and the SDK does not go on: {differs}", first.name, later.name)
        });
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_place_of_the_chain_that_fails_is_named() {
    for Place { name, failing, .. } in CHAIN {
        let expected = Case::of(&folder(failing)).expected();
        let told = expected["error"].as_str().expect("an error");
        let stopped = format!("the default chain stopped at {name}, which is set up and gives no key");
        assert!(told.starts_with(&stopped), "{failing}: {told}");
    }
}

/// In what the key of the vendor's SDK is another one than `expected`; `None` too if both refuse.
fn differs(expected: &Value, came: &Value) -> Option<String> {
    let ours = json!({ "id": expected["id"], "secret": expected["secret"], "token": expected["token"] });
    let both_refuse = expected["error"].is_string() && came["error"].is_string();
    (*came != ours && !both_refuse).then(|| format!("ours {ours}, the SDK's {came}"))
}
