//! The inputs that the fuzz targets keep, run as plain tests: what was found once is found again
//! without the fuzzer.

#[path = "../fuzz/src/lib.rs"]
pub mod checks;

use std::fs;
use std::path::{Path, PathBuf};

/// Checks every kept input of `target`, after naming it, so that a panic tells which one it was.
#[expect(clippy::print_stdout, reason = "a test that panics shows what it printed")]
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut inputs: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("a folder for each target")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 20, "{} inputs in {}", inputs.len(), folder.display());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(&input).expect("a readable input"));
    }
}

#[test]
fn every_kept_page_is_decoded_within_the_bounds() {
    replay("decode_page", checks::decode_page);
}

#[test]
fn every_kept_accept_header_gets_an_explainable_format() {
    replay("accept", checks::accept);
}

#[test]
fn no_kept_configuration_tells_a_secret() {
    replay("config", checks::config);
}
