//! Which sources act for the same account, as far as the configuration tells.

use std::fmt;

use crate::env::Env;
use crate::secret::{Secret, Written};

use super::config::Config;
use super::env::ID;

/// Sources of the same account share limits, because the cloud counts requests by account.
#[derive(Clone, PartialEq, Eq)]
pub enum Account {
    /// That of the access key with this id.
    Key(String),
    /// That of whatever key these credentials lead to.
    Of(Box<Config>),
}

impl Account {
    /// The account of sources with the credentials `config`: by the id of their access key,
    /// wherever it comes from, if that is known without asking anybody.
    pub fn new(config: &Config, env: &Env) -> Self {
        let id = match config {
            Config::Default | Config::Env => env.get(ID),
            Config::AccessKey { id, .. } | Config::Sts { id, .. } => match id {
                Written::Here(id) => Some(Secret::expose(id)),
                Written::In(_) => None,
            },
            _ => None,
        };
        id.map_or_else(|| Self::Of(Box::new(config.clone())), |id| Self::Key(id.to_owned()))
    }

    /// Puts together what belongs to the same account, in the order of its first member.
    pub fn group<T>(members: impl IntoIterator<Item = (Self, T)>) -> Vec<Vec<T>> {
        let mut groups: Vec<(Self, Vec<T>)> = Vec::new();
        for (account, member) in members {
            match groups.iter_mut().find(|(other, _)| *other == account) {
                Some((_, group)) => group.push(member),
                None => groups.push((account, vec![member])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }
}

/// Shows no id, as an access key does not.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(_) => f.write_str("Key"),
            Self::Of(config) => f.debug_tuple("Of").field(config).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_is_known_wherever_it_comes_from() {
        let env = Env::from_iter([(ID, "an-id"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "hunter2")]);
        let here = |text: &str| Written::Here(Secret::new(text));
        let configured = Config::AccessKey { id: here("an-id"), secret: here("hunter2") };
        let of = |config: &Config| Account::new(config, &env);
        assert_eq!(of(&configured), Account::Key("an-id".to_owned()));
        assert_eq!(of(&Config::Default), of(&configured));
        assert_eq!(of(&Config::Env), of(&configured));
        assert_eq!(format!("{:?}", of(&configured)), "Key");
    }

    #[test]
    fn where_the_key_is_not_known_the_same_credentials_are_the_same_account() {
        let of = |config: &Config| Account::new(config, &Env::default());
        let role = |name: &str| {
            Config::EcsRamRole(super::super::EcsRamRole { name: Some(name.to_owned()), disable_v1: false })
        };
        let groups = Account::group([(of(&role("a")), 1), (of(&role("b")), 2), (of(&role("a")), 3)]);
        assert_eq!(groups, [vec![1, 3], vec![2]]);
        assert_eq!(of(&Config::Default), Account::Of(Box::new(Config::Default)));
    }
}
