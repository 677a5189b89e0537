use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use sha1::{Digest as _, Sha1};

use super::*;
use crate::clock::UnixMillis;
use crate::ledger::{
    Changes, DeltaListing, FullListing, Horizon, Ledger, OpenTask, Record, Standing, Target, TargetKey,
    TargetsShown, TaskKey, Which,
};
use crate::meters::Meters;
use crate::model::{
    Check, CheckProgress, Listing, Progress, ReportStatus, Status, TargetNames, TargetType, Task,
};

const DAY: Duration = Duration::from_secs(86_400);

fn at(hours: i64) -> UnixMillis {
    UnixMillis::new(1_700_000_000_000 + hours * 3_600_000).unwrap()
}

pub(super) fn identity(source: &str) -> Identity {
    Identity {
        source: source.to_owned(),
        endpoint: "tds.cn-shanghai.aliyuncs.com".to_owned(),
        listing: Listing::Auto,
        target_types: Vec::new(),
    }
}

pub(super) fn marks(hours: i64) -> Watermarks {
    Watermarks {
        last_poll: at(hours),
        last_full_success: at(hours),
        full_took: Duration::from_millis(1500),
        listing: Listing::Flat,
    }
}

pub(super) async fn open(path: &Path) -> Result<StateFile, OpenError> {
    open_on(Disk::real(), path).await
}

pub(super) async fn open_on(disk: Disk, path: &Path) -> Result<StateFile, OpenError> {
    let config = Config { path: path.to_owned(), patience: Duration::ZERO };
    StateFile::open(config, disk, Meters::new().state()).await
}

/// All that must survive, in order.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    scans: BTreeMap<TaskKey, Record>,
    roots: BTreeMap<TaskKey, Record>,
    targets: BTreeMap<TargetKey, Target>,
    names: BTreeMap<TargetKey, Arc<TargetNames>>,
    open: BTreeMap<TaskKey, Option<OpenTask>>,
    standing: Standing,
}

pub(super) fn picture(ledger: &Ledger) -> Picture {
    let (scans, roots) = (ledger.remembered_scans(), ledger.remembered_roots());
    let open = scans.keys().chain(roots.keys()).map(|&key| (key, ledger.ids().get(key).cloned()));
    Picture {
        scans: scans.iter().map(|(&key, &scan)| (key, scan)).collect(),
        roots: roots.iter().map(|(&key, &root)| (key, root)).collect(),
        targets: ledger.targets().iter().map(|(&key, target)| (key, target.clone())).collect(),
        names: ledger.names().iter().map(|(key, names)| (key, Arc::clone(names))).collect(),
        open: open.collect(),
        standing: ledger.standing(),
    }
}

/// What a row of a made-up account says.
#[derive(Clone, Debug)]
struct Row {
    id: u8,
    target: u8,
    status: Status,
    start: Option<i64>,
    took: Option<i64>,
    bytes: Option<u64>,
}

impl Row {
    fn task(&self) -> Task<'static> {
        let mut checks = CheckProgress::default();
        if let Some(progress) = Progress::from_percent(f64::from(self.id)) {
            checks.set(Check::Vul, progress);
        }
        let is_image = self.target.is_multiple_of(3);
        Task {
            id: Cow::Owned(format!("task-{}", self.id)),
            target_type: if is_image { TargetType::Image } else { TargetType::Snapshot },
            target: (self.target > 0).then(|| Cow::Owned(format!("uuid-{}", self.target))),
            instance_id: None,
            instance_name: is_image.then(|| Cow::Owned(format!("名 {}", self.id))),
            target_name: Some(Cow::Borrowed("name")),
            status: self.status,
            start: self.start.map(at),
            end: self.start.zip(self.took).map(|(start, took)| at(start + took)),
            progress: Progress::from_percent(f64::from(self.id)),
            checks,
            measured_bytes: self.bytes,
            report: ReportStatus::None,
        }
    }
}

/// What a poll brings.
#[derive(Clone, Debug)]
struct Poll {
    is_full: bool,
    scans: Vec<Row>,
    roots: Option<Vec<Row>>,
    gone: Vec<u8>,
    /// The main task that all were listed by.
    root: Option<String>,
}

impl Poll {
    fn apply(&self, ledger: &mut Ledger, hours: i64) -> Changes {
        let horizon = Horizon::new(at(hours), DAY, DAY);
        let mut delta = DeltaListing::default();
        for (rows, records) in
            [(Some(&self.scans), &mut delta.scans), (self.roots.as_ref(), &mut delta.roots)]
        {
            for task in rows.into_iter().flatten().map(Row::task) {
                records.insert(TaskKey::of(&task.id), Record::from(&task));
                delta.names.note(&task);
                delta.ids.note(&task, self.root.as_deref());
            }
        }
        if self.is_full {
            let DeltaListing { scans, roots, names, ids, .. } = delta;
            let roots = self.roots.is_some().then_some(roots);
            let listing = FullListing { scans, roots, names, ids, ..FullListing::default() };
            ledger.apply_full(listing, &horizon)
        } else {
            // What a poll shows is not gone.
            let gone = self.gone.iter().map(|id| TaskKey::of(&format!("task-{id}")));
            delta.gone_scans = gone.filter(|key| !delta.scans.contains_key(key)).collect();
            ledger.apply_delta(delta, horizon.now, &horizon)
        }
    }
}

/// A first poll of two scans, one of which runs, and a main task.
pub(super) fn first_poll(ledger: &mut Ledger) -> Changes {
    poll_of(true, [(1, Status::Running), (2, Status::Failed)]).apply(ledger, 1)
}

/// A delta poll that shows that the scan that ran has completed.
pub(super) fn second_poll(ledger: &mut Ledger) -> Changes {
    poll_of(false, [(1, Status::Completed)]).apply(ledger, 2)
}

/// A delta poll that shows that another scan has failed.
pub(super) fn third_poll(ledger: &mut Ledger) -> Changes {
    poll_of(false, [(3, Status::TimedOut)]).apply(ledger, 3)
}

fn poll_of(is_full: bool, scans: impl IntoIterator<Item = (u8, Status)>) -> Poll {
    let row = |(id, status)| Row { id, target: id, status, start: Some(0), took: Some(1), bytes: Some(7) };
    let roots = Some(vec![row((9, Status::Completed))]);
    Poll {
        is_full,
        scans: scans.into_iter().map(row).collect(),
        roots,
        gone: Vec::new(),
        root: Some("main".to_owned()),
    }
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let status = proptest::sample::select(Status::ALL);
    let times = (proptest::option::weighted(0.9, 0..60i64), proptest::option::weighted(0.8, 0..4i64));
    let row = (0..8u8, 0..5u8, status, times, proptest::option::of(any::<u64>()));
    let row = row.prop_map(|(id, target, status, (start, took), bytes)| Row {
        id,
        target,
        status,
        start,
        took,
        bytes,
    });
    proptest::collection::vec(row, 0..6)
}

fn polls() -> impl Strategy<Value = Vec<Poll>> {
    let gone = proptest::collection::vec(0..8u8, 0..3);
    let root = proptest::option::of(Just("main".to_owned()));
    let poll = (any::<bool>(), rows(), proptest::option::of(rows()), gone, root);
    let poll =
        poll.prop_map(|(is_full, scans, roots, gone, root)| Poll { is_full, scans, roots, gone, root });
    proptest::collection::vec(poll, 1..7)
}

/// Runs `work` where timers and blocking threads are.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn loaded(file: &StateFile, source: &str) -> Restored {
    file.source(identity(source)).load(TargetsShown::default()).unwrap().expect("something is stored")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_back_is_what_was_written_and_goes_on_alike(polls in polls()) {
        let folder = tempfile::tempdir().unwrap();
        block_on(async {
            let file = open(&folder.path().join("state")).await.unwrap();
            let (mut step_by_step, mut ledger) = (file.source(identity("steps")), Ledger::default());
            let mut twin = Ledger::default();
            for (hours, poll) in (0..).step_by(9).zip(&polls) {
                let changes = poll.apply(&mut ledger, hours);
                poll.apply(&mut twin, hours);
                assert_eq!(picture(&twin), picture(&ledger), "a restored ledger goes another way");
                assert!(step_by_step.save(&ledger, &changes, marks(hours)).await);
                assert!(file.source(identity("whole")).save(&ledger, &Changes::default(), marks(hours)).await);
                for source in ["steps", "whole"] {
                    let restored = loaded(&file, source);
                    assert_eq!(restored.marks, marks(hours));
                    assert_eq!(picture(&restored.ledger), picture(&ledger), "{source}");
                }
                twin = loaded(&file, "steps").ledger;
            }
        });
    }
}

#[tokio::test]
async fn sources_share_a_file_and_know_nothing_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let file = open(&path).await.unwrap();
    let (mut a, mut b) = (Ledger::default(), Ledger::default());
    let (of_a, of_b) = (first_poll(&mut a), poll_of(true, []).apply(&mut b, 1));
    assert!(file.source(identity("a")).save(&a, &of_a, marks(1)).await);
    assert!(file.source(identity("b")).save(&b, &of_b, marks(1)).await);
    assert!(file.source(identity("c")).load(TargetsShown::default()).unwrap().is_none());
    drop(file);
    let file = open(&path).await.unwrap();
    assert_eq!(picture(&loaded(&file, "a").ledger), picture(&a));
    assert_eq!(picture(&loaded(&file, "b").ledger), picture(&b));
}

#[tokio::test]
async fn a_source_with_another_identity_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = open(&folder.path().join("state")).await.unwrap();
    let mut ledger = Ledger::default();
    let changes = first_poll(&mut ledger);
    let types = vec![TargetType::Image, TargetType::Snapshot];
    let old = Identity { target_types: types, ..identity("a") };
    assert!(file.source(old.clone()).save(&ledger, &changes, marks(1)).await);

    let other_order = vec![TargetType::Snapshot, TargetType::Image];
    let same = Identity { target_types: other_order, ..identity("a") };
    assert!(file.source(same).load(TargetsShown::default()).unwrap().is_some());
    let others = [
        (Identity { endpoint: "other".to_owned(), ..old.clone() }, vec!["endpoint"]),
        (
            Identity { listing: Listing::Root, target_types: Vec::new(), ..old.clone() },
            vec!["listing", "target_types"],
        ),
    ];
    for (other, differences) in others {
        assert_eq!(other.differences(&old), differences);
        assert!(file.source(other).load(TargetsShown::default()).unwrap().is_none());
    }

    // And what it then writes is all that there is.
    let other = Identity { listing: Listing::Root, ..identity("a") };
    let mut state = file.source(other.clone());
    assert!(state.load(TargetsShown::default()).unwrap().is_none());
    let (mut anew, changes) = (Ledger::default(), Changes::default());
    poll_of(true, []).apply(&mut anew, 2);
    assert!(state.save(&anew, &changes, marks(2)).await);
    let restored = file.source(other).load(TargetsShown::default()).unwrap().unwrap();
    assert_eq!(picture(&restored.ledger), picture(&anew));
}

#[tokio::test]
async fn ids_that_change_alone_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = open(&folder.path().join("state")).await.unwrap();
    let (mut state, mut ledger) = (file.source(identity("a")), Ledger::default());
    let running = poll_of(true, [(1, Status::Running)]);
    for poll in [Poll { root: None, ..running.clone() }, running] {
        let changes = poll.apply(&mut ledger, 1);
        assert!(state.save(&ledger, &changes, marks(1)).await);
        assert_eq!(picture(&loaded(&file, "a").ledger), picture(&ledger));
    }
}

#[tokio::test]
async fn a_ledger_that_starts_over_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = open(&folder.path().join("state")).await.unwrap();
    let (mut state, mut ledger) = (file.source(identity("a")), Ledger::default());
    let changes = first_poll(&mut ledger);
    assert!(state.save(&ledger, &changes, marks(1)).await);
    ledger.restart();
    state.start_over();
    assert!(state.save(&ledger, &Changes::default(), marks(1)).await);
    assert_eq!(picture(&loaded(&file, "a").ledger), picture(&ledger));
}

#[tokio::test]
async fn names_that_are_not_to_be_shown_any_more_are_not_restored() {
    let folder = tempfile::tempdir().unwrap();
    let file = open(&folder.path().join("state")).await.unwrap();
    let mut ledger = Ledger::default();
    let changes = first_poll(&mut ledger);
    assert!(file.source(identity("a")).save(&ledger, &changes, marks(1)).await);
    let names = |shown| {
        let restored = file.source(identity("a")).load(shown).unwrap().unwrap();
        let names = restored.ledger.names().iter().map(|(_, names)| (**names).clone()).collect::<Vec<_>>();
        (names.len(), names.iter().filter(|names| names.target_name.is_some()).count())
    };
    let all = TargetsShown::default();
    assert_eq!(names(all), (2, 2));
    assert_eq!(names(TargetsShown { names: false, ..all }), (2, 0));
    assert_eq!(names(TargetsShown { which: Which::None, ..all }), (0, 0));
}

/// A file of another layout is refused only if its number says so.
#[test]
fn whoever_changes_what_is_stored_gives_the_format_a_new_number() {
    let mut ledger = Ledger::default();
    first_poll(&mut ledger);
    let all = picture(&ledger);
    let tasks: Vec<_> = all.scans.values().zip(all.open.values()).collect();
    let targets: Vec<_> = all.targets.values().collect();
    let names: Vec<_> = all.names.values().map(|names| format::StoredNames::from(names.as_ref())).collect();
    let stored = (tasks, targets, names, ledger.standing(), marks(1), identity("a"));
    let bytes = postcard::to_stdvec(&stored).unwrap();
    let digest: String = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        (format::FORMAT, bytes.len(), digest.as_str()),
        (2, 480, "b58d85f809da4c939126fb859b7c38cca78054f4")
    );
}
