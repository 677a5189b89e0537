//! A delta poll: what changed since the last complete poll, found without an order and without a
//! filter that is not checked. See `docs/decisions/0008-delta-polls.md`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::UnixMillis;
use crate::ledger::{DeltaListing, Ledger, Record, TaskKey};
use crate::model::{Field, Listing, Status};
use crate::sas::Query;
use crate::snapshot::LostRows;

use super::error::{DeltaError, Unfit};
use super::fingerprint::{FINISHED, Fingerprint};
use super::full::{FullReader, Root, Roots, greater, into_records, is_refusal, sum};
use super::pager::Listed;
use super::vanished::{Open, OpenTasks};

/// How long before the last complete poll a task must have started not to be asked for again: rows
/// come late, and the clocks of the cloud and of this machine differ.
const LATE_ROWS: Duration = Duration::from_secs(2 * 3600);

/// One in so many of the known tasks may have gone from the API since the full listing: some
/// accounts forget their oldest tasks all the time. Counts that are no measure are further off.
const MAY_HAVE_GONE: u64 = 10;

/// The counts of finished tasks after a poll, against which the next one judges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Baseline {
    pub(super) counts: Fingerprint,
    /// Tasks that the poll found beyond those counts: they finished while it read.
    ahead: Fingerprint,
}

/// What changed.
#[derive(Debug)]
pub(super) struct Delta {
    pub(super) listing: DeltaListing,
    pub(super) baseline: Baseline,
    /// Whether the tasks that were found account for the growth of the counts.
    pub(super) is_explained: bool,
    pub(super) lost: LostRows,
    /// Fields with values that were not understood.
    pub(super) unknown: BTreeSet<Field>,
}

/// Makes one delta poll.
#[derive(Debug)]
pub(super) struct DeltaReader<'a> {
    pub(super) reader: FullReader<'a>,
    pub(super) ledger: &'a Ledger,
    pub(super) open: OpenTasks,
    /// When the last complete poll began.
    pub(super) last_poll: UnixMillis,
    /// The counts after it; `None` after a full listing, which counts otherwise.
    pub(super) baseline: Option<Baseline>,
}

/// The scan tasks or the main tasks, and what is known of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Scans,
    Roots,
}

/// What a level shows.
#[derive(Debug, Default)]
struct Shown {
    rows: Roots,
    gone: Vec<TaskKey>,
    lost: LostRows,
    /// Whether everything that ran and no longer does was found, or is known to be gone.
    is_resolved: bool,
    /// Whether anything but what runs had to be looked at.
    has_changed: bool,
}

impl DeltaReader<'_> {
    /// Asks for what changed.
    pub(super) async fn read(&self) -> Result<Delta, DeltaError> {
        let way = self.reader.way_in_use;
        let (base, level) = match way {
            Listing::PerRoot => (Query::main_tasks(), Level::Roots),
            Listing::Root => (Query::main_tasks(), Level::Scans),
            Listing::Flat | Listing::Auto => (Query::subtasks(), Level::Scans),
        };
        let running = self.running(&base).await?;
        let counts = self.counts(&base).await?;
        // A task that runs again has left the counts; if they stand, another one has joined them.
        let (_, again) = self.moved(&running.rows, level);
        let is_quiet = self.baseline.is_some_and(|before| before.counts == counts.plus(again));
        let main = self.level(&base, level, running, !is_quiet).await?;
        let (baseline, is_grown_so) = self.judge(&base, level, counts, &main.rows).await?;
        let mut is_explained = main.is_resolved && is_grown_so;
        let mut listing = DeltaListing::default();
        let mut lost = main.lost;
        match way {
            Listing::Flat | Listing::Auto => {
                let roots = Query::main_tasks();
                let running = self.running(&roots).await?;
                let roots = self.level(&roots, Level::Roots, running, main.has_changed).await?;
                lost = sum(lost, roots.lost);
                is_explained &= roots.is_resolved;
                (listing.roots, listing.gone_roots) = (into_records(roots.rows), roots.gone);
                (listing.scans, listing.gone_scans) = (into_records(main.rows), main.gone);
            }
            Listing::PerRoot => {
                let scans = self.subtasks(&main.rows).await?;
                lost = sum(lost, scans.lost);
                is_explained &= scans.is_resolved;
                (listing.scans, listing.gone_scans) = (into_records(scans.rows), scans.gone);
                (listing.roots, listing.gone_roots) = (into_records(main.rows), main.gone);
            }
            Listing::Root => (listing.scans, listing.gone_scans) = (into_records(main.rows), main.gone),
        }
        self.reader.pager.check_few_unusable(self.ledger.len() as u64)?;
        listing.names = std::mem::take(&mut *self.reader.pager.names(way == Listing::Root));
        listing.ids = std::mem::take(&mut *self.reader.pager.ids());
        let unknown = std::mem::take(&mut *self.reader.pager.unknown_fields());
        Ok(Delta { listing, baseline, is_explained, lost, unknown })
    }

    /// Whether `rows` account for the growth of the counts to `counts`, and what the next poll
    /// judges against.
    async fn judge(
        &self,
        base: &Query,
        level: Level,
        counts: Fingerprint,
        rows: &Roots,
    ) -> Result<(Baseline, bool), DeltaError> {
        let (found, left) = self.moved(rows, level);
        if let Some(before) = self.baseline {
            let growth = counts.plus(left).above(before.counts);
            let is_explained = growth.is_within(found.plus(before.ahead));
            return Ok((Baseline { counts, ahead: found.above(growth) }, is_explained));
        }
        let known = self.known_counts(level);
        if !known.is_within(counts.plus(known.part(MAY_HAVE_GONE))) {
            return Err(Unfit::FallsShort.into());
        }
        let ahead = if found == Fingerprint::default() {
            found
        } else {
            // What finished while this poll read is counted by now, and is no growth to come.
            self.counts(base).await?.above(counts)
        };
        Ok((Baseline { counts, ahead: found.above(found.above(ahead)) }, true))
    }

    /// All tasks that run.
    async fn running(&self, base: &Query) -> Result<Listed<Root>, DeltaError> {
        let query = Query { status: Some(Status::Running), ..base.clone() };
        let running = self.reader.each_type::<Root>(&query).await.map_err(|e| refused(e, "Status"))?;
        // A status that was not understood may be the one asked for.
        if running.rows.values().any(|root| root.record.status.is_finished()) {
            return Err(Unfit::Ignored("Status").into());
        }
        Ok(running)
    }

    /// How many tasks have finished, by one row each: the count stands beside it.
    async fn counts(&self, base: &Query) -> Result<Fingerprint, DeltaError> {
        let types = &self.reader.config.target_types;
        let types: Vec<_> =
            if types.is_empty() { vec![None] } else { types.iter().copied().map(Some).collect() };
        let mut counts = Fingerprint::default();
        for status in FINISHED {
            for &target_type in &types {
                let query = Query { status: Some(status), target_type, ..base.clone() };
                let page =
                    self.reader.pager.one_row::<Record>(&query).await.map_err(|e| refused(e, "Status"))?;
                let is_other = |row: &Record| row.status != status && row.status != Status::Unknown;
                if page.rows.iter().any(|(_, row)| is_other(row)) {
                    return Err(Unfit::Ignored("Status").into());
                }
                if page.rows.iter().any(|(_, row)| !self.reader.is_wanted(row)) {
                    return Err(Unfit::Ignored("TargetType").into());
                }
                counts.add(status, page.total);
            }
        }
        Ok(counts)
    }

    /// What `running` and, if something `has_changed`, the tasks that started lately and those
    /// that no longer run, show of a level.
    async fn level(
        &self,
        base: &Query,
        level: Level,
        running: Listed<Root>,
        has_changed: bool,
    ) -> Result<Shown, DeltaError> {
        let Listed { mut rows, mut lost } = running;
        let mut open = self.open(level);
        open.retain(|key, _| !rows.contains_key(key));
        let has_ended =
            |key: &TaskKey| self.known(level, *key).is_some_and(|record| record.status == Status::Running);
        let has_changed = has_changed || open.keys().any(has_ended);
        let mut shown = Shown { is_resolved: true, has_changed, ..Shown::default() };
        if has_changed {
            // The clock may have been set back since.
            let from = self.last_poll.min(self.reader.now).minus(LATE_ROWS);
            let recent = self.reader.since::<Root>(base, from).await?;
            if recent.rows.values().any(|root| root.record.start.is_some_and(|start| start < from)) {
                return Err(Unfit::Ignored("StartTime").into());
            }
            lost = greater(lost, recent.lost);
            open.retain(|key, _| !recent.rows.contains_key(key));
            rows.extend(recent.rows);
            let resolved = self.reader.resolve(base, &open).await?;
            shown.is_resolved = resolved.is_whole;
            shown.gone = resolved.gone;
            rows.extend(resolved.rows);
        }
        shown.rows = rows;
        shown.lost = lost;
        Ok(shown)
    }

    /// The subtasks of those of `roots` that run or changed, and of those with a subtask that ran
    /// when it was last shown.
    async fn subtasks(&self, roots: &Roots) -> Result<Shown, DeltaError> {
        let has_changed = |key: &TaskKey, root: &Root| {
            let before = self.known(Level::Roots, *key);
            before
                .is_none_or(|before| (before.status, before.start) != (root.record.status, root.record.start))
        };
        let wanted =
            roots.iter().filter(|(key, root)| !root.record.status.is_finished() || has_changed(key, root));
        let mut wanted: BTreeSet<&str> = wanted.map(|(_, root)| root.id()).collect();
        let mut open = self.open(Level::Scans);
        open.retain(|&key, _| self.runs(Level::Scans, key));
        wanted.extend(open.values().filter_map(|ids| ids.root.as_deref()));
        let Listed { mut rows, lost } = self.reader.subtasks_of::<Root>(wanted.iter().copied()).await?;
        open.retain(|key, _| !rows.contains_key(key));
        rows.retain(|_, root| self.reader.is_wanted(&root.record));
        // The listings of their main tasks were complete, and do not show them.
        let are_gone = lost == LostRows::default();
        let (gone, unknown): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|(_, ids)| are_gone && ids.root.is_some());
        let gone = gone.into_iter().map(|(key, _)| key).collect();
        Ok(Shown { rows, gone, lost, is_resolved: unknown.is_empty(), has_changed: true })
    }

    /// How many tasks of each finished state are new in it, as `rows` show, and how many that were
    /// known in it have left it.
    fn moved(&self, rows: &Roots, level: Level) -> (Fingerprint, Fingerprint) {
        let (mut joined, mut left) = Default::default();
        for (&key, root) in rows {
            let (before, status) = (self.known(level, key).map(|before| before.status), root.record.status);
            if before != Some(status) {
                Fingerprint::add(&mut joined, status, 1);
                before.into_iter().for_each(|before| Fingerprint::add(&mut left, before, 1));
            }
        }
        (joined, left)
    }

    /// What the ledger holds of finished tasks, which the API can't count far fewer than.
    fn known_counts(&self, level: Level) -> Fingerprint {
        let mut counts = Fingerprint::default();
        let mut add = |record: &Record| counts.add(record.status, 1);
        match level {
            Level::Scans => self.ledger.scans().for_each(|(_, record)| add(record)),
            Level::Roots => self.ledger.roots().for_each(|(_, record)| add(record)),
        }
        counts
    }

    fn known(&self, level: Level, key: TaskKey) -> Option<&Record> {
        match level {
            Level::Scans => self.ledger.scan(key),
            Level::Roots => self.ledger.root(key),
        }
    }

    /// Whether a task ran when it was last shown.
    fn runs(&self, level: Level, key: TaskKey) -> bool {
        self.known(level, key).is_some_and(|record| record.status == Status::Running)
    }

    /// Tasks that had not finished when they were last shown.
    fn open(&self, level: Level) -> Open {
        match level {
            Level::Scans => self.open.scans.clone(),
            Level::Roots => self.open.roots.clone(),
        }
    }
}

fn refused(error: super::PollError, filter: &'static str) -> DeltaError {
    if is_refusal(&error) { Unfit::Refused(filter).into() } else { error.into() }
}
