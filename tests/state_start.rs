//! The state file and the start of a process: what is told if it can't be used, and who waits for whom.

mod support;

use std::path::Path;
use std::time::Duration;

use support::counted::until_polled_after;
use support::process::{Process, run};
use support::programs::{
    Exporter, KEY_ID, KEY_SECRET, Simulator, config, config_file, config_of, program, source,
};
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

#[test]
fn the_start_tells_of_each_source_what_the_file_knows_of_it() {
    let simulator = Simulator::start_frozen(&["--listing=flat"]);
    let folder = tempfile::tempdir().expect("a folder for tests");
    let state = format!("state:\n  path: {}\n", folder.path().join("state").display());
    let configuration = config(simulator.address, KEY_SECRET, &[]) + &state;
    let lines_of = |exporter: &Exporter| {
        let log = exporter.process.output().stderr;
        let lines = log.lines().filter(|line| line.contains("message=\"the state file knows"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };

    let first = Exporter::start(&configuration, &[]);
    assert_eq!(lines_of(&first).len(), 1);
    assert!(lines_of(&first)[0].contains("knows nothing of the source; it starts anew"));
    let polled = until_polled_after(&first, 0.0);
    let known = polled.value("agentless_exporter_ledger_tasks").expect("it was polled");
    drop(first);

    let again = Exporter::start(&configuration, &[]);
    let lines = lines_of(&again);
    assert_eq!(lines.len(), 1, "{lines:?}");
    for told in
        ["it goes on from its last poll", "source=sim", &format!("ledger_tasks={known}"), "last_poll=20"]
    {
        assert!(lines[0].contains(told), "{told:?} is not in {lines:?}");
    }
    drop(again);

    let other = configuration.replace("listing: auto", "listing: flat");
    let lines = lines_of(&Exporter::start(&other, &[]));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("level=warn") && lines[0].contains("differences=listing"), "{lines:?}");
}

#[test]
fn the_check_tells_what_stands_where_the_state_is_to_be_and_by_which_path() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let folder = folder.path().canonicalize().expect("it is there");
    let path = folder.join("state");
    std::fs::write(folder.join("exporter.yml"), with_state(Path::new("state")))
        .expect("a file can be written");
    let file = "--config.file=exporter.yml";
    let check = || {
        let mut command = program(&["check-config", file]);
        command.current_dir(&folder);
        let (status, output) = run(command);
        assert!(status.success(), "{output:?}");
        output.stdout
    };
    let told = |file: &str| format!("\nstate\n  path         {}\n  file         {file}\n", path.display());

    let none = check();
    assert!(none.contains(&told("there is none yet; serve makes it")), "{none}");
    assert!(!path.exists());
    let exporter = Exporter::start(&with_state(&path), &[]);
    let in_use = check();
    assert!(in_use.contains(&told("a running exporter has it; it was not read")), "{in_use}");
    assert!(!in_use.contains("warning: state.path"), "{in_use}");
    drop(exporter);
    let whole = check();
    assert!(whole.contains(&told("it is whole; serve goes on from it")), "{whole}");

    std::fs::write(&path, "important").expect("a file can be written");
    let foreign = check();
    assert!(foreign.contains(&told("it cannot be used, see below")), "{foreign}");
    let warning =
        format!("\nwarning: state.path: the state file {} cannot be used: it is no", path.display());
    assert!(foreign.contains(&warning), "{foreign}");

    let mut serve = program(&["serve", "--web.listen-address=127.0.0.1:0", file]);
    serve.current_dir(&folder);
    let (_, output) = run(serve);
    assert!(
        output.stderr.contains(&format!("the state file {} cannot be used", path.display())),
        "{output:?}"
    );
}

#[test]
fn a_rate_that_is_too_low_for_the_polls_is_told_at_the_start_as_the_check_tells_it() {
    let nobody = NOBODY.parse().expect("an address");
    let slow = source("slow", nobody, (KEY_ID, KEY_SECRET), &["requests_per_second: 1"]);
    let configuration = config_of(&[slow]);
    let (_folder, file) = config_file(&configuration);
    let (_, check) = run(program(&["check-config", &format!("--config.file={}", file.display())]));
    let warning = check.stdout.lines().find_map(|line| line.strip_prefix("warning: source slow: polls take"));
    let warning = warning.unwrap_or_else(|| panic!("{check:?}"));
    let exporter = Exporter::start(&configuration, &[]);
    let log = exporter.process.output().stderr;
    assert_eq!(log.matches(warning).count(), 1, "{warning:?} in {log}");
}
