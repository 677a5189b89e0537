//! YAML files: from bytes to a tree of values, without echoing what they hold, and without waiting
//! for ever for a pipe that nobody writes to.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use ::config::{ConfigError, FileFormat, Map, Source as _, Value};

/// Far above any real configuration; bounds what a wrong path (a disk image, a log) costs.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// Blocks may open one another on a line (`- - - x`), and each costs the reader stack.
const MOST_INDENT: usize = 200;

/// How long a pipe may be silent. A program that decrypts or fetches what it writes takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the file at `path` as UTF-8 of a bounded size; the error says what failed, without the path.
///
/// # Errors
/// As [`read_bytes`], and on other bytes.
pub(crate) fn read_file(path: &Path) -> Result<String, String> {
    read_text(path, MOST_BYTES)
}

/// Reads a file of at most `most` bytes as text; the error says what failed, without the path.
///
/// # Errors
/// As [`read_bytes`], and if it is not UTF-8.
pub(crate) fn read_text(path: &Path, most: u64) -> Result<String, String> {
    String::from_utf8(read_bytes(path, most)?).map_err(|_| "is not UTF-8 text".to_owned())
}

/// Reads a file of at most `most` bytes; the error says what failed, without the path. A pipe is read
/// to its end, as a shell hands them over (`<(…)`, `/dev/stdin`).
///
/// # Errors
/// If it can't be read, is too large, or is a pipe through which nothing comes.
pub(crate) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    match read_within(path, most, PATIENCE) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(size)) => Err(format!("is too large ({size} bytes, at most {most} are read)")),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

/// The bytes, or how many there are if that is more than `most`.
fn read_within(path: &Path, most: u64, patience: Duration) -> io::Result<Result<Vec<u8>, u64>> {
    let file = open(path)?;
    let about = file.metadata()?;
    let mut bytes = Vec::new();
    if about.is_file() {
        if about.len() > most {
            return Ok(Err(about.len()));
        }
        file.take(most + 1).read_to_end(&mut bytes)?;
    } else {
        // Devices and pipes tell no size, and some have no end.
        read_stream(file.take(most + 1), &mut bytes, patience)?;
    }
    let size = bytes.len() as u64;
    Ok(if size > most { Err(size) } else { Ok(bytes) })
}

/// Opens a file; one that is a pipe without waiting for its writer.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    fs::File::open(path)
}

/// Reads what does not wait by itself, but for no longer than `patience` at a time.
#[cfg(unix)]
fn read_stream(mut file: io::Take<File>, bytes: &mut Vec<u8>, patience: Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let patience_of_poll = Timespec::try_from(patience).map_err(io::Error::other)?;
    let mut part = [0; 8192];
    loop {
        // Before the first writer opens a named pipe, a read would tell its end.
        let mut waiting = [PollFd::new(file.get_ref(), PollFlags::IN)];
        match poll(&mut waiting, Some(&patience_of_poll)) {
            Ok(0) => return Err(silent(patience)),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match file.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(size) => bytes.extend_from_slice(&part[..size]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(not(unix))]
fn read_stream(mut file: io::Take<File>, bytes: &mut Vec<u8>, _: Duration) -> io::Result<()> {
    file.read_to_end(bytes).map(drop)
}

#[cfg(unix)]
fn silent(patience: Duration) -> io::Error {
    let text =
        format!("it is a pipe or a terminal, and nothing came through it for {} s", patience.as_secs());
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// Reads the keys at the outermost level and all below; `expected` says which keys there should be if
/// there is something else.
///
/// # Errors
/// On what is no YAML, in words that quote nothing of it.
pub(crate) fn parse(text: &str, expected: &str) -> Result<Map<String, Value>, String> {
    // Some editors write a byte order mark, which the YAML reader takes for a value.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let indicator = |c: char| " \t-?:".contains(c);
    let indent = |line: &str| line.chars().take_while(|&c| indicator(c)).count();
    if let Some(line) = text.lines().position(|line| indent(line) > MOST_INDENT) {
        return Err(format!("line {}: is indented by more than {MOST_INDENT} characters", line + 1));
    }
    ::config::File::from_str(text, FileFormat::Yaml).collect().or_else(|error| match error {
        // A file of comments and `---`.
        ConfigError::FileParse { cause, .. } if is_empty_document(&*cause) => Ok(Map::new()),
        ConfigError::FileParse { cause, .. } => Err(explain(&cause.to_string(), expected)),
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
fn explain(message: &str, expected: &str) -> String {
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
        expected
    };
    problem.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_files_hold_no_keys() {
        for text in ["", "\n", "# nothing\n", "---\n", "---\n...\n", "~", "\u{feff}"] {
            assert_eq!(parse(text, "").map(|tree| tree.len()), Ok(0), "{text:?}");
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

    #[cfg(unix)]
    fn fifo() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        (folder, path)
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_nobody_writes_to_is_an_error_and_no_wait_for_ever() {
        let (_folder, path) = fifo();
        let error = read_within(&path, 1000, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("nothing came through it"), "{error}");
        let slow = path.clone();
        // A writer that has opened it and says nothing is no better.
        let writer = std::thread::spawn(move || fs::OpenOptions::new().read(true).write(true).open(slow));
        let _open = writer.join().unwrap().unwrap();
        let error = read_within(&path, 1000, Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_to_its_end_whenever_its_writer_comes() {
        let (_folder, path) = fifo();
        let into = path.clone();
        // More than a pipe holds, so that both sides wait for each other.
        let long = "a: b\n".repeat(50_000);
        let expected = long.clone();
        let writer = std::thread::spawn(move || fs::write(into, long));
        let bytes = read_within(&path, MOST_BYTES, Duration::from_secs(60)).unwrap().unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
    }

    #[test]
    fn a_folder_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let problem = read_text(folder.path(), 10).unwrap_err();
        assert!(problem.contains("directory"), "{problem}");
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
            let problem = parse(text, "expected keys such as `a`").unwrap_err();
            assert!(problem.starts_with(beginning), "{text:?}: {problem}");
            assert!(!problem.contains("hunter"), "{problem}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_no_crash() {
        for opening in ["[", "{a: ", "- ", "? ", "\n a:"] {
            let _refused_or_shallow = parse(&format!("a: {}", opening.repeat(100_000)), "");
        }
        let stairs: String = (0..3000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert!(parse(&stairs, "").unwrap_err().contains("indented"));
    }
}
