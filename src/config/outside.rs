//! Values that stand in files of their own: secrets, and the extra CA.

use std::path::PathBuf;

use crate::error::in_words;
use crate::mistakes::Mistakes;
use crate::rpc;
use crate::secret::{Secret, Written, alone};
use crate::yaml::read_text;

use super::parse::{self, Check};
use super::values::Values;

/// No key or token is near this long.
const MOST_SECRET_BYTES: u64 = 64 * 1024;

/// The secret at `path`, or in the file that its twin `…_file` names. `None` too if both are given,
/// which was told where their layer was read. `origin` is the source whose secret it is, if it is one's.
pub(super) fn secret(
    values: &Values,
    path: &str,
    check: Check,
    origin: &str,
    mistakes: &mut Mistakes,
) -> Option<Secret> {
    let twin = format!("{path}_file");
    let Some(file) = values.path(&twin) else { return values.text(path).map(Secret::new) };
    if values.text(path).is_some() {
        return None;
    }
    let text = match read_text(&file, MOST_SECRET_BYTES) {
        Ok(text) => text,
        Err(problem) => {
            mistakes.add(twin, origin, format!("{}: {problem}", file.display()));
            return None;
        }
    };
    match alone(&text, check) {
        Ok(secret) => Some(secret).filter(|secret| !secret.is_empty()),
        Err(problem) => {
            mistakes.add(twin, origin, format!("{}: {problem}", file.display()));
            None
        }
    }
}

/// The proxy at `path`, or the file that its twin names, which is checked now and read again later.
pub(super) fn proxy(values: &Values, path: &str, mistakes: &mut Mistakes) -> Option<Written> {
    match values.path(&format!("{path}_file")) {
        Some(file) => {
            secret(values, path, parse::proxy_of_file, "", mistakes);
            Some(Written::In(file))
        }
        None => secret(values, path, parse::proxy, "", mistakes).map(Written::Here),
    }
}

/// The extra CA at `path`, if it can be trusted.
pub(super) fn ca_file(values: &Values, path: &str, mistakes: &mut Mistakes) -> Option<PathBuf> {
    let file = values.path(path)?;
    if let Err(error) = rpc::check_ca_file(&file) {
        mistakes.add(path, "", in_words(&error));
    }
    Some(file)
}
