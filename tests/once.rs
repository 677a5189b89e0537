//! `once` from outside, against a simulated Security Center: what it prints, in each form, and
//! how it ends.

mod support;

use std::io::{BufRead as _, BufReader, Write as _, pipe};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::exposition::Exposition;
use support::process::{Output, Process, run};
use support::programs::{KEY_ID, KEY_SECRET, Simulator, config, config_file, config_of, program, source};
use support::{tools, wait_for};

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:9";

/// Nothing is waited for once it is told to end.
const SOON: Duration = Duration::from_secs(5);

/// Long enough for a debug build to start.
const PATIENCE: Duration = Duration::from_secs(30);

const QUICK: [&str; 2] = ["requests_per_second: 1000", "max_attempts: 1"];

#[test]
fn the_figures_of_every_form_are_those_of_the_exposition() {
    let simulator = Simulator::start_frozen(&[]);
    let configuration = config(simulator.address, KEY_SECRET, &[]);

    let (code, metrics) = once(&configuration, &["--output=metrics"]);
    assert_eq!(code, 0, "{metrics:?}");
    let verdict = tools::feed(tools::promtool(), &metrics.stdout);
    assert!(
        verdict.status.success() && verdict.stdout.is_empty() && verdict.stderr.is_empty(),
        "{verdict:?}"
    );
    let exposition =
        Exposition::parse(&metrics.stdout).unwrap_or_else(|error| panic!("{error}: {metrics:?}"));
    let count = |kind: &str, status: &str| {
        exposition.sum_of("agentless_scan_tasks", &[("target_type", kind), ("status", status)])
    };
    assert!(count("snapshot", "completed") > 0.0, "{metrics:?}");
    assert_eq!(exposition.sum("agentless_exporter_source_up"), 1.0, "{metrics:?}");

    let (code, json) = once(&configuration, &["--output=json"]);
    assert_eq!(code, 0, "{json:?}");
    let json: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let told = &json["sources"][0];
    assert_eq!((&told["name"], &told["ok"]), (&Value::from("sim"), &Value::from(true)), "{json}");
    let kinds = told["tasks"].as_object().expect("tasks by type");
    for (kind, statuses) in kinds {
        for (status, told) in statuses.as_object().expect("tasks by status") {
            assert_eq!(told.as_f64(), Some(count(kind, status)), "{kind} {status}: {json}");
        }
    }

    let (code, table) = once(&configuration, &[]);
    assert_eq!(code, 0, "{table:?}");
    for kind in kinds.keys() {
        let counts =
            ["running", "completed", "failed", "timed_out", "unknown"].map(|s| count(kind, s).to_string());
        let expected: Vec<&str> =
            ["sim", kind].into_iter().chain(counts.iter().map(String::as_str)).collect();
        let has_row = table.stdout.lines().any(|line| line.split_whitespace().eq(expected.iter().copied()));
        assert!(has_row, "{expected:?} is no row of:\n{}", table.stdout);
    }
    assert!(!format!("{table:?}").contains("\\u{1b}"), "escapes without a terminal: {table:?}");
    assert!(table.stderr.starts_with("sim: reading 127.0.0.1:"), "{table:?}");
    assert!(table.stderr.contains("\nsim: read, "), "{table:?}");
}

#[test]
fn a_dead_source_beside_a_good_one_makes_the_exit_code_1_and_hides_nothing() {
    let simulator = Simulator::start(&[]);
    let key = (KEY_ID, KEY_SECRET);
    let configuration = config_of(&[
        source("good", simulator.address, key, &QUICK),
        source("down", NOBODY.parse().unwrap(), key, &QUICK),
        source("wrong-secret", simulator.address, (KEY_ID, "not-the-secret"), &QUICK),
    ]);
    let (code, table) = once(&configuration, &[]);
    assert_eq!(code, 1, "{table:?}");
    assert!(table.stdout.contains("\ngood "), "{table:?}");
    for failure in ["\ndown could not be read (network): ", "\nwrong-secret could not be read (auth): "] {
        assert!(table.stdout.contains(failure), "{failure}: {table:?}");
    }
    assert!(table.stderr.ends_with("agentless-exporter: 2 of 3 sources could not be read\n"), "{table:?}");

    let (code, json) = once(&configuration, &["--output=json"]);
    assert_eq!(code, 1, "{json:?}");
    let json: Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    let reasons = [0, 1, 2].map(|index| json["sources"][index]["failure"]["reason"].as_str());
    assert_eq!(reasons, [None, Some("network"), Some("auth")], "{json}");

    let (code, metrics) = once(&configuration, &["--output=metrics"]);
    assert_eq!(code, 1, "{metrics:?}");
    let exposition = Exposition::parse(&metrics.stdout).expect("it is an exposition");
    let up = |name| exposition.sum_of("agentless_exporter_source_up", &[("source", name)]);
    assert_eq!(["good", "down", "wrong-secret"].map(up), [1.0, 0.0, 0.0]);
}

#[test]
fn a_configuration_that_is_wrong_makes_the_exit_code_2() {
    let (code, output) = once("poll: {intreval: 1s}\n", &[]);
    assert_eq!(code, 2, "{output:?}");
    assert!(output.stderr.contains("poll.intreval") && output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_signal_ends_it_with_1_and_a_message() {
    let simulator = Simulator::start(&["--latency=60s"]);
    let (_folder, file) = config_file(&config(simulator.address, KEY_SECRET, &[]));
    let process = Process::start(program(&["once", &format!("--config.file={}", file.display())]));
    wait_for("the poll to begin", PATIENCE, || {
        let output = process.output();
        if output.stderr.contains("sim: reading") { Ok(()) } else { Err(output.stderr) }
    });
    process.terminate();
    let (status, output) = process.wait(SOON);
    assert_eq!(status.code(), Some(1), "{output:?}");
    assert!(output.stderr.contains("ended by a signal before every source was read"), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_terminal_gets_a_bar_and_colours_unless_it_wants_none() {
    let simulator = Simulator::start(&["--latency=100ms"]);
    let configuration = config_of(&[
        source("sim", simulator.address, (KEY_ID, KEY_SECRET), &QUICK),
        source("down", NOBODY.parse().unwrap(), (KEY_ID, KEY_SECRET), &QUICK),
    ]);
    let (_folder, file) = config_file(&configuration);
    let shown = |variables: &[(&str, &str)]| {
        let (status, output) =
            run(on_a_terminal(&["once", &format!("--config.file={}", file.display())], variables));
        assert_eq!(status.code(), Some(1), "{output:?}");
        output.stdout
    };
    let coloured = shown(&[]);
    assert!(coloured.contains("━━"), "no bar: {coloured:?}");
    assert!(coloured.contains("rows so far"), "{coloured:?}");
    assert!(has_colours(&coloured), "{coloured:?}");
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mdown could not be read"), "{coloured:?}");
    // The bars are wiped before a log line, so that it stands alone on its line.
    let (before, log) = coloured.split_once("ts=").expect("the failure is logged");
    let same_line = before.rsplit(['\r', '\n']).next().unwrap_or_default();
    assert!(before.contains("rows so far") && !same_line.contains("rows so far"), "{coloured:?}");
    assert!(
        log.lines().next().is_some_and(|line| line.contains("advice=") && !line.contains('\u{1b}')),
        "{log:?}"
    );

    let plain = shown(&[("NO_COLOR", "1")]);
    assert!(plain.contains("━━") && plain.contains("down could not be read"), "{plain:?}");
    assert!(!has_colours(&plain), "{plain:?}");

    let dumb = shown(&[("TERM", "dumb")]);
    assert!(!dumb.contains('\u{1b}') && dumb.contains("sim: reading"), "{dumb:?}");
}

#[test]
fn no_colours_reach_a_pipe_even_if_they_are_forced() {
    let (_folder, file) =
        config_file(&config_of(&[source("down", NOBODY.parse().unwrap(), (KEY_ID, KEY_SECRET), &QUICK)]));
    let mut command = program(&["once", &format!("--config.file={}", file.display())]);
    command.env("CLICOLOR_FORCE", "1").env("TERM", "xterm");
    let (_, output) = run(command);
    assert!(output.stdout.contains("could not be read"), "{output:?}");
    assert!(!output.stdout.contains('\u{1b}'), "{output:?}");
}

#[test]
fn a_signal_ends_it_though_nobody_reads_its_output() {
    let simulator = Simulator::start(&[]);
    let (_folder, file) = config_file(&config(simulator.address, KEY_SECRET, &[]));
    // A pipe holds 64 KiB on Linux, so that this much leaves no room for anything.
    let (_unread, mut full) = pipe().expect("a pipe");
    full.write_all(&[b' '; 65_536]).expect("it fits");
    let mut child = program(&["once", &format!("--config.file={}", file.display()), "--output=json"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut told = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
    let read = told.by_ref().map_while(Result::ok).find(|line| line.starts_with("sim: read, "));
    assert!(read.is_some(), "it ended before it had read");
    let sent = Command::new("sh").args(["-c", "kill -INT \"$1\"", "sh", &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let status = wait_for("the end", SOON, || {
        child.try_wait().expect("it is ours").ok_or_else(|| "it runs".to_owned())
    });
    assert_eq!(status.code(), Some(1));
    let last = told.map_while(Result::ok).last().unwrap_or_default();
    assert!(last.starts_with("agentless-exporter: ended by a signal before "), "{last}");
}

/// What a person at a terminal with this environment gets; both streams come as one.
fn on_a_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let program = program(arguments);
    let words = std::iter::once(program.get_program()).chain(program.get_args());
    let line: Vec<String> = words.map(|word| format!("'{}'", word.to_str().expect("UTF-8"))).collect();
    let mut command = Command::new("script");
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm").envs(variables.iter().copied());
    command.args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"]);
    command
}

/// Whether `text` sets colours or weights (SGR); moving the cursor is none of them.
fn has_colours(text: &str) -> bool {
    text.split("\u{1b}[").skip(1).any(|sequence| {
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| sequence[end..].starts_with('m'))
    })
}

fn once(configuration: &str, arguments: &[&str]) -> (i32, Output) {
    let (_folder, file) = config_file(configuration);
    let mut command = program(&["once", &format!("--config.file={}", file.display())]);
    command.args(arguments);
    let (status, output) = run(command);
    (status.code().expect("no signal ended it"), output)
}
