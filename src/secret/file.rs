//! Values that stand alone in a file of their own, and other small files that hold keys or lead to them.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::Secret;

/// No file of keys is near this long.
const MOST_BYTES: u64 = 1024 * 1024;

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
    /// It holds nothing.
    #[error("{} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl FileError {
    /// Whether there is no such file.
    pub(crate) fn is_absence(&self) -> bool {
        let is_nowhere = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        matches!(self, Self::Read { source, .. } if is_nowhere(source.kind()))
    }
}

/// The whole text of the file at `path`, read off the async threads.
pub(crate) async fn read_file(path: &Path) -> Result<String, FileError> {
    let path = path.to_owned();
    aside(move || read_now(&path)).await
}

/// What `read` gives, off the async threads.
async fn aside<T: Send + 'static>(read: impl FnOnce() -> T + Send + 'static) -> T {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
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

/// The value that stands alone in the file at `path`, without the line break at its end. Waits for
/// the disk.
///
/// # Errors
/// If the file can't be read or is blank.
pub(crate) fn read_value(path: &Path) -> Result<Secret, FileError> {
    match read_now(path)?.trim() {
        "" => Err(FileError::Empty { path: path.to_owned() }),
        text => Ok(Secret::new(text)),
    }
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
    /// The value as it stands now: that of a file without the line break at its end.
    ///
    /// # Errors
    /// If its file can't be read or is blank.
    pub(crate) async fn read(&self) -> Result<Secret, FileError> {
        match self {
            Self::Here(secret) => Ok(secret.clone()),
            Self::In(path) => {
                let path = path.clone();
                aside(move || read_value(&path)).await
            }
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

    #[tokio::test]
    async fn a_value_of_a_file_is_its_text_without_the_line_break() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "\u{feff}hunter2\r\n").unwrap();
        assert_eq!(Written::In(path.clone()).read().await.unwrap(), Secret::new("hunter2"));
        std::fs::write(&path, " \n").unwrap();
        let error = Written::In(path.clone()).read().await.unwrap_err();
        assert_eq!(error.to_string(), format!("{} is empty", path.display()));
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
