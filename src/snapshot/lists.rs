//! Single scans and targets of a snapshot, for people.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::clock::UnixMillis;
use crate::ledger::{Ledger, Names, Record, Target, TaskKey};
use crate::model::{Progress, Status, TargetNames, TargetType};

/// A scan that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct RunningScan {
    /// Type of its target.
    pub target_type: TargetType,
    /// Names of its target; `None` if the row names none, or targets are not to be shown.
    pub target: Option<Arc<TargetNames>>,
    /// When it started.
    pub start: Option<UnixMillis>,
    /// How far it has come.
    pub progress: Option<Progress>,
}

/// A target whose latest finished scan did not complete.
#[derive(Clone, Debug, PartialEq)]
pub struct FailingTarget {
    /// Type of the target.
    pub target_type: TargetType,
    /// Its names; `None` if targets are not to be shown.
    pub target: Option<Arc<TargetNames>>,
    /// How its latest finished scan ended: [`Status::Failed`] or [`Status::TimedOut`].
    pub status: Status,
    /// When that scan ended, if known.
    pub finished_at: Option<UnixMillis>,
    /// When the first scan ended that did not complete since the last one that did, as far as is
    /// known: at or before `finished_at`.
    pub failing_since: Option<UnixMillis>,
    /// When its latest completed scan ended, as far as is known.
    pub last_success: Option<UnixMillis>,
}

/// At most `most` of `scans`, which all run, those that run longest first.
pub(super) fn running(scans: Vec<(TaskKey, &Record)>, names: &Names, most: usize) -> Vec<RunningScan> {
    // A start that is not known comes last; the fingerprint makes the order the same at each poll.
    let mut scans: Vec<_> =
        scans.into_iter().map(|(key, scan)| ((scan.start.is_none(), scan.start, key), scan)).collect();
    scans.sort_unstable_by_key(|&(order, _)| order);
    let list = scans.into_iter().take(most).map(|(_, scan)| RunningScan {
        target_type: scan.target_type,
        target: scan.target.and_then(|key| names.get(key)).cloned(),
        start: scan.start,
        progress: scan.progress,
    });
    list.collect()
}

/// At most `most` of the targets that fail, those that finished last first.
pub(super) fn failing(ledger: &Ledger, most: usize) -> Vec<FailingTarget> {
    let targets = ledger.targets().iter().filter(|(_, target)| target.is_failing());
    let at = |target: &Target| target.latest.finished_at;
    let mut targets: Vec<_> = targets.map(|(key, target)| ((Reverse(at(target)), key), target)).collect();
    targets.sort_unstable_by_key(|&(order, _)| order);
    let list = targets.into_iter().take(most).map(|((_, &key), target)| FailingTarget {
        target_type: target.target_type,
        target: ledger.names().get(key).cloned(),
        status: target.latest.status,
        finished_at: target.latest.finished_at,
        failing_since: target.failing_since(),
        last_success: target.latest_success.and_then(|success| success.finished_at),
    });
    list.collect()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::time::Duration;

    use super::*;
    use crate::ledger::{FullListing, Horizon, TargetsShown, Which};
    use crate::model::{CheckProgress, ReportStatus, Task};

    fn at(hours: i64) -> UnixMillis {
        UnixMillis::new(1_700_000_000_000 + hours * 3_600_000).unwrap()
    }

    fn ledger(shown: TargetsShown) -> Ledger {
        use Status::{Completed, Failed, Running, TimedOut};
        let mut listing = FullListing { names: Names::new(shown), ..FullListing::default() };
        for (id, status, start, end) in [
            ("a", Failed, 0, 1),
            ("b", TimedOut, 2, 3),
            ("c", Completed, 4, 5),
            ("d", Running, 7, 0),
            ("e", Running, 6, 0),
        ] {
            let task = Task {
                id: id.into(),
                target_type: TargetType::Snapshot,
                target: Some(Cow::Owned(format!("uuid-{id}"))),
                instance_id: None,
                instance_name: Some(Cow::Owned(format!("host-{id}"))),
                target_name: None,
                status,
                start: Some(at(start)),
                end: (end > 0).then(|| at(end)),
                progress: Progress::from_percent(50.0),
                checks: CheckProgress::default(),
                measured_bytes: None,
                report: ReportStatus::None,
            };
            listing.names.note(&task);
            listing.scans.insert(TaskKey::of(id), (&task).into());
        }
        let mut ledger = Ledger::default();
        let lookback = Duration::from_secs(86_400);
        ledger.apply_full(listing, &Horizon::new(at(10), lookback, Duration::ZERO));
        ledger
    }

    fn longest(ledger: &Ledger, most: usize) -> Vec<RunningScan> {
        let scans = ledger.scans().filter(|(_, scan)| scan.status == Status::Running);
        running(scans.map(|(&key, scan)| (key, scan)).collect(), ledger.names(), most)
    }

    fn best(target: &Option<Arc<TargetNames>>) -> String {
        target.as_ref().map_or_else(|| "-".to_owned(), |names| names.best().to_string())
    }

    #[test]
    fn the_longest_running_scan_and_the_latest_failure_come_first() {
        let ledger = ledger(TargetsShown::default());
        let running: Vec<_> = longest(&ledger, 9).iter().map(|scan| best(&scan.target)).collect();
        assert_eq!(running, ["host-e", "host-d"]);
        let failing = failing(&ledger, 9);
        let told: Vec<_> = failing.iter().map(|target| (best(&target.target), target.status)).collect();
        let expected = [("host-b".to_owned(), Status::TimedOut), ("host-a".to_owned(), Status::Failed)];
        assert_eq!(told, expected);
        assert_eq!(failing[0].finished_at, Some(at(3)));
    }

    #[test]
    fn lists_are_bounded() {
        let ledger = ledger(TargetsShown::default());
        assert_eq!((longest(&ledger, 1).len(), failing(&ledger, 1).len()), (1, 1));
        assert_eq!((longest(&ledger, 0).len(), failing(&ledger, 0).len()), (0, 0));
    }

    #[test]
    fn names_are_told_only_as_far_as_the_configuration_allows() {
        let of = |which, names| best(&failing(&ledger(TargetsShown { which, names, limit: 9 }), 9)[0].target);
        assert_eq!((of(Which::Failing, true), of(Which::All, true)), ("host-b".into(), "host-b".into()));
        assert_eq!((of(Which::Failing, false), of(Which::All, false)), ("uuid-b".into(), "uuid-b".into()));
        assert_eq!((of(Which::None, true), of(Which::None, false)), ("-".into(), "-".into()));
    }
}
