//! The state file: what must survive a restart, in one file for all sources, written once a poll
//! with only what changed.
//!
//! The file is a redb database, which one process at a time holds open. A commit is in the file
//! whole or not at all, whatever ends the process or the machine.

mod batch;
mod disk;
mod file;
mod format;
mod look;
mod open;
mod source;

pub use disk::{Disk, DiskHand};
pub use file::StateFile;
pub use format::{Identity, Watermarks};
pub use look::{Found, look};
pub use open::{OpenError, Problem};
pub use source::{Restored, SourceState};

use std::path::PathBuf;
use std::time::Duration;

/// Where the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file, an absolute path. It need not exist; its folder must.
    pub path: PathBuf,
    /// How long to wait for another process to let go of it.
    pub patience: Duration,
}

impl Config {
    /// The file at `path`, for which a rolling update has a minute to end the process before.
    pub fn at(path: PathBuf) -> Self {
        // Whoever reads a message or the log need not know where the process was started. Without
        // a working directory a relative path is of no use, which opening it will tell.
        let path = std::path::absolute(&path).unwrap_or(path);
        Self { path, patience: Duration::from_secs(60) }
    }
}

#[cfg(test)]
mod failure_tests;
#[cfg(test)]
mod look_tests;
#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod tests;
