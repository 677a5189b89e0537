//! No configuration, however broken, ends the process or tells a value that stands at the key of
//! a secret.

use std::fmt::Write as _;
use std::fs;

use agentless_exporter::app::check;
use agentless_exporter::config::{self, Inputs};
use agentless_exporter::env::Env;
use proptest::prelude::*;
use proptest::sample::{Index, select};

#[path = "config_leaks/slips.rs"]
mod slips;

use slips::{MARK, apply, slip};

const GOOD: &str = r#"
poll:
  interval: 1m
api:
  page_size: 50
  proxy: "http://user:ZQXJpassword@proxy:3128"
metrics:
  targets: {keep: 35d}
sources:
  - name: prod
    region: cn-hangzhou
    labels: {team: security}
    target_types: [image]
    credentials:
      type: sts
      access_key_id: "ZQXJid"
      access_key_secret: "ZQXJsecret"
      security_token: ZQXJtoken
  - name: other
    endpoint: https://tds.cn-shanghai.aliyuncs.com
    credentials: {type: access_key, access_key_id: ZQXJid, access_key_secret: ZQXJ5e7}
    poll: {interval: 5m}
"#;

/// Everything that is told of a configuration.
fn told(yaml: &[u8], env: &Env) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("config.yaml");
    fs::write(&file, yaml).expect("a written file");
    match check::run(&Inputs { file: Some(file), env: env.clone(), flags: Vec::new() }) {
        Ok(report) => report,
        Err(mistakes) => format!("{mistakes}\n{mistakes:?}"),
    }
}

/// Values for keys of secrets, all of the wrong sort or at least odd, and all marked.
fn secret_value() -> impl Strategy<Value = String> {
    select(vec![
        r#""ZQXJ""#,
        r#"" ZQXJ""#,
        r#""ZQXJ\n""#,
        "ZQXJ",
        r#"["ZQXJ", 1]"#,
        r#"{"ZQXJ": "ZQXJ"}"#,
        r#"{"type": ["ZQXJ"]}"#,
        r#""http://ZQXJ@x:0/ZQXJ""#,
        r#""https://u:ZQXJ@h""#,
        r#""https://h?ZQXJ""#,
    ])
    .prop_map(str::to_owned)
}

fn other_value() -> impl Strategy<Value = String> {
    select(vec![
        "1",
        "-1",
        "1e400",
        "null",
        "true",
        "5m",
        "[]",
        "{}",
        "[[]]",
        r#""""#,
        "cn-hangzhou",
        "sts",
        "~",
    ])
    .prop_map(str::to_owned)
}

/// A group in YAML's flow form: keys of secrets with marked values, other keys with others.
fn tree() -> impl Strategy<Value = String> {
    let secret_key = select(vec![
        "access_key_id",
        "access_key_secret",
        "security_token",
        "proxy",
        "acces_key_secret",
        "endpoint",
        "secret",
        "password",
    ]);
    let other_key = select(vec![
        "poll",
        "api",
        "metrics",
        "targets",
        "keep",
        "state",
        "path",
        "sources",
        "name",
        "region",
        "network",
        "credentials",
        "labels",
        "type",
        "interval",
        "page_size",
        "poll.interval",
        "sources[99999999]",
        "unknown",
        "target_types",
        "access_key_secret_file",
    ]);
    let leaf = prop_oneof![
        (secret_key, secret_value()).prop_map(|(key, value)| (key.to_owned(), value)),
        (other_key.clone(), other_value()).prop_map(|(key, value)| (key.to_owned(), value)),
    ];
    let entries = leaf.prop_recursive(4, 40, 6, move |inner| {
        let group = prop::collection::btree_map(any::<u8>(), inner, 0..6).prop_map(|entries| {
            let mut text = String::from("{");
            let mut seen = Vec::new();
            for (key, value) in entries.into_values() {
                if !seen.contains(&key) {
                    let _ = write!(text, "\"{key}\": {value}, ");
                    seen.push(key);
                }
            }
            text + "}"
        });
        let value = prop_oneof![group.clone(), group.prop_map(|group| format!("[{group}]"))];
        (other_key.clone(), value).prop_map(|(key, value)| (key.to_owned(), value))
    });
    entries.prop_map(|(key, value)| format!("{{\"{key}\": {value}}}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_slip_of_the_editor_tells_no_secret(slips in prop::collection::vec(slip(), 1..5)) {
        let yaml = slips.into_iter().fold(GOOD.to_owned(), |text, (at, slip)| apply(&text, at, slip));
        let told = told(yaml.as_bytes(), &Env::default());
        prop_assert!(!told.contains(MARK), "{}\n{}", told, yaml);
    }

    #[test]
    fn a_tree_of_any_shape_tells_no_secret(yaml in tree()) {
        let env = Env::from_iter([("AGENTLESS_EXPORTER__API__PROXY", "ZQXJ://x")]);
        let told = told(yaml.as_bytes(), &env);
        prop_assert!(!told.contains(MARK), "{}\n{}", told, yaml);
    }

    #[test]
    fn no_text_ends_the_process(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(select(b" \n\t:-?[]{},'\"|>#&*!%@`a1.~<=".to_vec()), 0..200),
        ],
        good in any::<bool>(),
        at in any::<Index>(),
    ) {
        let mut yaml = if good { GOOD.as_bytes().to_vec() } else { Vec::new() };
        let at = at.index(yaml.len() + 1);
        yaml.splice(at..at, bytes);
        told(&yaml, &Env::default());
    }
}

#[test]
fn the_good_configuration_of_these_tests_is_good() {
    let told = told(GOOD.as_bytes(), &Env::default());
    assert!(told.contains("configuration is valid"), "{told}");
}

#[test]
fn debug_of_the_settings_shows_no_secret() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("config.yaml");
    fs::write(&file, GOOD).expect("a written file");
    let settings = config::load(&Inputs { file: Some(file), ..Inputs::default() }).expect("a good one");
    let shown = format!("{settings:?}");
    for secret in ["ZQXJpassword", "ZQXJsecret", "ZQXJtoken", "ZQXJ5e7"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
