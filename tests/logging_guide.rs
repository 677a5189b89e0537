//! Holds the events in `src/` to the table of `docs/logging.md`: each stands there with its level and fields,
//! and none stands there that is not logged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// Names that every line has already.
const TAKEN: [&str; 5] = ["ts", "timestamp", "level", "target", "message"];

/// Level and fields.
type Told = (String, BTreeSet<String>);

#[test]
fn every_event_is_in_the_guide_and_the_guide_has_no_other() {
    let mut wrong = String::new();
    let (guide, code) = (guide_events(&guide()), code_events(&mut wrong));
    assert!(code.len() >= 20, "{} events found in the code", code.len());
    for (message, told) in &code {
        match guide.get(message) {
            Some(described) if described == told => {}
            Some(described) => {
                wrong += &format!("{message:?}: the guide says {described:?}, the code {told:?}\n")
            }
            None => wrong += &format!("not in the guide: {message:?} {told:?}\n"),
        }
    }
    for message in guide.keys().filter(|message| !code.contains_key(*message)) {
        wrong += &format!("in the guide, but never logged: {message:?}\n");
    }
    assert!(wrong.is_empty(), "see docs/logging.md\n{wrong}");
}

#[test]
fn every_field_has_one_meaning_in_the_guide() {
    let guide = guide();
    let meanings: BTreeSet<String> = rows(&guide, "| field | holds |")
        .flat_map(|row| names(row.split('|').nth(1).unwrap_or_default()))
        .collect();
    let used: BTreeSet<String> = guide_events(&guide).into_values().flat_map(|(_, fields)| fields).collect();
    assert_eq!(meanings, used, "fields with a meaning on the left, fields of events on the right");
    for field in &used {
        let snake = field.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        assert!(snake && !TAKEN.contains(&field.as_str()), "{field} is no name for a field");
    }
}

#[test]
fn the_reader_of_events_sees_levels_messages_and_fields() {
    let mut wrong = String::new();
    let code = "
        tracing::warn!(
            source, %reason, error = f(a, \"x, y\"), ?delay, \"it failed; (again)\"
        );
        tracing::info!(\"plain\");
        tracing::debug!(\"{text}\");
#[cfg(test)]
mod tests {
        tracing::info!(\"of a test\");
}";
    let mut found = BTreeMap::new();
    read_events("a.rs", code, &mut found, &mut wrong);
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let expected = [
        ("it failed; (again)".to_owned(), ("warn".to_owned(), set(&["source", "reason", "error", "delay"]))),
        ("plain".to_owned(), ("info".to_owned(), set(&[]))),
    ];
    assert_eq!(found, BTreeMap::from(expected));
    assert_eq!(wrong, "a.rs: the message \"{text}\" holds a value; make it a field\n");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn guide() -> String {
    fs::read_to_string(root().join("docs/logging.md")).expect("the guide is readable")
}

/// The rows of the table with this head.
fn rows<'g>(guide: &'g str, head: &str) -> impl Iterator<Item = &'g str> {
    let (_, table) = guide.split_once(head).unwrap_or_else(|| panic!("no table {head}"));
    table.lines().skip(2).take_while(|line| line.starts_with('|'))
}

fn guide_events(guide: &str) -> BTreeMap<String, Told> {
    let event = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, level, message, fields, _, _] = cells[..] else { panic!("not four cells: {row}") };
        (message.to_owned(), (level.to_owned(), names(fields).collect()))
    };
    rows(guide, "| level | message | fields | when |").map(event).collect()
}

/// What stands between backticks.
fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn code_events(wrong: &mut String) -> BTreeMap<String, Told> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path: PathBuf = entry.expect("a readable entry").path();
            let name = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let code = fs::read_to_string(&path).expect("a readable file");
                read_events(&name, &code, &mut found, wrong);
            }
        }
    }
    found
}

/// Adds the events of `code`, up to its tests, to `found`, and what is against the guide to `wrong`.
fn read_events(file: &str, code: &str, found: &mut BTreeMap<String, Told>, wrong: &mut String) {
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    for level in LEVELS {
        // Without the path a search for events would miss them.
        let calls = code.matches(&format!("{level}!(")).count();
        let macros: Vec<_> = code.split(&format!("tracing::{level}!(")).skip(1).collect();
        if calls != macros.len() {
            *wrong += &format!("{file}: write tracing::{level}!(…) with its path\n");
        }
        for rest in macros {
            let arguments = arguments(rest);
            let Some((message, fields)) = arguments.split_last() else { continue };
            let Some(message) = message.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
                *wrong += &format!("{file}: {message} is no fixed message\n");
                continue;
            };
            if message.contains('{') {
                *wrong += &format!("{file}: the message {message:?} holds a value; make it a field\n");
                continue;
            }
            let name = |field: &String| {
                let name = field.split('=').next().unwrap_or_default();
                name.trim().trim_start_matches(['%', '?']).to_owned()
            };
            let told = (level.to_owned(), fields.iter().map(name).collect());
            if let Some(other) = found.insert(message.to_owned(), told.clone())
                && other != told
            {
                *wrong += &format!("{file}: {message:?} is logged as {told:?} and as {other:?}\n");
            }
        }
    }
}

/// The arguments of a call, of which `rest` is what follows the opening parenthesis.
fn arguments(rest: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for c in rest.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(argument) = arguments.last_mut() {
            argument.push(c);
        }
    }
    let arguments = arguments.into_iter().map(|argument| argument.trim().to_owned());
    arguments.filter(|argument| !argument.is_empty()).collect()
}
