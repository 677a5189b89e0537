//! Files that can't be opened: what is said, and that nothing is touched or panics.

use std::fs;
use std::path::Path;

use tokio::time::Instant;

use crate::error::in_words;
use crate::ledger::{Changes, Ledger, TargetsShown};
use crate::logging::told;
use crate::meters::Meters;
use crate::model::Listing;

use super::format::{FORMAT_KEY, META};
use super::tests::{first_poll, identity, marks, open, picture};
use super::*;

async fn problem(path: &Path) -> String {
    in_words(&open(path).await.expect_err("it can't be opened"))
}

/// Makes a state file with one source.
async fn make(path: &Path) {
    let file = open(path).await.unwrap();
    let mut ledger = Ledger::default();
    let changes = first_poll(&mut ledger);
    assert!(file.source(identity("a")).save(&ledger, &changes, marks(1)).await);
}

#[tokio::test]
async fn what_is_in_the_way_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let missing = folder.path().join("no/such/state");
    let expected = format!(
        "the state file {} cannot be used: its folder {} does not exist; create it for the user that runs the exporter, \
         or change state.path",
        missing.display(),
        folder.path().join("no/such").display()
    );
    assert_eq!(problem(&missing).await, expected);

    assert!(problem(&file.join("state")).await.contains("is no folder; change state.path"));
    assert!(problem(&file.join("further/state")).await.contains("is no folder; change state.path"));
    assert!(problem(folder.path()).await.contains("it is no plain file; let state.path name a file"));
    assert!(problem(Path::new("/dev/full")).await.contains("it is no plain file"));
}

#[test]
fn what_the_system_refuses_is_told_by_its_kind() {
    use std::io::ErrorKind;
    let told = |kind: ErrorKind| Problem::from(std::io::Error::from(kind)).to_string();
    assert!(told(ErrorKind::PermissionDenied).starts_with("this user may not read and write it; give"));
    assert!(told(ErrorKind::ReadOnlyFilesystem).starts_with("its file system is read-only; mount"));
    assert!(told(ErrorKind::StorageFull).starts_with("its disk is full; make room"));
    assert!(told(ErrorKind::QuotaExceeded).starts_with("its disk is full; make room"));
}

/// Nobody can make a file there, not even root.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_place_where_nothing_can_be_made_is_an_error() {
    assert!(
        problem(Path::new("/proc/state")).await.starts_with("the state file /proc/state cannot be used: ")
    );
}

#[tokio::test]
async fn a_file_of_something_else_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let texts = ["important", "\0\0\0\0\0\0\0\0\0", &"\0".repeat(600), &format!("{}x", "\0".repeat(600))];
    for text in texts {
        fs::write(&path, text).unwrap();
        let opened = open(&path).await;
        let is_blank = text.trim_matches('\0').is_empty();
        assert_eq!(opened.is_ok(), is_blank, "{text:?}");
        if !is_blank {
            assert!(
                problem(&path).await.contains("it is no state file of this exporter; it is left as it is")
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        drop(opened);
        fs::remove_file(&path).unwrap();
    }

    let foreign = redb::TableDefinition::<u64, u64>::new("foreign");
    let database = redb::Database::create(&path).unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(foreign).unwrap().insert(1, 2).unwrap();
    writing.commit().unwrap();
    drop(database);
    assert!(problem(&path).await.contains("it is no state file of this exporter"));
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    make(&path).await;
    let database = redb::Database::create(&path).unwrap();
    let writing = database.begin_write().unwrap();
    writing.open_table(META).unwrap().insert(FORMAT_KEY, 7).unwrap();
    writing.commit().unwrap();
    drop(database);
    let told = problem(&path).await;
    assert!(
        told.contains("a newer version of the exporter has written it (format 7, this version knows 2)"),
        "{told}"
    );
}

#[tokio::test]
async fn a_file_that_was_cut_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (good, path) = (folder.path().join("good"), folder.path().join("state"));
    make(&good).await;
    let bytes = fs::read(&good).unwrap();
    for part in 1..20 {
        fs::write(&path, &bytes[..bytes.len() * part / 20]).unwrap();
        let told = problem(&path).await;
        let plain = "it is damaged, and nothing in it can be relied upon; bring back a copy, or move it away to start anew, \
                     with counters at 0: ";
        assert!(told.contains(plain), "{part}/20: {told}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_an_error_or_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (good, path) = (folder.path().join("good"), folder.path().join("state"));
    make(&good).await;
    let mut ledger = Ledger::default();
    first_poll(&mut ledger);
    let bytes = fs::read(&good).unwrap();
    let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    let mut refused = 0;
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut damaged = bytes.clone();
        let at = used[random.usize(..used.len())];
        // A bit, or a block.
        let length = if seed % 2 == 0 { 1 } else { 512.min(bytes.len() - at) };
        damaged[at..at + length].fill_with(|| random.u8(..));
        fs::write(&path, &damaged).unwrap();
        let loaded = match open(&path).await {
            Ok(file) => file.source(identity("a")).load(TargetsShown::default()),
            Err(error) => Err(error),
        };
        match loaded {
            // What is damaged is not in use.
            Ok(restored) => {
                assert_eq!(picture(&restored.unwrap().ledger), picture(&ledger), "{length} bytes from {at}");
            }
            Err(error) => {
                refused += 1;
                let told = in_words(&error);
                let is_known = told.contains("it is damaged") || told.contains("no state file");
                assert!(is_known && !told.contains("badly"), "{length} bytes from {at}: {told}");
            }
        }
    }
    assert!(refused > 20, "{refused} of 200 damages were noticed");
}

/// The timers stand still while the file is tried, so nothing here depends on its speed.
#[tokio::test(start_paused = true)]
async fn a_second_process_waits_for_the_first_to_end_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let first = open(&path).await.unwrap();
    let config = Config::at(path.clone());
    let second = || tokio::spawn(StateFile::open(config.clone(), Disk::real(), Meters::new().state()));

    let since = Instant::now();
    let told = in_words(&second().await.unwrap().expect_err("the first one still has it"));
    assert!(told.contains("another process has it open, and did not end in time"), "{told}");
    assert_eq!(since.elapsed().as_secs(), 60);

    let waiting = second();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let mut state = first.source(identity("a"));
    assert!(state.save(&Ledger::default(), &Changes::default(), marks(1)).await);
    assert!(!waiting.is_finished());
    let since = Instant::now();
    drop((first, state));
    let second = waiting.await.unwrap().unwrap();
    assert_eq!(since.elapsed().as_secs(), 0);
    assert!(second.source(identity("a")).load(TargetsShown::default()).unwrap().is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    make(&path).await;
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    // Also where somebody has made it beforehand, or a process that did not come to its end.
    for beginning in ["", "\0\0\0\0\0\0\0\0\0\0"] {
        fs::write(&path, beginning).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        make(&path).await;
        assert_eq!(mode(), 0o600, "{beginning:?}");
    }
    // What its owner allows later is for its owner to decide.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    make(&path).await;
    assert_eq!(mode(), 0o640);
}

/// What is told while a source is loaded.
fn told_of(path: &Path, identity: Identity) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let file = runtime.block_on(open(path)).unwrap();
    told(|| {
        file.source(identity).load(TargetsShown::default()).unwrap();
    })
}

#[test]
fn what_the_file_knows_of_a_source_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let is_told = |lines: &[String], level: &str, parts: &[&str]| {
        let [line] = lines else { panic!("{lines:?}") };
        assert!(line.starts_with(level) && parts.iter().all(|part| line.contains(part)), "{line}");
    };
    let anew = "the state file knows nothing of the source; it starts anew, with counters at 0";
    is_told(&told_of(&path, identity("a")), "INFO", &[anew, "source=\"a\""]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(make(&path));
    let mut ledger = Ledger::default();
    first_poll(&mut ledger);
    let tasks = format!("ledger_tasks={}", ledger.len());
    let last_poll = format!("last_poll={}", marks(1).last_poll);
    let known = "the state file knows the source; it goes on from its last poll";
    is_told(&told_of(&path, identity("a")), "INFO", &[known, "source=\"a\"", &tasks, &last_poll]);
    is_told(&told_of(&path, identity("b")), "INFO", &[anew, "source=\"b\""]);
    let other = Identity { listing: Listing::Root, ..identity("a") };
    is_told(&told_of(&path, other), "WARN", &["by another configuration", "differences=\"listing\""]);
}
