//! That an event is one line that can be taken apart again, whatever stands in its fields.

use std::io;
use std::sync::{Arc, Mutex};

use agentless_exporter::logging::{self, Config, Format};

/// Texts as an API, a proxy or the name of a machine may hold them.
fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "plain",
        "two words",
        "a=b",
        "level=error source=other",
        "\"",
        "say \"no\"",
        "\\",
        "ends in \\",
        "C:\\u{1b}",
        "it's",
        "{\"a\":1}",
        "line one\nlevel=error message=forged",
        "back\rover",
        "tab\there",
        "\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}",
        "\u{9b}31m eight bit \u{90}x\u{9c}",
        "del\u{7f}\u{8}\u{8}",
        "nul\0nul",
        "\u{202e}txt.exe\u{2066}x\u{2069}\u{200f}",
        "\u{202e}alone",
        "\u{2028}line\u{2029}paragraph\u{85}next",
        "\u{feff}mark",
        "生产-数据库 🚀",
        "<script>alert(1)</script>",
        "%s%n",
    ]
    .map(str::to_owned)
    .into();
    texts.push("x".repeat(4096));
    texts.push("\u{1b}\n\"=\\\u{202e}".repeat(700));
    texts
}

#[test]
fn hostile_text_stays_in_its_field_of_one_line_of_json() {
    for text in hostile() {
        let line = one_line(Format::Json, &text);
        let event: serde_json::Value = serde_json::from_str(&line).expect(&line);
        for field in ["told", "shown", "debugged"] {
            let expected = if field == "debugged" { format!("{text:?}") } else { text.clone() };
            assert_eq!(event[field], expected.as_str(), "{line}");
        }
        assert_eq!(event["message"], "something came", "{line}");
        assert_eq!(event["level"], "WARN", "{line}");
        assert_eq!(event.as_object().map(serde_json::Map::len), Some(9), "{line}");
    }
}

#[test]
fn hostile_text_stays_in_its_field_of_one_line_of_logfmt() {
    for text in hostile() {
        let line = one_line(Format::Logfmt, &text);
        let pairs = pairs(&line).unwrap_or_else(|problem| panic!("{problem}: {line}"));
        let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["ts", "level", "target", "message", "told", "shown", "debugged", "rows", "ratio"]);
        let value = |name: &str| &pairs.iter().find(|(key, _)| key == name).expect("a pair").1;
        assert_eq!((value("told"), value("shown")), (&text, &text), "{line}");
        assert_eq!(value("debugged"), &format!("{text:?}"), "{line}");
        assert_eq!((value("level").as_str(), value("message").as_str()), ("warn", "something came"));
        assert_eq!((value("rows").as_str(), value("ratio").as_str()), ("3", "0.5"));
    }
}

#[test]
fn a_message_that_was_made_of_foreign_text_is_harmless_too() {
    for format in [Format::Logfmt, Format::Json] {
        for text in hostile() {
            one_line_of(format, || tracing::warn!("{text}"));
        }
    }
}

#[test]
fn plain_values_stand_without_quotes() {
    let line = one_line(Format::Logfmt, "prod-cn");
    assert!(
        line.ends_with(" told=prod-cn shown=prod-cn debugged=\"\\\"prod-cn\\\"\" rows=3 ratio=0.5"),
        "{line}"
    );
    assert!(line.contains(" level=warn target=logging message=\"something came\" "), "{line}");
}

/// The line of an event with `text` in fields of every kind.
fn one_line(format: Format, text: &str) -> String {
    one_line_of(format, || {
        let _span = tracing::error_span!("task", task = text).entered();
        tracing::warn!(told = text, shown = %text, debugged = ?text, rows = 3, ratio = 0.5, "something came");
    })
}

/// The one line that `work` logs, which holds nothing that a terminal obeys.
fn one_line_of(format: Format, work: impl FnOnce()) -> String {
    let written = Written::default();
    let writer = written.clone();
    let subscriber = logging::subscriber(Config { format, ..Config::default() }, move || writer.clone());
    tracing::subscriber::with_default(subscriber, work);
    let bytes = written.0.lock().expect("nobody panics with it").clone();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let line = text.strip_suffix('\n').expect("a whole line");
    assert!(!line.contains(agentless_exporter::text::controls), "{line:?}");
    line.to_owned()
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The pairs of a line of logfmt, by the strictest reading: one space between pairs, a value
/// either plain or a JSON string.
fn pairs(line: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = line;
    loop {
        let (key, after) = rest.split_once('=').ok_or("a key without a value")?;
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(format!("{key:?} is no key"));
        }
        let (value, after) = if after.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(after).into_iter::<String>();
            let value = values.next().ok_or("no value")?.map_err(|error| error.to_string())?;
            (value, &after[values.byte_offset()..])
        } else {
            let end = after.find(' ').unwrap_or(after.len());
            let value = &after[..end];
            if value.is_empty() || value.contains(['"', '=', '\\']) {
                return Err(format!("{value:?} needs quotes"));
            }
            (value.to_owned(), &after[end..])
        };
        pairs.push((key.to_owned(), value));
        match after.strip_prefix(' ') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(pairs),
            None => return Err(format!("{after:?} after a value")),
        }
    }
}
