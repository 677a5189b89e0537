//! The one type that holds a secret, and the files that secrets stand in.

mod file;
#[cfg(test)]
pub(crate) mod watch;

pub use file::{FileError, Problem, Written};
pub(crate) use file::{alone, look_at_file, read_file, read_value};

use std::fmt;

use secrecy::ExposeSecret as _;

/// A key, token or password. It can be compared and handed on, never printed;
/// its memory is wiped when the last copy goes.
#[derive(Clone)]
#[expect(clippy::disallowed_types, reason = "this is the type that wraps it")]
pub struct Secret(secrecy::SecretString);

impl Secret {
    /// Wraps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        let value: String = value.into();
        #[cfg(test)]
        watch::notice(&value);
        Self(value.into())
    }

    /// The secret itself. Every use of this is a place to review.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether there is anything to keep secret.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_secret() {
        let secret = Secret::new("hunter2");
        let shown = format!("{secret:?} {:#?}", Some(&secret));
        assert!(!shown.contains("hunter"), "{shown}");
        assert!(!shown.contains('2'), "{shown}");
    }

    #[test]
    fn a_secret_of_a_test_is_known_wherever_it_is_told() {
        let secret = Secret::new("made-up-for-this-test");
        assert_eq!(watch::leaked_in(&format!("token={}", secret.expose())).as_deref(), Some(secret.expose()));
        assert_eq!(watch::leaked_in(&format!("token={secret:?}")), None);
    }

    #[test]
    fn only_expose_gives_the_value() {
        assert_eq!(Secret::new("hunter2").expose(), "hunter2");
        assert!(Secret::new("").is_empty());
    }
}
