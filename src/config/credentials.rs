//! The credentials of a source.

use crate::credentials::{Config, EcsRamRole, Oidc, Profile, Role, StsPlace, Written};
use crate::rpc::{Endpoint, EndpointError};
use crate::secret::Secret;

use super::values::Values;
use super::{outside, parse};
use crate::mistakes::Mistakes;

/// The types of credentials that assume a role.
const ROLES: &[&str] = &["ram_role_arn", "oidc"];

/// Those that may lead to a role too.
const MAY_ASSUME: &[&str] = &["default", "oidc", "ram_role_arn", "profile"];

/// Every type of credentials.
const ALL: &[&str] =
    &["default", "access_key", "sts", "env", "ecs_ram_role", "oidc", "ram_role_arn", "profile", "uri"];

/// The types of credentials that use each key.
const USES: &[(&str, &[&str])] = &[
    ("access_key_id", &["access_key", "sts"]),
    ("access_key_secret", &["access_key", "sts"]),
    ("security_token", &["sts"]),
    ("role_name", &["ecs_ram_role"]),
    ("disable_imds_v1", &["ecs_ram_role"]),
    ("role_arn", &["ram_role_arn", "oidc"]),
    ("role_session_name", &["ram_role_arn", "oidc"]),
    ("session_duration", &["ram_role_arn", "oidc"]),
    ("policy", &["ram_role_arn", "oidc"]),
    ("external_id", &["ram_role_arn"]),
    ("sts_region", MAY_ASSUME),
    ("sts_network", MAY_ASSUME),
    // Without a role `check-config --live` alone asks there.
    ("sts_endpoint", ALL),
    ("oidc_provider_arn", &["oidc"]),
    ("oidc_token_file", &["oidc"]),
    ("profile", &["profile"]),
    ("profile_path", &["profile"]),
    ("allow_exec", &["profile"]),
    ("uri", &["uri"]),
];

/// The group of the key that assumes a role.
const BASE: &str = "base.";

/// The types of credentials that use the key `name`; none if there is no such key.
pub fn users_of(name: &str) -> &'static [&'static str] {
    USES.iter().find(|(key, _)| *key == name).map_or(&[], |(_, types)| types)
}

/// The same for the key that assumes a role: nobody asks whose that is, and what a profile or the
/// default chain leads to is asked for where the role is assumed.
pub fn users_in_base_of(name: &str) -> &'static [&'static str] {
    if name.starts_with("sts_") { ROLES } else { users_of(name) }
}

/// The keys that credentials of this type can't do without.
pub fn needed_by(word: &str) -> &'static [&'static str] {
    match word {
        "access_key" => &["access_key_id", "access_key_secret"],
        "sts" => &["access_key_id", "access_key_secret", "security_token"],
        "ram_role_arn" => &["role_arn"],
        _ => &[],
    }
}

/// The credentials whose keys stand below one path.
pub(super) struct Credentials<'a> {
    pub(super) values: &'a Values,
    /// `sources[0].credentials.`
    pub(super) at: String,
    /// Which source of which file, for the mistakes.
    pub(super) origin: &'a str,
    /// Where the Security Token Service is unless they say it: where their key assumes a role.
    pub(super) sts: StsPlace,
    pub(super) mistakes: &'a mut Mistakes,
}

impl Credentials<'_> {
    /// Builds them, and where the Security Token Service is asked about them. What is wrong with
    /// them is added to the mistakes.
    pub(super) fn build(mut self) -> (Config, StsPlace) {
        if self.mistakes.concern(&self.key("type")) {
            return (Config::Default, StsPlace::default());
        }
        let word = self.text("type").unwrap_or_else(|| "default".to_owned());
        self.check_uses(&word);
        let sts = self.sts_place().or(self.sts.clone());
        (self.config(&word, sts.clone()), sts)
    }

    fn config(mut self, word: &str, sts: StsPlace) -> Config {
        match word {
            "access_key" => Config::AccessKey {
                id: self.written("access_key_id"),
                secret: self.written("access_key_secret"),
            },
            "sts" => Config::Sts {
                id: self.written("access_key_id"),
                secret: self.written("access_key_secret"),
                token: self.written("security_token"),
            },
            "env" => Config::Env,
            "ecs_ram_role" => Config::EcsRamRole(EcsRamRole {
                name: self.text("role_name"),
                disable_v1: self.flag("disable_imds_v1"),
            }),
            "oidc" => Config::Oidc(Oidc {
                role: self.role(sts),
                provider_arn: self.text("oidc_provider_arn"),
                token_file: self.values.path(&self.key("oidc_token_file")),
            }),
            "ram_role_arn" => {
                let role = self.role(sts);
                let (base, _) = Credentials { at: self.key(BASE), sts: role.sts.clone(), ..self }.build();
                Config::RamRoleArn { base: Box::new(base), role }
            }
            "profile" => Config::Profile(Profile {
                name: self.text("profile"),
                file: self.values.path(&self.key("profile_path")),
                allow_exec: self.flag("allow_exec"),
            }),
            "uri" => Config::Uri(self.given("uri").then(|| self.written("uri"))),
            _ => Config::Default,
        }
    }

    /// Every key that is given must be of use, and every key that is needed given.
    fn check_uses(&mut self, word: &str) {
        let users = if self.at.ends_with(BASE) { users_in_base_of } else { users_of };
        for (name, _) in USES {
            let types = users(name);
            let is_used = types.contains(&word);
            if self.given(name) && !is_used {
                let types: Vec<_> = types.iter().map(|word| format!("type: {word}")).collect();
                let other = match word {
                    // The key that assumes the role, most likely.
                    "ram_role_arn" => format!("put it below `base` with {}", types.join(" or ")),
                    _ => format!("set {}", types.join(" or ")),
                };
                let text = format!("is not used by credentials of type {word}; leave it out or {other}");
                self.mistake(name, text);
            }
        }
        if word != "ram_role_arn" && self.values.has_any(&self.key(BASE)) {
            let text =
                format!("is not used by credentials of type {word}; leave it out or set type: ram_role_arn");
            self.mistake("base", text);
        }
        for name in needed_by(word) {
            let is_told = self.mistakes.concern(&self.key(name));
            if !self.given(name) && !is_told {
                let has_twin = *name != "role_arn";
                let file = if has_twin { format!(" or {name}_file") } else { String::new() };
                self.mistake(name, format!("is missing; credentials of type {word} need {name}{file}"));
            }
        }
    }

    fn role(&mut self, sts: StsPlace) -> Role {
        Role {
            arn: self.text("role_arn"),
            session_name: self.text("role_session_name"),
            duration: self.values.duration(&self.key("session_duration")),
            policy: self.text("policy"),
            external_id: self.given("external_id").then(|| self.written("external_id")),
            sts,
        }
    }

    fn sts_place(&mut self) -> StsPlace {
        StsPlace {
            region: self.text("sts_region"),
            vpc: self.text("sts_network").map(|network| network == "vpc"),
            endpoint: self.sts_endpoint(),
        }
    }

    fn sts_endpoint(&mut self) -> Option<Endpoint> {
        match Endpoint::parse(&self.text("sts_endpoint")?, false) {
            Ok(endpoint) => Some(endpoint),
            Err(EndpointError::PlainHttp) => {
                self.mistake("sts_endpoint", "http:// is for loopback only; use https://");
                None
            }
            Err(error) => {
                self.mistake("sts_endpoint", error.to_string());
                None
            }
        }
    }

    /// The secret at `name`, or in the file of its twin, which is checked now and read again later.
    fn written(&mut self, name: &str) -> Written {
        let path = self.key(name);
        let check = match name {
            "access_key_id" => parse::key_id,
            "uri" => parse::uri,
            _ => parse::secret,
        };
        let value = outside::secret(self.values, &path, check, self.origin, self.mistakes);
        match self.values.path(&format!("{path}_file")) {
            Some(file) => Written::In(file),
            None => Written::Here(value.unwrap_or_else(|| Secret::new(""))),
        }
    }

    /// Whether there is a value for `name`, be it in a file.
    fn given(&self, name: &str) -> bool {
        let path = self.key(name);
        let is_blank = self.values.text(&path).is_none()
            && self.values.duration(&path).is_none()
            && self.values.flag(&path).is_none();
        !is_blank || self.values.text(&format!("{path}_file")).is_some()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.values.text(&self.key(name)).map(str::to_owned)
    }

    fn flag(&self, name: &str) -> bool {
        self.values.flag(&self.key(name)).unwrap_or(false)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.at)
    }

    fn mistake(&mut self, name: &str, text: impl Into<String>) {
        self.mistakes.add(self.key(name), self.origin, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{CREDENTIALS, KEYS};

    #[test]
    fn every_type_of_credentials_is_among_all() {
        assert_eq!(KEYS.iter().find(|key| key.path.ends_with("credentials.type")).unwrap().kind.words(), ALL);
    }

    #[test]
    fn every_key_of_credentials_is_of_use_to_some_type() {
        let names = KEYS.iter().filter_map(|key| key.path.strip_prefix(CREDENTIALS));
        let unused: Vec<_> = names.filter(|name| *name != "type" && users_of(name).is_empty()).collect();
        assert_eq!(unused, [""; 0]);
    }
}
