//! What all documents say of a key.

use agentless_exporter::config::{Key, Kind, Privacy, Scope};

/// The help of a key as a sentence.
pub(crate) fn sentence(key: &Key) -> String {
    key.help[..1].to_uppercase() + &key.help[1..] + "."
}

/// Which values it takes. How durations are written is told once, elsewhere.
pub(crate) fn takes(key: &Key) -> String {
    match key.kind {
        Kind::Duration(least, most) => format!("a duration from {least} to {most}"),
        kind => kind.expected(),
    }
}

/// The name without its groups.
pub(crate) fn name(key: &Key) -> &'static str {
    key.path.rsplit('.').next().unwrap_or_default()
}

/// The path of the file that may hold the secret instead.
pub(crate) fn twin(key: &Key) -> Option<String> {
    (key.privacy == Privacy::Secret).then(|| format!("{}_file", key.path))
}

/// Whether it is set for all sources at once, in the file or the environment.
pub(crate) fn is_global(key: &Key) -> bool {
    matches!(key.scope, Scope::Global | Scope::PerSource)
}

/// The default as YAML.
pub(crate) fn yaml(key: &Key) -> String {
    match key.kind {
        Kind::Words(_) | Kind::Texts(_) => "[]".to_owned(),
        Kind::Labels => "{}".to_owned(),
        _ if key.default.is_empty() => "\"\"".to_owned(),
        _ => key.default.to_owned(),
    }
}

/// What each word of `credentials.type` means.
///
/// # Panics
/// On a word that has no line here yet.
pub(crate) fn credentials_type(word: &str) -> (&'static str, &'static str) {
    match word {
        "default" => (
            "the first of the vendor's places that has a key; in this version the environment only, as `env`",
            "nothing",
        ),
        "access_key" => ("a long-term access key of a RAM user", "`access_key_id`, `access_key_secret`"),
        "sts" => (
            "a temporary access key with its token; it is not renewed",
            "`access_key_id`, `access_key_secret`, `security_token`",
        ),
        "env" => (
            "`ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for a temporary key, \
             `ALIBABA_CLOUD_SECURITY_TOKEN` of the environment",
            "nothing",
        ),
        other => panic!("say here what `{other}` means"),
    }
}
