//! How a poll changes what is remembered. Pure: listings and times in, changes out.

use std::mem;
use std::time::Duration;

use indexmap::map::Entry;

use crate::clock::UnixMillis;
use crate::model::Status;

use super::follow::{follow, is_told_otherwise, latest_of};
use super::key::{KeySet, TargetKey, TaskKey};
use super::names::Names;
use super::targets::{self, Target};
use super::{Changes, DeltaListing, FullListing, Horizon, Ledger, Record, Records};

/// How long before a poll a task must have started to have been missed by it, and not to be new:
/// the clocks of the cloud and of this machine differ.
const MISSED_MARGIN: Duration = Duration::from_secs(60);

impl Ledger {
    /// A full listing begins to be read. What deltas show from now on is newer than its rows.
    pub fn full_listing_begins(&mut self) {
        self.shown_since = Some(KeySet::default());
    }

    /// Takes over a full listing, which was complete. A task that it does not show leaves the
    /// gauges, unless a delta has shown it since the listing began; its id stays known for the
    /// look-back. The first listing of a fresh ledger seeds it: what had finished is not counted.
    pub fn apply_full(&mut self, listing: FullListing, horizon: &Horizon) -> Changes {
        let FullListing { scans, roots, history, names, mut ids } = listing;
        let mut changes = Changes::default();
        let shown_since = self.shown_since.take().unwrap_or_default();
        if !self.is_seeded {
            self.forgotten_until = Some(horizon.window_from);
        }
        let mut take = |ledger: &mut Self, level: Level, rows: Records| {
            let missing = level.of(ledger).keys().filter(|&key| !rows.contains_key(key));
            let missing: Vec<_> = missing.filter(|key| !shown_since.contains(key)).copied().collect();
            // At once, and not step by step: of a first listing all is new.
            let new_at_least = rows.len().saturating_sub(level.of(ledger).len());
            level.of_mut(ledger).reserve_exact(new_at_least);
            for (key, mut row) in rows {
                let known = level.of(ledger).get(&key).copied();
                if let Some(known) = known.filter(|_| shown_since.contains(&key)) {
                    row = latest_of(row, known);
                    if row == known {
                        ids.remove(key);
                    }
                }
                let is_new = known.is_none_or(|known| known.start.is_some() && known.start < row.start);
                let was_missed = is_new && ledger.was_missed(&row);
                changes.corrections += u64::from(was_missed);
                ledger.take_row(level, key, row, horizon.now, &mut changes);
            }
            for key in missing {
                let Some(known) = level.of(ledger).get(&key).copied() else { continue };
                let is_in_window = known.is_within(horizon.window_from);
                let has_left = ledger.set_absent(level, key, &mut changes);
                changes.corrections += u64::from(has_left && is_in_window && ledger.last_delta.is_some());
            }
        };
        take(self, Level::Scans, scans);
        self.has_roots = roots.is_some();
        take(self, Level::Roots, roots.unwrap_or_default());
        self.rebuild_targets(&history, horizon, &mut changes);
        self.settle(names, ids, horizon, &mut changes);
        self.scans.shrink_to_fit();
        self.roots.shrink_to_fit();
        self.is_seeded = true;
        self.last_delta = None;
        changes
    }

    /// Takes over what a delta poll gave that began at `began` and was complete.
    pub fn apply_delta(&mut self, delta: DeltaListing, began: UnixMillis, horizon: &Horizon) -> Changes {
        let DeltaListing { scans, roots, gone_scans, gone_roots, names, ids } = delta;
        let mut changes = Changes::default();
        if let Some(shown) = &mut self.shown_since {
            shown.extend(scans.keys().chain(roots.keys()).chain(&gone_scans).chain(&gone_roots));
        }
        let known = |key| self.scans.get(key);
        let is_told_otherwise =
            scans.iter().any(|(key, row)| known(key).is_some_and(|known| is_told_otherwise(known, row)));
        for (key, row) in scans {
            self.take_row(Level::Scans, key, row, horizon.now, &mut changes);
        }
        let changed: Vec<TaskKey> = changes.scans.iter().copied().collect();
        for (key, row) in roots {
            self.take_row(Level::Roots, key, row, horizon.now, &mut changes);
        }
        for key in gone_scans {
            self.set_absent(Level::Scans, key, &mut changes);
        }
        for key in gone_roots {
            self.set_absent(Level::Roots, key, &mut changes);
        }
        let has_come = self.next_end.is_some_and(|end| end <= horizon.now);
        let is_growth = !has_come && !is_told_otherwise && changes.corrections == 0;
        if is_growth && self.observe_latest(&changed, horizon, &mut changes) {
            self.forget_targets(horizon.targets_from, &mut changes);
        } else {
            self.rebuild_targets(&Records::default(), horizon, &mut changes);
        }
        self.settle(names, ids, horizon, &mut changes);
        self.last_delta = Some(began);
        changes
    }

    /// Adds the scan tasks `changed` to what is known of their targets. False if one did not finish
    /// after all that is known of its target.
    fn observe_latest(&mut self, changed: &[TaskKey], horizon: &Horizon, changes: &mut Changes) -> bool {
        let mut is_in_order = true;
        for key in changed {
            let Some(record) = self.scans.get(key) else { continue };
            is_in_order &= targets::observe_latest(&mut self.targets, *key, record, horizon);
            changes.targets.extend(record.target.filter(|_| record.status.is_finished()));
        }
        is_in_order
    }

    /// Follows one task to `row`, and counts it if it has finished by it.
    fn take_row(&mut self, level: Level, key: TaskKey, row: Record, now: UnixMillis, changes: &mut Changes) {
        let is_forgotten =
            self.forgotten_until.is_some_and(|until| row.dated().is_some_and(|at| at <= until));
        let is_seeded = self.is_seeded;
        let records = level.of_mut(self);
        make_room(records);
        let entry = records.entry(key);
        let known = match &entry {
            Entry::Occupied(place) => Some(*place.get()),
            Entry::Vacant(_) => None,
        };
        let step = follow(known.as_ref(), row);
        changes.corrections += u64::from(step.is_correction);
        if known != Some(step.record) {
            entry.insert_entry(step.record);
            level.changed(changes).insert(key);
        }
        if step.is_finish && is_seeded && !(known.is_none() && is_forgotten) {
            changes.finished += 1;
            match level {
                Level::Scans => self.counters.scan_finished(&step.record, now),
                Level::Roots => {}
            }
            if level == Level::Roots || !self.has_roots {
                self.counters.root_finished(&step.record);
            }
        }
    }

    /// Whether nothing was forgotten, or never read, that is dated after `from`.
    pub fn knows_since(&self, from: UnixMillis) -> bool {
        self.forgotten_until.is_none_or(|until| until <= from)
    }

    /// Whether deltas should have shown a start that they did not know, of which `row` tells.
    fn was_missed(&self, row: &Record) -> bool {
        let shown_by = self.last_delta.map(|at| at.minus(MISSED_MARGIN));
        let is_forgotten = row.dated() <= self.forgotten_until;
        row.start.zip(shown_by).is_some_and(|(start, shown_by)| start < shown_by) && !is_forgotten
    }

    /// Notes that a task is shown no more; whether that is new.
    fn set_absent(&mut self, level: Level, key: TaskKey, changes: &mut Changes) -> bool {
        let record = level.of_mut(self).get_mut(&key);
        let Some(record) = record.filter(|record| !record.is_absent()) else { return false };
        *record = record.absent();
        level.changed(changes).insert(key);
        true
    }

    /// Finds out anew what is known of each target, from all tasks, from `history` and from what
    /// was known.
    fn rebuild_targets(&mut self, history: &Records, horizon: &Horizon, changes: &mut Changes) {
        let now = horizon.now;
        let old = mem::take(&mut self.targets);
        // What tells anew of a task since the start that an end belongs to.
        let shown = |end: &targets::Finished| {
            let scan = self.scans.get(&end.task()).filter(|scan| !scan.is_absent());
            scan.or_else(|| history.get(&end.task())).filter(|record| !end.is_before(record))
        };
        let mut targets = targets::Targets::default();
        for (&key, record) in history.iter().chain(self.scans()) {
            targets::observe(&mut targets, key, record, horizon);
        }
        // A task that runs again does not unsay how it finished before.
        let superseded =
            |end: &targets::Finished| shown(end).is_some_and(|record| record.status.is_finished());
        targets::carry_over(&mut targets, &old, horizon.targets_from, superseded);
        let finished = history.iter().chain(self.scans());
        // A task that is shown in any other state than before unsays the failure that it was.
        let unsaid = |end: &targets::Finished| shown(end).is_some_and(|record| !end.is_told_by(record, now));
        targets::date_failures(&mut targets, &old, finished, unsaid, horizon);
        let differs = |key: &&TargetKey| targets.get(*key) != old.get(*key);
        changes.targets.extend(targets.keys().chain(old.keys()).filter(differs));
        self.targets = targets;
    }

    /// Forgets the targets that finished last before `from`.
    fn forget_targets(&mut self, from: UnixMillis, changes: &mut Changes) {
        self.targets.retain(|&key, target| {
            let is_kept = target.forget_before(from);
            if is_kept != targets::Kept::Whole {
                changes.targets.insert(key);
            }
            is_kept != targets::Kept::Nothing
        });
    }

    /// Drops what nothing needs any more, and takes over names and ids.
    fn settle(&mut self, names: Names, ids: super::OpenIds, horizon: &Horizon, changes: &mut Changes) {
        // Targets that are being scanned, or will be judged otherwise once an end has come.
        let mut unsettled = KeySet::<TargetKey>::default();
        let mut next_end = None;
        self.forget_tasks(Level::Roots, horizon.window_from, changes, |_| ());
        // Along the way, because there may be a million of them.
        self.forget_tasks(Level::Scans, horizon.window_from, changes, |scan| {
            let ahead = scan.end.filter(|&end| scan.status.is_finished() && end > horizon.now);
            let is_running = scan.status == Status::Running && !scan.is_absent();
            unsettled.extend(scan.target.filter(|_| is_running || ahead.is_some()));
            next_end = next_end.into_iter().chain(ahead).min();
        });
        self.next_end = next_end;
        let known = |key| self.scans.get(&key).or_else(|| self.roots.get(&key));
        let renewed = self.ids.renew(ids, |key| known(key).is_some_and(Record::is_open));
        let (scans, roots): (Vec<_>, Vec<_>) =
            renewed.into_iter().partition(|key| self.scans.contains_key(key));
        changes.scans.extend(scans);
        changes.roots.extend(roots);

        let fails = |key| self.targets.get(&key).is_some_and(Target::is_failing);
        let old = mem::replace(&mut self.names, names);
        let before = old.clone();
        let needed = |key| unsettled.contains(&key) || fails(key);
        self.names.carry_over(old, needed, |key| self.targets.contains_key(&key));
        changes.targets.extend(self.names.differing(&before));
    }

    /// Drops tasks older than the look-back that have finished or are not shown, and remembers
    /// how far that went, so that none of them is ever counted again. Shows those that stay to `look`.
    fn forget_tasks(
        &mut self,
        level: Level,
        window_from: UnixMillis,
        changes: &mut Changes,
        mut look: impl FnMut(&Record),
    ) {
        let mut old = Vec::new();
        for (&key, record) in level.of(self) {
            let dated = if record.is_absent() { record.dated() } else { record.start };
            let may_go = record.is_absent() || record.status.is_finished();
            match dated.filter(|&at| may_go && at < window_from) {
                Some(dated) => old.push((key, dated)),
                None => look(record),
            }
        }
        for (key, dated) in old {
            level.of_mut(self).swap_remove(&key);
            level.changed(changes).insert(key);
            self.forgotten_until = self.forgotten_until.max(Some(dated));
        }
    }
}

/// Makes room for one more. A map that is full doubles; of a million records half of that room
/// would stay empty.
fn make_room(records: &mut Records) {
    const LEAST: usize = 64;
    if records.len() == records.capacity() {
        records.reserve_exact((records.len() / 16).max(LEAST));
    }
}

/// Scan tasks or main tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Scans,
    Roots,
}

impl Level {
    fn of(self, ledger: &Ledger) -> &Records {
        match self {
            Self::Scans => &ledger.scans,
            Self::Roots => &ledger.roots,
        }
    }

    fn of_mut(self, ledger: &mut Ledger) -> &mut Records {
        match self {
            Self::Scans => &mut ledger.scans,
            Self::Roots => &mut ledger.roots,
        }
    }

    fn changed(self, changes: &mut Changes) -> &mut KeySet<TaskKey> {
        match self {
            Self::Scans => &mut changes.scans,
            Self::Roots => &mut changes.roots,
        }
    }
}
