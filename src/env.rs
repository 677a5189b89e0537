//! The process environment, as a handle with a real and a fake form.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A view of environment variables, taken once. Values that are not UTF-8 are left out.
#[derive(Clone, Debug, Default)]
pub struct Env(Arc<BTreeMap<String, EnvValue>>);

/// A value that may be a secret, so that no `Debug` of an [`Env`] shows it.
#[derive(Clone)]
struct EnvValue(String);

impl std::fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl Env {
    /// The environment of this process.
    pub fn process() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let all = std::env::vars_os();
        all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
    }

    /// The value of `name`; a blank one counts as absent, as in the vendor's SDKs.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.0.trim()).filter(|value| !value.is_empty())
    }

    /// Every variable whose name starts with `prefix`, in order of names, blank ones too.
    pub fn with_prefix<'e>(&'e self, prefix: &'e str) -> impl Iterator<Item = (&'e str, &'e str)> {
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(name, value)| (name.as_str(), value.0.as_str()))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), EnvValue(value.into())));
        Self(Arc::new(pairs.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_variable_counts_as_absent() {
        let env = Env::from_iter([("A", " "), ("B", " x ")]);
        assert_eq!(env.get("A"), None);
        assert_eq!(env.get("B"), Some("x"));
        assert_eq!(env.get("C"), None);
    }

    #[test]
    fn debug_shows_names_and_no_values() {
        let shown = format!("{:?}", Env::from_iter([("KEY", "hunter2")]));
        assert!(shown.contains("KEY") && !shown.contains("hunter2"), "{shown}");
    }
}
