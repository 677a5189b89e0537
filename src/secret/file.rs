//! Values that stand alone in a file of their own, and other small files that hold keys or lead to them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::Secret;

/// No file of keys is near this long.
const MOST_BYTES: u64 = 1024 * 1024;

/// Most time for one look at a file. On a network drive that is away a look may never end.
const LIMIT: Duration = Duration::from_secs(10);

/// The last look at each file that was given up and may go on. As a thread can't be ended, a file has
/// at most one of them: else those of a drive that is away would in time use up the threads of all.
static LATE: Mutex<BTreeMap<PathBuf, AbortHandle>> = Mutex::new(BTreeMap::new());

/// What is wrong with a value, without the value itself.
pub type Problem = Cow<'static, str>;

/// A file that can't be used. Its content is not told.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It can't be read.
    #[error("{} can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its drive does not answer.
    #[error("{} was not read within {} s; check the drive that it is on", path.display(), LIMIT.as_secs())]
    Late {
        /// The file.
        path: PathBuf,
    },
    /// It is a folder, a device or a pipe, which may never end or never begin.
    #[error("{} is no regular file", path.display())]
    NoFile {
        /// What it is called.
        path: PathBuf,
    },
    /// It is far longer than any file of its kind.
    #[error("{} is longer than {MOST_BYTES} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else than text.
    #[error("{} is not UTF-8 text", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// It holds something else than what is wanted of it.
    #[error("{}: {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// What is wrong, without what it holds.
        problem: Problem,
    },
}

impl FileError {
    /// Whether there is no such file.
    pub(crate) fn is_absence(&self) -> bool {
        let is_nowhere = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        matches!(self, Self::Read { source, .. } if is_nowhere(source.kind()))
    }
}

/// The whole text of the file at `path`.
pub(crate) async fn read_file(path: &Path) -> Result<String, FileError> {
    look_at_file(path, read_now).await?
}

/// What `look` finds at `path`, off the async threads.
///
/// # Errors
/// [`FileError::Late`] if it takes too long, or one before it goes on still.
pub(crate) async fn look_at_file<T: Send + 'static>(
    path: &Path,
    look: impl FnOnce(&Path) -> T + Send + 'static,
) -> Result<T, FileError> {
    let late = || LATE.lock().unwrap_or_else(PoisonError::into_inner);
    if late().get(path).is_some_and(|before| !before.is_finished()) {
        return Err(FileError::Late { path: path.to_owned() });
    }
    let own = path.to_owned();
    let mut looking = tokio::task::spawn_blocking(move || look(&own));
    match tokio::time::timeout(LIMIT, &mut looking).await {
        Ok(looked) => {
            late().remove(path);
            Ok(looked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
        }
        Err(_) => {
            late().insert(path.to_owned(), looking.abort_handle());
            Err(FileError::Late { path: path.to_owned() })
        }
    }
}

fn read_now(path: &Path) -> Result<String, FileError> {
    let own = || path.to_owned();
    let unread = |source| FileError::Read { path: own(), source };
    // Looked at before it is opened: to open a pipe waits for whoever writes to it.
    if !std::fs::metadata(path).map_err(unread)?.is_file() {
        return Err(FileError::NoFile { path: own() });
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unread)?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(FileError::TooLong { path: own() });
    }
    let text = String::from_utf8(bytes).map_err(|_| FileError::NoText { path: own() })?;
    // Editors of one system put it there, and no reader of keys knows it.
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// The value that a file with this `text` holds, which `check` takes: at load and whenever it is read again.
///
/// # Errors
/// If it is none, or there is more.
pub(crate) fn alone(text: &str, check: impl Fn(&str) -> Result<(), Problem>) -> Result<Secret, Problem> {
    // Editors of one system put the mark there, and no reader of keys knows it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    match check(text) {
        Ok(()) => Ok(Secret::new(text)),
        Err(problem) => Err(format!("{problem}; expected the secret alone on one line").into()),
    }
}

/// The value that stands [alone] in the file at `path`. Waits for the disk.
///
/// # Errors
/// If the file can't be read or `check` refuses what it holds.
pub(crate) fn read_value(path: &Path, check: fn(&str) -> Result<(), Problem>) -> Result<Secret, FileError> {
    let value = alone(&read_now(path)?, check);
    value.map_err(|problem| FileError::Value { path: path.to_owned(), problem })
}

/// A value that stands in the configuration, or alone in a file that is read again when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// The value.
    Here(Secret),
    /// The file.
    In(PathBuf),
}

impl Written {
    /// The value as it stands now: that of a file by the rule `check`, by which it was read at load.
    ///
    /// # Errors
    /// If its file can't be read or holds something else.
    pub(crate) async fn read(&self, check: fn(&str) -> Result<(), Problem>) -> Result<Secret, FileError> {
        match self {
            Self::Here(secret) => Ok(secret.clone()),
            Self::In(path) => look_at_file(path, move |path| read_value(path, check)).await?,
        }
    }

    /// Whether it may change.
    pub(crate) fn is_in_file(&self) -> bool {
        matches!(self, Self::In(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_word(text: &str) -> Result<(), Problem> {
        if text.chars().all(char::is_alphanumeric) { Ok(()) } else { Err("is not one word".into()) }
    }

    #[tokio::test]
    async fn a_value_of_a_file_is_read_by_the_rule_that_it_was_read_by_at_load() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "\u{feff}hunter2\r\n").unwrap();
        assert_eq!(Written::In(path.clone()).read(one_word).await.unwrap(), Secret::new("hunter2"));
        std::fs::write(&path, "hunter2\nfoo").unwrap();
        let error = Written::In(path.clone()).read(one_word).await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: is not one word; expected", path.display())), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_does_not_end_is_given_up_and_no_other_is_begun_before_it_has() {
        let path = Path::new("/a-drive-that-is-away/key");
        let (lets_go, hang) = std::sync::mpsc::channel::<()>();
        let start = tokio::time::Instant::now();
        let looking = tokio::spawn(look_at_file(path, move |_| hang.recv().is_ok()));
        // Paused time does not run by itself while a thread is busy.
        while !looking.is_finished() && start.elapsed() < 2 * LIMIT {
            tokio::time::advance(Duration::from_millis(500)).await;
        }
        assert!(looking.is_finished() && start.elapsed() >= LIMIT, "{:?}", start.elapsed());
        let error = looking.await.unwrap().unwrap_err();
        assert!(!error.is_absence());
        assert!(
            error.to_string().starts_with("/a-drive-that-is-away/key was not read within 10 s"),
            "{error}"
        );
        let again = look_at_file(path, |_| panic!("one more thread")).await;
        assert!(matches!(again, Err::<(), _>(FileError::Late { .. })));
        assert!(matches!(read_file(path).await, Err(FileError::Late { .. })));
        drop(lets_go);
        while look_at_file(path, |_| ()).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert!(read_file(path).await.unwrap_err().is_absence());
    }

    #[tokio::test]
    async fn what_is_no_file_of_keys_is_told_and_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read_file(&folder.path().join("none")).await.unwrap_err().is_absence());
        for no_file in [folder.path(), Path::new("/dev/zero")] {
            assert!(
                matches!(read_file(no_file).await, Err(FileError::NoFile { .. })),
                "{}",
                no_file.display()
            );
        }
        let path = folder.path().join("long");
        std::fs::File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert!(matches!(read_file(&path).await, Err(FileError::TooLong { .. })));
        let path = folder.path().join("binary");
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(matches!(read_file(&path).await, Err(FileError::NoText { .. })));
    }
}
