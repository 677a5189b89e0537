//! The files that a web config is made of, and what they looked like when they were read.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::yaml;

/// Far above a bundle of every public CA.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// What a file looked like. Content is compared, because times and sizes may stay the same.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Look {
    /// A file with this content.
    Content([u8; 32]),
    /// A file too large to be read.
    TooLarge,
    /// A pipe or device, which can be read once only.
    Once,
    /// There is none, or it can't be read.
    Unreadable(io::ErrorKind),
}

/// The looks of all files of a web config.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Looks(BTreeMap<PathBuf, Look>);

impl Looks {
    /// The same files as they are now.
    pub(super) fn again(&self) -> Self {
        let look = |(path, look): (&PathBuf, &Look)| {
            let now = if *look == Look::Once { Look::Once } else { look_at(path) };
            (path.clone(), now)
        };
        Self(self.0.iter().map(look).collect())
    }

    /// Whether no file looks otherwise than in `other`, where it has it too.
    pub(super) fn agree_with(&self, other: &Self) -> bool {
        self.0.iter().all(|(path, look)| other.0.get(path).is_none_or(|other| other == look))
    }
}

/// Reads files, and remembers what they looked like.
#[derive(Clone, Default)]
pub(super) struct Files {
    looks: Looks,
    /// Contents of what can be read once only.
    once: BTreeMap<PathBuf, Vec<u8>>,
}

impl Files {
    /// For the same web config once more: what could be read once only is kept.
    pub(super) fn once_more(&self) -> Self {
        Self { looks: Looks::default(), once: self.once.clone() }
    }

    /// The content of the file at `path`; the error says what failed, without the path.
    pub(super) fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        if let Some(kept) = self.once.get(path) {
            self.looks.0.insert(path.to_owned(), Look::Once);
            return Ok(kept.clone());
        }
        let read = yaml::read_bytes(path, MOST_BYTES);
        let is_once = fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir());
        let look = match &read {
            Ok(bytes) if is_once => {
                self.once.insert(path.to_owned(), bytes.clone());
                Look::Once
            }
            Ok(bytes) => Look::Content(Sha256::digest(bytes).into()),
            Err(_) => look_at(path),
        };
        self.looks.0.insert(path.to_owned(), look);
        read
    }

    /// What the files looked like that were read.
    pub(super) fn looks(&self) -> &Looks {
        &self.looks
    }
}

/// What the file at `path` looks like now. A pipe is not opened.
fn look_at(path: &Path) -> Look {
    match fs::metadata(path) {
        Err(error) => Look::Unreadable(error.kind()),
        Ok(about) if about.is_dir() => Look::Unreadable(io::ErrorKind::IsADirectory),
        Ok(about) if !about.is_file() => Look::Once,
        Ok(about) if about.len() > MOST_BYTES => Look::TooLarge,
        Ok(_) => match fs::read(path) {
            Ok(bytes) => Look::Content(Sha256::digest(&bytes).into()),
            Err(error) => Look::Unreadable(error.kind()),
        },
    }
}
