//! The CLI's file: JSON with a list of profiles and the name of the current one. It is never written.

use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

use crate::credentials::config::{Config, EcsRamRole, Oidc, Profile, Role, StsPlace};
use crate::env::Env;
use crate::secret::Secret;

use super::says::{Fields, Flaw, PROVIDER_ARN, ROLE_ARN, Says, TOKEN_FILE, here, shown};

/// Modes that can be used.
const KNOWN: &str = "AK, StsToken, RamRoleArn, EcsRamRole, OIDC, ChainableRamRoleArn and External";

/// Why a mode is refused that lives by writing what a person allowed.
const NEEDS_A_PERSON: &str = "a person has to log in with the CLI again and again, and the tokens of that \
                              login have to be written back to the file, which this program never does";
const WITHOUT_A_PERSON: &str = "a profile that needs nobody, such as EcsRamRole, OIDC or RamRoleArn";

/// A file of the CLI.
pub(super) struct CliFile {
    /// Name of the profile that is used where none is named.
    pub(super) current: Option<String>,
    profiles: Vec<Map<String, Value>>,
}

/// What is wrong with a whole file. Its content is not told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CliFileError {
    /// Not JSON, or not all of it.
    #[error("it is not JSON, or not all of it (line {line}, column {column})")]
    NotJson {
        /// Where reading ended.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// Something else in JSON.
    #[error("it is JSON, but not a file of the CLI: {0}")]
    OtherJson(&'static str),
}

/// What else a profile is read with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'s> {
    /// The file.
    pub(super) file: &'s Path,
    /// What stands in for absent fields.
    pub(super) env: &'s Env,
    /// Whether a program may be run.
    pub(super) allow_exec: bool,
}

/// Shows nothing of the profiles: they hold keys.
impl fmt::Debug for CliFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CliFile").field("current", &self.current).finish_non_exhaustive()
    }
}

impl CliFile {
    /// Whether it has no profile at all.
    pub(super) fn is_empty(&self) -> bool {
        self.profiles.is_empty()
    }

    /// Reads the file `text`.
    ///
    /// # Errors
    /// If it is no file of the CLI. What stands in its profiles is not looked at.
    pub(super) fn read(text: &str) -> Result<Self, CliFileError> {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| CliFileError::NotJson { line: error.line(), column: error.column() })?;
        let Value::Object(mut top) = json else {
            return Err(CliFileError::OtherJson("it is no object"));
        };
        let current = match top.remove("current") {
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            _ => None,
        };
        let profiles = match top.remove("profiles") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(profiles)) => profiles,
            Some(_) => return Err(CliFileError::OtherJson("its `profiles` is no list")),
        };
        let profiles = profiles.into_iter().map(|profile| match profile {
            Value::Object(profile) => Ok(profile),
            _ => Err(CliFileError::OtherJson("a profile of it is no object")),
        });
        Ok(Self { current, profiles: profiles.collect::<Result<_, _>>()? })
    }

    /// What the profile `name` says; `None` without such a one.
    ///
    /// # Errors
    /// If it is no use.
    pub(super) fn says(&self, name: &str, setting: Setting<'_>) -> Result<Option<Says>, Flaw> {
        let Some(profile) = self.profile(name) else { return Ok(None) };
        self.read_one(&profile, &[name], setting).map(Some)
    }

    /// The first one of that name.
    fn profile(&self, name: &str) -> Option<Fields<'_>> {
        let is_it = |profile: &&Map<String, Value>| profile.get("name").and_then(Value::as_str) == Some(name);
        self.profiles.iter().find(is_it).map(Fields)
    }

    /// Reads a profile at the end of `path`, the names of those that led to it and its own.
    fn read_one(&self, fields: &Fields<'_>, path: &[&str], setting: Setting<'_>) -> Result<Says, Flaw> {
        let mode = fields.needed("mode")?;
        let refused = |mode, why, instead| Err(Flaw::Refused { mode, why, instead });
        match mode.as_str() {
            "AK" => Ok(Says::of("AK", fields.access_key()?)),
            "StsToken" => {
                let id = here(fields.needed("access_key_id")?);
                let secret = here(fields.needed("access_key_secret")?);
                let token = here(fields.needed("sts_token")?);
                Ok(Says::of("StsToken", Config::Sts { id, secret, token }))
            }
            "RamRoleArn" => {
                let (base, role) = (Box::new(fields.base_key()?), role(fields, setting.env)?);
                Ok(Says::of("RamRoleArn", Config::RamRoleArn { base, role }))
            }
            "EcsRamRole" => {
                let role = EcsRamRole { name: fields.text("ram_role_name")?, disable_v1: false };
                Ok(Says::of("EcsRamRole", Config::EcsRamRole(role)))
            }
            "OIDC" => Ok(Says::of("OIDC", Config::Oidc(oidc(fields, setting.env)?))),
            "ChainableRamRoleArn" => self.chained(fields, path, setting),
            "External" => external(fields, path, setting),
            "CloudSSO" => refused("CloudSSO", NEEDS_A_PERSON, WITHOUT_A_PERSON),
            "OAuth" => refused("OAuth", NEEDS_A_PERSON, WITHOUT_A_PERSON),
            "RamRoleArnWithRoleName" => refused(
                "RamRoleArnWithRoleName",
                "only the CLI knows this mode, the SDKs do not",
                "ChainableRamRoleArn with a source profile of the mode EcsRamRole",
            ),
            "RsaKeyPair" => {
                refused("RsaKeyPair", "this program makes no sessions from a pair of RSA keys", "RamRoleArn")
            }
            "CredentialsURI" => refused(
                "CredentialsURI",
                "only the CLI knows this mode, the SDKs do not",
                "credentials of the type uri",
            ),
            _ => Err(Flaw::Unknown { field: "mode", word: shown(&mode), known: KNOWN }),
        }
    }

    /// A role that the key of another profile assumes.
    fn chained(&self, fields: &Fields<'_>, path: &[&str], setting: Setting<'_>) -> Result<Says, Flaw> {
        let name = fields.needed("source_profile")?;
        let path = [path, &[&name]].concat();
        if path[..path.len() - 1].contains(&name.as_str()) {
            let names: Vec<_> = path.iter().map(|name| shown(name)).collect();
            return Err(Flaw::Loop(names.join(" -> ")));
        }
        let source = self.profile(&name).ok_or_else(|| Flaw::NoSource(shown(&name)))?;
        let base = self.read_one(&source, &path, setting).map_err(|flaw| match flaw {
            // It tells all names itself.
            Flaw::Loop(_) => flaw,
            flaw => Flaw::Source { name: shown(&name), source: Box::new(flaw) },
        })?;
        let role = role(fields, setting.env)?;
        let config = Config::RamRoleArn { base: Box::new(base.config), role };
        Ok(Says { mode: "ChainableRamRoleArn", config, command: base.command })
    }
}

/// A program that gives the key. Of its profile there is no other configuration than by its name.
fn external(fields: &Fields<'_>, path: &[&str], setting: Setting<'_>) -> Result<Says, Flaw> {
    let command = Secret::new(fields.needed("process_command")?);
    if !setting.allow_exec {
        return Err(Flaw::NoExec);
    }
    let itself = Profile {
        name: path.last().map(|name| (*name).to_owned()),
        file: Some(setting.file.to_owned()),
        allow_exec: true,
    };
    Ok(Says { mode: "External", config: Config::Profile(itself), command: Some(command) })
}

fn role(fields: &Fields<'_>, env: &Env) -> Result<Role, Flaw> {
    Ok(Role {
        arn: fields.here_or_in("ram_role_arn", env, ROLE_ARN)?,
        session_name: fields.text("ram_session_name")?,
        duration: fields.lent_for("expired_seconds")?,
        policy: fields.text("policy")?,
        external_id: fields.text("external_id")?.map(here),
        sts: sts(fields)?,
    })
}

fn oidc(fields: &Fields<'_>, env: &Env) -> Result<Oidc, Flaw> {
    // The SDKs read the first name, the CLI writes the second one.
    let session_name = match fields.text("role_session_name")? {
        None => fields.text("ram_session_name")?,
        name => name,
    };
    let role = Role {
        arn: fields.here_or_in("ram_role_arn", env, ROLE_ARN)?,
        session_name,
        duration: fields.lent_for("expired_seconds")?,
        policy: fields.text("policy")?,
        external_id: None,
        sts: sts(fields)?,
    };
    Ok(Oidc {
        role,
        provider_arn: fields.here_or_in("oidc_provider_arn", env, PROVIDER_ARN)?,
        token_file: fields.here_or_in("oidc_token_file", env, TOKEN_FILE)?.map(Into::into),
    })
}

fn sts(fields: &Fields<'_>) -> Result<StsPlace, Flaw> {
    Ok(StsPlace { region: fields.text("sts_region")?, vpc: fields.whether("enable_vpc")?, endpoint: None })
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
