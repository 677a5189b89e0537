//! YAML as the program reads it, without its checks.

use ::config::{File, FileFormat, Map, Source as _, Value, ValueKind};
use serde_json::Value as Json;

/// The tree of a YAML file with keys at the outermost level; `None` if it is none.
pub(crate) fn json(text: &str) -> Option<Json> {
    let tree = File::from_str(text, FileFormat::Yaml).collect().ok()?;
    Some(table(tree))
}

fn table(tree: Map<String, Value>) -> Json {
    tree.into_iter().map(|(name, value)| (name, of(value))).collect::<serde_json::Map<_, _>>().into()
}

fn of(value: Value) -> Json {
    match value.kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(flag) => flag.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::Float(number) => number.into(),
        ValueKind::String(text) => text.into(),
        ValueKind::Array(items) => items.into_iter().map(of).collect::<Vec<_>>().into(),
        ValueKind::Table(inner) => table(inner),
        other => panic!("YAML has no {other}"),
    }
}
