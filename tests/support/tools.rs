//! Other people's programs, which `make test` installs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A script of `tests/python/`, to be run by the Python that has the pinned packages.
///
/// # Panics
/// If that Python is not there.
pub(crate) fn python(script: &str) -> Command {
    let python = root().join("target/test-tools/venv/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/install-test-tools", python.display());
    let mut command = Command::new(python);
    command.arg(root().join("tests/python").join(script));
    // A proxy of the machine has nothing to do with loopback.
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

/// A script of `tests/browser/`, to be run by Node with the pinned packages.
///
/// # Panics
/// If they are not there.
pub(crate) fn browser(script: &str) -> Command {
    let tools = root().join("target/browser-tools");
    let modules = tools.join("node_modules");
    assert!(modules.exists(), "{} is missing: run scripts/install-test-tools", modules.display());
    // Modules are looked for beside the script that asks for them.
    for file in ["browser.mjs", script] {
        let text = std::fs::read(root().join("tests/browser").join(file)).expect("the script is there");
        // Written aside and moved, because tests run side by side.
        let aside = tools.join(format!("{file}.{}.{:?}", std::process::id(), std::thread::current().id()));
        std::fs::write(&aside, &text).expect("the folder can be written to");
        std::fs::rename(&aside, tools.join(file)).expect("a file can be moved");
    }
    let mut command = Command::new("node");
    command.arg(tools.join(script)).env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
    command
}

/// `promtool check metrics`.
pub(crate) fn promtool() -> Command {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]);
    command
}

/// `promtool` with these arguments, in the folder with rules.
pub(crate) fn promtool_in(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("promtool");
    command.args(arguments).current_dir(folder);
    command
}

/// Prometheus with this configuration, its data in `folder`, on a free port that its log tells
/// in the line `Listening on`.
pub(crate) fn prometheus(configuration: &Path, folder: &Path) -> Command {
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", configuration.display()))
        .arg(format!("--storage.tsdb.path={}", folder.display()))
        .arg("--web.listen-address=127.0.0.1:0");
    command
}

/// Runs `command` with `input` on its standard input.
///
/// # Panics
/// If it can't be run.
pub(crate) fn feed(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| {
        panic!("{command:?} does not start: {error}; run scripts/install-test-tools")
    });
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // The tools read all of their input before they write, so this can't block for good.
    stdin.write_all(input.as_bytes()).expect("the tool reads its input");
    drop(stdin);
    child.wait_with_output().expect("the tool ends")
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
