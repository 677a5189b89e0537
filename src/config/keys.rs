//! The one table of keys: everything that can be configured, for the reader, the command line
//! and the docs.

use std::fmt;

use crate::error::nearest;

use super::kind::Kind;

mod table;

pub use table::KEYS;

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the file or the environment, for all sources.
    Global,
    /// As [`Self::Global`], and again in a source for that source alone.
    PerSource,
    /// In each source of the file.
    Source,
    /// In the credentials of each source, and again in those of the key that assumes a role.
    Credentials,
    /// On the command line, `--` and the path.
    Flag,
}

/// Whether the value of a key may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// It may be shown.
    Open,
    /// It is no secret, but one may stand there by mistake: never shown in a message.
    Private,
    /// It is never shown, and has a twin `…_file` that names a file to read it from.
    Secret,
}

/// One thing that can be configured.
#[derive(Clone, Copy)]
pub struct Key {
    /// Groups and name, joined by dots; that of a source starts with `sources[].`.
    pub path: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// The value in force when none is given; empty for none.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Where it may stand.
    pub scope: Scope,
    /// Whether its value may be shown.
    pub privacy: Privacy,
}

/// What stands at a path of the configuration.
pub(super) enum Place {
    /// More keys.
    Group,
    /// The list of sources.
    Sources,
    /// A value.
    Value(&'static Key),
    /// The file that holds a secret.
    SecretFile(&'static Key),
}

const SOURCE: &str = "sources[].";

/// Where the keys of credentials stand, and again those of the key that assumes a role.
pub(super) const CREDENTIALS: &str = "sources[].credentials.";
pub(super) const BASE: &str = "sources[].credentials.base.";

/// The kind of a path that names a file with a secret.
pub(super) const SECRET_FILE: Kind = Kind::Path;

impl Key {
    /// Whether the key is set for all sources at once, in the file or the environment.
    pub(super) fn is_global(&self) -> bool {
        matches!(self.scope, Scope::Global | Scope::PerSource)
    }
}

/// Shows the path only; values of keys are nowhere in here.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.path).finish()
    }
}

/// The key at `path`.
///
/// # Panics
/// If the table has no such key; every caller writes one down.
pub(crate) fn named(path: &str) -> &'static Key {
    KEYS.iter().find(|key| key.path == path).expect("callers name keys of the table")
}

/// What stands at `path`, in which every source is `sources[]`.
pub(super) fn at(path: &str) -> Option<Place> {
    if path == "sources" {
        return Some(Place::Sources);
    }
    let group = format!("{path}.");
    places().find_map(|(place, key)| {
        if place == path {
            return Some(Place::Value(key));
        }
        if key.privacy == Privacy::Secret && path.strip_suffix("_file") == Some(&place) {
            return Some(Place::SecretFile(key));
        }
        place.starts_with(&group).then_some(Place::Group)
    })
}

/// The paths at which a key may stand by the side of, or somewhere else than, a mistaken one.
pub(super) fn known_paths() -> impl Iterator<Item = String> {
    let groups = ["poll", "api", "metrics", "metrics.targets", "state", "sources", "sources[].credentials"];
    let twins =
        places().filter(|(_, key)| key.privacy == Privacy::Secret).map(|(place, _)| format!("{place}_file"));
    let of_source = ["sources[].poll", "sources[].api", "sources[].credentials.base"];
    let groups = groups.into_iter().chain(of_source).map(str::to_owned);
    groups.chain(places().map(|(place, _)| place)).chain(twins)
}

/// The flag that `path` was meant to set, whatever joins its words: `log_level`,
/// `web.listen_address`, `level`.
pub(super) fn meant_flag(path: &str) -> Option<&'static Key> {
    let words = |path: &str| path.to_ascii_lowercase().replace(['.', '-'], "_");
    let name = |key: &Key| key.path.rsplit('.').next().map(words);
    let flags = || KEYS.iter().filter(|key| key.scope == Scope::Flag);
    let last = path.rsplit('.').next().map(words);
    let alike = flags().find(|key| name(key) == last);
    alike.or_else(|| {
        let near = nearest(&words(path), flags().map(|key| words(key.path)))?;
        flags().find(|key| words(key.path) == near)
    })
}

/// Every key at every path where it may stand.
fn places() -> impl Iterator<Item = (String, &'static Key)> {
    KEYS.iter().flat_map(|key| {
        let again = match key.scope {
            Scope::PerSource => Some(format!("{SOURCE}{}", key.path)),
            Scope::Credentials => Some(key.path.replacen(CREDENTIALS, BASE, 1)),
            _ => None,
        };
        [Some(key.path.to_owned()), again].into_iter().flatten().map(move |place| (place, key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::config::ValueKind;

    #[test]
    fn every_default_is_a_value_of_its_kind() {
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            let value = ValueKind::from(key.default);
            let value =
                if let Kind::Texts(_) = key.kind { ValueKind::from(vec![key.default]) } else { value };
            assert!(key.kind.read(&value).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn no_two_keys_share_a_path() {
        let mut paths: Vec<_> = known_paths().collect();
        paths.sort();
        assert!(paths.windows(2).all(|pair| pair[0] != pair[1]), "{paths:?}");
    }

    #[test]
    fn every_known_path_is_found_and_no_other() {
        for path in known_paths() {
            assert!(at(&path).is_some(), "{path}");
        }
        for path in ["", "poll.", "sources[]", "sources[].state.path", "web", "sources[].web.telemetry-path"]
        {
            assert!(!matches!(at(path), Some(Place::Value(_) | Place::SecretFile(_))), "{path}");
        }
    }

    #[test]
    fn target_types_are_those_that_the_api_can_filter_by() {
        use crate::model::TargetType;
        let Kind::Words(words) = named("sources[].target_types").kind else { panic!("a list of words") };
        let known: Vec<_> =
            TargetType::ALL.iter().filter(|kind| kind.code().is_some()).map(|kind| kind.as_str()).collect();
        assert_eq!(words, known);
    }
}
