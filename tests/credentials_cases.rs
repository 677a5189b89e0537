//! Where keys come from, case by case: one folder each in `tests/credentials/cases/` with
//! `expected.json` and, where the case has them, `credentials.yaml` (that of a source; `default`
//! without it), `env.json`, `fs/` (the home directory) and `http.json` (what is asked, in order, and what
//! is answered). `{HOME}` stands for the home directory. The vendor's own SDK is given the same
//! environment, files and answers, and must name the same key wherever it can do the same.

mod credentials;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agentless_exporter::clock::Clock;
use agentless_exporter::config::{self, Inputs};
use agentless_exporter::credentials as keys;
use agentless_exporter::env::Env;
use agentless_exporter::error::in_words;
use agentless_exporter::meters::Meters;
use agentless_exporter::rpc;
use serde_json::{Value, json};

use credentials::server::Server;
use credentials::transport::ToLoopback;
use credentials::vendor;

const CASES: &str = "tests/credentials/cases";

/// No place may take longer to give a key or an error.
const MOST: Duration = Duration::from_secs(25);

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<_> = fs::read_dir(CASES)
        .expect("the case is whole")
        .map(|entry| entry.expect("the case is whole").path())
        .collect();
    cases.sort();
    cases
}

/// A case on disk, with a home directory of its own.
struct Case {
    folder: PathBuf,
    home: tempfile::TempDir,
}

impl Case {
    fn of(folder: &Path) -> Self {
        let home = tempfile::tempdir().expect("the case is whole");
        let case = Self { folder: folder.to_owned(), home };
        case.copy(&folder.join("fs"), case.home.path());
        case
    }

    fn copy(&self, from: &Path, to: &Path) {
        let Ok(entries) = fs::read_dir(from) else { return };
        for entry in entries.map(|entry| entry.expect("it is listed")) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                fs::create_dir_all(&to).expect("the case is whole");
                self.copy(&entry.path(), &to);
            } else {
                fs::write(&to, self.at_home(&fs::read_to_string(entry.path()).expect("the case is whole")))
                    .expect("the case is whole");
            }
        }
    }

    fn at_home(&self, text: &str) -> String {
        text.replace("{HOME}", self.home.path().to_str().expect("a path in UTF-8"))
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok().map(|text| self.at_home(&text))
    }

    fn json(&self, name: &str) -> Value {
        let text = self.text(name).unwrap_or_else(|| "null".to_owned());
        serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {name}: {error}", self.folder.display()))
    }

    /// What is to come of it; `{HOME}` stays.
    fn expected(&self) -> Value {
        let text =
            fs::read_to_string(self.folder.join("expected.json")).unwrap_or_else(|_| "null".to_owned());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.folder.display()))
    }

    /// The variables of the case and its home directory.
    fn variables(&self) -> Vec<(String, String)> {
        let given = self.json("env.json");
        let pairs = given.as_object().into_iter().flatten();
        let pairs =
            pairs.map(|(name, value)| (name.clone(), value.as_str().expect("the case is whole").to_owned()));
        pairs.chain([("HOME".to_owned(), self.at_home("{HOME}"))]).collect()
    }

    /// The credentials of the case as a source of a configuration has them.
    fn config(&self) -> keys::Config {
        let credentials = self.text("credentials.yaml").unwrap_or_else(|| "type: default\n".to_owned());
        let indented: String = credentials.lines().map(|line| format!("      {line}\n")).collect();
        let file = self.home.path().join("exporter.yaml");
        let text = format!("sources:\n  - name: case\n    region: cn-hangzhou\n    credentials:\n{indented}");
        fs::write(&file, text).expect("the case is whole");
        let inputs = Inputs { file: Some(file), ..Inputs::default() };
        let mut settings =
            config::load(&inputs).unwrap_or_else(|error| panic!("{}: {error}", self.folder.display()));
        settings.sources.remove(0).credentials
    }

    /// What comes of the case, as `expected.json` says it.
    async fn run(&self) -> Value {
        let server = Server::start(&self.json("http.json"));
        let env: Env = self.variables().into_iter().collect();
        let transport = ToLoopback::new(server.address());
        let parts = keys::Parts {
            source: "case".to_owned(),
            env: env.clone(),
            transport: Arc::new(transport),
            rpc: rpc::Config { max_attempts: 1, ..rpc::Config::default() },
            clock: Clock::system(),
            meters: Meters::new().source("case"),
            metadata: keys::metadata_url(),
        };
        let source = keys::build(&self.config(), &parts);
        let came = tokio::time::timeout(MOST, source.key()).await.expect("a key or an error in good time");
        let came = match came {
            Ok(key) => {
                let told = source.in_use().expect("a key was given");
                json!({
                    "id": key.id,
                    "secret": key.secret.expose(),
                    "token": key.token.map(|token| token.expose().to_owned()),
                    "provider": told.provider.replace(self.home.path().to_str().expect("a path in UTF-8"), "{HOME}"),
                })
            }
            Err(error) => {
                let told =
                    in_words(&error).replace(self.home.path().to_str().expect("a path in UTF-8"), "{HOME}");
                for secret in ["SECRET-", "TOKEN-"] {
                    assert!(!told.contains(secret), "{}: {told}", self.folder.display());
                }
                json!({ "error": told })
            }
        };
        server.finish(&self.folder);
        came
    }
}

#[tokio::test]
async fn every_case_gives_the_expected_key_or_error() {
    let update = Env::process().get("UPDATE_CREDENTIALS_CASES").is_some();
    let mut wrong = String::new();
    let cases = cases();
    for folder in &cases {
        let case = Case::of(folder);
        let mut expected = case.expected();
        let vendor = expected.as_object_mut().and_then(|expected| expected.remove("vendor"));
        let mut came = case.run().await;
        if came != expected {
            wrong += &format!("\n{}:\nexpected {expected:#}\ncame {came:#}\n", folder.display());
            if update {
                came["vendor"] = vendor.unwrap_or_else(|| "same".into());
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
        match expected["vendor"].as_str() {
            Some("same") => {}
            Some(reason) => {
                assert!(reason.len() > 20, "{}: say why the SDK differs", folder.display());
                continue;
            }
            None => panic!("{}: say whether the SDK does the same", folder.display()),
        }
        let came = vendor::key(case.home.path(), &case.variables(), &case.json("http.json"));
        let ours = json!({ "id": expected["id"], "secret": expected["secret"], "token": expected["token"] });
        compared += 1;
        let both_refuse = expected["error"].is_string() && came["error"].is_string();
        if came != ours && !both_refuse {
            wrong += &format!("\n{}: ours {ours}, the SDK's {came}", folder.display());
        }
    }
    assert!(compared >= 15, "{compared} cases were compared");
    assert!(wrong.is_empty(), "{wrong}");
}
