//! `docs/configuration.schema.json`, for editors.

use agentless_exporter::config::{KEYS, Key, Kind, Scope};
use serde_json::{Map, Value, json};

use crate::facts::{sentence, takes, twin};

/// Lengths of time; that there is at least one is said by a least length.
const DURATION: &str = "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";

pub(crate) fn text() -> String {
    format!("{:#}\n", schema())
}

pub(crate) fn schema() -> Value {
    let mut whole = group("", &|key| matches!(key.scope, Scope::Global | Scope::PerSource), true);
    whole["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    whole["title"] = "Configuration of agentless-exporter".into();
    whole["description"] = "Made from src/config/keys.rs by `UPDATE_DOCS=1 cargo test --test docs`.".into();
    whole["properties"]["sources"] = json!({
        "description": "What is polled. Without it there is one source, of the environment.",
        "type": ["array", "null"],
        "minItems": 1,
        "items": source(),
    });
    whole
}

fn source() -> Value {
    let mut source = group("sources[].", &|key| key.scope == Scope::Source, true);
    for name in ["poll", "api"] {
        source["properties"][name] = group(&format!("{name}."), &|key| key.scope == Scope::PerSource, false);
    }
    source["type"] = "object".into();
    source["required"] = json!(["name"]);
    source["anyOf"] = json!([{"required": ["region"]}, {"required": ["endpoint"]}]);
    // Some text; a blank one is as good as none.
    let some =
        |name: &str| json!({"type": "object", "required": [name], "properties": {name: {"minLength": 1}}});
    let one_of = |name: &str| json!({"anyOf": [some(name), some(&format!("{name}_file"))]});
    let (id, secret) = (json!({"type": "object", "required": ["access_key_id"]}), "access_key_secret");
    let none = |names: &[&str]| {
        let anything = names.iter().map(|name| match *name {
            "access_key_id" => id.clone(),
            name => one_of(name),
        });
        json!({"not": {"anyOf": anything.collect::<Vec<_>>()}})
    };
    let is =
        |word: &str| json!({"type": "object", "required": ["type"], "properties": {"type": {"const": word}}});
    source["properties"]["credentials"]["allOf"] = json!([
        {
            "if": is("access_key"),
            "then": {"allOf": [id, one_of(secret), none(&["security_token"])]},
        },
        {"if": is("sts"), "then": {"allOf": [id, one_of(secret), one_of("security_token")]}},
        {
            "if": {"not": {"anyOf": [is("access_key"), is("sts")]}},
            "then": none(&["access_key_id", secret, "security_token"]),
        },
    ]);
    source
}

/// The group whose keys start with `prefix`; only those that `belongs` lets in. Inside a source
/// the default of a key is not that of the table, but what holds for all sources.
fn group(prefix: &str, belongs: &dyn Fn(&Key) -> bool, with_defaults: bool) -> Value {
    let mut properties = Map::new();
    let mut exclusive = Vec::new();
    for key in KEYS.iter().filter(|key| belongs(key)) {
        let Some(rest) = key.path.strip_prefix(prefix) else { continue };
        if let Some((inner, _)) = rest.split_once('.') {
            let inner_group = || group(&format!("{prefix}{inner}."), belongs, with_defaults);
            properties.entry(inner).or_insert_with(inner_group);
            continue;
        }
        properties.insert(rest.to_owned(), value(key, with_defaults));
        if twin(key).is_some() {
            let file = format!("{rest}_file");
            let about = format!("A file that holds `{rest}` alone on one line, instead of it.");
            properties.insert(file.clone(), json!({"description": about, "type": "string"}));
            exclusive.push(json!({"not": {
                "type": "object",
                "required": [rest, file],
                "properties": {rest: {"minLength": 1}, &file: {"minLength": 1}},
            }}));
        }
    }
    let mut group =
        json!({"type": ["object", "null"], "additionalProperties": false, "properties": properties});
    if !exclusive.is_empty() {
        group["allOf"] = exclusive.into();
    }
    group
}

fn value(key: &Key, with_default: bool) -> Value {
    let mut schema = match key.kind {
        Kind::Duration(..) => json!({"type": "string", "minLength": 2, "pattern": DURATION}),
        Kind::Whole(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Number(least, most) => json!({"type": "number", "minimum": least, "maximum": most}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Word(words) | Kind::WordSoFar(words, _) => json!({"type": "string", "enum": words}),
        Kind::Words(words) => {
            json!({"type": ["array", "null"], "uniqueItems": true, "items": {"type": "string", "enum": words}})
        }
        Kind::Text(form) => json!({"type": "string", "pattern": form.pattern}),
        Kind::Texts(form) => json!({"type": "array", "items": {"type": "string", "pattern": form.pattern}}),
        Kind::Path => json!({"type": "string"}),
        Kind::Labels => json!({
            "type": ["object", "null"],
            "propertyNames": {"pattern": "^([A-Za-z]|_[A-Za-z0-9]|_$)[A-Za-z0-9_]*$"},
            "additionalProperties": {"type": "string", "maxLength": 256},
        }),
    };
    schema["description"] = format!("{} Takes {}.", sentence(key), takes(key)).into();
    if with_default && !key.default.is_empty() {
        schema["default"] = default(key);
    }
    schema
}

fn default(key: &Key) -> Value {
    let text = key.default;
    let parsed = match key.kind {
        Kind::Whole(..) | Kind::Number(..) | Kind::Flag => serde_json::from_str(text).ok(),
        _ => None,
    };
    parsed.unwrap_or_else(|| text.into())
}
