//! The configuration file: where it is read, and what is told if it can't be.

use std::path::Path;

use ::config::{Map, Value};

use crate::yaml;

use crate::mistakes::Mistakes;

/// Reads the file at `path`. `None` if it can't be read as YAML, which is then a mistake.
pub(super) fn read(path: &Path, mistakes: &mut Mistakes) -> Option<Map<String, Value>> {
    let origin = path.display().to_string();
    let text = match yaml::read_file(path) {
        Ok(text) => text,
        Err(problem) => {
            mistakes.add("", origin, format!("{problem}; check --config.file"));
            return None;
        }
    };
    match yaml::parse(&text, "expected keys such as `poll:` and `sources:` at the outermost level") {
        Ok(tree) => Some(tree),
        Err(problem) => {
            mistakes.add("", origin, problem);
            None
        }
    }
}
