//! The state file and the start of a process: what is told if it can't be used, and who waits for whom.

mod support;

use std::path::Path;
use std::time::Duration;

use support::process::{Process, run};
use support::programs::{Exporter, KEY_SECRET, config, program};
use support::{http, wait_for};

/// Debug builds on a busy machine are slow.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where nobody listens: polls don't matter here.
const NOBODY: &str = "127.0.0.1:9";

fn with_state(path: &Path) -> String {
    let nobody = NOBODY.parse().expect("an address");
    format!("state:\n  path: {}\n{}", path.display(), config(nobody, KEY_SECRET, &[]))
}

#[test]
fn an_exporter_that_cannot_use_its_state_file_ends_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let cases = [
        (folder.path().join("missing/state"), "missing does not exist; create it"),
        (folder.path().to_owned(), "it is no plain file"),
        (folder.path().join("exporter.yml"), "it is no state file of this exporter"),
    ];
    for (path, told) in cases {
        let file = folder.path().join("exporter.yml");
        std::fs::write(&file, with_state(&path)).expect("the folder can be written to");
        let file = format!("--config.file={}", file.display());
        let (status, output) = run(program(&["serve", "--web.listen-address=127.0.0.1:0", &file]));
        assert_eq!(status.code(), Some(1), "{output:?}");
        assert!(output.stderr.contains(told), "{told:?} is not in {output:?}");
    }
}

#[test]
fn a_second_exporter_waits_for_the_first_to_end() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let configuration = with_state(&folder.path().join("state"));
    let first = Exporter::start(&configuration, &[]);
    let metrics = http::get(first.address, "/metrics").body;
    assert!(metrics.contains("\nagentless_exporter_state_persisted 1\n"), "{metrics}");

    let file = folder.path().join("exporter.yml");
    std::fs::write(&file, &configuration).expect("the folder can be written to");
    let file = format!("--config.file={}", file.display());
    let start = || {
        let process = Process::start(program(&["serve", "--web.listen-address=127.0.0.1:0", &file]));
        wait_for("a line that tells of the wait", PATIENCE, || {
            let log = process.output().stderr;
            if log.contains("another process has the state file open") { Ok(()) } else { Err(log) }
        });
        process
    };
    // One that is told to end while it waits does so, and in peace.
    let told_to_end = start();
    told_to_end.terminate();
    let (status, output) = told_to_end.wait(PATIENCE);
    assert_eq!(status.code(), Some(0), "{output:?}");

    let mut second = start();
    first.process.terminate();
    second.address("listening");
}
