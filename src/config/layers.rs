//! The layers of a configuration, laid over each other: defaults, file, environment, flags.

use std::fmt;

use ::config::{Config, ConfigError, Map, Source, Value, ValueKind};

use super::Inputs;
use super::keys::{self, KEYS, Key, Scope};
use super::kind::Kind;
use super::{environment, file, walk};
use crate::mistakes::Mistakes;

/// Region of the source that there is when none is configured.
pub(super) const REGION_VARIABLE: &str = "ALIBABA_CLOUD_REGION_ID";

/// All layers in one tree, of good values only.
pub(super) struct Merged {
    /// The tree.
    pub(super) tree: Map<String, Value>,
    /// Whence the sources came.
    pub(super) sources: SourcesFrom,
}

/// Whence the sources came.
pub(super) enum SourcesFrom {
    /// This file.
    File(String),
    /// There were none: the one source `default`, with the region of the environment.
    Environment,
}

/// Reads every layer and merges what is good of each; all else becomes mistakes.
/// `None` if there is a file that can't be read at all.
pub(super) fn merge(inputs: &Inputs, mistakes: &mut Mistakes) -> Option<Merged> {
    let mut file = Some(Map::new());
    let mut sources = SourcesFrom::Environment;
    if let Some(path) = &inputs.file {
        file = file::read(path, mistakes).map(|tree| {
            // Told before the check cuts off what is wrong.
            if tree.get("sources").is_some_and(|list| list.kind != ValueKind::Nil) {
                sources = SourcesFrom::File(path.display().to_string());
            }
            walk::check(tree, path, mistakes)
        });
    }
    let environment = environment::layer(&inputs.env, mistakes);
    let flags = flags(inputs, mistakes);
    let mut file = file?;
    if let SourcesFrom::Environment = sources {
        file.insert("sources".to_owned(), vec![default_source(inputs, mistakes)].into());
    }
    let tree = [defaults(), file, environment, flags]
        .into_iter()
        .fold(Config::builder(), |builder, layer| builder.add_source(Layer(layer)))
        .build()
        .and_then(|merged| merged.collect())
        .expect("layers in memory can always be collected");
    Some(Merged { tree, sources })
}

/// One layer. Names at its outermost level may be whole paths, `poll.interval`.
#[derive(Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Shows nothing: there are secrets among the values.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Layer(hidden)")
    }
}

fn defaults() -> Map<String, Value> {
    KEYS.iter()
        .filter(|key| key.scope != Scope::Source && !key.default.is_empty())
        .map(|key| (key.path.to_owned(), one_or_list(key, &[key.default])))
        .collect()
}

fn default_source(inputs: &Inputs, mistakes: &mut Mistakes) -> Value {
    let mut source = Map::from([("name".to_owned(), Value::from("default"))]);
    if let Some(region) = inputs.env.get(REGION_VARIABLE) {
        let key = keys::named("sources[].region");
        let value = ValueKind::from(region);
        if walk::check_value(key, key.kind, &value, "sources[0].region", REGION_VARIABLE, mistakes).is_some()
        {
            source.insert("region".to_owned(), region.into());
        }
    }
    source.into()
}

fn flags(inputs: &Inputs, mistakes: &mut Mistakes) -> Map<String, Value> {
    let mut layer = Map::new();
    for key in KEYS.iter().filter(|key| key.scope == Scope::Flag) {
        let given: Vec<&str> = inputs
            .flags
            .iter()
            .filter(|(path, _)| *path == key.path)
            .map(|(_, text)| text.as_str())
            .collect();
        if given.is_empty() {
            continue;
        }
        let value = one_or_list(key, &given);
        let at = format!("--{}", key.path);
        if walk::check_value(key, key.kind, &value.kind, &at, "flag", mistakes).is_some() {
            layer.insert(key.path.to_owned(), value);
        }
    }
    layer
}

/// The last of `texts`, or all of them for a key that takes a list.
fn one_or_list(key: &Key, texts: &[&str]) -> Value {
    match (key.kind, texts) {
        (Kind::Texts(_), _) => texts.to_vec().into(),
        (_, [.., last]) => (*last).into(),
        (_, []) => Value::default(),
    }
}
