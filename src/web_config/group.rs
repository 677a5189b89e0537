//! Groups of keys, read strictly: what is unknown or of another type becomes a mistake, without its
//! value.

use std::cell::RefCell;

use ::config::{Map, Value, ValueKind};

use crate::error::nearest;
use crate::mistakes::Mistakes;

/// Every group with fixed keys. Those of `basic_auth_users` are names.
const KEYS: &[(&str, &[&str])] = &[
    ("", &["tls_server_config", "http_server_config", "basic_auth_users", "rate_limit"]),
    (
        "tls_server_config",
        &[
            "cert",
            "cert_file",
            "key",
            "key_file",
            "client_ca",
            "client_ca_file",
            "client_auth_type",
            "client_allowed_sans",
            "min_version",
            "max_version",
            "cipher_suites",
            "prefer_server_cipher_suites",
            "curve_preferences",
        ],
    ),
    ("http_server_config", &["http2", "headers"]),
    ("rate_limit", &["interval", "burst"]),
];

/// Longer ones are no names.
const MOST_SHOWN: usize = 64;

/// Where mistakes are gathered.
pub(super) struct Report {
    origin: String,
    mistakes: RefCell<Mistakes>,
}

impl Report {
    /// Mistakes of the file `origin`.
    pub(super) fn of(origin: String) -> Self {
        Self { origin, mistakes: RefCell::default() }
    }

    /// Adds a mistake at `key`; empty for the file as a whole.
    pub(super) fn say(&self, key: &str, text: impl Into<String>) {
        self.mistakes.borrow_mut().add(key, &self.origin, text);
    }

    /// Whether there is a mistake at `key` or inside it.
    pub(super) fn concerns(&self, key: &str) -> bool {
        self.mistakes.borrow().concern(key)
    }

    /// All of them.
    pub(super) fn into_mistakes(self) -> Mistakes {
        self.mistakes.into_inner()
    }
}

/// The entries of one group that were not read yet.
pub(super) struct Group<'r> {
    at: String,
    entries: Map<String, Value>,
    report: &'r Report,
}

impl<'r> Group<'r> {
    /// The outermost level.
    pub(super) fn root(entries: Map<String, Value>, report: &'r Report) -> Self {
        Self { at: String::new(), entries, report }.checked()
    }

    /// The group `name`, whose keys are all known; empty if it is not there or no group.
    pub(super) fn group(&mut self, name: &str) -> Self {
        self.names(name).checked()
    }

    /// The group `name`, whose keys are free; empty if it is not there or no group.
    pub(super) fn names(&mut self, name: &str) -> Self {
        let at = self.path(name);
        let entries = match self.entries.remove(name).map(|value| value.kind) {
            None | Some(ValueKind::Nil) => Map::new(),
            Some(ValueKind::Table(entries)) => entries,
            Some(_) => {
                self.report.say(&at, "expected a group of keys below it");
                Map::new()
            }
        };
        Self { at, entries, report: self.report }
    }

    /// Drops and tells the keys that this group does not have.
    fn checked(mut self) -> Self {
        let known = KEYS.iter().find(|(group, _)| *group == self.at).map_or(&[][..], |(_, known)| known);
        for name in self.names_in_order() {
            if !known.contains(&name.as_str()) {
                self.entries.remove(&name);
                self.say(&name, unknown(&self.at, &name, known));
            }
        }
        self
    }

    /// The keys that are left, sorted.
    pub(super) fn names_in_order(&self) -> Vec<String> {
        let mut names: Vec<String> = self.entries.keys().cloned().collect();
        names.sort();
        names
    }

    /// The text at `name`; `None` if it is blank.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        let at = self.path(name);
        self.read_text(&at, self.entries.get(name)?.clone()).filter(|text| !text.is_empty())
    }

    fn read_text(&self, at: &str, value: Value) -> Option<String> {
        match value.kind {
            ValueKind::String(text) => return Some(text),
            ValueKind::Nil => return None,
            ValueKind::Table(_) | ValueKind::Array(_) => self.report.say(at, "expected text"),
            // 0123 would come out as another number.
            _ => self.report.say(at, "expected text; put it in quotes"),
        }
        None
    }

    /// The texts of the list at `name`; `None` if there is no list.
    pub(super) fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let at = self.path(name);
        match self.entries.remove(name)?.kind {
            ValueKind::Nil => None,
            ValueKind::Array(items) => {
                let read = |(index, item)| self.read_text(&format!("{at}[{index}]"), item);
                Some(items.into_iter().enumerate().filter_map(read).collect())
            }
            _ => {
                self.report.say(&at, "expected a list, each entry on a line that starts with `- `");
                None
            }
        }
    }

    /// The switch at `name`. The words are those of YAML 1.1, which Prometheus reads.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> bool {
        let word = match self.entries.remove(name).map(|value| value.kind) {
            None | Some(ValueKind::Nil) => return default,
            Some(ValueKind::Boolean(flag)) => return flag,
            Some(ValueKind::String(word)) => word,
            Some(_) => String::new(),
        };
        match word.as_str() {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => true,
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => false,
            _ => {
                self.say(name, "expected true or false, without quotes");
                default
            }
        }
    }

    /// What stands at `name`, whatever it is; `None` if nothing does.
    pub(super) fn value(&mut self, name: &str) -> Option<ValueKind> {
        self.entries.remove(name).map(|value| value.kind).filter(|kind| *kind != ValueKind::Nil)
    }

    /// Adds a mistake at `name` in this group.
    pub(super) fn say(&self, name: &str, text: impl Into<String>) {
        self.report.say(&self.path(name), text);
    }

    /// Adds a mistake at an entry of the list `name`.
    pub(super) fn say_at(&self, name: &str, index: usize, text: impl Into<String>) {
        self.report.say(&format!("{}[{index}]", self.path(name)), text);
    }

    /// Whether there is a mistake at `name` in this group.
    pub(super) fn concerns(&self, name: &str) -> bool {
        self.report.concerns(&self.path(name))
    }

    /// Whether there is any mistake in this group.
    pub(super) fn concerns_any(&self) -> bool {
        self.report.concerns(&self.at)
    }

    /// Where `name` in this group stands. A line of a key or hash that lost its place may read as a name.
    fn path(&self, name: &str) -> String {
        let is_name = match self.at.as_str() {
            "basic_auth_users" => |c: char| c.is_alphanumeric() || "_-.@ ".contains(c),
            "http_server_config.headers" => |c: char| c.is_ascii_alphabetic() || c == '-',
            _ => |c: char| c.is_ascii_lowercase() || c == '_' || c == '2',
        };
        let is_shown = name.chars().all(is_name) && name.chars().count() <= MOST_SHOWN;
        let name = if is_shown { name } else { "(hidden)" };
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }
}

/// What to say of a key that `group` does not have.
fn unknown(group: &str, name: &str, known: &[&str]) -> String {
    if let Some(meant) = nearest(name, known.iter().copied()) {
        return format!("unknown key; did you mean `{meant}`?");
    }
    match KEYS.iter().find(|(_, keys)| keys.contains(&name)) {
        Some(("", _)) => "does not belong here; its place is the outermost level".to_owned(),
        Some((place, _)) => format!("does not belong here; its place is `{place}.{name}`"),
        None if group.is_empty() => {
            format!("unknown key; known at the outermost level: {}", known.join(", "))
        }
        None => format!("unknown key; known here: {}", known.join(", ")),
    }
}

/// `text` in quotes with a blank before it, if it is like the words that a key takes and so hardly a
/// secret; else nothing.
pub(super) fn word_shown(text: &str) -> String {
    let is_word = text.len() <= MOST_SHOWN && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word { format!(" {text:?}") } else { String::new() }
}
