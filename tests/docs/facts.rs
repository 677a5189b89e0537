//! What all documents say of a key.

use agentless_exporter::config::{KEYS, Key, Kind, Privacy, Scope, needed_by, users_of};

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
pub(crate) fn credentials_type(word: &str) -> &'static str {
    match word {
        "default" => {
            "the first that there is of: `env`, `oidc` by the environment, the CLI's profile, the INI file, the \
                      role of the machine, `uri` by the environment"
        }
        "access_key" => "a long-term access key of a RAM user",
        "sts" => "a temporary access key with its token, which somebody else renews",
        "env" => {
            "`ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and, for a temporary key, \
                  `ALIBABA_CLOUD_SECURITY_TOKEN` of the environment"
        }
        "ecs_ram_role" => "that of the role of the ECS instance or the node, from the metadata service",
        "oidc" => "that of a role which the service account of a pod may assume (RRSA)",
        "ram_role_arn" => "that of a role, perhaps of another account, which the key of `base` assumes",
        "profile" => "what a profile of the vendor's CLI or SDKs leads to",
        "uri" => "what a service beside the exporter gives",
        other => panic!("say here what `{other}` means"),
    }
}

/// The keys that credentials of a type need, and those that they take beside them.
pub(crate) fn needs_and_takes(word: &str) -> (String, String) {
    let needed = needed_by(word);
    let names = KEYS.iter().filter_map(|key| key.path.strip_prefix("sources[].credentials."));
    let base = (word == "ram_role_arn").then_some("base");
    let more = names.filter(|name| users_of(name).contains(&word) && !needed.contains(name)).chain(base);
    let listed = |names: Vec<&str>| match names.as_slice() {
        [] => "nothing".to_owned(),
        names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    };
    (listed(needed.to_vec()), listed(more.collect()))
}
