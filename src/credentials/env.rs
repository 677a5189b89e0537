//! A key from the environment, in the variables of the vendor's SDKs.

use futures_util::future::{self, BoxFuture, FutureExt as _};

use crate::env::Env;
use crate::rpc::AccessKey;
use crate::secret::Secret;

use super::provider::{FetchError, Lease, Provider};

/// Name of the variable with the access key id.
pub(super) const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";

/// `env`: the variables and nothing else. A process can't be given others, so it is read once.
#[derive(Debug)]
pub(super) struct EnvKey(pub(super) Env);

/// Half a key is a mistake, not an absence.
#[derive(Debug, thiserror::Error)]
#[error("{missing} is not set, but {given} is: set both")]
struct HalfSet {
    missing: &'static str,
    given: &'static str,
}

/// The key in `env`; a blank variable is as good as none.
pub(super) fn read(env: &Env) -> Result<AccessKey, FetchError> {
    let (missing, given) = match (env.get(ID), env.get(SECRET)) {
        (Some(id), Some(secret)) => {
            let (id, secret) = (id.to_owned(), Secret::new(secret));
            return Ok(AccessKey { id, secret, token: env.get(TOKEN).map(Secret::new) });
        }
        (None, None) => return Err(FetchError::not_configured(format!("{ID} and {SECRET} are not set"))),
        (None, Some(_)) => (ID, SECRET),
        (Some(_), None) => (SECRET, ID),
    };
    Err(FetchError::failed(HalfSet { missing, given }))
}

/// A warning for each of the variables whose value stands in quotes: shells take those away, files of variables
/// for containers and services do not always. Blanks around a value never count.
pub(super) fn quoted(env: &Env) -> Vec<String> {
    let is_quoted =
        |text: &str| ['"', '\''].iter().any(|quote| text.starts_with(*quote) || text.ends_with(*quote));
    let quoted = [ID, SECRET, TOKEN].into_iter().filter(|name| env.get(name).is_some_and(is_quoted));
    quoted
        .map(|name| format!("{name} has quotes around its value, which no access key has; leave them out"))
        .collect()
}

/// Whether the variable `name` says `true`, in letters of any case.
pub(super) fn is_true(env: &Env, name: &str) -> bool {
    env.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

impl Provider for EnvKey {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        future::ready(read(&self.0).map(|key| Lease::for_ever(key, "env"))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_told_and_blanks_around_one_do_not_count() {
        let env = Env::from_iter([(ID, " an-id "), (SECRET, "\"hunter2\""), (TOKEN, "a'b")]);
        assert_eq!(read(&env).unwrap().id, "an-id");
        let quoted = quoted(&env);
        assert_eq!(quoted.len(), 1);
        assert!(quoted[0].starts_with(SECRET) && !quoted[0].contains("hunter2"), "{quoted:?}");
    }
}
