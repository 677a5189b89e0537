//! `docs/configuration.md`.

use std::fmt::Write as _;

use agentless_exporter::config::{KEYS, Key, Scope, users_of, variable_of};

use crate::facts::{credentials_type, is_global, name, needs_and_takes, sentence, takes, twin};

/// Headings, the paths that belong below them, and what is said there first.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("`poll`: when and how far back", "poll.", ""),
    ("`api`: how the API is asked", "api.", include_str!("prose/api.md")),
    ("`metrics`: what is shown", "metrics.", ""),
    ("`state`: what survives a restart", "state.", ""),
    ("`sources`: what is polled", "sources[].", include_str!("prose/sources.md")),
    ("`credentials` of a source", "sources[].credentials.", include_str!("prose/credentials.md")),
    ("Flags", "", include_str!("prose/flags.md")),
];

pub(crate) fn text() -> String {
    let mut out = include_str!("prose/beginning.md").to_owned();
    overview(&mut out);
    for (index, (heading, _, prose)) in SECTIONS.iter().enumerate() {
        let _ = write!(out, "\n## {heading}\n");
        if !prose.is_empty() {
            let _ = write!(out, "\n{prose}");
        }
        if heading.contains("credentials") {
            credentials_types(&mut out);
        }
        for key in KEYS.iter().filter(|key| section_of(key) == index) {
            entry(&mut out, key);
        }
    }
    out.push('\n');
    out.push_str(include_str!("prose/end.md"));
    out
}

/// The section with the longest path that the key begins with.
fn section_of(key: &Key) -> usize {
    let belongs = |(_, path, _): &&(&str, &str, &str)| match key.scope {
        Scope::Flag => path.is_empty(),
        _ => !path.is_empty() && key.path.starts_with(path),
    };
    let best = SECTIONS.iter().filter(belongs).max_by_key(|(_, path, _)| path.len());
    let (heading, ..) = best.expect("a group of keys needs a section");
    SECTIONS.iter().position(|(other, ..)| other == heading).expect("it was found there")
}

fn overview(out: &mut String) {
    out.push_str("\n## All keys\n\n| key | takes | default |\n| --- | --- | --- |\n");
    for key in KEYS {
        let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
        let _ = writeln!(out, "| [`{}`](#{}) | {} | {default} |", shown(key), anchor(key), takes(key));
    }
}

fn entry(out: &mut String, key: &Key) {
    let _ = write!(out, "\n### `{}`\n\n{}", shown(key), sentence(key));
    let _ = write!(out, "\n\n- Takes: {}\n", takes(key));
    let _ = match key.default {
        "" => writeln!(out, "- Default: none"),
        default => writeln!(out, "- Default: `{default}`"),
    };
    let users = users_of(name(key));
    if key.scope == Scope::Credentials && !users.is_empty() {
        let users: Vec<_> = users.iter().map(|word| format!("`{word}`")).collect();
        let _ = writeln!(out, "- With `type`: {}", users.join(", "));
    }
    if is_global(key) {
        let in_source = if key.scope == Scope::PerSource { "yes, for that source alone" } else { "no" };
        let _ = writeln!(out, "- In a source: {in_source}");
        let _ = writeln!(out, "- Environment: `{}`", variable_of(key.path));
    }
    if let Some(twin) = twin(key) {
        let variable = if is_global(key) { format!(", `{}`", variable_of(&twin)) } else { String::new() };
        let _ = writeln!(out, "- Secret; from a file instead: `{}`{variable}", twin.replace("[]", ""));
    }
}

fn credentials_types(out: &mut String) {
    let key = KEYS.iter().find(|key| key.path.ends_with("credentials.type")).expect("there is such a key");
    out.push_str("\n| `type` | the access key is | needs beside `type` | takes beside that |\n| --- | --- | --- | --- |\n");
    for word in key.kind.words() {
        let (needs, more) = needs_and_takes(word);
        let _ = writeln!(out, "| `{word}` | {} | {needs} | {more} |", credentials_type(word));
    }
    out.push('\n');
    out.push_str(include_str!("prose/credentials_end.md"));
}

/// As it is written: a flag with its dashes, a key of a source as `sources.name`.
fn shown(key: &Key) -> String {
    match key.scope {
        Scope::Flag => format!("--{}", key.path),
        _ => key.path.replace("[]", ""),
    }
}

/// As the sites that show Markdown make it of the heading.
fn anchor(key: &Key) -> String {
    shown(key).replace('.', "")
}
