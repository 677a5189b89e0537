//! Every message that a person can get from the configuration is shown by a case in
//! `tests/config/cases/`.

use std::fs;
use std::path::Path;

/// Texts in `src/config/` that are no messages, or that no case can show.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("is too large", "a file of some MiB, which a test beside the code makes"),
    ("cannot be read as YAML", "stands for errors that the YAML reader does not have today"),
    (" at byte ", "is part of what the YAML reader says"),
    ("expected a duration such as", "is for flags of other commands"),
];

#[test]
fn every_message_is_in_a_case() {
    let expected: Vec<String> = files("tests/config/cases", "expected.txt");
    let lines: Vec<&str> = expected.iter().flat_map(|text| text.lines()).collect();
    let messages: Vec<String> = files("src/config", ".rs").iter().flat_map(|text| messages(text)).collect();
    let is_spared = |message: &str| NOT_SHOWN.iter().any(|(start, _)| message.starts_with(start));
    let is_shown = |message: &str| lines.iter().any(|line| shows(line, message));
    let missing: Vec<_> =
        messages.iter().filter(|message| !is_spared(message) && !is_shown(message)).collect();
    assert!(messages.len() >= 50, "{} messages were found", messages.len());
    assert!(missing.is_empty(), "in no case:\n{missing:#?}");
    for (start, _) in NOT_SHOWN {
        assert!(messages.iter().any(|message| message.starts_with(start)), "{start} is gone");
    }
}

/// The texts of the files below `folder` whose names end so.
fn files(folder: impl AsRef<Path>, end: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            texts.extend(files(path, end));
        } else if path.to_string_lossy().ends_with(end) {
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
    let code = code.split("#[cfg(test)]").next().unwrap_or_default();
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
