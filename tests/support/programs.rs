//! The program under test, in its roles.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::process::{Output, Process, run};
use super::{http, leaks, tools};

/// The access key id that simulators here know.
pub(crate) const KEY_ID: &str = "testid";
/// Its secret.
pub(crate) const KEY_SECRET: &str = "testsecret";

/// The program with these arguments and an empty environment, so that nothing of the machine
/// (keys, proxies, overrides) gets into a test.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_agentless-exporter"));
    command.env_clear().args(arguments);
    command
}

/// A running simulated Security Center.
pub(crate) struct Simulator {
    /// The process.
    pub(crate) process: Process,
    /// Where it answers.
    pub(crate) address: SocketAddr,
}

impl Simulator {
    /// Starts one with a history of 137 tasks, known key and more `arguments`.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_seeded(7, arguments)
    }

    /// Starts one of another world, of as many tasks unless `arguments` tell their number.
    pub(crate) fn start_seeded(seed: u64, arguments: &[&str]) -> Self {
        let mut command = program(&["simulate", "--listen=127.0.0.1:0"]);
        command.arg(format!("--seed={seed}"));
        if !arguments.iter().any(|argument| argument.starts_with("--tasks=")) {
            command.arg("--tasks=137");
        }
        command.args([format!("--access-key-id={KEY_ID}"), format!("--access-key-secret={KEY_SECRET}")]);
        command.args(arguments);
        let mut process = Process::start(command);
        let address = process.address("simulated Security Center");
        Self { process, address }
    }

    /// Starts one whose world stands still.
    pub(crate) fn start_frozen(arguments: &[&str]) -> Self {
        let simulator = Self::start(arguments);
        simulator.freeze();
        simulator
    }

    /// Lets its world stand still.
    pub(crate) fn freeze(&self) {
        let answer = http::ask("POST", self.address, "/_world/freeze", &[]);
        assert!(answer.as_ref().is_ok_and(|answer| answer.status < 300), "{answer:?}");
    }

    /// Moves its world on, which stands still.
    pub(crate) fn step(&self, minutes: u64) {
        let answer = http::ask("POST", self.address, &format!("/_world/step?by={minutes}m"), &[]);
        assert!(answer.as_ref().is_ok_and(|answer| answer.status < 300), "{answer:?}");
    }

    /// What it says of its world, by an unsigned path below `/_world/`.
    pub(crate) fn world(&self, path: &str) -> Value {
        let answer = http::get(self.address, &format!("/_world/{path}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).expect("the world is told as JSON")
    }

    /// What the vendor's client gets of it, its pages of `page_size` rows.
    pub(crate) fn read_by_vendor(&self, signature: &str, secret: &str, page_size: u32) -> Value {
        let mut command = tools::python("vendor_client.py");
        command.args([&self.address.to_string(), KEY_ID, secret, signature, &page_size.to_string()]);
        let output = tools::feed(command, "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("the script writes JSON")
    }
}

/// A running exporter.
pub(crate) struct Exporter {
    /// The process.
    pub(crate) process: Process,
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// Its configuration.
    file: PathBuf,
    /// Holds that; gone with it.
    _folder: tempfile::TempDir,
}

impl Exporter {
    /// Starts one with this configuration and more `arguments`.
    pub(crate) fn start(configuration: &str, arguments: &[&str]) -> Self {
        Self::start_by(|command| command, configuration, arguments)
    }

    /// Starts one by what `wrap` makes of the command.
    pub(crate) fn start_by(
        wrap: impl FnOnce(Command) -> Command,
        configuration: &str,
        arguments: &[&str],
    ) -> Self {
        let (folder, file) = config_file(configuration);
        let mut command = program(&["serve", "--web.listen-address=127.0.0.1:0"]);
        command.arg(format!("--config.file={}", file.display())).args(arguments);
        let mut process = Process::start(wrap(command));
        let address = process.address("listening");
        Self { process, address, file, _folder: folder }
    }

    /// Writes another configuration, which it does not know of yet.
    pub(crate) fn configure(&self, configuration: &str) {
        fs::write(&self.file, configuration).expect("the folder can be written to");
    }

    /// Asks it to read its configuration again, by HTTP.
    pub(crate) fn reload(&self) -> http::Answer {
        let answer = http::ask("POST", self.address, "/-/reload", &[]).expect("a reload is answered");
        leaks::none_in("POST /-/reload", &answer.body);
        answer
    }

    /// What `check-config` says of its configuration.
    pub(crate) fn check(&self) -> Output {
        let file = format!("--config.file={}", self.file.display());
        run(program(&["check-config", &file])).1
    }
}

/// A file with `configuration`, in a folder of its own that goes when it is dropped.
pub(crate) fn config_file(configuration: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let file = folder.path().join("exporter.yml");
    fs::write(&file, configuration).expect("the folder can be written to");
    (folder, file)
}

/// The configuration of an exporter of one source, `sim`, that polls `endpoint` every second.
/// Lines of `api` come below `api:` of the source.
pub(crate) fn config(endpoint: SocketAddr, secret: &str, api: &[&str]) -> String {
    let quick = ["requests_per_second: 1000", "concurrency: 4"];
    config_of(&[source("sim", endpoint, (KEY_ID, secret), &[&quick, api].concat())])
}

/// The configuration of an exporter that polls `sources` every second.
pub(crate) fn config_of(sources: &[String]) -> String {
    config_polling(&[], sources)
}

/// The same with more lines of `poll:`.
pub(crate) fn config_polling(poll: &[&str], sources: &[String]) -> String {
    let poll: String = poll.iter().map(|line| format!("  {line}\n")).collect();
    format!("poll:\n  interval: 1s\n{poll}sources:\n{}", sources.concat())
}

/// A source of a configuration, with the id and secret of its access key. Lines of `api` come
/// below its `api:`.
pub(crate) fn source(name: &str, endpoint: SocketAddr, key: (&str, &str), api: &[&str]) -> String {
    let (id, secret) = key;
    let api: String = api.iter().map(|line| format!("      {line}\n")).collect();
    format!(
        "  - name: {name}
    endpoint: http://{endpoint}
    listing: auto
    api:
{api}    credentials:
      type: access_key
      access_key_id: {id}
      access_key_secret: \"{secret}\"
"
    )
}
