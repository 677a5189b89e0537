//! The kinds of values that keys have: what is accepted, and what it becomes.

use std::time::Duration;

use ::config::{Map, Value, ValueKind};

use super::forms::Form;
use super::parse::{self, Problem};

/// What values a key takes.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A length of time, between two others.
    Duration(&'static str, &'static str),
    /// A whole number, between two others.
    Whole(u64, u64),
    /// A number, between two others.
    Number(f64, f64),
    /// `true` or `false`.
    Flag,
    /// One of some words.
    Word(&'static [&'static str]),
    /// A list of some words, each at most once.
    Words(&'static [&'static str]),
    /// A text of a language.
    Text(Form),
    /// A list of texts of a language.
    Texts(Form),
    /// The path of a file; blank for none.
    Path,
    /// Names and texts.
    Labels,
}

/// A value that its [`Kind`] accepts. Has no `Debug`, because a text may be a secret.
#[derive(Clone, PartialEq)]
pub(super) enum Typed {
    Duration(Duration),
    Whole(u64),
    Number(f64),
    Flag(bool),
    Text(String),
    Texts(Vec<String>),
    Labels(Vec<(String, String)>),
}

/// What is wrong with a value, in words that don't contain it.
pub(super) struct Wrong {
    /// Where inside the value: `.name` or `[1]`; empty for all of it.
    pub(super) at: String,
    /// What was expected.
    pub(super) problem: String,
    /// What came, for keys whose values may be shown.
    pub(super) got: String,
    /// The known word that was probably meant, which can be shown in any case.
    pub(super) meant: Option<&'static str>,
}

impl Kind {
    /// Reads a value.
    pub(super) fn read(self, value: &ValueKind) -> Result<Typed, Vec<Wrong>> {
        match (self, value) {
            (Self::Words(words), ValueKind::Array(items)) => read_list(Self::Word(words), items),
            (Self::Texts(form), ValueKind::Array(items)) => read_list(Self::Text(form), items),
            (Self::Labels, ValueKind::Table(table)) => read_labels(table),
            _ => self.read_scalar(value).map_err(|problem| vec![self.wrong(String::new(), problem, value)]),
        }
    }

    fn read_scalar(self, value: &ValueKind) -> Result<Typed, String> {
        let expected = || format!("expected {}", self.expected());
        match (self, value) {
            (_, ValueKind::Nil) => Err("has no value; give it one or leave the key out".to_owned()),
            (Self::Duration(min, max), ValueKind::String(text)) => {
                let span = parse::duration(text).ok();
                let limit = |text| parse::duration(text).expect("the limits in the key table are durations");
                span.filter(|span| (limit(min)..=limit(max)).contains(span))
                    .map(Typed::Duration)
                    .ok_or_else(expected)
            }
            (Self::Whole(min, max), _) => whole(value)
                .filter(|number| (min..=max).contains(number))
                .map(Typed::Whole)
                .ok_or_else(expected),
            (Self::Number(min, max), _) => number(value)
                .filter(|number| (min..=max).contains(number))
                .map(Typed::Number)
                .ok_or_else(expected),
            (Self::Flag, ValueKind::Boolean(flag)) => Ok(Typed::Flag(*flag)),
            (Self::Flag, ValueKind::String(text)) => text.parse().map(Typed::Flag).map_err(|_| expected()),
            (Self::Word(words), ValueKind::String(text)) if words.contains(&text.as_str()) => {
                Ok(Typed::Text(text.clone()))
            }
            (Self::Text(form), ValueKind::String(text)) => match (form.check)(text) {
                Ok(()) => Ok(Typed::Text(text.clone())),
                Err(problem) => Err(problem.into_owned()),
            },
            (Self::Path, ValueKind::String(text)) if !text.contains('\0') => Ok(Typed::Text(text.clone())),
            (Self::Text(_), ValueKind::Boolean(_) | ValueKind::I64(_) | ValueKind::Float(_)) => {
                Err("expected text in quotes, because YAML turns 1e5, 0123 or true into something else"
                    .to_owned())
            }
            _ => Err(expected()),
        }
    }

    /// The values of this kind in words, as in "expected …".
    pub fn expected(self) -> String {
        match self {
            Self::Duration(min, max) => {
                format!("a duration from {min} to {max}, written like 30s, 5m, 1h30m or 7d")
            }
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Number(min, max) => format!("a number from {min} to {max}"),
            Self::Flag => "true or false".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Words(words) => format!("a list of {}", words.join(", ")),
            Self::Text(form) => form.words.to_owned(),
            Self::Texts(form) => format!("a list of {}", form.words),
            Self::Path => "the path of a file".to_owned(),
            Self::Labels => "label names with texts".to_owned(),
        }
    }

    /// The words among which a value of this kind is chosen; none if it is free.
    pub fn words(self) -> &'static [&'static str] {
        match self {
            Self::Word(words) | Self::Words(words) => words,
            _ => &[],
        }
    }

    fn wrong(self, at: String, problem: String, value: &ValueKind) -> Wrong {
        let meant = match value {
            ValueKind::String(text) if !self.words().contains(&text.as_str()) => {
                parse::meant(text, self.words())
            }
            _ => None,
        };
        Wrong { at, problem, got: show(value), meant }
    }
}

fn read_list(entry: Kind, items: &[Value]) -> Result<Typed, Vec<Wrong>> {
    let mut texts = Vec::new();
    let mut wrongs = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let problem = match entry.read_scalar(&item.kind) {
            Ok(Typed::Text(text)) if !texts.contains(&text) => {
                texts.push(text);
                continue;
            }
            Ok(_) => "stands twice in the list".to_owned(),
            Err(problem) => problem,
        };
        wrongs.push(entry.wrong(format!("[{index}]"), problem, &item.kind));
    }
    if wrongs.is_empty() { Ok(Typed::Texts(texts)) } else { Err(wrongs) }
}

fn read_labels(table: &Map<String, Value>) -> Result<Typed, Vec<Wrong>> {
    let value = Kind::Text(LABEL_VALUE);
    let mut labels = Vec::new();
    let mut wrongs = Vec::new();
    for (name, item) in table {
        let at = format!(".{name}");
        if let Err(problem) = parse::label_name(name) {
            wrongs.push(Wrong { at, problem: problem.into_owned(), got: String::new(), meant: None });
            continue;
        }
        match value.read_scalar(&item.kind) {
            Ok(Typed::Text(text)) => labels.push((name.clone(), text)),
            Ok(_) => {}
            Err(problem) => wrongs.push(value.wrong(at, problem, &item.kind)),
        }
    }
    // Maps have no order; labels and mistakes shall.
    labels.sort();
    wrongs.sort_by(|a, b| a.at.cmp(&b.at));
    if wrongs.is_empty() { Ok(Typed::Labels(labels)) } else { Err(wrongs) }
}

/// A value in short. Of a text only the first word: a key below it that lost its colon, or stands
/// too far to the right, is the rest of the text to YAML, and may be that of a secret.
fn show(value: &ValueKind) -> String {
    const MOST: usize = 60;
    match value {
        ValueKind::Nil => String::new(),
        ValueKind::String(text) => {
            let word: String = text
                .chars()
                .take_while(|c| !c.is_whitespace() && !crate::text::controls(*c))
                .take(MOST)
                .collect();
            let rest = if word.len() < text.len() { " …" } else { "" };
            format!("\"{word}{rest}\"")
        }
        ValueKind::Table(_) => "a group of keys".to_owned(),
        ValueKind::Array(_) => "a list".to_owned(),
        scalar => scalar.to_string(),
    }
}

fn whole(value: &ValueKind) -> Option<u64> {
    match value {
        ValueKind::I64(number) => u64::try_from(*number).ok(),
        ValueKind::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn number(value: &ValueKind) -> Option<f64> {
    match value {
        ValueKind::I64(number) => Some(*number as f64),
        ValueKind::Float(number) => Some(*number),
        ValueKind::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Values of labels.
const LABEL_VALUE: Form = Form {
    words: "text of at most 256 characters without line breaks or other controls",
    pattern: "^.{0,256}$",
    check: label_value,
};

fn label_value(text: &str) -> Result<(), Problem> {
    let fits = text.chars().count() <= 256 && !text.chars().any(crate::text::controls);
    if fits {
        Ok(())
    } else {
        Err("expected text of at most 256 characters without line breaks or other controls".into())
    }
}
