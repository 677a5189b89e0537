//! Tells the program which compiler built it, for `agentless_exporter_build_info`.

#![expect(clippy::disallowed_methods, reason = "a build script reads what cargo sets for it")]

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().ok();
    let version = output
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| text.split_whitespace().nth(1).map(str::to_owned))
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=AGENTLESS_EXPORTER_RUSTC={version}");
}
