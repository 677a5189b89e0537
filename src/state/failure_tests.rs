//! Disks that fail while the exporter runs, and files that are taken away.

use std::fs;
use std::io::ErrorKind;

use crate::ledger::{Changes, Ledger, TargetsShown};
use crate::meters::{Meters, table};

use super::tests::{first_poll, identity, marks, open, open_on, picture, second_poll, third_poll};
use super::*;

fn is_persisted(meters: &Meters) -> f64 {
    let families = meters.gather();
    let family = families.iter().find(|family| family.name() == table::STATE_PERSISTED.name).unwrap();
    family.get_metric()[0].get_gauge().get_value()
}

/// Opened, its disk by hand, with the meters that tell of it.
async fn opened(path: &std::path::Path) -> (StateFile, DiskHand, Meters) {
    let ((disk, hand), meters) = (Disk::by_hand(), Meters::new());
    let config = Config { path: path.to_owned(), patience: Duration::ZERO };
    (StateFile::open(config, disk, meters.state()).await.unwrap(), hand, meters)
}

#[tokio::test]
async fn what_a_full_disk_kept_out_is_written_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let (file, hand, meters) = opened(&path).await;
    let (mut state, mut ledger) = (file.source(identity("a")), Ledger::default());
    let changes = first_poll(&mut ledger);
    assert!(state.save(&ledger, &changes, marks(1)).await);
    assert_eq!(is_persisted(&meters), 1.0);

    hand.fail_after(0, ErrorKind::StorageFull);
    let changes = second_poll(&mut ledger);
    assert!(!state.save(&ledger, &changes, marks(2)).await);
    assert_eq!(is_persisted(&meters), 0.0);
    // The file can't be opened again either, and a source that was well is not affected for good.
    let (mut other, changes) = (file.source(identity("b")), Changes::default());
    assert!(!other.save(&ledger, &changes, marks(2)).await);

    hand.recover();
    let changes = third_poll(&mut ledger);
    assert!(state.save(&ledger, &changes, marks(3)).await);
    assert_eq!(is_persisted(&meters), 0.0, "the other source is not written yet");
    assert!(other.save(&ledger, &Changes::default(), marks(3)).await);
    assert_eq!(is_persisted(&meters), 1.0);
    drop((state, other, file));

    let file = open(&path).await.unwrap();
    for source in ["a", "b"] {
        let restored = file.source(identity(source)).load(TargetsShown::default()).unwrap().unwrap();
        assert_eq!((picture(&restored.ledger), restored.marks), (picture(&ledger), marks(3)));
    }
}

#[tokio::test]
async fn a_disk_that_fails_at_any_write_leaves_one_poll_or_the_next_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut met = [false, false];
    for writes in 0.. {
        let path = folder.path().join(format!("state-{writes}"));
        let (file, hand, _) = opened(&path).await;
        let (mut state, mut ledger) = (file.source(identity("a")), Ledger::default());
        let changes = first_poll(&mut ledger);
        assert!(state.save(&ledger, &changes, marks(1)).await);
        let before = picture(&ledger);

        hand.fail_after(writes, ErrorKind::StorageFull);
        let changes = second_poll(&mut ledger);
        let is_saved = state.save(&ledger, &changes, marks(2)).await;
        hand.recover();
        if is_saved {
            break;
        }
        let restored = file.source(identity("a")).load(TargetsShown::default()).unwrap().unwrap();
        let is_next = picture(&restored.ledger) == picture(&ledger);
        assert!(is_next || picture(&restored.ledger) == before, "after {writes} writes");
        met[usize::from(is_next)] = true;

        let changes = third_poll(&mut ledger);
        assert!(state.save(&ledger, &changes, marks(3)).await);
        let restored = file.source(identity("a")).load(TargetsShown::default()).unwrap().unwrap();
        assert_eq!(picture(&restored.ledger), picture(&ledger), "after {writes} writes");
    }
    assert!(met[0], "no commit failed without being stored");
}

#[tokio::test]
async fn a_file_whose_making_failed_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    for writes in 0.. {
        let (disk, hand) = Disk::by_hand();
        hand.fail_after(writes, ErrorKind::StorageFull);
        match open_on(disk, &path).await {
            Err(OpenError { problem: Problem::Full, .. }) => {}
            Ok(_) => {
                assert!(writes > 3, "only {writes} writes make a file");
                return;
            }
            Err(error) => panic!("after {writes} writes: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_file_that_was_removed_or_replaced_is_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("state"), folder.path().join("copy"));
    let (file, _, meters) = opened(&path).await;
    let (mut state, mut ledger) = (file.source(identity("a")), Ledger::default());
    let changes = first_poll(&mut ledger);
    assert!(state.save(&ledger, &changes, marks(1)).await);
    fs::copy(&path, &copy).unwrap();
    let changes = second_poll(&mut ledger);
    assert!(state.save(&ledger, &changes, marks(2)).await);

    // An old copy is brought back.
    fs::rename(&copy, &path).unwrap();
    let changes = third_poll(&mut ledger);
    assert!(state.save(&ledger, &changes, marks(3)).await);
    assert_eq!(
        picture(&file.source(identity("a")).load(TargetsShown::default()).unwrap().unwrap().ledger),
        picture(&ledger)
    );

    fs::remove_file(&path).unwrap();
    assert!(state.save(&ledger, &Changes::default(), marks(4)).await);
    assert_eq!(is_persisted(&meters), 1.0);
    drop((state, file));
    let file = open(&path).await.unwrap();
    assert_eq!(
        picture(&file.source(identity("a")).load(TargetsShown::default()).unwrap().unwrap().ledger),
        picture(&ledger)
    );
}

#[tokio::test]
async fn a_source_that_goes_while_it_is_behind_is_missed_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (file, hand, meters) = opened(&folder.path().join("state")).await;
    let mut state = file.source(identity("a"));
    hand.fail_after(0, ErrorKind::Other);
    assert!(!state.save(&Ledger::default(), &Changes::default(), marks(1)).await);
    assert_eq!(is_persisted(&meters), 0.0);
    drop(state);
    assert_eq!(is_persisted(&meters), 1.0);
}
