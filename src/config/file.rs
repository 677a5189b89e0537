//! The configuration file: from bytes to a tree of values, without echoing what it holds.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use ::config::{ConfigError, File, FileFormat, Map, Source as _, Value};

use super::mistakes::Mistakes;

/// Far above any real configuration; bounds what a wrong path (a disk image, a log) costs.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Blocks may open one another on a line (`- - - x`), and each costs the reader stack.
const MOST_INDENT: usize = 200;

/// Reads the file at `path`. `None` if it can't be read as YAML, which is then a mistake.
pub(super) fn read(path: &Path, mistakes: &mut Mistakes) -> Option<Map<String, Value>> {
    let origin = path.display().to_string();
    let text = match read_text(path, MOST_BYTES) {
        Ok(text) => text,
        Err(problem) => {
            mistakes.add("", origin, format!("{problem}; check --config.file"));
            return None;
        }
    };
    match parse(&text) {
        Ok(tree) => Some(tree),
        Err(problem) => {
            mistakes.add("", origin, problem);
            None
        }
    }
}

/// Reads a file of at most `most` bytes as text; the error says what failed, without the path.
pub(super) fn read_text(path: &Path, most: u64) -> Result<String, String> {
    let read = || -> io::Result<Result<Vec<u8>, u64>> {
        let size = fs::metadata(path)?.len();
        if size > most {
            return Ok(Err(size));
        }
        // Devices and pipes tell no size, and some have no end.
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        let size = bytes.len() as u64;
        Ok(if size > most { Err(size) } else { Ok(bytes) })
    };
    match read() {
        Ok(Ok(bytes)) => String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned()),
        Ok(Err(size)) => Err(format!("is too large ({size} bytes, at most {most} are read)")),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

fn parse(text: &str) -> Result<Map<String, Value>, String> {
    // Some editors write a byte order mark, which the YAML reader takes for a value.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let indicator = |c: char| " \t-?:".contains(c);
    let indent = |line: &str| line.chars().take_while(|&c| indicator(c)).count();
    if let Some(line) = text.lines().position(|line| indent(line) > MOST_INDENT) {
        return Err(format!("line {}: is indented by more than {MOST_INDENT} characters", line + 1));
    }
    File::from_str(text, FileFormat::Yaml).collect().or_else(|error| match error {
        // A file of comments and `---`.
        ConfigError::FileParse { cause, .. } if is_empty_document(&*cause) => Ok(Map::new()),
        ConfigError::FileParse { cause, .. } => Err(explain(&cause.to_string())),
        _ => Err("cannot be read as YAML".to_owned()),
    })
}

fn is_empty_document(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    matches!(
        cause.downcast_ref::<Box<ConfigError>>().map(|cause| &**cause),
        Some(ConfigError::Type { unexpected, .. }) if unexpected.to_string() == "unit value"
    )
}

/// The message of the YAML reader, freed of what it quotes from the file.
fn explain(message: &str) -> String {
    if let Some((problem, position)) = message.rsplit_once(" at byte ") {
        let place = position.split_once(" line ").map_or(position, |(_, place)| place);
        let place = place.replace(" column", ", column");
        // The other messages are fixed texts.
        let problem = if problem.contains("duplicated key") {
            "a key stands twice in its group; this is the second"
        } else if problem.starts_with("unexpected character") {
            "a value that starts with %, @ or ` must stand in quotes"
        } else {
            problem
        };
        return format!("line {place}: is not valid YAML: {problem}");
    }
    let problem = if message.contains("YAML documents") {
        "holds several YAML documents; expected one, without a second `---`"
    } else if message.contains("floating point") {
        "holds a number such as .inf or .nan; expected a finite one"
    } else if message.contains("hash key") {
        "has a key that is a list, a group or null; expected a word"
    } else {
        "expected keys such as `poll:` and `sources:` at the outermost level"
    };
    problem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_files_hold_no_keys() {
        for text in ["", "\n", "# nothing\n", "---\n", "---\n...\n", "~", "\u{feff}"] {
            assert_eq!(parse(text).map(|tree| tree.len()), Ok(0), "{text:?}");
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_limit_and_not_beyond() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "12345").unwrap();
        assert_eq!(read_text(file.path(), 5), Ok("12345".to_owned()));
        let problem = "is too large (5 bytes, at most 4 are read)".to_owned();
        assert_eq!(read_text(file.path(), 4), Err(problem));
    }

    #[test]
    fn a_file_without_end_is_too_large() {
        let problem = read_text(Path::new("/dev/zero"), 1000).unwrap_err();
        assert!(problem.starts_with("is too large"), "{problem}");
    }

    #[test]
    fn a_syntax_error_is_placed_and_quotes_nothing() {
        let cases = [
            (
                "a: b\nsecret: \"hunter2\n",
                "line 2, column 9: is not valid YAML: while scanning a quoted scalar",
            ),
            ("hunter2: 1\nhunter2: 2\n", "line 2, column 10: is not valid YAML: a key stands twice"),
            ("secret: @hunter2\n", "line 1, column 9: is not valid YAML: a value that starts with"),
            ("? {secret: hunter2}\n: 1\n", "has a key that is a list"),
            ("a: .inf", "holds a number such as .inf"),
            ("hunter2", "expected keys such as"),
            ("- hunter2", "expected keys such as"),
            ("a: hunter2\n---\nb: 1", "holds several YAML documents"),
        ];
        for (text, beginning) in cases {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with(beginning), "{text:?}: {problem}");
            assert!(!problem.contains("hunter"), "{problem}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        for opening in ["[", "{a: ", "- ", "? ", "\n a:"] {
            let _refused_or_shallow = parse(&format!("a: {}", opening.repeat(100_000)));
        }
        let stairs: String = (0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(parse(&stairs).unwrap_err().contains("indented"));
    }
}
