//! What is simulated.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::net::Address;
use crate::secret::Secret;

use super::faults::Faults;

/// Most tasks of history: more would not fit the numbers of the plan, nor most memories.
pub const TASKS_MAX: usize = 5_000_000;

/// Most targets, for the same reasons.
pub const TARGETS_MAX: usize = 5_000_000;

/// A simulated account and how its API behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where to listen, `HOST:PORT`; port 0 takes a free one.
    pub listen: String,
    /// What the world is drawn from.
    pub seed: u64,
    /// Scan tasks (subtasks) that exist at the start, spread over the 30 days before.
    pub tasks: usize,
    /// Machines, images and so on that are scanned, 1 or more.
    pub targets: usize,
    /// The key id that requests must bear; a made-up one.
    pub access_key_id: String,
    /// The secret that requests must be signed with.
    pub access_key_secret: Secret,
    /// The token that requests must bear, if the key is a temporary one.
    pub security_token: Option<Secret>,
    /// Most rows of a page, 1 or more; greater `PageSize`s are cut down to it.
    pub page_size_max: u32,
    /// How long the API takes to answer.
    pub latency: Duration,
    /// How subtasks can be listed.
    pub listing: Listing,
    /// What goes wrong, and how often.
    pub faults: Faults,
    /// Whether the time of the world stands from the start.
    pub frozen: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8642".to_owned(),
            seed: 1,
            tasks: 400,
            targets: 80,
            access_key_id: "testid".to_owned(),
            access_key_secret: Secret::new("testsecret"),
            security_token: None,
            page_size_max: 100,
            latency: Duration::ZERO,
            listing: Listing::default(),
            faults: Faults::default(),
            frozen: false,
        }
    }
}

/// A world that can't be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It can't be listened on by TCP.
    #[error("expected HOST:PORT, or :PORT for every address of the machine")]
    Listen,
    /// The key id looks like one of a real account.
    #[error(
        "the access key id starts with LTAI, as those of real accounts do; the simulator wants a made-up one, such as testid"
    )]
    RealKey,
    /// A key id or secret is empty.
    #[error("the access key id and secret of the simulator must not be empty")]
    EmptyKey,
    /// A key id that no request can bear.
    #[error("an access key id holds letters, digits and other printable signs of ASCII, and no blanks")]
    OddKeyId,
    /// Nothing to scan.
    #[error("the number of targets must be 1 or more")]
    NoTargets,
    /// More targets than can be planned.
    #[error("the number of targets must be at most {TARGETS_MAX}")]
    TooManyTargets,
    /// More tasks than can be planned.
    #[error("the number of tasks must be at most {TASKS_MAX}")]
    TooManyTasks,
    /// Pages without rows.
    #[error("the largest page size must be 1 or more")]
    EmptyPages,
}

impl Config {
    /// Whether this can be simulated.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_listen(&self.listen)?;
        check_key_id(&self.access_key_id)?;
        if self.access_key_secret.is_empty() {
            return Err(ConfigError::EmptyKey);
        }
        if self.targets == 0 {
            return Err(ConfigError::NoTargets);
        }
        if self.targets > TARGETS_MAX {
            return Err(ConfigError::TooManyTargets);
        }
        if self.tasks > TASKS_MAX {
            return Err(ConfigError::TooManyTasks);
        }
        if self.page_size_max == 0 {
            return Err(ConfigError::EmptyPages);
        }
        Ok(())
    }
}

/// Whether the simulator takes an access key id: a made-up one. Arguments are seen by everybody on
/// the machine, so a real key must not get used to standing there.
///
/// # Errors
/// If it looks real, or is none.
pub fn check_key_id(id: &str) -> Result<(), ConfigError> {
    if id.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("LTAI")) {
        return Err(ConfigError::RealKey);
    }
    if id.is_empty() {
        return Err(ConfigError::EmptyKey);
    }
    if id.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(ConfigError::OddKeyId) }
}

/// Whether the simulator can listen on `address`, as far as the text tells.
///
/// # Errors
/// If it is no TCP address.
pub fn check_listen(address: &str) -> Result<(), ConfigError> {
    match address.parse() {
        Ok(Address::Every(_) | Address::Host { .. }) => Ok(()),
        Ok(Address::Unix(_)) | Err(_) => Err(ConfigError::Listen),
    }
}

/// How the simulated account's API lists subtasks; the words of the real one leave it open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// `RootTask=false` lists all subtasks.
    #[default]
    Flat,
    /// `RootTask=false` lists subtasks only with the `TaskId` of their main task.
    PerRoot,
    /// There are only main tasks, which scan one target each.
    Root,
}

impl Listing {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Flat, Self::PerRoot, Self::Root];

    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::PerRoot => "per-root",
            Self::Root => "root",
        }
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No kind of listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected flat, per-root or root")]
pub struct UnknownListing;

impl FromStr for Listing {
    type Err = UnknownListing;

    /// Takes `per_root` for `per-root` too, as the exporter's own configuration spells it.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let word = word.replace('_', "-");
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownListing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_simulated() {
        assert_eq!(Config::default().check(), Ok(()));
    }

    #[test]
    fn a_real_looking_key_id_is_refused_and_not_repeated() {
        let config = Config { access_key_id: "LTAI5tNotARealOne".to_owned(), ..Config::default() };
        let error = config.check().unwrap_err();
        assert_eq!(error, ConfigError::RealKey);
        assert!(!error.to_string().contains("NotAReal"), "{error}");
    }

    #[test]
    fn worlds_without_targets_keys_or_rows_are_refused() {
        let wrong = [
            (Config { targets: 0, ..Config::default() }, ConfigError::NoTargets),
            (Config { access_key_id: String::new(), ..Config::default() }, ConfigError::EmptyKey),
            (Config { access_key_id: "a b".to_owned(), ..Config::default() }, ConfigError::OddKeyId),
            (Config { access_key_secret: Secret::new(""), ..Config::default() }, ConfigError::EmptyKey),
            (Config { page_size_max: 0, ..Config::default() }, ConfigError::EmptyPages),
        ];
        for (config, error) in wrong {
            assert_eq!(config.check(), Err(error), "{config:?}");
        }
    }

    #[test]
    fn worlds_too_large_to_plan_are_refused() {
        let (tasks, targets) = (TASKS_MAX, TARGETS_MAX);
        assert_eq!(Config { tasks, targets, ..Config::default() }.check(), Ok(()));
        let crowded = Config { tasks: tasks + 1, ..Config::default() };
        assert_eq!(crowded.check(), Err(ConfigError::TooManyTasks));
        let wide = Config { targets: targets + 1, ..Config::default() };
        assert_eq!(wide.check(), Err(ConfigError::TooManyTargets));
    }

    #[test]
    fn listings_are_read_in_both_spellings() {
        assert_eq!("per_root".parse(), Ok(Listing::PerRoot));
        for kind in Listing::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("deep".parse::<Listing>(), Err(UnknownListing));
    }
}
