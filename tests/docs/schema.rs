//! `docs/configuration.schema.json`, for editors.

use agentless_exporter::config::{KEYS, Key, Kind, Scope, needed_by, users_in_base_of, users_of};
use serde_json::{Map, Value, json};

use crate::facts::{sentence, takes, twin};

const CREDENTIALS: &str = "sources[].credentials.";

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
    let mut base = group(CREDENTIALS, &|key| key.scope == Scope::Credentials, true);
    by_type(&mut base, false);
    let credentials = &mut source["properties"]["credentials"];
    *credentials = group(CREDENTIALS, &|key| key.scope == Scope::Credentials, true);
    credentials["properties"]["base"] = base;
    by_type(credentials, true);
    source
}

/// Says which keys credentials of each type need, and which they have no use for.
fn by_type(credentials: &mut Value, may_have_base: bool) {
    // Some text; a blank one is as good as none.
    let some =
        |name: &str| json!({"type": "object", "required": [name], "properties": {name: {"minLength": 1}}});
    let given = |name: &str| json!({"anyOf": [some(name), some(&format!("{name}_file"))]});
    let keys: Vec<_> = KEYS.iter().filter_map(|key| key.path.strip_prefix(CREDENTIALS)).collect();
    let types = KEYS.iter().find(|key| key.path.ends_with("credentials.type")).expect("it is there").kind;
    let mut rules = Vec::new();
    for word in types.words() {
        let is = json!({"properties": {"type": {"const": word}}});
        // Without a type it is the default one.
        let is = if *word == "default" {
            json!({"type": "object", "anyOf": [is, {"not": {"required": ["type"]}}]})
        } else {
            json!({"type": "object", "required": ["type"], "allOf": [is]})
        };
        let needed = needed_by(word).iter().map(|name| given(name));
        let users = if may_have_base { users_of } else { users_in_base_of };
        let of_no_use = keys.iter().filter(|name| **name != "type" && !users(name).contains(word));
        let mut of_no_use: Vec<_> = of_no_use.map(|name| given(name)).collect();
        if may_have_base && *word != "ram_role_arn" {
            of_no_use.push(
                json!({"type": "object", "required": ["base"], "properties": {"base": {"minProperties": 1}}}),
            );
        }
        let rules_of_type: Vec<_> = needed.chain([json!({"not": {"anyOf": of_no_use}})]).collect();
        rules.push(json!({"if": is, "then": {"allOf": rules_of_type}}));
    }
    let all = credentials["allOf"].as_array_mut().expect("secrets and their files exclude each other");
    all.extend(rules);
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
        Kind::Word(words) => json!({"type": "string", "enum": words}),
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
