//! The vendor's own SDK for credentials, in Python.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The key that the SDK's default chain finds with these variables, this home directory and these
/// answers; no network is used. `{"error": …}` if it finds none.
pub(crate) fn key(home: &Path, variables: &BTreeMap<String, String>, exchanges: &Value) -> Value {
    let answers = home.join("answers.json");
    std::fs::write(&answers, exchanges.to_string()).expect("the home directory is ours");
    let python = "target/test-tools/venv/bin/python";
    let output = Command::new(python)
        .arg("tests/python/vendor_credentials.py")
        .arg(&answers)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{python} does not start ({error}); run scripts/install-test-tools"));
    let told = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&told)
        .unwrap_or_else(|error| panic!("{error}: {told}{}", String::from_utf8_lossy(&output.stderr)))
}
