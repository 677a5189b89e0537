//! The merged tree as typed values by path.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ::config::{Map, Value, ValueKind};

use super::keys::{self, KEYS, Key, Place, Scope};
use super::kind::{Kind, Typed};

/// The good values of a configuration by path, such as `poll.interval` and
/// `sources[0].poll.interval`. Asking for a value as another type than its key's gives `None`.
pub(super) struct Values {
    by_path: BTreeMap<String, Typed>,
    /// How many sources there are.
    pub(super) sources: usize,
}

impl Values {
    /// Types every value of `tree`, and fills in the defaults of each source.
    pub(super) fn of(tree: &Map<String, Value>) -> Self {
        let mut values = Self { by_path: BTreeMap::new(), sources: 0 };
        values.take(tree, "", "");
        for index in 0..values.sources {
            for key in KEYS.iter().filter(|key| key.scope == Scope::Source && !key.default.is_empty()) {
                let typed = default_of(key).expect("defaults are values of their kind, which a test shows");
                let path = key.path.replacen("[]", &format!("[{index}]"), 1);
                values.by_path.entry(path).or_insert(typed);
            }
        }
        values
    }

    fn take(&mut self, group: &Map<String, Value>, at: &str, schema: &str) {
        for (name, value) in group {
            let (at, schema) = (format!("{at}{name}"), format!("{schema}{name}"));
            match (keys::at(&schema), &value.kind) {
                (Some(Place::Group), ValueKind::Table(inner)) => {
                    self.take(inner, &format!("{at}."), &format!("{schema}."));
                }
                (Some(Place::Sources), ValueKind::Array(list)) => {
                    self.sources = list.len();
                    for (index, source) in list.iter().enumerate() {
                        if let ValueKind::Table(inner) = &source.kind {
                            self.take(inner, &format!("sources[{index}]."), "sources[].");
                        }
                    }
                }
                (Some(Place::Value(key)), kind) => self.put(at, key.kind, kind),
                (Some(Place::SecretFile(_)), kind) => self.put(at, keys::SECRET_FILE, kind),
                _ => {}
            }
        }
    }

    /// What its layer's check let through is of its kind.
    fn put(&mut self, at: String, kind: Kind, value: &ValueKind) {
        if let Ok(typed) = kind.read(value) {
            self.by_path.insert(at, typed);
        }
    }

    /// Whether there is any value at `group` or below.
    pub(super) fn has_any(&self, group: &str) -> bool {
        self.by_path.keys().any(|path| path.starts_with(group))
    }

    /// Whether there is a value at `path`, be it a blank one.
    pub(super) fn is_given(&self, path: &str) -> bool {
        self.by_path.contains_key(path)
    }

    pub(super) fn duration(&self, path: &str) -> Option<Duration> {
        match self.by_path.get(path)? {
            Typed::Duration(span) => Some(*span),
            _ => None,
        }
    }

    pub(super) fn whole<N: TryFrom<u64>>(&self, path: &str) -> Option<N> {
        match self.by_path.get(path)? {
            Typed::Whole(number) => N::try_from(*number).ok(),
            _ => None,
        }
    }

    pub(super) fn number(&self, path: &str) -> Option<f64> {
        match self.by_path.get(path)? {
            Typed::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn flag(&self, path: &str) -> Option<bool> {
        match self.by_path.get(path)? {
            Typed::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// A text, `None` if blank.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.by_path.get(path)? {
            Typed::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    pub(super) fn texts(&self, path: &str) -> &[String] {
        match self.by_path.get(path) {
            Some(Typed::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub(super) fn labels(&self, path: &str) -> &[(String, String)] {
        match self.by_path.get(path) {
            Some(Typed::Labels(labels)) => labels,
            _ => &[],
        }
    }

    pub(super) fn path(&self, path: &str) -> Option<PathBuf> {
        self.text(path).map(PathBuf::from)
    }
}

/// The default of a key; that of a path without one is blank.
fn default_of(key: &Key) -> Option<Typed> {
    key.kind.read(&ValueKind::from(key.default)).ok()
}
