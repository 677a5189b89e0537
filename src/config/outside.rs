//! Values that stand in files of their own: secrets, and the extra CA.

use std::path::PathBuf;

use super::file::read_text;
use super::mistakes::Mistakes;
use super::parse::Problem;
use super::source::last;
use super::values::Values;

/// No key or token is near this long.
const MOST_SECRET_BYTES: u64 = 64 * 1024;

/// The secret at `path`, or in the file that its twin `…_file` names.
pub(super) fn secret(
    values: &Values,
    path: &str,
    check: fn(&str) -> Result<(), Problem>,
    mistakes: &mut Mistakes,
) -> Option<String> {
    let twin = format!("{path}_file");
    let Some(file) = values.path(&twin) else { return values.text(path).map(str::to_owned) };
    if values.text(path).is_some() {
        mistakes.add(twin, "", format!("is given beside {}; keep one of the two", last(path)));
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
        Ok(()) => Some(text.to_owned()),
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

/// The extra CA at `path`, if it can be read.
pub(super) fn ca_file(values: &Values, path: &str, mistakes: &mut Mistakes) -> Option<PathBuf> {
    let file = values.path(path)?;
    if let Err(error) = std::fs::File::open(&file) {
        mistakes.add(path, "", format!("{}: cannot be read: {error}", file.display()));
    }
    Some(file)
}
