//! Holds the imports of `src/` to the floors of `docs/architecture.md`, and its files to their length.

#[path = "layers/imports.rs"]
mod imports;
#[path = "layers/rules.rs"]
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use imports::imports;
use rules::Rules;

/// Most lines of a file, tests included: beyond it a file has more than one idea.
const MOST_LINES: usize = 400;

#[test]
fn every_import_keeps_to_the_floors() {
    let rules = project_rules();
    let breaches: Vec<String> = source_files()
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(root().join(file)).expect("a source file is readable");
            breaches(&rules, file, &text)
        })
        .collect();
    assert!(breaches.is_empty(), "see docs/architecture.md\n{}", breaches.join("\n"));
}

#[test]
fn every_module_is_on_the_page_and_every_module_of_the_page_exists() {
    let existing: BTreeSet<String> =
        source_files().iter().map(|file| module_of(file)).filter(|module| module != "lib").collect();
    let listed: BTreeSet<String> = project_rules().modules().map(str::to_owned).collect();
    assert_eq!(existing, listed, "modules in src/ on the left, in docs/architecture.md on the right");
}

#[test]
fn no_source_file_is_too_long() {
    let too_long: Vec<String> = source_files()
        .iter()
        .filter_map(|file| {
            let lines =
                fs::read_to_string(root().join(file)).expect("a source file is readable").lines().count();
            (lines > MOST_LINES).then(|| format!("{}: {lines} lines", file.display()))
        })
        .collect();
    assert!(too_long.is_empty(), "split these, {MOST_LINES} lines at most\n{}", too_long.join("\n"));
}

#[test]
fn a_use_of_a_higher_floor_is_a_breach() {
    assert_breach("src/ledger/mod.rs", "use crate::snapshot::Snapshot;");
    assert_breach("src/model/task.rs", "use crate::config;");
    assert_breach("src/clock.rs", "fn f() { crate::model::words(); }");
    assert_fine("src/snapshot/mod.rs", "use crate::ledger::Ledger;");
    assert_fine("src/main.rs", "fn main() { agentless_exporter::app::run(); }");
    assert_breach("src/main.rs", "use agentless_exporter::config;");
}

#[test]
fn a_neighbour_that_the_page_does_not_name_is_a_breach() {
    assert_breach("src/exposition/mod.rs", "use crate::sas::Page;");
    assert_breach("src/web/mod.rs", "use crate::poller::Poller;");
    assert_breach("src/config/mod.rs", "use crate::cli::Cli;");
    assert_fine("src/sas/mod.rs", "use crate::rpc::Client;");
    assert_fine("src/meters/mod.rs", "use crate::model::FailureReason;");
}

#[test]
fn an_exception_of_the_page_is_a_breach() {
    assert_breach("src/web/mod.rs", "use crate::rpc::Client;");
    assert_breach("src/web/mod.rs", "use crate::credentials::Config;");
    assert_breach("src/poller/mod.rs", "use crate::exposition::render;");
    assert_breach("src/poller/mod.rs", "use crate::page::render;");
    assert_breach("src/rpc/send.rs", "use crate::snapshot::Published;");
    assert_breach("src/credentials/env.rs", "use crate::ledger::Ledger;");
}

#[test]
fn the_simulator_shares_only_the_signatures() {
    for shared in ["rpc::encode::percent", "rpc::sign_v1", "rpc::{sign_v3::sign, encode}", "clock::Clock"] {
        assert_fine("src/simulator/check.rs", &format!("use crate::{shared};"));
    }
    for own in
        ["rpc::Signature", "rpc", "rpc::{encode, send}", "sas::wire", "model::Status", "ledger", "poller"]
    {
        assert_breach("src/simulator/check.rs", &format!("use crate::{own};"));
    }
}

#[test]
fn a_breach_is_found_however_it_is_written() {
    for text in [
        "use crate::{clock::Clock, web::{self, Config}};",
        "use crate::\n    web\n    ::Config;",
        "use super::super::web::Config;",
        "use super::{super::web, helper};",
        "use super::super::{web as face};",
        "use {crate::clock, crate::web};",
        "fn f(x: Vec<crate::web::Config>) {}",
        "mod tests { use super::super::super::web; }",
        "mod tests { mod more {} fn f() { super::super::super::web::x::<u8>() } }",
        "macro_rules! m { () => { $crate::web::x() } }",
        "use crate::*;",
        "use crate as root;",
        "use super::super::*;",
        "fn f() { let c = '\"'; crate::web::x('\"') }",
        "fn f<'a>(x: &'a str) { crate::web::x() }",
        "const A: &str = r\"\\\"; use crate::web;",
    ] {
        assert_breach("src/rpc/send.rs", text);
    }
}

#[test]
fn words_in_comments_and_literals_are_no_imports() {
    for text in [
        "// use crate::web;",
        "/// See [`crate::web`].",
        "/* /* nested */ use crate::web; */",
        "const A: &str = \"crate::web\";",
        "const A: &str = \"\\\" crate::web\";",
        "const A: &str = r#\"\" crate::web \"#;",
        "const A: &[u8] = br\"crate::web\";",
        "pub(crate) use inner::web;",
        "use other::crate_like::web;",
        "mod tests { use super::*; use super::super::rate; }",
        "use super::{Config, rate::Bucket};",
    ] {
        assert_fine("src/rpc/send.rs", text);
    }
}

#[test]
fn a_module_on_no_floor_is_a_breach() {
    assert_breach("src/extra.rs", "use crate::clock::Clock;");
    assert_breach("src/rpc/mod.rs", "use crate::extra::Thing;");
    assert_breach("src/lib.rs", "pub use crate::clock::Clock;");
}

#[test]
fn a_breach_tells_file_and_line() {
    let found = breaches(&project_rules(), Path::new("src/rpc/send.rs"), "\"a\n\";\nuse crate::web;\n");
    assert_eq!(found, ["src/rpc/send.rs:3: `rpc` on floor 3 may not use `web` on floor 4"]);
}

fn assert_breach(file: &str, text: &str) {
    assert!(!breaches(&project_rules(), Path::new(file), text).is_empty(), "not found in {file}: {text}");
}

fn assert_fine(file: &str, text: &str) {
    assert_eq!(breaches(&project_rules(), Path::new(file), text), Vec::<String>::new(), "{text}");
}

/// What in `text`, the content of `file`, the rules forbid.
fn breaches(rules: &Rules, file: &Path, text: &str) -> Vec<String> {
    let within = file.strip_prefix("src").expect("the file is in src/").with_extension("");
    let mut module: Vec<&str> = within.iter().map(|part| part.to_str().expect("names are UTF-8")).collect();
    module.pop_if(|last| matches!(*last, "mod" | "lib" | "main"));
    imports(text, &module)
        .into_iter()
        .filter_map(|import| {
            let breach = rules.breach(&module_of(file), &import.path)?;
            Some(format!("{}:{}: {breach}", file.display(), import.line))
        })
        .collect()
}

/// The module on a floor that `file` belongs to: `rpc` for `src/rpc/retry.rs`.
fn module_of(file: &Path) -> String {
    let first = file.iter().nth(1).expect("the file is in src/");
    Path::new(first).with_extension("").display().to_string()
}

fn project_rules() -> Rules {
    let page =
        fs::read_to_string(root().join("docs/architecture.md")).expect("the page of the floors is there");
    Rules::from_page(&page)
}

/// Every file of `src/`, relative to the project.
fn source_files() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from("src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("src/ is readable") {
            let entry = entry.expect("src/ is readable");
            let path = folder.join(entry.file_name());
            if entry.file_type().expect("the type of a file is known").is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
