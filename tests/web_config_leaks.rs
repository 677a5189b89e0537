//! No web config, however broken, ends the process or tells a key or hash that stands in it.

use std::fs;

use agentless_exporter::web_config;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[path = "config_leaks/slips.rs"]
mod slips;

use slips::{MARK, apply, slip};

const GOOD: &str = r#"
http_server_config:
  http2: true
  headers:
    X-Frame-Options: deny
rate_limit:
  interval: 1s
  burst: 10
tls_server_config:
  client_auth_type: NoClientCert
  min_version: TLS12
  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
  curve_preferences: [X25519]
  cert_file: server.crt
  key: |
    -----BEGIN PRIVATE KEY-----
    ZQXJAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2
    ZQXJI7hZpl1mY2bHlFT6Y0PzZQXJRANCAATmUyl1LXmEcRyrGPrD06+sv4nAfZ/N
    ZQXJ==
    -----END PRIVATE KEY-----
basic_auth_users:
  alice: $2y$10$ZQXJjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga
  bob: "$2y$10$ZQXJjQvNhvvRt5GSeFk1xFeyqRrsxkhBkUiQeg0dt.wU1qD4aFDcga"
  carol: ZQXJ5e7
"#;

/// Everything that is told of a web config.
fn told(yaml: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::copy("tests/web_config/files/server.crt", folder.path().join("server.crt")).expect("a certificate");
    let file = folder.path().join("web.yml");
    fs::write(&file, yaml).expect("a written file");
    match web_config::load(&file) {
        Ok(loaded) => format!("{} {loaded:?}", loaded.settings().summary()),
        Err(mistakes) => format!("{mistakes}\n{mistakes:?}"),
    }
}

/// A value of the wrong sort, or a secret that stands at another key. Words alone are left out, for a
/// word at the key of a word is shown.
fn value() -> impl Strategy<Value = String> {
    let values = [
        r#""ZQXJ/secret+""#,
        r#""ZQXJ\n""#,
        r#"["$ZQXJ", 1]"#,
        r#"{"$ZQXJ": "$ZQXJ"}"#,
        r#""-----BEGIN PRIVATE KEY-----\nZQXJ\n-----END PRIVATE KEY-----\n""#,
        r#""$2y$10$ZQXJ""#,
        "1e400",
        "null",
        "true",
        "[]",
        "[[]]",
        "1",
    ];
    select(values.to_vec()).prop_map(str::to_owned)
}

fn tree() -> impl Strategy<Value = String> {
    let keys = [
        "tls_server_config",
        "http_server_config",
        "basic_auth_users",
        "rate_limit",
        "cert",
        "key",
        "client_ca",
        "client_auth_type",
        "client_allowed_sans",
        "min_version",
        "cipher_suites",
        "curve_preferences",
        "prefer_server_cipher_suites",
        "http2",
        "headers",
        "Content-Security-Policy",
        "X-Frame-Options",
        "interval",
        "burst",
        "$2y$10$ZQXJ",
        "MIGHZQXJ+/==",
    ];
    let key = move || select(keys.to_vec());
    let entry = (key(), value()).prop_map(|(key, value)| format!("{key:?}: {value}"));
    let entry = entry.prop_recursive(3, 40, 6, move |inner| {
        let group = prop::collection::vec(inner, 0..6);
        (key(), group).prop_map(|(key, group)| format!("{key:?}: {{{}}}", group.join(", ")))
    });
    prop::collection::vec(entry, 1..6).prop_map(|entries| format!("{{{}}}", entries.join(", ")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_slip_of_the_editor_tells_no_secret(slips in prop::collection::vec(slip(), 1..5)) {
        let yaml = slips.into_iter().fold(GOOD.to_owned(), |text, (at, slip)| apply(&text, at, slip));
        let told = told(yaml.as_bytes());
        prop_assert!(!told.contains(MARK), "{}\n{}", told, yaml);
    }

    #[test]
    fn a_tree_of_any_shape_tells_no_secret(yaml in tree()) {
        let told = told(yaml.as_bytes());
        prop_assert!(!told.contains(MARK), "{}\n{}", told, yaml);
    }

    #[test]
    fn no_text_ends_the_process(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        at in any::<Index>(),
    ) {
        let mut yaml = GOOD.as_bytes().to_vec();
        let at = at.index(yaml.len() + 1);
        yaml.splice(at..at, bytes);
        told(&yaml);
    }
}

#[test]
fn each_secret_of_these_tests_is_a_mistake_of_its_own() {
    let told = told(GOOD.as_bytes());
    for key in ["tls_server_config.key (", "basic_auth_users.carol ("] {
        assert!(told.contains(key), "{told}");
    }
}
