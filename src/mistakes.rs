//! What is wrong with a configuration, all of it at once.

use std::error::Error;
use std::fmt;

/// One mistake: where, what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Path of the key; empty for the configuration as a whole.
    pub key: String,
    /// Where the value came from: a file, an environment variable, a flag; empty if from nowhere.
    pub origin: String,
    /// What was expected, what came unless it may be a secret, and what to do.
    pub text: String,
}

/// One line without control characters.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = match (self.key.as_str(), self.origin.as_str()) {
            ("", "") => self.text.clone(),
            (key, "") => format!("{key}: {}", self.text),
            ("", origin) => format!("{origin}: {}", self.text),
            (key, origin) => format!("{key} ({origin}): {}", self.text),
        };
        f.write_str(&line.replace(crate::text::controls, "\u{fffd}"))
    }
}

/// Every mistake of a configuration, at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// Each of them, in the order of the layers.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, key: impl Into<String>, origin: impl Into<String>, text: impl Into<String>) {
        self.0.push(Mistake { key: key.into(), origin: origin.into(), text: text.into() });
    }

    /// Adds those of `other` after these.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether something was said about `path`, its twin, what is in it or what it is in: then
    /// nothing that follows from it need be said.
    pub(crate) fn concern(&self, path: &str) -> bool {
        let inside = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| {
                rest.is_empty() || rest == "_file" || (!outer.is_empty() && rest.starts_with(['.', '[']))
            })
        };
        self.0.iter().any(|mistake| inside(&mistake.key, path) || inside(path, &mistake.key))
    }
}

/// A line that counts them, then one line for each.
impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("1 mistake in the configuration:")?,
            count => write!(f, "{count} mistakes in the configuration:")?,
        }
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_stays_on_one_line_whatever_the_key() {
        let mut mistakes = Mistakes::default();
        mistakes.add("a\nb\u{1b}", "file", "text");
        assert_eq!(
            mistakes.to_string(),
            "1 mistake in the configuration:\n  a\u{fffd}b\u{fffd} (file): text"
        );
    }
}
