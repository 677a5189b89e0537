//! What is counted of tasks that finished, ever since counting began. It never goes back.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;
use crate::model::{Status, TargetType};

use super::record::Record;

/// Upper bounds of the histogram of durations, in seconds: 1 min to 24 h. Scans of small disks
/// take minutes, those of the largest the better part of a day.
pub(super) const DURATION_BOUNDS: [u64; 11] =
    [60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/// Totals of one source, by [`TargetType`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters([TypeCounters; TargetType::ALL.len()]);

/// Totals of one type of target. Those by status have a place for each [`Status`]; only the
/// finished ones are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeCounters {
    /// Scan tasks that finished.
    pub tasks: [u64; Status::ALL.len()],
    /// Bytes that those scanned, as far as told.
    pub bytes: [u64; Status::ALL.len()],
    /// Main tasks that finished.
    pub root_tasks: [u64; Status::ALL.len()],
    /// How long completed scan tasks took.
    pub durations: Durations,
}

/// A histogram of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// Durations up to each of the bounds and above the one before.
    counts: [u64; DURATION_BOUNDS.len()],
    longer: u64,
    sum_millis: u64,
}

impl Counters {
    /// The totals of one type of target.
    pub fn of(&self, target_type: TargetType) -> &TypeCounters {
        &self.0[target_type.index()]
    }

    /// Counts a scan task that was found finished at `now`.
    pub(super) fn scan_finished(&mut self, record: &Record, now: UnixMillis) {
        let totals = &mut self.0[record.target_type.index()];
        let status = record.status.index();
        totals.tasks[status] += 1;
        let bytes = &mut totals.bytes[status];
        *bytes = bytes.saturating_add(record.measured_bytes().unwrap_or(0));
        if let Some(duration) = record.duration(now) {
            totals.durations.observe(duration);
        }
    }

    /// Counts a main task that was found finished.
    pub(super) fn root_finished(&mut self, record: &Record) {
        self.0[record.target_type.index()].root_tasks[record.status.index()] += 1;
    }
}

impl Durations {
    fn observe(&mut self, duration: Duration) {
        let is_within = |bound: &u64| duration <= Duration::from_secs(*bound);
        match DURATION_BOUNDS.iter().position(is_within) {
            Some(bucket) => self.counts[bucket] += 1,
            None => self.longer += 1,
        }
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.sum_millis = self.sum_millis.saturating_add(millis);
    }

    /// Each bound in seconds, with the durations up to it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> {
        let up_to = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        DURATION_BOUNDS.iter().map(|&bound| bound as f64).zip(up_to)
    }

    /// All durations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.longer
    }

    /// Their sum in seconds.
    pub fn sum_seconds(&self) -> f64 {
        self.sum_millis as f64 / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_stands_in_every_bucket_from_its_bound_on() {
        let mut durations = Durations::default();
        for seconds in [60, 61, 86_401] {
            durations.observe(Duration::from_secs(seconds));
        }
        let buckets: Vec<_> = durations.buckets().collect();
        assert_eq!((buckets[0], buckets[1], buckets[10]), ((60.0, 1), (120.0, 2), (86_400.0, 2)));
        assert_eq!((durations.count(), durations.sum_seconds()), (3, 86_522.0));
    }
}
