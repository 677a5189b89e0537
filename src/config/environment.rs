//! The environment as a layer: variables that set keys, and those that were meant to.

use ::config::{Map, Value, ValueKind};

use crate::env::Env;
use crate::error::nearest;

use super::keys::{self, KEYS, Place, Privacy, Scope};
use super::walk;
use crate::mistakes::Mistakes;

/// Variables that set keys start so; levels are joined by `__`.
const PREFIX: &str = "AGENTLESS_EXPORTER__";

/// Variables that start so may be slips of the above, and may be somebody else's.
const NEAR_PREFIX: &str = "AGENTLESS_EXPORTER_";

/// Reads the variables that set keys, by the paths of these.
pub(super) fn layer(env: &Env, mistakes: &mut Mistakes) -> Map<String, Value> {
    let mut layer = Map::new();
    for (variable, text) in env.with_prefix(NEAR_PREFIX) {
        let Some(name) = variable.strip_prefix(PREFIX) else {
            if let Some(text) = slip(variable) {
                mistakes.add(variable, "environment", text);
            }
            continue;
        };
        let path = name.to_ascii_lowercase().replace("__", ".");
        let place = keys::at(&path).filter(|_| variable_of(&path) == variable);
        let (key, kind) = match place {
            Some(Place::Value(key)) if key.is_global() => (key, key.kind),
            Some(Place::SecretFile(key)) if key.is_global() => (key, keys::SECRET_FILE),
            _ => {
                mistakes.add(variable, "environment", refusal(&path));
                continue;
            }
        };
        let value = ValueKind::from(text);
        if walk::check_value(key, kind, &value, &path, variable, mistakes).is_some() {
            layer.insert(path, text.into());
        }
    }
    for (twin, text) in walk::given_twice(&layer, "") {
        mistakes.add(twin.as_str(), variable_of(&twin), text);
    }
    cover_twins(&mut layer);
    layer
}

/// The variable that sets the key at `path`, if that is one for all sources.
pub fn variable_of(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// Where `layer` sets a secret or the file of one, the other of the two gives way in the layers
/// below: a blank covers it.
fn cover_twins(layer: &mut Map<String, Value>) {
    for key in KEYS.iter().filter(|key| key.is_global() && key.privacy == Privacy::Secret) {
        let (path, twin) = (key.path.to_owned(), format!("{}_file", key.path));
        match (layer.contains_key(&path), layer.contains_key(&twin)) {
            (true, false) => drop(layer.insert(twin, "".into())),
            (false, true) => drop(layer.insert(path, "".into())),
            _ => {}
        }
    }
}

/// Why a variable that sets no key is a mistake.
fn refusal(path: &str) -> String {
    if path == "sources" || path.starts_with("sources.") {
        return "sources are a list, which the environment can't hold; list them in the file of --config.file"
            .to_owned();
    }
    if path == "credentials" || path.starts_with("credentials.") {
        return "credentials belong to a source, which the environment can't hold; list it in the file of --config.file"
            .to_owned();
    }
    if let Some(Place::Group) = keys::at(path)
        && path != "web"
        && path != "log"
    {
        return "is a group of keys; add __ and the name of one".to_owned();
    }
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let meant = nearest(&variable_of(path), settable().map(|path| variable_of(&path)));
    // A name without its group.
    let inside = || settable().find(|known| last(known) == path).map(|path| variable_of(&path));
    if let Some(meant) = meant.or_else(inside) {
        return format!("sets no key; did you mean {meant}?");
    }
    match keys::meant_flag(path) {
        Some(key) => is_a_flag(key.path),
        None => format!("sets no key; keys are set by {PREFIX}GROUP__KEY, such as {PREFIX}POLL__INTERVAL"),
    }
}

/// Why a variable with one underscore behind the name of the program is a mistake: it is near one
/// that sets a key. `None` if it is somebody else's.
fn slip(variable: &str) -> Option<String> {
    let name = &variable[NEAR_PREFIX.len()..];
    if is_of_a_service(name) {
        return None;
    }
    let single = |path: &str| path.replace(['.', '-'], "_").to_ascii_uppercase();
    let wrong = name.to_ascii_uppercase().replace("__", "_");
    let paths: Vec<String> = settable().collect();
    if let Some(meant) = nearest(&wrong, paths.iter().map(|path| single(path))) {
        let path = paths.iter().find(|path| single(path) == meant)?;
        return Some(format!(
            "sets no key, because levels are joined by two underscores; did you mean {}?",
            variable_of(path)
        ));
    }
    let flags = || KEYS.iter().filter(|key| key.scope == Scope::Flag);
    let meant = nearest(&wrong, flags().map(|key| single(key.path)))?;
    flags().find(|key| single(key.path) == meant).map(|key| is_a_flag(key.path))
}

/// Whether Kubernetes sets such a variable in every container beside a Service whose name starts
/// with that of the program: `SERVICE_HOST`, `PORT`, `PORT_9982_TCP_ADDR`, `CANARY_SERVICE_PORT`.
fn is_of_a_service(name: &str) -> bool {
    let name = format!("_{name}");
    let is_port_of = |(_, rest): (&str, &str)| rest.starts_with(|c: char| c.is_ascii_digit());
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.split_once("_PORT_").is_some_and(is_port_of)
}

/// Paths of all that the environment can set.
fn settable() -> impl Iterator<Item = String> {
    KEYS.iter().filter(|key| key.is_global()).flat_map(|key| {
        let twin = (key.privacy == Privacy::Secret).then(|| format!("{}_file", key.path));
        [Some(key.path.to_owned()), twin].into_iter().flatten()
    })
}

fn is_a_flag(path: &str) -> String {
    format!("is set by the flag --{path}, not in the environment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_a_service_are_somebody_elses() {
        for name in [
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_METRICS",
            "PORT",
            "PORT_9982_TCP",
            "PORT_9982_TCP_PROTO",
            "PORT_9982_TCP_ADDR",
            // As near to STATE_PATH and POLL_INTERVAL as a slip.
            "STATE_PORT",
            "STATE_PORT_1_TCP",
            "API_PROXY_SERVICE_HOST",
            "VERSION",
            "HOME",
            "",
        ] {
            assert_eq!(slip(&format!("{NEAR_PREFIX}{name}")), None, "{name}");
        }
    }

    #[test]
    fn a_slip_tells_the_variable_that_was_meant() {
        for (name, meant) in [
            ("POLL_INTERVAL", "POLL__INTERVAL"),
            ("POLL__INTERVAL", "POLL__INTERVAL"),
            ("Poll_Intervall", "POLL__INTERVAL"),
            ("API_PROXY", "API__PROXY"),
            ("API_PROXY_FILE", "API__PROXY_FILE"),
            ("METRICS_TARGETS_KEEP", "METRICS__TARGETS__KEEP"),
            ("STATE_PATH", "STATE__PATH"),
        ] {
            let told = slip(&format!("{NEAR_PREFIX}{name}")).expect("a mistake");
            assert!(told.ends_with(&format!("did you mean {PREFIX}{meant}?")), "{name}: {told}");
        }
        let told = slip(&format!("{NEAR_PREFIX}LOG_LEVEL"));
        assert_eq!(told.as_deref(), Some("is set by the flag --log.level, not in the environment"));
    }
}
