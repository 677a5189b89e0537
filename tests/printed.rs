//! What the program prints of itself: the reference that stands in the docs, and how it bears
//! a reader who has seen enough.

mod support;

use std::fs;
use std::io::pipe;
use std::path::Path;
use std::process::Stdio;

use agentless_exporter::env::Env;
use support::process::run;
use support::programs::program;

/// If it is set, the docs are written instead of compared.
const UPDATE: &str = "UPDATE_DOCS";

#[test]
fn the_reference_of_the_metrics_in_the_docs_is_what_the_program_prints() {
    let (status, output) = run(program(&["metrics"]));
    assert!(status.success(), "{output:?}");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if Env::process().get(UPDATE).is_some() {
        fs::write(&file, &output.stdout).expect("the docs can be written");
    }
    let docs = fs::read_to_string(&file).expect("the docs can be read");
    assert!(docs == output.stdout, "docs/metrics.md is old: {UPDATE}=1 cargo test --test printed writes it");
}

#[test]
fn a_reader_who_closes_the_pipe_is_no_failure() {
    for arguments in [
        ["metrics"].as_slice(),
        &["man"],
        &["completions", "bash"],
        &["--help"],
        &["--version"],
        &["check-config"],
    ] {
        let (reader, writer) = pipe().expect("a pipe");
        drop(reader);
        let mut command = program(arguments);
        command.env("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou");
        command.stdout(writer).stderr(Stdio::piped()).stdin(Stdio::null());
        let output = command.output().expect("the program starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {:?} {said}", output.status);
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    for arguments in [["metrics"].as_slice(), &["--help"], &["--version"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let ended = program(arguments).stdout(full).stderr(Stdio::piped()).output().expect("it runs");
        let told = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("No space left"), "{arguments:?}: {told}");
    }
}
