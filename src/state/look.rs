//! A look at the file for who checks a configuration: nothing is made, changed or waited for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use redb::StorageBackend as _;
use redb::backends::InMemoryBackend;

use super::open::{OpenError, Problem, check_place, database, folder_of, is_new, is_only_begun};

/// Read at a time; far less than a file can be.
const CHUNK_BYTES: usize = 1 << 20;

/// What stands where the state file is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or an empty file. It can be made.
    Nothing,
    /// A file that is whole.
    Whole,
    /// A file that a running exporter has; it was not read.
    InUse,
}

/// Looks whether the file at `path` can be used by this user. It is read as a whole, which takes as much
/// memory for a moment; an exporter that starts in this moment tries again a little later.
///
/// # Errors
/// If an exporter would not start with it.
pub fn look(path: &Path) -> Result<Found, OpenError> {
    found(path).map_err(|problem| OpenError { path: path.to_owned(), problem })
}

fn found(path: &Path) -> Result<Found, Problem> {
    check_place(path)?;
    // Opening it for writing shows that it can be written, and writes nothing.
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            check_writable(folder_of(path))?;
            return Ok(Found::Nothing);
        }
        Err(error) => return Err(error.into()),
    };
    match file.try_lock_shared().map_err(Problem::from) {
        Err(Problem::Locked) => return Ok(Found::InUse),
        locked => locked?,
    }
    if is_only_begun(&file)? {
        return Ok(Found::Nothing);
    }
    // A file that a crash has left is repaired while it is opened: here in memory.
    let copy = copy_of(&file)?;
    drop(file);
    Ok(if is_new(&database(copy)?)? { Found::Nothing } else { Found::Whole })
}

#[cfg(unix)]
fn check_writable(folder: &Path) -> Result<(), Problem> {
    use rustix::fs::{Access, access};
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| io::Error::from(error).into())
}

/// Elsewhere only making a file would show it.
#[cfg(not(unix))]
fn check_writable(_: &Path) -> Result<(), Problem> {
    Ok(())
}

fn copy_of(mut file: &File) -> Result<InMemoryBackend, Problem> {
    let copy = InMemoryBackend::new();
    file.rewind()?;
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut length = 0;
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => return Ok(copy),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        copy.set_len(length + read as u64)?;
        copy.write(length, &chunk[..read])?;
        length += read as u64;
    }
}
