//! A walk over the tree of a file: what is not in the table of keys, or not of its kind, is a
//! mistake and is cut off, so that what follows sees good values only.

use std::path::Path;

use ::config::{Map, Value, ValueKind};

use crate::error::nearest;

use super::keys::{self, Key, Place, Privacy, Scope};
use super::kind::{Kind, Typed};
use crate::mistakes::Mistakes;

/// Checks the tree of the file at `path` and gives back what is good of it. Relative paths in it
/// start from the folder of the file.
pub(super) fn check(tree: Map<String, Value>, path: &Path, mistakes: &mut Mistakes) -> Map<String, Value> {
    let folder = path.parent().unwrap_or(Path::new(""));
    Walk { origin: path.display().to_string(), folder, mistakes, source: None }.group("", "", tree)
}

/// Checks one value; `at` is where it stands, for the mistakes.
pub(super) fn check_value(
    key: &Key,
    kind: Kind,
    value: &ValueKind,
    at: &str,
    origin: &str,
    mistakes: &mut Mistakes,
) -> Option<Typed> {
    let wrongs = match kind.read(value) {
        Ok(typed) => return Some(typed),
        Err(wrongs) => wrongs,
    };
    for wrong in wrongs {
        let mut text = match (key.privacy, wrong.got) {
            (Privacy::Open, got) if got.is_empty() => wrong.problem,
            (Privacy::Open, got) if wrong.problem.starts_with("expected") => {
                format!("{}, got {got}", wrong.problem)
            }
            (Privacy::Open, got) => format!("{got} {}", wrong.problem),
            (Privacy::Private | Privacy::Secret, _) => wrong.problem,
        };
        if let Some(meant) = wrong.meant {
            text.push_str(&format!("; did you mean `{meant}`?"));
        }
        mistakes.add(format!("{at}{}", wrong.at), origin, text);
    }
    None
}

/// The secrets in `group` of one layer that are given both at their key and in the file of its
/// twin: the twin, and what to say of it.
pub(super) fn given_twice(group: &Map<String, Value>, schema: &str) -> Vec<(String, String)> {
    let is_given = |name: &str| match group.get(name).map(|value| &value.kind) {
        Some(ValueKind::String(text)) => !text.is_empty(),
        _ => false,
    };
    let mut twice: Vec<_> = group
        .keys()
        .filter(|twin| matches!(keys::at(&join(schema, twin)), Some(Place::SecretFile(_))))
        .filter_map(|twin| {
            let name = twin.strip_suffix("_file").filter(|name| is_given(name) && is_given(twin))?;
            Some((twin.clone(), format!("is given beside {name}; keep one of the two")))
        })
        .collect();
    twice.sort();
    twice
}

/// In its methods `at` is where something stands, `sources[1].region`, and `schema` the same
/// place in the table of keys, `sources[].region`.
struct Walk<'w> {
    origin: String,
    folder: &'w Path,
    mistakes: &'w mut Mistakes,
    /// Name of the source under way, so that its mistakes are found in a long list.
    source: Option<String>,
}

impl Walk<'_> {
    fn group(&mut self, at: &str, schema: &str, group: Map<String, Value>) -> Map<String, Value> {
        let mut entries: Vec<_> = group.into_iter().collect();
        // Maps have no order; mistakes shall.
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let checked = entries
            .into_iter()
            .filter_map(|(name, value)| {
                let value = self.entry(&join(at, &name), &join(schema, &name), &name, value)?;
                Some((name, value))
            })
            .collect();
        for (twin, text) in given_twice(&checked, schema) {
            self.mistake(&join(at, &twin), &text);
        }
        checked
    }

    fn entry(&mut self, at: &str, schema: &str, name: &str, value: Value) -> Option<Value> {
        // A dot in a name would join two levels of the table.
        let place = if name.contains(['.', '[']) { None } else { keys::at(schema) };
        match place {
            None => self.unknown(schema, name, at),
            Some(Place::Value(key)) if key.scope == Scope::Flag => self.mistake(at, &is_a_flag(key)),
            Some(Place::Group) => match value.kind {
                ValueKind::Table(inner) => Some(self.group(at, schema, inner).into()),
                ValueKind::Nil => None,
                _ => self.mistake(at, "expected a group of keys"),
            },
            Some(Place::Sources) => match value.kind {
                ValueKind::Array(list) => Some(self.sources(list).into()),
                ValueKind::Nil => None,
                _ => self.mistake(at, "expected a list, each source starting with `- name: …`"),
            },
            Some(Place::Value(key)) => match (key.kind, &value.kind) {
                (Kind::Words(_) | Kind::Labels, ValueKind::Nil) => None,
                (kind, _) => self.value(key, kind, at, value),
            },
            Some(Place::SecretFile(key)) => self.value(key, keys::SECRET_FILE, at, value),
        }
    }

    fn value(&mut self, key: &Key, kind: Kind, at: &str, value: Value) -> Option<Value> {
        let origin = self.origin();
        match (kind, check_value(key, kind, &value.kind, at, &origin, self.mistakes)?) {
            (Kind::Path, Typed::Text(path)) if !path.is_empty() => {
                Some(self.folder.join(path).display().to_string().into())
            }
            _ => Some(value),
        }
    }

    /// A source that is no group stays as an empty one, so that the others keep their numbers.
    fn sources(&mut self, list: Vec<Value>) -> Vec<Value> {
        let checked = list.into_iter().enumerate().map(|(index, item)| {
            let at = format!("sources[{index}]");
            let ValueKind::Table(source) = item.kind else {
                self.mistake(&at, "expected a group of keys, starting with `- name: …`");
                return Map::<String, Value>::new().into();
            };
            self.source = source.get("name").and_then(name_of);
            let checked = self.group(&at, "sources[]", source);
            self.source = None;
            checked.into()
        });
        checked.collect()
    }

    fn unknown(&mut self, schema: &str, name: &str, at: &str) -> Option<Value> {
        let group = schema.strip_suffix(name).unwrap_or_default().trim_end_matches('.');
        let text = match name.split_once('.') {
            Some((outer, inner)) if keys::at(schema).is_some() => {
                format!("write the levels of a key below each other: `{outer}:`, and in it `{inner}:`")
            }
            _ => unknown(group, name),
        };
        // A secret without the colon before it reads as a key.
        let may_be_secret =
            group.ends_with("credentials") && !name.chars().all(|c| matches!(c, 'a'..='z' | '_'));
        match at.strip_suffix(name).filter(|_| may_be_secret) {
            Some(group) => self.mistake(&format!("{group}(hidden)"), &text),
            None => self.mistake(at, &text),
        }
    }

    fn mistake(&mut self, at: &str, text: &str) -> Option<Value> {
        let origin = self.origin();
        self.mistakes.add(at, origin, text);
        None
    }

    fn origin(&self) -> String {
        match &self.source {
            Some(name) => format!("source {name:?} in {}", self.origin),
            None => self.origin.clone(),
        }
    }
}

/// What to say of a name that is no key of `group`: the one that was probably meant.
fn unknown(group: &str, name: &str) -> String {
    let parent = |path: &str| path.rsplit_once('.').map_or("", |(group, _)| group).to_owned();
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let in_file = || keys::known_paths().filter(|path| !is_flag(path));
    let mut siblings: Vec<_> =
        in_file().filter(|path| parent(path) == group).map(|path| last(&path)).collect();
    if let Some(meant) = nearest(name, siblings.clone()) {
        return format!("unknown key; did you mean `{meant}`?");
    }
    let mut elsewhere: Vec<_> = in_file().filter(|path| last(path) == name).collect();
    // One further inside the same group is the likeliest.
    elsewhere.sort_by_key(|path| !path.starts_with(&format!("{group}.")));
    match elsewhere.first() {
        Some(path) if path.contains('.') => format!("does not belong here; its place is `{path}`"),
        Some(_) => "does not belong here; its place is the outermost level".to_owned(),
        None => {
            if let Some(key) = keys::meant_flag(join(group, name).trim_start_matches("sources[].")) {
                return is_a_flag(key);
            }
            if siblings.is_empty() {
                return format!("unknown key; what is in `{group}` is set by flags, see --help");
            }
            siblings.sort();
            format!("unknown key; known here: {}", siblings.join(", "))
        }
    }
}

fn is_flag(path: &str) -> bool {
    matches!(keys::at(path), Some(Place::Value(key)) if key.scope == Scope::Flag)
}

fn is_a_flag(key: &Key) -> String {
    format!("is set by the flag --{}, not in this file", key.path)
}

/// The name of a source as the mistakes tell it, if it is one.
pub(super) fn name_of(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::String(name) if super::parse::name(name).is_ok() => Some(name.clone()),
        _ => None,
    }
}

fn join(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{group}.{name}") }
}
