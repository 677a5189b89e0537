//! What a row says about a task that is known already: nothing new, a change, an end, a new start.

use crate::clock::UnixMillis;

use super::record::Record;

/// What one row did to its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// What is known of the task from now on.
    pub(super) record: Record,
    /// Whether the task finished, for the first time since it started.
    pub(super) is_finish: bool,
    /// Whether its status changed although it had finished and did not start again.
    pub(super) is_correction: bool,
}

/// Follows `old`, if the task is known, to `new`.
///
/// A task finishes once for each time that it starts: only a later `StartTime` opens it again.
/// A start, once known, neither goes away nor goes back, whatever a row leaves out.
pub(super) fn follow(old: Option<&Record>, new: Record) -> Step {
    let Some(old) = old else { return finish_once(new, false) };
    let starts_again = matches!((old.start, new.start), (Some(before), Some(after)) if after > before);
    if starts_again {
        return finish_once(new, false);
    }
    let mut record = new;
    record.start = old.start.or(new.start);
    let is_correction = old.is_counted() && old.status != new.status;
    Step { is_correction, ..finish_once(record, old.is_counted()) }
}

/// Whether `new` tells of another target than `old` did, or of other times of the same end. What is
/// known of targets by it has then to be found out anew.
pub(super) fn is_told_otherwise(old: &Record, new: &Record) -> bool {
    let starts_again = old.start.zip(new.start).is_some_and(|(before, after)| after > before);
    let has_other_times = old.end != new.end || (old.start.is_none() && new.start.is_some());
    old.target != new.target || (old.status.is_finished() && !starts_again && has_other_times)
}

fn finish_once(record: Record, was_counted: bool) -> Step {
    let is_finish = record.status.is_finished() && !was_counted;
    let record = if was_counted || is_finish { record.counted() } else { record };
    Step { record, is_finish, is_correction: false }
}

/// Of two rows of one task that were read in the same poll, the one to go by: of the later start,
/// else the one that has finished, else `newer`.
pub(super) fn latest_of(older: Record, newer: Record) -> Record {
    let starts = older.start.zip(newer.start);
    let started_later = |is_later: fn(&UnixMillis, &UnixMillis) -> bool| {
        starts.is_some_and(|(before, after)| is_later(&before, &after))
    };
    let has_ended_since = older.status.is_finished() && !newer.status.is_finished();
    if started_later(PartialOrd::gt) || (has_ended_since && !started_later(PartialOrd::lt)) {
        older
    } else {
        newer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tests::{at, record};
    use crate::model::Status;
    use Status::{Completed, Failed, Running, TimedOut, Unknown};

    /// What a history of rows, each a status and its start, did step by step.
    fn steps(rows: &[(Status, Option<i64>)]) -> Vec<(Status, bool, bool)> {
        let mut known = None;
        let take = |&(status, start): &(Status, Option<i64>)| {
            let step = follow(known.as_ref(), record("host", status, start, None));
            known = Some(step.record);
            (step.record.status, step.is_finish, step.is_correction)
        };
        rows.iter().map(take).collect()
    }

    #[test]
    fn a_task_finishes_once() {
        let rows = [(Running, Some(1)), (Completed, Some(1)), (Completed, Some(1))];
        assert_eq!(
            steps(&rows),
            [(Running, false, false), (Completed, true, false), (Completed, false, false)]
        );
    }

    #[test]
    fn a_later_start_opens_it_again() {
        let rows = [(Failed, Some(1)), (Running, Some(2)), (Completed, Some(2)), (Failed, Some(3))];
        let finishes: Vec<_> = steps(&rows).into_iter().map(|(_, is_finish, _)| is_finish).collect();
        assert_eq!(finishes, [true, false, true, true]);
    }

    #[test]
    fn a_status_that_changes_in_place_is_a_correction_and_no_end() {
        let rows = [(Failed, Some(1)), (Completed, Some(1)), (Running, Some(1)), (TimedOut, Some(1))];
        let expected = [
            (Failed, true, false),
            (Completed, false, true),
            (Running, false, true),
            (TimedOut, false, true),
        ];
        assert_eq!(steps(&rows), expected);
    }

    #[test]
    fn a_row_that_leaves_out_the_start_or_tells_an_earlier_one_opens_nothing() {
        let rows = [(Failed, Some(2)), (Failed, None), (Failed, Some(1)), (Failed, Some(2))];
        let finishes = steps(&rows).into_iter().filter(|(_, is_finish, _)| *is_finish).count();
        assert_eq!(finishes, 1);
        let unknown_first = [(Failed, None), (Failed, Some(2)), (Failed, Some(2))];
        assert_eq!(steps(&unknown_first).into_iter().filter(|(_, is_finish, _)| *is_finish).count(), 1);
    }

    #[test]
    fn a_status_that_is_not_understood_is_no_end() {
        assert_eq!(
            steps(&[(Unknown, Some(1)), (Completed, Some(1))]),
            [(Unknown, false, false), (Completed, true, false)]
        );
    }

    #[test]
    fn of_two_rows_of_one_poll_the_later_start_stands_then_the_end_then_the_newer() {
        let row = |status, start| record("host", status, start, None);
        let got = |older, newer| {
            let record = latest_of(older, newer);
            (record.status, record.start)
        };
        assert_eq!(got(row(Running, Some(2)), row(Failed, Some(1))), (Running, Some(at(2))));
        assert_eq!(got(row(Failed, Some(1)), row(Running, Some(2))), (Running, Some(at(2))));
        assert_eq!(got(row(Failed, Some(1)), row(Running, Some(1))), (Failed, Some(at(1))));
        assert_eq!(got(row(Failed, Some(1)), row(Running, None)), (Failed, Some(at(1))));
        assert_eq!(got(row(Failed, Some(1)), row(Completed, Some(1))), (Completed, Some(at(1))));
    }
}
