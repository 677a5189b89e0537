//! The state file against processes that are killed while they write it: what is found afterwards
//! is what one of their polls has left, and no older than the last one that was told to be written.

#![cfg(unix)]

use std::borrow::Cow;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use agentless_exporter::clock::UnixMillis;
use agentless_exporter::env::Env;
use agentless_exporter::ledger::{DeltaListing, FullListing, Horizon, Ledger, Record, TargetsShown, TaskKey};
use agentless_exporter::meters::Meters;
use agentless_exporter::model::{CheckProgress, Listing, ReportStatus, Status, TargetType, Task};
use agentless_exporter::state::{Config, Disk, Identity, Restored, SourceState, StateFile, Watermarks};

/// Names the file to the process that is killed.
const PATH: &str = "AGENTLESS_TEST_STATE_PATH";

/// Tasks that finish in each poll.
const FINISH: u64 = 40;

const DAY: Duration = Duration::from_secs(86_400);

fn at(poll: u64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000).expect("after 1970").plus(Duration::from_secs(poll))
}

fn marks(poll: u64) -> Watermarks {
    Watermarks {
        last_poll: at(poll),
        last_full_success: at(0),
        full_took: Duration::ZERO,
        listing: Listing::Root,
    }
}

async fn open(path: &Path) -> (StateFile, SourceState) {
    let config = Config { path: path.to_owned(), patience: Duration::from_secs(20) };
    let file = StateFile::open(config, Disk::real(), Meters::new().state()).await.expect("the file is good");
    let identity = Identity {
        source: "a".to_owned(),
        endpoint: "tds".to_owned(),
        listing: Listing::Auto,
        target_types: Vec::new(),
    };
    let state = file.source(identity);
    (file, state)
}

/// The tasks that finish in one poll.
fn finishing(poll: u64) -> impl Iterator<Item = (TaskKey, Record)> {
    (0..FINISH).map(move |n| {
        let id = format!("{poll}-{n}");
        let task = Task {
            id: Cow::Borrowed(&id),
            target_type: TargetType::Snapshot,
            target: Some(Cow::Owned(format!("target-{n}"))),
            instance_id: None,
            instance_name: None,
            target_name: None,
            status: Status::Completed,
            start: Some(at(poll)),
            end: Some(at(poll + 1)),
            progress: None,
            checks: CheckProgress::default(),
            measured_bytes: Some(1),
            report: ReportStatus::None,
        };
        (TaskKey::of(&id), Record::from(&task))
    })
}

/// How many polls have left what is restored, which is what exactly so many leave.
fn polls_of(restored: &Restored) -> u64 {
    let Restored { ledger, marks } = restored;
    let polls = marks.last_poll.since(at(0)).as_secs();
    let totals = ledger.counters().of(TargetType::Snapshot);
    let completed = Status::Completed.index();
    assert_eq!(totals.tasks[completed], polls * FINISH, "every task is counted once");
    assert_eq!(totals.bytes[completed], polls * FINISH);
    assert_eq!(ledger.len() as u64, polls * FINISH);
    for poll in 1..=polls {
        assert!(finishing(poll).all(|(key, _)| ledger.remembered_scans().contains_key(&key)), "poll {poll}");
    }
    assert_eq!(ledger.targets().len() as u64, if polls == 0 { 0 } else { FINISH });
    polls
}

#[tokio::test]
async fn after_a_kill_at_any_instant_the_state_is_that_of_a_poll_and_of_none_that_was_lost() {
    let folder = tempfile::tempdir().expect("a folder for tests");
    let path = folder.path().join("state");
    let mut random = fastrand::Rng::with_seed(7);
    let mut known = 0;
    for round in 0..20 {
        let told = killed_after(&path, &mut random).unwrap_or(known);
        let (file, mut state) = open(&path).await;
        let polls = match state.load(TargetsShown::default()).expect("the file is good") {
            Some(restored) => polls_of(&restored),
            None => 0,
        };
        assert!(polls >= told.max(known), "round {round}: {polls} polls are left of {told}");
        known = polls;
        drop((file, state));
    }
    assert!(known > 20, "{known} polls in all");
}

/// Starts a process that writes poll after poll, and kills it soon. Gives the last poll that it told to
/// be written, if it came that far.
fn killed_after(path: &Path, random: &mut fastrand::Rng) -> Option<u64> {
    let mut child = Command::new(env::current_exe().expect("this program has a path"))
        .args(["writes_polls_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
    // From the beginning on, to hit the making of the file as well as its growth.
    std::thread::sleep(Duration::from_millis(random.u64(5..150)));
    child.kill().expect("it runs");
    child.wait().expect("it was killed");
    let mut told = None;
    while let Some(Ok(line)) = lines.next() {
        told = line.strip_prefix("written ").map(|poll| poll.parse().expect("a number")).or(told);
    }
    told
}

/// The process that the test above kills.
#[tokio::test]
#[ignore = "it writes until it is killed"]
async fn writes_polls_until_it_is_killed() {
    let path = PathBuf::from(Env::process().get(PATH).expect("started by the test above"));
    let (_file, mut state) = open(&path).await;
    let restored = state.load(TargetsShown::default()).expect("the file is good");
    let mut poll = restored.as_ref().map_or(0, polls_of);
    let mut ledger = match restored {
        Some(restored) => restored.ledger,
        None => {
            let mut ledger = Ledger::default();
            let changes = ledger.apply_full(FullListing::default(), &Horizon::new(at(0), DAY, DAY));
            assert!(state.save(&ledger, &changes, marks(0)).await);
            ledger
        }
    };
    loop {
        poll += 1;
        let delta = DeltaListing { scans: finishing(poll).collect(), ..DeltaListing::default() };
        let changes = ledger.apply_delta(delta, at(poll), &Horizon::new(at(poll + 1), DAY, DAY));
        assert!(state.save(&ledger, &changes, marks(poll)).await);
        println!("written {poll}");
        std::io::stdout().flush().expect("somebody reads");
    }
}
