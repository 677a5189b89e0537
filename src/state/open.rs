//! Opening the file, and what can be in the way.

use std::error::Error;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase as _, StorageBackend, TableError};

use super::disk::Disk;
use super::format::{FORMAT, FORMAT_KEY, META};

/// Pages kept in memory. What is stored is in the ledger, so reading again is rare.
const CACHE_BYTES: usize = 16 << 20;

/// A new database has less.
const MOST_BEGUN_BYTES: u64 = 16 << 20;

/// The mode of the file.
#[cfg(unix)]
const OWNER_ALONE: u32 = 0o600;

/// The bytes at the start that name a redb database, and at least those of the header after them.
const NAME_BYTES: usize = 9;
const HEADER_BYTES: usize = 512;

/// The state file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the state file {} cannot be used", path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// What is in the way.
    #[source]
    pub problem: Problem,
}

/// What is in the way of the state file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It has no folder.
    #[error(
        "its folder {} does not exist; create it for the user that runs the exporter, or change state.path",
        _0.display()
    )]
    NoFolder(PathBuf),
    /// Something else stands where its folder should.
    #[error("{} is no folder; change state.path", _0.display())]
    NotAFolder(PathBuf),
    /// It is a folder, a device or the like.
    #[error("it is no plain file; let state.path name a file, which need not exist")]
    NotAFile,
    /// This user may not.
    #[error("this user may not read and write it; give it and its folder to the user that runs the exporter")]
    NotAllowed,
    /// Its disk cannot be written.
    #[error("its file system is read-only; mount it for writing, or change state.path")]
    ReadOnly,
    /// Its disk is full.
    #[error("its disk is full; make room, or change state.path")]
    Full,
    /// Another process holds it.
    #[error(
        "another process has it open, and did not end in time; stop that one, or give each its own state.path"
    )]
    Locked,
    /// It holds something else.
    #[error("it is no state file of this exporter; it is left as it is: change state.path")]
    Foreign,
    /// What it holds cannot be read. The cause speaks of the inside of the file.
    #[error(
        "it is damaged, and nothing in it can be relied upon; bring back a copy, or move it away to start anew, with counters at 0"
    )]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// A newer version has written it.
    #[error(
        "a newer version of the exporter has written it (format {found}, this version knows {FORMAT}); run that version, or move the file away to start anew, with counters at 0"
    )]
    Newer {
        /// Its format.
        found: u64,
    },
    /// Anything else.
    #[error(transparent)]
    Io(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::NotAllowed,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            // So says redb of a file that is no database of its kind.
            io::ErrorKind::InvalidData => Self::Foreign,
            io::ErrorKind::UnexpectedEof => Self::Damaged("it ends too early".into()),
            _ => Self::Io(error),
        }
    }
}

impl From<redb::Error> for Problem {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) => error.into(),
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::Locked,
            redb::Error::UpgradeRequired(_) => Self::Foreign,
            error => Self::Damaged(error.into()),
        }
    }
}

impl From<TryLockError> for Problem {
    fn from(error: TryLockError) -> Self {
        match error {
            TryLockError::WouldBlock => Self::Locked,
            TryLockError::Error(error) => error.into(),
        }
    }
}

/// Lets `?` turn the errors of redb into a [`Problem`], all by way of the one that unites them.
macro_rules! problems {
    ($($error:ident),+) => {$(
        impl From<redb::$error> for Problem {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        }
    )+};
}

problems!(DatabaseError, TransactionError, TableError, StorageError, CommitError);

/// A file that this process holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) database: Database,
    file: FileId,
}

impl Held {
    /// Opens the file, or makes it, checks every page of it, and repairs what a crash has left.
    pub(super) fn open(path: &Path, disk: &Disk) -> Result<Self, Problem> {
        check_place(path)?;
        let file = options().open(path)?;
        let id = FileId::of(&file.metadata()?);
        prepare(&file)?;
        let database = database(disk.backend(file)?)?;
        if is_new(&database)? {
            note_format(&database)?;
        }
        Ok(Self { database, file: id })
    }

    /// Whether the file is still the one at `path`, and not one that was removed or replaced.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|metadata| FileId::of(&metadata) == self.file)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ALONE);
    options
}

/// The folder of `path`.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Checks that a file could be at `path`: it has a folder, and nothing else stands there.
pub(super) fn check_place(path: &Path) -> Result<(), Problem> {
    let folder = folder_of(path);
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => return Err(Problem::NotAFolder(folder.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Problem::NoFolder(folder.to_owned()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Problem::NotAFolder(folder.to_owned()));
        }
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => Err(Problem::NotAFile),
        _ => Ok(()),
    }
}

/// Empties a file that a process began to make and did not come to name as a database, which is
/// done last; an empty one is made the owner's alone, as one that is new. The lock, which its maker
/// holds as well, keeps this from one that is being made.
fn prepare(file: &File) -> Result<(), Problem> {
    file.try_lock()?;
    if is_only_begun(file)? {
        file.set_len(0)?;
        restrict(file);
    }
    file.unlock()?;
    Ok(())
}

/// Names of machines will be in it.
#[cfg(unix)]
fn restrict(file: &File) {
    let owner_alone = std::os::unix::fs::PermissionsExt::from_mode(OWNER_ALONE);
    // What refuses this is a file system without modes, or a file of another owner, who can
    // read it anyway.
    let _refused = file.set_permissions(owner_alone);
}

#[cfg(not(unix))]
fn restrict(_: &File) {}

/// Whether there is nothing in the file, or but the header of an empty database without its name.
pub(super) fn is_only_begun(mut file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    if length > MOST_BEGUN_BYTES {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let is_blank = |range: &[u8]| range.iter().all(|&byte| byte == 0);
    let (name, rest) = bytes.split_at(bytes.len().min(NAME_BYTES));
    Ok(is_blank(name) && rest.get(HEADER_BYTES..).is_none_or(is_blank))
}

/// The database in `file`, every page of which is checked, and what a crash has left is repaired.
pub(super) fn database(file: impl StorageBackend) -> Result<Database, Problem> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    Ok(builder.create_with_backend(file)?)
}

/// Checks the format; whether it is yet to be noted, because nothing is stored.
pub(super) fn is_new(database: &Database) -> Result<bool, Problem> {
    let reading = database.begin_read()?;
    let found = match reading.open_table(META) {
        Ok(meta) => meta.get(FORMAT_KEY)?.map(|format| format.value()),
        Err(TableError::TableDoesNotExist(_)) => {
            if reading.list_tables()?.next().is_some() {
                return Err(Problem::Foreign);
            }
            return Ok(true);
        }
        Err(TableError::Storage(error)) => return Err(error.into()),
        Err(_) => return Err(Problem::Foreign),
    };
    match found {
        Some(FORMAT) => Ok(false),
        Some(found) if found > FORMAT => Err(Problem::Newer { found }),
        _ => Err(Problem::Foreign),
    }
}

fn note_format(database: &Database) -> Result<(), Problem> {
    let writing = database.begin_write()?;
    writing.open_table(META)?.insert(FORMAT_KEY, FORMAT)?;
    writing.commit()?;
    Ok(())
}

/// Which file it is, whatever it is called. Where that is not known all are taken for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileId(u64, u64);

impl FileId {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self(metadata.dev(), metadata.ino())
    }

    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self(0, 0)
    }
}
