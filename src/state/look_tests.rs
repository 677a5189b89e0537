//! What a look at the file tells, and that it leaves everything as it was.

use std::fs::{self, FileTimes};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use redb::Database;

use crate::error::in_words;
use crate::ledger::Ledger;

use super::format::{FORMAT_KEY, META};
use super::tests::{first_poll, identity, marks, open};
use super::*;

/// Looks, and shows that the file and its folder are as they were.
fn looked(path: &Path) -> Result<Found, String> {
    let before = picture(path);
    let found = look(path).map_err(|error| in_words(&error));
    assert_eq!(picture(path), before, "{found:?}");
    found
}

/// The file with its times and mode, and what else is in its folder.
fn picture(path: &Path) -> impl PartialEq + std::fmt::Debug {
    let names = fs::read_dir(path.parent().unwrap()).into_iter().flatten();
    let mut names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let metadata = fs::metadata(path).ok().map(|found| (found.modified().unwrap(), found.permissions()));
    (names, metadata, fs::read(path).ok())
}

/// Makes a state file with one source, long ago.
async fn make(path: &Path) {
    let file = open(path).await.unwrap();
    let mut ledger = Ledger::default();
    let changes = first_poll(&mut ledger);
    assert!(file.source(identity("a")).save(&ledger, &changes, marks(1)).await);
    drop(file);
    long_ago(path);
}

fn long_ago(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    let then = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    file.set_times(FileTimes::new().set_modified(then)).unwrap();
}

#[tokio::test]
async fn what_stands_there_is_told_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    assert_eq!(looked(&path), Ok(Found::Nothing));
    fs::write(&path, "").unwrap();
    assert_eq!(looked(&path), Ok(Found::Nothing));
    make(&path).await;
    assert_eq!(looked(&path), Ok(Found::Whole));

    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(looked(&path).unwrap_err().contains("it is damaged"));
    fs::write(&path, "important").unwrap();
    assert!(looked(&path).unwrap_err().contains("it is no state file of this exporter"));

    fs::write(&path, &whole).unwrap();
    let database = Database::create(&path).unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(META).unwrap().insert(FORMAT_KEY, 7).unwrap();
    writing.commit().unwrap();
    drop(database);
    assert!(looked(&path).unwrap_err().contains("a newer version of the exporter has written it"));

    assert!(looked(folder.path()).unwrap_err().contains("it is no plain file"));
    assert!(looked(&path.join("state")).unwrap_err().contains("is no folder"));
    assert!(looked(&folder.path().join("no/state")).unwrap_err().contains("does not exist; create it"));
}

#[tokio::test]
async fn a_file_that_an_exporter_has_is_in_use_and_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    make(&path).await;
    let file = open(&path).await.unwrap();
    assert_eq!(looked(&path), Ok(Found::InUse));
    let mut ledger = Ledger::default();
    let changes = first_poll(&mut ledger);
    assert!(file.source(identity("b")).save(&ledger, &changes, marks(2)).await);

    // As a kill would leave it: to be repaired, which is not for the look.
    let killed = folder.path().join("killed");
    fs::copy(&path, &killed).unwrap();
    long_ago(&killed);
    assert_eq!(looked(&killed), Ok(Found::Whole));
    assert!(open(&killed).await.is_ok());
}

/// Root may write everywhere but there.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_in_which_nothing_can_be_made_is_told() {
    let told = in_words(&look(Path::new("/proc/self/state")).unwrap_err());
    assert!(told.starts_with("the state file /proc/self/state cannot be used: "), "{told}");
}
