//! The one table of keys: everything that can be configured, for the reader, the command line
//! and the docs.

use std::fmt;

use crate::error::nearest;

use super::forms;
use super::kind::Kind;

/// Where a key may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the file or the environment, for all sources.
    Global,
    /// As [`Self::Global`], and again in a source for that source alone.
    PerSource,
    /// In each source of the file.
    Source,
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

/// The kind of a path that names a file with a secret.
pub(super) const SECRET_FILE: Kind = Kind::Path;

const SOURCE: &str = "sources[].";

/// The words of [`crate::model::TargetType`] that the API can filter by.
const TARGET_TYPES: &[&str] =
    &["snapshot", "image", "user_snapshot", "user_image", "nas", "sandbox", "security_fix"];

/// `credentials.type`.
const CREDENTIALS_TYPE: Kind = Kind::WordSoFar(
    &["default", "access_key", "sts", "env"],
    &["ecs_ram_role", "oidc", "ram_role_arn", "profile", "uri"],
);

/// Reads as: path, scope, privacy; kind; default; help.
macro_rules! keys {
    ($(
        $path:literal $scope:ident $privacy:ident $kind:expr, $default:literal, $help:literal;
    )+) => {
        /// All keys.
        pub const KEYS: &[Key] = &[$(Key {
            path: $path,
            kind: $kind,
            default: $default,
            help: $help,
            scope: Scope::$scope,
            privacy: Privacy::$privacy,
        },)+];
    };
}

keys! {
    "poll.interval" PerSource Open Kind::Duration("1s", "1d"), "2m",
        "a poll of a source starts every interval";
    "poll.stall_timeout" PerSource Open Kind::Duration("1s", "1h"), "2m",
        "a poll that gets no page for so long is abandoned and counts as failed";
    "poll.lookback" PerSource Open Kind::Duration("1m", "400d"), "7d",
        "gauges count tasks that started within it, or still run";
    "poll.full_every" PerSource Open Kind::Duration("1s", "30d"), "6h",
        "time between two full listings; between them only what changed is asked for";
    "poll.stale_after" PerSource Open Kind::Duration("1s", "30d"), "15m",
        "least age at which a snapshot is stale; also at least 3 intervals and 3 times the last poll";
    "api.page_size" PerSource Open Kind::Whole(1, 1000), "50",
        "rows asked for at a time; the server may give fewer";
    "api.concurrency" PerSource Open Kind::Whole(1, 64), "2",
        "pages in flight, shared by sources with the same credentials";
    "api.requests_per_second" PerSource Open Kind::Number(0.001, 1000.0), "2",
        "most requests a second, shared by sources with the same credentials";
    "api.max_attempts" PerSource Open Kind::Whole(1, 20), "5",
        "attempts of one request, in all";
    "api.connect_timeout" PerSource Open Kind::Duration("100ms", "1m"), "5s",
        "most time to open a connection, with TLS";
    "api.request_timeout" PerSource Open Kind::Duration("100ms", "10m"), "30s",
        "most time from sending a request to the end of its answer";
    "api.signature" PerSource Open Kind::Word(&["acs3-hmac-sha256", "hmac-sha1"]), "acs3-hmac-sha256",
        "how requests are signed; hmac-sha1 is RPC signature 1.0";
    "api.proxy" PerSource Secret Kind::Text(forms::PROXY), "",
        "URL of a proxy; without one HTTPS_PROXY and NO_PROXY count";
    "api.ca_file" PerSource Open Kind::Path, "",
        "PEM file with an extra trusted CA";
    "metrics.targets.keep" Global Open Kind::Duration("0s", "3650d"), "35d",
        "the last finished state of a target outlives the look-back by this";
    "metrics.targets.mode" Global Open Kind::Word(&["off", "failing", "all"]), "failing",
        "which targets have series of their own: those whose latest finished scan did not complete, or all; with \
         off none have, and the status page and `once` name none";
    "metrics.targets.limit" Global Open Kind::Whole(0, 100_000), "2000",
        "most targets with series per source, failing ones first; also most entries of each list of the status page \
         and `once`";
    "metrics.targets.names" Global Open Kind::Flag, "true",
        "whether instance and target names are shown, beside the Uuid of a target; without them a target that has no \
         Uuid is not shown";
    "state.path" Global Open Kind::Path, "",
        "file in which the counters of scans and what was seen survive a restart, also after kill -9; without one, or with \
         \"\", they start at 0, and `path:` without a value is a mistake. It is made, its folder is not; one process at a time \
         may have it, and check-config looks at it without changing it";
    "sources[].name" Source Open Kind::Text(forms::NAME), "",
        "unique name, the label `source`";
    "sources[].region" Source Open Kind::Text(forms::REGION), "",
        "region id, which picks the endpoint";
    "sources[].endpoint" Source Private Kind::Text(forms::ENDPOINT), "",
        "URL of the API, instead of the region's";
    "sources[].allow_http" Source Open Kind::Flag, "false",
        "allow an http:// endpoint that is not loopback";
    "sources[].network" Source Open Kind::Word(&["public", "vpc"]), "public",
        "whether the region is asked over the internet or inside a VPC";
    "sources[].listing" Source Open Kind::Word(&["auto", "flat", "per_root", "root"]), "auto",
        "how scan tasks are listed, which depends on the account: flat takes all at once, per_root those of each \
         main task, root the main tasks themselves; auto finds out";
    "sources[].target_types" Source Open Kind::Words(TARGET_TYPES), "",
        "types of targets to list; none for all";
    "sources[].labels" Source Private Kind::Labels, "",
        "extra labels of agentless_exporter_source_info";
    "sources[].credentials.type" Source Private CREDENTIALS_TYPE, "default",
        "where the access key comes from: default, access_key, sts or env";
    "sources[].credentials.access_key_id" Source Private Kind::Text(forms::KEY_ID), "",
        "id of the access key, for the types access_key and sts";
    "sources[].credentials.access_key_secret" Source Secret Kind::Text(forms::SECRET), "",
        "secret of the access key, for the types access_key and sts";
    "sources[].credentials.security_token" Source Secret Kind::Text(forms::SECRET), "",
        "token of a temporary access key, for the type sts";
    "web.listen-address" Flag Open Kind::Texts(forms::LISTEN_ADDRESS), ":9982",
        "address to listen on: HOST:PORT or :PORT; may be repeated";
    "web.telemetry-path" Flag Open Kind::Text(forms::TELEMETRY_PATH), "/metrics",
        "path of the exposition";
    "log.level" Flag Open Kind::Word(&["error", "warn", "info", "debug", "trace"]), "info",
        "least severe level that is logged";
    "log.format" Flag Open Kind::Word(&["logfmt", "json"]), "logfmt",
        "form of a log line";
}

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
    let groups = groups.into_iter().chain(["sources[].poll", "sources[].api"]).map(str::to_owned);
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
        let in_source = (key.scope == Scope::PerSource).then(|| format!("{SOURCE}{}", key.path));
        [Some(key.path.to_owned()), in_source].into_iter().flatten().map(move |place| (place, key))
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
