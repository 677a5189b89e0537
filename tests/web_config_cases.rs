//! Whole web configs and what becomes of them: one folder each in `tests/web_config/cases/`, with
//! `web.yml` and `expected.txt`; certificates and keys, made for this test alone, are in
//! `tests/web_config/files/`. `UPDATE_CONFIG_CASES=1` writes what came as `expected.txt`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use agentless_exporter::env::Env;
use agentless_exporter::web_config;

#[path = "config_messages/texts.rs"]
mod texts;

const CASES: &str = "tests/web_config/cases";
const UPDATE: &str = "UPDATE_CONFIG_CASES";

/// Texts in `src/web_config/` that are no messages, or that no case can show.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("the web config", "is an event of the log"),
    ("no connection could be made with these settings", "stands for errors that are told before today"),
    ("Hash(cost {}, hidden)", "is for debugging"),
    ("it is in force only once it is applied", "is for whoever writes code"),
    ("a decoy, no user", "is a salt"),
    ("a day before 1970", "is for dates that nobody has"),
    ("expired on", "is a warning, which depends on the day"),
    ("is not valid before", "is another"),
    ("expires within a day", "is another"),
    ("expires in", "is another"),
    ("tls_server_config: the certificate", "begins them"),
    ("the certificate of a client has none", "is an event of the log"),
    ("is empty now", "is for a file that had keys when it was read before"),
];

#[test]
fn every_case_gives_what_is_expected() {
    let update = Env::process().get(UPDATE).is_some();
    let mut cases: Vec<PathBuf> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = String::new();
    for case in &cases {
        let came = run(case);
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
        if came == expected {
            continue;
        }
        if update {
            fs::write(case.join("expected.txt"), &came).unwrap();
        }
        let _ = write!(wrong, "\n{}:\n--- expected\n{expected}--- came\n{came}", case.display());
    }
    assert!(cases.len() >= 60, "{} cases", cases.len());
    assert!(wrong.is_empty() || update, "{wrong}");
}

#[test]
fn every_message_is_in_a_case() {
    let expected = texts::files("tests/web_config/cases", "expected.txt");
    let code = texts::files("src/web_config", ".rs");
    assert_eq!(texts::not_shown(&expected, &code, NOT_SHOWN, 30), Vec::<String>::new(), "in no case");
}

fn run(case: &Path) -> String {
    let came = match web_config::load(&case.join("web.yml")) {
        Ok(loaded) => {
            let headers = loaded.settings().headers.iter();
            let headers = headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?")));
            format!("{}\n{}", loaded.settings().summary(), headers.collect::<String>())
        }
        Err(mistakes) => format!("{mistakes}\n"),
    };
    came.replace(&format!("{}/", case.display()), "")
}
