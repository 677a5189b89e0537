//! The gauges about scans: what one snapshot says.

use crate::clock::UnixMillis;
use crate::meters::table;
use crate::model::{Check, ReportStatus, Status};
use crate::snapshot::{ProgressBucket, Snapshot, SpaceBucket};

use super::family::Family;

/// The families of the gauges about scans with the samples of one source, always the same ones in
/// the same order. A function of the snapshot alone, zeros included: what is counted is shown for
/// every word, what is measured only when known.
pub(super) fn families<'a>(source: &'a str, snapshot: &Snapshot) -> Vec<Family<'a>> {
    let mut tasks = Family::new(&table::SCAN_TASKS);
    let mut by_progress = Family::new(&table::SCAN_TASKS_BY_PROGRESS);
    let mut by_space = Family::new(&table::SCAN_TASKS_BY_MEASURED_SPACE);
    let mut bytes = Family::new(&table::SCAN_MEASURED_BYTES);
    let mut running_progress = Family::new(&table::SCAN_RUNNING_PROGRESS_RATIO);
    let mut check_progress = Family::new(&table::SCAN_CHECK_PROGRESS_RATIO);
    let mut oldest_running = Family::new(&table::SCAN_OLDEST_RUNNING_START);
    let mut reports = Family::new(&table::SCAN_REPORTS);
    let mut targets = Family::new(&table::SCAN_TARGETS);
    let mut last_success = Family::new(&table::SCAN_LAST_SUCCESS);
    let mut last_finished = Family::new(&table::SCAN_LAST_FINISHED);
    let mut root_tasks = Family::new(&table::SCAN_ROOT_TASKS);

    for (target_type, facts) in &snapshot.types {
        let of_type = [source, target_type.as_str()];
        let [source, target_type] = of_type;
        for &status in Status::ALL {
            let at = status.index();
            let of_status = [source, target_type, status.as_str()];
            tasks.push(&of_status, facts.tasks[at] as f64);
            bytes.push(&of_status, facts.measured_bytes[at] as f64);
            targets.push(&of_status, facts.targets[at] as f64);
            root_tasks.push(&of_status, facts.root_tasks[at] as f64);
            for &bucket in ProgressBucket::ALL {
                let count = facts.by_progress[at][bucket.index()];
                by_progress.push(&[source, target_type, status.as_str(), bucket.as_str()], count as f64);
            }
        }
        for &bucket in SpaceBucket::ALL {
            by_space.push(&[source, target_type, bucket.as_str()], facts.by_space[bucket.index()] as f64);
        }
        for &report in ReportStatus::ALL {
            reports.push(&[source, target_type, report.as_str()], facts.reports[report.index()] as f64);
        }
        for &check in Check::ALL {
            let mean = facts.check_progress[check.index()].value();
            check_progress.push_known(&[source, target_type, check.as_str()], mean);
        }
        running_progress.push_known(&of_type, facts.running_progress.value());
        oldest_running.push_known(&of_type, facts.oldest_running_start.map(UnixMillis::as_secs_f64));
        last_success.push_known(&of_type, facts.last_success.map(UnixMillis::as_secs_f64));
        last_finished.push_known(&of_type, facts.last_finished.map(UnixMillis::as_secs_f64));
    }

    vec![
        tasks,
        by_progress,
        by_space,
        bytes,
        running_progress,
        check_progress,
        oldest_running,
        reports,
        targets,
        last_success,
        last_finished,
        root_tasks,
    ]
}
