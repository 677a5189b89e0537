//! What a profile says, whichever kind of file it stands in.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::credentials::config::Config;
use crate::env::Env;
use crate::secret::{Secret, Written};

/// Variables that stand in for what a profile of a role leaves out.
pub(super) const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
pub(super) const PROVIDER_ARN: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
pub(super) const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";

/// How long the Security Token Service lends a role, in seconds.
const LENT_FOR: std::ops::RangeInclusive<u64> = 900..=43_200;

/// Most characters of a name that is told.
const MOST_SHOWN: usize = 64;

/// Where a profile gets its key from. Two that are equal lead to the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Says {
    /// Its mode, as it is written.
    pub(super) mode: &'static str,
    /// The same as a configuration of its own; at the root of it the profile itself, if that is
    /// one whose program gives the key.
    pub(super) config: Config,
    /// That program with its arguments, which may hold passwords.
    pub(super) command: Option<Secret>,
}

impl Says {
    pub(super) fn of(mode: &'static str, config: Config) -> Self {
        Self { mode, config, command: None }
    }
}

/// Why a profile is no use. No text holds the value of a field, but for names of profiles and modes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    /// It has a place for a key, and no key: the CLI writes such ones for who has not set it up.
    #[error("it holds no access key")]
    NoKey,
    /// The file calls it its current one.
    #[error("the file calls it its current one and does not have it")]
    NotThere,
    /// A field is missing or blank.
    #[error("it has no `{0}`")]
    Lacks(&'static str),
    /// So is the variable that may stand in for it.
    #[error("it has no `{0}`, and {1} is not set")]
    LacksBoth(&'static str, &'static str),
    /// A field holds something else.
    #[error("its `{field}` is not {expected}")]
    Not {
        /// The field.
        field: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// Nobody knows it.
    #[error("its `{field}` is {word}, which is not known; known are {known}")]
    Unknown {
        /// `mode` or `type`.
        field: &'static str,
        /// Its value, made fit to be shown.
        word: String,
        /// All that can be used.
        known: &'static str,
    },
    /// It can't be used here.
    #[error("{mode} is not supported: {why}; use {instead}")]
    Refused {
        /// Its mode or type.
        mode: &'static str,
        /// The reason.
        why: &'static str,
        /// What does the same.
        instead: &'static str,
    },
    /// Running programs is not allowed.
    #[error(
        "its `process_command` would be run, which is not allowed; if whoever can write this file may run \
         programs here, set credentials.type to profile and credentials.allow_exec to true"
    )]
    NoExec,
    /// It leads to itself.
    #[error("its source profiles go round in a circle: {0}")]
    Loop(String),
    /// Its source is not in the file.
    #[error("the profile {0}, which it names as its `source_profile`, is not in the file")]
    NoSource(String),
    /// Its source is no use.
    #[error("its source profile {name} is no use")]
    Source {
        /// Name of the source.
        name: String,
        /// Why.
        source: Box<Flaw>,
    },
}

/// The fields of a profile, some of which are secret.
pub(super) struct Fields<'f>(pub(super) &'f Map<String, Value>);

impl Fields<'_> {
    /// The text in `field`; a blank one counts as absent, as `null` does.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<String>, Flaw> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let text = text.trim();
                Ok((!text.is_empty()).then(|| text.to_owned()))
            }
            Some(_) => Err(Flaw::Not { field, expected: "text in quotes" }),
        }
    }

    /// The text in `field`, which must be there.
    pub(super) fn needed(&self, field: &'static str) -> Result<String, Flaw> {
        self.text(field)?.ok_or(Flaw::Lacks(field))
    }

    /// The text in `field`; `None` only if the environment has it instead.
    pub(super) fn here_or_in(
        &self,
        field: &'static str,
        env: &Env,
        variable: &'static str,
    ) -> Result<Option<String>, Flaw> {
        match self.text(field)? {
            None if env.get(variable).is_none() => Err(Flaw::LacksBoth(field, variable)),
            text => Ok(text),
        }
    }

    /// For how long a role is to be lent; 0 is what the CLI writes for who has not said it.
    pub(super) fn lent_for(&self, field: &'static str) -> Result<Option<Duration>, Flaw> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64() {
                Some(0) => Ok(None),
                Some(seconds) if LENT_FOR.contains(&seconds) => Ok(Some(Duration::from_secs(seconds))),
                _ => Err(Flaw::Not { field, expected: "a whole number of seconds from 900 to 43200" }),
            },
        }
    }

    /// The answer in `field` to a question.
    pub(super) fn whether(&self, field: &'static str) -> Result<Option<bool>, Flaw> {
        match self.0.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(_) => Err(Flaw::Not { field, expected: "true or false" }),
        }
    }

    /// The long-term key that both kinds of files hold in fields of the same names.
    pub(super) fn access_key(&self) -> Result<Config, Flaw> {
        let (id, secret) = (self.text("access_key_id")?, self.text("access_key_secret")?);
        match (id, secret) {
            (Some(id), Some(secret)) => Ok(Config::AccessKey { id: here(id), secret: here(secret) }),
            (None, None) => Err(Flaw::NoKey),
            (None, Some(_)) => Err(Flaw::Lacks("access_key_id")),
            (Some(_), None) => Err(Flaw::Lacks("access_key_secret")),
        }
    }

    /// The same for a profile that says more, so that one without a key is not one that nobody set up.
    pub(super) fn base_key(&self) -> Result<Config, Flaw> {
        self.access_key().map_err(|flaw| match flaw {
            Flaw::NoKey => Flaw::Lacks("access_key_id"),
            flaw => flaw,
        })
    }
}

/// A value that stands in the file itself.
pub(super) fn here(text: String) -> Written {
    Written::Here(Secret::new(text))
}

/// `name` as a message may show it: of any file, so of any length and form.
pub(super) fn shown(name: &str) -> String {
    let mut chars = name.chars().filter(|c| !crate::text::controls(*c));
    let start: String = chars.by_ref().take(MOST_SHOWN).collect();
    if chars.next().is_some() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_form_is_shown_without_what_moves_text_and_to_a_limit() {
        assert_eq!(shown("prod\u{202e}\n"), "prod");
        assert_eq!(shown(&"é".repeat(65)), format!("{}…", "é".repeat(64)));
    }
}
