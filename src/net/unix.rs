//! Unix sockets: files that outlive the process that made them, so that a start has to tell a live one from
//! what a killed process left behind.

use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::net::{UnixListener, UnixStream};

/// How long two processes that start at once wait for each other; taking a path takes far less.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Why a path can't be listened on.
#[derive(Debug, thiserror::Error)]
pub(super) enum PathError {
    /// Another process answers there.
    #[error("stop what listens there, or choose another path")]
    Live(#[source] io::Error),
    /// What stands there was not made by a listener.
    #[error("what stands there is no socket; remove it, or choose another path")]
    NoSocket(#[source] io::Error),
    /// Its folder is missing.
    #[error("make its folder, or choose another path")]
    NoFolder(#[source] io::Error),
    /// Its folder can't be written to.
    #[error("let this program write to its folder, or choose another path")]
    Forbidden(#[source] io::Error),
    /// Anything else.
    #[error("choose another path")]
    Other(#[source] io::Error),
}

/// The file of a socket, removed when this is dropped unless another process has it by then.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: Identity,
}

/// Device, inode and birth of a file; numbers of inodes are given again at once.
type Identity = (u64, u64, Option<SystemTime>);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Who starts there just now would lose its own file between the look and the removal.
        let folder = File::open(folder(&self.path)).ok();
        if folder.as_ref().is_some_and(|folder| matches!(folder.try_lock(), Err(TryLockError::WouldBlock))) {
            return;
        }
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|file| identity(&file) == self.identity);
        if is_ours {
            // A file that stays is found to be stale at the next start.
            let _stays = fs::remove_file(&self.path);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn identity(file: &Metadata) -> Identity {
    (file.dev(), file.ino(), file.created().ok())
}

/// Listens on `path`, in place of a socket on which nobody listens any more. Who may connect is what the
/// umask of the process leaves.
pub(super) async fn listen(path: &Path) -> Result<(UnixListener, SocketFile), PathError> {
    // Or two that start at once could each take the socket of the other for a stale one.
    let _alone = lock(folder(path)).await;
    let listener = match UnixListener::bind(path) {
        Err(taken) if taken.kind() == ErrorKind::AddrInUse => {
            remove_stale(path, taken).await?;
            UnixListener::bind(path)
        }
        bound => bound,
    };
    let listener = listener.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => PathError::NoFolder(error),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => PathError::Forbidden(error),
        _ => PathError::Other(error),
    })?;
    let identity = identity(&fs::symlink_metadata(path).map_err(PathError::Other)?);
    Ok((listener, SocketFile { path: path.to_owned(), identity }))
}

async fn remove_stale(path: &Path, taken: io::Error) -> Result<(), PathError> {
    match fs::symlink_metadata(path) {
        Ok(file) if !file.file_type().is_socket() => return Err(PathError::NoSocket(taken)),
        Ok(_) => {}
        Err(gone) if gone.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(PathError::Other(error)),
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(PathError::Forbidden(error)),
            _ => Ok(()),
        },
        Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(()),
        // One that is too busy to answer is live too, and of one that may not be asked nothing is known.
        _ => Err(PathError::Live(taken)),
    }
}

/// Holds `folder` against other starts, without a file of its own. A folder that can't be held is no
/// reason not to start.
async fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that a killed process left behind.
    fn stale(path: &Path) {
        drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_removed_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        stale(&path);
        let (listener, file) = listen(&path).await.unwrap();
        UnixStream::connect(&path).await.unwrap();
        drop((listener, file));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_live_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        let first = listen(&path).await.unwrap();
        let error = listen(&path).await.unwrap_err();
        assert!(matches!(error, PathError::Live(_)), "{error:?}");
        UnixStream::connect(&path).await.unwrap();
        drop(first);
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        fs::write(&path, "precious").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for path in [&path, &link] {
            let error = listen(path).await.unwrap_err();
            assert!(matches!(error, PathError::NoSocket(_)), "{error:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_missing_folder_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = listen(&folder.path().join("missing/web.sock")).await.unwrap_err();
        assert!(matches!(error, PathError::NoFolder(_)), "{error:?}");
    }

    #[tokio::test]
    async fn the_socket_of_a_successor_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        let (listener, file) = listen(&path).await.unwrap();
        drop(listener);
        let successor = listen(&path).await.unwrap();
        drop(file);
        UnixStream::connect(&path).await.unwrap();
        drop(successor);
    }

    #[tokio::test]
    async fn a_socket_is_left_to_who_is_about_to_take_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.sock");
        let (listener, file) = listen(&path).await.unwrap();
        let starting = lock(folder.path()).await.unwrap();
        drop((listener, file));
        assert!(path.exists(), "what stands there may be the file of the other by now");
        drop(starting);
        drop(listen(&path).await.unwrap());
        assert!(!path.exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn of_many_that_start_at_once_one_has_the_path() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("web.sock");
            stale(&path);
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    tokio::spawn(async move { listen(&path).await })
                })
                .collect();
            let mut bound = Vec::new();
            for start in starts {
                bound.extend(start.await.unwrap().ok());
            }
            assert_eq!(bound.len(), 1);
            UnixStream::connect(&path).await.unwrap();
        }
    }
}
