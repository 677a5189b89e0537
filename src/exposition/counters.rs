//! The counters of finished tasks.

use super::family::{Family, Histogram, Value};
use super::view::Seen;
use crate::ledger::Durations;
use crate::meters::table;
use crate::model::{Status, TargetType};

/// The families of what was counted, of every source and for every type of target from the start:
/// a series born at 1 is invisible to `increase()`. They never go, however stale the gauges are.
pub(super) fn families<'a>(sources: &[Seen<'a>]) -> Vec<Family<'a>> {
    let mut finished = Family::new(&table::SCAN_TASKS_FINISHED);
    let mut bytes = Family::new(&table::SCAN_FINISHED_BYTES);
    let mut roots = Family::new(&table::SCAN_ROOT_TASKS_FINISHED);
    let mut durations = Family::new(&table::SCAN_TASK_DURATION);
    for source in sources {
        let name = source.name();
        for &target_type in TargetType::ALL {
            let totals = source.published.counters.of(target_type);
            let target_type = target_type.as_str();
            for status in Status::ALL.iter().filter(|status| status.is_finished()) {
                let labels = [name, target_type, status.as_str()];
                finished.push(&labels, totals.tasks[status.index()] as f64);
                bytes.push(&labels, totals.bytes[status.index()] as f64);
                roots.push(&labels, totals.root_tasks[status.index()] as f64);
            }
            durations.push_value(&[name, target_type], Value::Histogram(histogram(&totals.durations)));
        }
    }
    vec![finished, bytes, roots, durations]
}

fn histogram(durations: &Durations) -> Histogram {
    Histogram {
        buckets: durations.buckets().collect(),
        count: durations.count(),
        sum: durations.sum_seconds(),
    }
}
