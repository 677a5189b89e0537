//! The documents about configuration are what the table of keys says. `UPDATE_DOCS=1` writes them.

mod example;
mod facts;
mod reference;
mod schema;
mod validation;
#[path = "../support/yaml.rs"]
mod yaml;

use std::fs;

use agentless_exporter::env::Env;

const UPDATE: &str = "UPDATE_DOCS";

#[test]
fn the_reference_is_what_the_table_says() {
    agrees("docs/configuration.md", &reference::text());
}

#[test]
fn the_schema_is_what_the_table_says() {
    agrees("docs/configuration.schema.json", &schema::text());
}

#[test]
fn the_example_is_what_the_table_says() {
    agrees("deploy/exporter.example.yaml", &example::text());
}

/// Whether the file that is committed is `made`; writes it if asked to.
fn agrees(file: &str, made: &str) {
    if Env::process().get(UPDATE).is_some() {
        fs::write(file, made).expect("the document can be written");
        return;
    }
    let committed = fs::read_to_string(file).unwrap_or_default();
    let mut lines = committed.lines().zip(made.lines()).enumerate();
    let first = lines.find(|(_, (committed, made))| committed != made);
    assert!(
        committed == made,
        "{file} is not what src/config/keys.rs says, first at {first:?}; `{UPDATE}=1 cargo test --test docs` writes it"
    );
}
