//! Values that stand in files of their own: secrets, and the extra CA.

use std::path::PathBuf;

use crate::error::in_words;
use crate::rpc;
use crate::secret::Secret;
use crate::yaml::read_text;

use super::parse::Check;
use super::values::Values;
use crate::mistakes::Mistakes;

/// No key or token is near this long.
const MOST_SECRET_BYTES: u64 = 64 * 1024;

/// The secret at `path`, or in the file that its twin `…_file` names. `None` too if both are given,
/// which was told where their layer was read.
pub(super) fn secret(values: &Values, path: &str, check: Check, mistakes: &mut Mistakes) -> Option<Secret> {
    let twin = format!("{path}_file");
    let Some(file) = values.path(&twin) else { return values.text(path).map(Secret::new) };
    if values.text(path).is_some() {
        return None;
    }
    let text = match read_text(&file, MOST_SECRET_BYTES) {
        Ok(text) => text,
        Err(problem) => {
            mistakes.add(twin, "", format!("{}: {problem}", file.display()));
            return None;
        }
    };
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    match check(text) {
        Ok(()) => Some(Secret::new(text)).filter(|secret| !secret.is_empty()),
        Err(problem) => {
            mistakes.add(
                twin,
                "",
                format!("{}: {problem}; expected the secret alone on one line", file.display()),
            );
            None
        }
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
