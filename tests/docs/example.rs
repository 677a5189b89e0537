//! `deploy/exporter.example.yaml`.

use std::fmt::Write as _;

use agentless_exporter::config::{KEYS, Key, Scope};

use crate::facts::{is_global, name, sentence, takes, twin, yaml};

/// What a key shows instead of its default, if it has none that could stand there.
const VALUES: &[(&str, &str)] = &[
    ("sources[].name", "default"),
    ("sources[].region", "cn-hangzhou"),
    ("sources[].endpoint", "https://tds.cn-shanghai.aliyuncs.com"),
];

/// The keys that the smallest good source has; all others are comments.
const SET: &[&str] = &["sources[].name", "sources[].region"];

pub(crate) fn text() -> String {
    let mut out = include_str!("prose/example.txt").to_owned();
    for group in ["poll", "api", "metrics", "state"] {
        let _ = write!(out, "\n{group}:\n");
        let prefix = format!("{group}.");
        keys(&mut out, &prefix, "  ", &|key| is_global(key) && key.path.starts_with(&prefix));
    }
    out.push_str("\nsources:\n");
    let is_name = |key: &Key| key.path == "sources[].name";
    let mut name = String::new();
    keys(&mut name, "sources[].", "  ", &is_name);
    out.push_str(&name.replace("  name:", "  - name:"));
    keys(&mut out, "sources[].", "    ", &|key| {
        key.scope == Scope::Source && !key.path.contains("credentials.") && !is_name(key)
    });
    out.push_str(include_str!("prose/example_sources.txt"));
    out
}

/// The keys that `belongs` lets in, with groups below `prefix` opened where they start.
fn keys(out: &mut String, prefix: &str, indent: &str, belongs: &dyn Fn(&Key) -> bool) {
    let mut open = String::new();
    for key in KEYS.iter().filter(|key| belongs(key)) {
        let below = key.path.strip_prefix(prefix).unwrap_or_default();
        let mut indent = indent.to_owned();
        if let Some((group, _)) = below.rsplit_once('.') {
            if open != group {
                let _ = writeln!(out, "{indent}{group}:");
                group.clone_into(&mut open);
            }
            indent.push_str("  ");
        }
        one(out, key, &indent);
    }
}

fn one(out: &mut String, key: &Key, indent: &str) {
    let about = format!("{} Takes {}.", sentence(key), takes(key));
    for line in wrapped(&about, 100 - indent.len()) {
        let _ = writeln!(out, "{indent}## {line}");
    }
    let mark = if SET.contains(&key.path) { "" } else { "#" };
    let value = VALUES.iter().find(|(path, _)| *path == key.path);
    let value = value.map_or_else(|| yaml(key), |(_, value)| (*value).to_owned());
    let _ = writeln!(out, "{indent}{mark}{}: {value}", name(key));
    if twin(key).is_some() {
        let _ = writeln!(out, "{indent}#{}_file: \"\"", name(key));
    }
}

/// Lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is one from the start");
        if !last.is_empty() && last.len() + 1 + word.len() > width {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

/// The example with every key set: all that is a comment for its key's sake is none any more.
pub(crate) fn with_every_key() -> String {
    let set = |line: &str| {
        let bare = line.trim_start();
        match bare.strip_prefix('#') {
            Some(key) if !key.starts_with('#') && !key.contains("yaml-language-server") => {
                format!("{}{key}\n", &line[..line.len() - bare.len()])
            }
            _ => format!("{line}\n"),
        }
    };
    text().lines().map(set).collect()
}
