//! The simulated Security Center, read by the vendor's own client: what our exporter is tested
//! against speaks as the vendor's software expects.

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::programs::{KEY_SECRET, Simulator};

#[test]
fn the_vendors_client_gets_every_task_once_with_the_acs3_signature() {
    gets_every_task_once("acs3-hmac-sha256");
}

#[test]
fn the_vendors_client_gets_every_task_once_with_the_rpc_signature() {
    gets_every_task_once("hmac-sha1");
}

#[test]
fn the_vendors_client_is_refused_with_a_wrong_secret() {
    let simulator = Simulator::start(&[]);
    for signature in ["acs3-hmac-sha256", "hmac-sha1"] {
        let answer = simulator.read_by_vendor(signature, "wrongsecret", 50);
        assert_eq!(answer["error"], "SignatureDoesNotMatch", "{signature}: {answer}");
    }
}

fn gets_every_task_once(signature: &str) {
    let simulator = Simulator::start_frozen(&["--listing=flat", "--page-size-max=20"]);
    let world = strings(&simulator.world("tasks")["scan_tasks"]);
    // 50 rows a page are asked for, 20 come.
    let read = strings(&simulator.read_by_vendor(signature, KEY_SECRET, 50)["task_ids"]);

    assert!(world.len() >= 137, "a world too small to prove anything: {}", world.len());
    assert_eq!(read.len(), world.len(), "each task comes once");
    assert_eq!(read.iter().collect::<BTreeSet<_>>(), world.iter().collect::<BTreeSet<_>>());
}

fn strings(list: &Value) -> Vec<String> {
    let list = list.as_array().unwrap_or_else(|| panic!("not a list: {list}"));
    list.iter().map(|id| id.as_str().expect("an id is a string").to_owned()).collect()
}
