//! Messages in code, and whether cases show them.

use std::fs;
use std::path::Path;

/// Files beside the code that are for its tests alone.
const OF_TESTS: &[&str] = &["tests.rs", "closed_tests.rs", "authority.rs"];

/// The messages of `code` that no line of `expected` shows, but for those that start as in `spared`.
///
/// # Panics
/// If there are fewer than `least` messages, or one that is spared is gone.
pub(crate) fn not_shown(
    expected: &[String],
    code: &[String],
    spared: &[(&str, &str)],
    least: usize,
) -> Vec<String> {
    let lines: Vec<&str> = expected.iter().flat_map(|text| text.lines()).collect();
    let messages: Vec<String> = code.iter().flat_map(|text| messages(text)).collect();
    assert!(messages.len() >= least, "{} messages were found", messages.len());
    for (start, _) in spared {
        assert!(messages.iter().any(|message| message.starts_with(start)), "{start} is gone");
    }
    let is_spared = |message: &str| spared.iter().any(|(start, _)| message.starts_with(start));
    let is_shown = |message: &str| lines.iter().any(|line| shows(line, message));
    messages.into_iter().filter(|message| !is_spared(message) && !is_shown(message)).collect()
}

/// The texts of the files below `folder` whose names end so.
pub(crate) fn files(folder: impl AsRef<Path>, end: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            texts.extend(files(path, end));
        } else if path.to_string_lossy().ends_with(end) && !OF_TESTS.iter().any(|name| path.ends_with(name)) {
            texts.push(fs::read_to_string(path).expect("UTF-8"));
        }
    }
    texts
}

/// Whether `line` has the fixed parts of `message`, in order.
fn shows(line: &str, message: &str) -> bool {
    let mut rest = line;
    message.split(['{', '}']).step_by(2).all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// The literals in the code of a module that are sentences: not its tests, the help of keys,
/// patterns, and reasons why something can't happen.
fn messages(code: &str) -> Vec<String> {
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some((before, after)) = rest.split_once('"') {
        if before.ends_with('\'') {
            rest = after;
            continue;
        }
        let (literal, after) = literal(after);
        let is_reason = before.ends_with(".expect(");
        let is_help = before.trim_end().ends_with(',') && after.starts_with(';');
        if !is_reason && !is_help && literal.matches(' ').count() >= 2 {
            found.push(literal);
        }
        rest = after;
    }
    found
}

/// The text up to the closing quote, and what follows.
fn literal(code: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = code.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &code[at + 1..]),
            '\\' => match chars.next() {
                Some((_, '\n')) => while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => {}
                Some((_, escaped)) => text.push(escaped),
                None => {}
            },
            _ => text.push(c),
        }
    }
    (text, "")
}
