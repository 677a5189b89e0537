//! A case on disk, or two of them put together.

use std::collections::BTreeMap;
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

use super::server::Server;
use super::transport::ToLoopback;
use super::vendor;

/// No place may take longer to give a key or an error.
const MOST: Duration = Duration::from_secs(25);

/// A case with a home directory of its own.
pub(crate) struct Case {
    /// What is expected stands here.
    folder: PathBuf,
    home: tempfile::TempDir,
    variables: BTreeMap<String, String>,
    /// What must be asked, in order, and what is answered.
    asked: Vec<Value>,
    /// What would be answered too, if it were asked.
    unasked: Vec<Value>,
}

impl Case {
    /// The case in `folder`.
    pub(crate) fn of(folder: &Path) -> Self {
        let home = tempfile::tempdir().expect("the case is whole");
        let variables = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
        let folder = folder.to_owned();
        let mut case =
            Self { folder: folder.clone(), home, variables, asked: Vec::new(), unasked: Vec::new() };
        case.asked = case.add(&folder);
        case
    }

    /// The case in `first` with all that the case in `later` sets up. What comes of the first one alone
    /// is to come of both, without a question to the later one.
    pub(crate) fn of_both(first: &Path, later: &Path) -> Self {
        let mut case = Self::of(first);
        case.unasked = case.add(later);
        // Where there is no machine, cases switch it off. Here there may be one.
        if case.asked.iter().any(|exchange| exchange["ask"]["host"] == "http://100.100.100.200") {
            case.variables.remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
        }
        case
    }

    /// Adds the variables and files of the case in `folder`; gives its exchanges.
    fn add(&mut self, folder: &Path) -> Vec<Value> {
        self.copy(&folder.join("fs"), self.home.path());
        for (name, value) in self.json(folder, "env.json").as_object().into_iter().flatten() {
            let value = value.as_str().expect("the case is whole").to_owned();
            let before = self.variables.insert(name.clone(), value);
            assert_eq!(before, None, "{}: {name} is another one's too", folder.display());
        }
        self.json(folder, "http.json").as_array().cloned().unwrap_or_default()
    }

    fn copy(&self, from: &Path, to: &Path) {
        let Ok(entries) = fs::read_dir(from) else { return };
        for entry in entries.map(|entry| entry.expect("it is listed")) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                fs::create_dir_all(&to).expect("the case is whole");
                self.copy(&entry.path(), &to);
            } else {
                assert!(!to.exists(), "{}: is another one's too", entry.path().display());
                fs::write(&to, self.at_home(&fs::read_to_string(entry.path()).expect("the case is whole")))
                    .expect("the case is whole");
            }
        }
    }

    fn at_home(&self, text: &str) -> String {
        text.replace("{HOME}", self.home.path().to_str().expect("a path in UTF-8"))
    }

    fn json(&self, folder: &Path, name: &str) -> Value {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_else(|_| "null".to_owned());
        serde_json::from_str(&self.at_home(&text))
            .unwrap_or_else(|error| panic!("{}: {name}: {error}", folder.display()))
    }

    /// What is to come of it, `{HOME}` as it is.
    pub(crate) fn expected(&self) -> Value {
        let mut expected = self.expected_with_vendor();
        if let Some(expected) = expected.as_object_mut() {
            expected.remove("vendor");
        }
        expected
    }

    /// `same`, or why the SDK of the vendor does something else; nothing if the case does not say.
    pub(crate) fn vendor(&self) -> Option<String> {
        self.expected_with_vendor()["vendor"].as_str().map(str::to_owned)
    }

    fn expected_with_vendor(&self) -> Value {
        let text =
            fs::read_to_string(self.folder.join("expected.json")).unwrap_or_else(|_| "null".to_owned());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.folder.display()))
    }

    /// The credentials of the case as a source of a configuration has them.
    fn config(&self) -> (keys::Config, keys::StsPlace) {
        let credentials = fs::read_to_string(self.folder.join("credentials.yaml"));
        let credentials = self.at_home(&credentials.unwrap_or_else(|_| "type: default\n".to_owned()));
        let indented: String = credentials.lines().map(|line| format!("      {line}\n")).collect();
        let file = self.home.path().join("exporter.yaml");
        let text = format!("sources:\n  - name: case\n    region: cn-hangzhou\n    credentials:\n{indented}");
        fs::write(&file, text).expect("the case is whole");
        let inputs = Inputs { file: Some(file), ..Inputs::default() };
        let mut settings =
            config::load(&inputs).unwrap_or_else(|error| panic!("{}: {error}", self.folder.display()));
        let source = settings.sources.remove(0);
        (source.credentials, source.sts)
    }

    /// What comes of the case, as `expected.json` says it.
    pub(crate) async fn run(&self) -> Value {
        let server = Server::start(&self.asked);
        let env: Env = self.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let transport = ToLoopback::new(server.address());
        let (config, sts) = self.config();
        let parts = keys::Parts {
            source: "case".to_owned(),
            env: env.clone(),
            sts,
            transport: Arc::new(transport),
            rpc: rpc::Config { max_attempts: 1, ..rpc::Config::default() },
            clock: Clock::system(),
            meters: Meters::new().source("case"),
            metadata: keys::metadata_url(),
        };
        let source = keys::build(&config, &parts);
        let came = tokio::time::timeout(MOST, source.key()).await.expect("a key or an error in good time");
        let home = self.home.path().to_str().expect("a path in UTF-8");
        let came = match came {
            Ok(key) => {
                let told = source.in_use().expect("a key was given");
                json!({
                    "id": key.id,
                    "secret": key.secret.expose(),
                    "token": key.token.map(|token| token.expose().to_owned()),
                    "provider": told.provider.replace(home, "{HOME}"),
                })
            }
            Err(error) => {
                let told = in_words(&error).replace(home, "{HOME}");
                for secret in ["SECRET-", "TOKEN-"] {
                    assert!(!told.contains(secret), "{}: {told}", self.folder.display());
                }
                json!({ "error": told })
            }
        };
        server.finish(&self.folder);
        came
    }

    /// The key that the SDK of the vendor finds, or its error. It may ask whatever it likes.
    pub(crate) fn run_vendor(&self) -> Value {
        let exchanges: Vec<_> = self.asked.iter().chain(&self.unasked).collect();
        vendor::key(self.home.path(), &self.variables, &json!(exchanges))
    }
}
