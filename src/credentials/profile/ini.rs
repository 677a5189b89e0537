//! The SDKs' INI file, read by the rules of the vendor's SDK for Python (its `configparser`, and its
//! own rule that `#` ends a value): one section each profile.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::credentials::config::{Config, EcsRamRole, Oidc, Role};
use crate::env::Env;

use super::says::{Fields, Flaw, PROVIDER_ARN, ROLE_ARN, Says, TOKEN_FILE, shown};

/// Types that can be used.
const KNOWN: &str = "access_key, ram_role_arn, oidc_role_arn and ecs_ram_role";

/// The section whose values all others have that have none of their own.
const FOR_ALL: &str = "DEFAULT";

/// A file of sections.
pub(super) struct IniFile(BTreeMap<String, Map<String, Value>>);

/// Shows nothing of the profiles but their names: they hold keys.
impl fmt::Debug for IniFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IniFile").field(&self.0.keys()).finish()
    }
}

/// What is wrong with a whole file. Its content is not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of it {wrong}")]
pub(super) struct IniFileError {
    line: usize,
    wrong: &'static str,
}

impl IniFile {
    /// Reads the file `text`.
    ///
    /// # Errors
    /// If a line of it is neither a section, nor a value, nor a comment, or comes twice.
    pub(super) fn read(text: &str) -> Result<Self, IniFileError> {
        let mut sections: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        let mut section: Option<String> = None;
        // The value that a line indented deeper than it goes on with, and how deep it is itself.
        let mut open: Option<(String, usize)> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let wrong = |wrong| IniFileError { line: number, wrong };
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let depth = line.len() - line.trim_start().len();
            if let (Some((key, of)), Some(name)) = (&open, &section)
                && depth > *of
            {
                let value = sections.get_mut(name).and_then(|values| values.get_mut(key));
                value.into_iter().for_each(|value| *value = format!("{value}\n{content}"));
            } else if let Some(rest) = content.strip_prefix('[') {
                let (name, _) = rest.rsplit_once(']').ok_or_else(|| wrong("has no ] after its ["))?;
                if sections.insert(name.to_owned(), BTreeMap::new()).is_some() && name != FOR_ALL {
                    return Err(wrong("starts a section that was there before"));
                }
                (section, open) = (Some(name.to_owned()), None);
            } else {
                let name = section.as_ref().ok_or_else(|| wrong("stands before the first [section]"))?;
                let (key, value) = content
                    .split_once(['=', ':'])
                    .ok_or_else(|| wrong("is not of the form `key = value`"))?;
                let key = key.trim().to_lowercase();
                let values = sections.entry(name.clone()).or_default();
                if values.insert(key.clone(), value.trim().to_owned()).is_some() {
                    return Err(wrong("sets again what was set before in its section"));
                }
                open = Some((key, depth));
            }
        }
        Ok(Self::of(sections))
    }

    fn of(mut sections: BTreeMap<String, BTreeMap<String, String>>) -> Self {
        let for_all = sections.remove(FOR_ALL).unwrap_or_default();
        let cut = |value: String| match value.split_once('#') {
            Some((value, _)) => value.trim().to_owned(),
            None => value,
        };
        let whole = |own: BTreeMap<String, String>| {
            let all = for_all.clone().into_iter().chain(own);
            all.map(|(key, value)| (key, Value::String(cut(value)))).collect()
        };
        Self(sections.into_iter().map(|(name, own)| (name, whole(own))).collect())
    }

    /// What the profile `name` says; `None` without such a one.
    ///
    /// # Errors
    /// If it is no use.
    pub(super) fn says(&self, name: &str, env: &Env) -> Result<Option<Says>, Flaw> {
        let Some(section) = self.0.get(name) else { return Ok(None) };
        let fields = Fields(section);
        let kind = fields.needed("type")?;
        let says = match kind.as_str() {
            "access_key" => Says::of("access_key", fields.access_key()?),
            "ram_role_arn" => {
                let base = Box::new(fields.base_key()?);
                let role = role(&fields, env)?;
                Says::of("ram_role_arn", Config::RamRoleArn { base, role })
            }
            "oidc_role_arn" => Says::of("oidc_role_arn", Config::Oidc(oidc(&fields, env)?)),
            "ecs_ram_role" => {
                let role = EcsRamRole { name: fields.text("role_name")?, disable_v1: false };
                Says::of("ecs_ram_role", Config::EcsRamRole(role))
            }
            "rsa_key_pair" => {
                return Err(Flaw::Refused {
                    mode: "rsa_key_pair",
                    why: "this program makes no sessions from a pair of RSA keys",
                    instead: "ram_role_arn",
                });
            }
            _ => return Err(Flaw::Unknown { field: "type", word: shown(&kind), known: KNOWN }),
        };
        Ok(Some(says))
    }
}

fn role(fields: &Fields<'_>, env: &Env) -> Result<Role, Flaw> {
    Ok(Role {
        arn: fields.here_or_in("role_arn", env, ROLE_ARN)?,
        session_name: fields.text("role_session_name")?,
        policy: fields.text("policy")?,
        ..Role::default()
    })
}

fn oidc(fields: &Fields<'_>, env: &Env) -> Result<Oidc, Flaw> {
    Ok(Oidc {
        role: role(fields, env)?,
        provider_arn: fields.here_or_in("oidc_provider_arn", env, PROVIDER_ARN)?,
        token_file: fields.here_or_in("oidc_token_file_path", env, TOKEN_FILE)?.map(Into::into),
    })
}

#[cfg(test)]
#[path = "ini_tests.rs"]
mod tests;
