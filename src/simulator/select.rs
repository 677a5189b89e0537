//! Which tasks a filter selects, newest start first.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::config::Listing;
use super::ids::{find_id, task_id};
use super::query::{Filter, TargetFilter};
use super::show::end_time;
use super::task::{Log, RUNNING, Role, Task};
use super::world::World;

/// Most selections kept of one instant: listings of all, running and finished tasks, a few at a time.
const KEPT_MAX: usize = 16;

/// The tasks selected, as numbers in one of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// Whether the numbers are those of main tasks.
    pub(super) of_roots: bool,
    numbers: Numbers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Numbers {
    /// All of a range: no list is needed, however many there are.
    Span(Range<u32>),
    /// Newest first.
    Picked(Arc<[u32]>),
}

impl Selection {
    fn none() -> Self {
        Self { of_roots: false, numbers: Numbers::Span(0..0) }
    }

    /// How many tasks there are.
    pub(super) fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Span(span) => span.len(),
            Numbers::Picked(numbers) => numbers.len(),
        }
    }

    /// The tasks from position `from` on, newest first, at most `count`.
    pub(super) fn page(&self, from: usize, count: usize) -> Vec<u32> {
        match &self.numbers {
            Numbers::Span(span) => span.clone().rev().skip(from).take(count).collect(),
            Numbers::Picked(numbers) => numbers.iter().copied().skip(from).take(count).collect(),
        }
    }

    /// Where the tasks are.
    pub(super) fn log<'w>(&self, world: &'w World) -> &'w Log {
        if self.of_roots { world.roots() } else { world.scans() }
    }
}

/// Selections of one instant, so that the pages of a listing of a frozen world are cut from one.
#[derive(Debug, Default)]
pub(super) struct Selections {
    now: u64,
    kept: HashMap<Filter, Selection>,
}

impl Selections {
    /// What `filter` selects at `now`.
    pub(super) fn get(&mut self, world: &World, listing: Listing, filter: &Filter, now: u64) -> Selection {
        if self.now != now || self.kept.len() >= KEPT_MAX {
            self.kept.clear();
            self.now = now;
        }
        if let Some(known) = self.kept.get(filter) {
            return known.clone();
        }
        let selection = select(world, listing, filter, now);
        if matches!(selection.numbers, Numbers::Picked(_)) {
            self.kept.insert(filter.clone(), selection.clone());
        }
        selection
    }
}

/// What `filter` selects at `now`. Filters act on what is, not on what a distorted row shows.
pub(super) fn select(world: &World, listing: Listing, filter: &Filter, now: u64) -> Selection {
    let scans_wanted = match (listing, filter.roots) {
        (Listing::Flat, roots) => !roots,
        (Listing::PerRoot, true) => false,
        (Listing::PerRoot, false) if filter.parent.is_some() => true,
        (Listing::PerRoot, false) | (Listing::Root, false) => return Selection::none(),
        // The main tasks of such an account are what elsewhere are the scans.
        (Listing::Root, true) => return select_own_roots(world, filter, now),
    };
    let of_roots = !scans_wanted;
    let log = if of_roots { world.roots() } else { world.scans() };
    let mut span = started(world, log, filter, now);
    for id in [&filter.parent, &filter.root].into_iter().flatten() {
        let Some((true, number)) = find_id(world, id) else { return Selection::none() };
        let members = match world.roots().get(number).map(|root| root.role) {
            _ if of_roots => number..number + 1,
            Some(Role::Root { first, count }) => first..first + count,
            _ => return Selection::none(),
        };
        span = intersection(&span, &members);
    }
    pick(world, of_roots, span, filter, now)
}

/// Main tasks that are the scans themselves.
fn select_own_roots(world: &World, filter: &Filter, now: u64) -> Selection {
    let mut span = started(world, world.scans(), filter, now);
    for id in [&filter.parent, &filter.root].into_iter().flatten() {
        let Some((false, number)) = find_id(world, id) else { return Selection::none() };
        span = intersection(&span, &(number..number + 1));
    }
    pick(world, false, span, filter, now)
}

/// The tasks that can be in the answer by their start alone.
fn started(world: &World, log: &Log, filter: &Filter, now: u64) -> Range<u32> {
    let wanted = filter.from.map_or(0, |from| u64::try_from(from).unwrap_or(0));
    let could_run = if filter.status == Some(RUNNING) { now.saturating_sub(world.longest()) } else { 0 };
    let from = World::oldest_start(now).max(wanted).max(could_run);
    log.started(from..now.saturating_add(1))
}

fn intersection(one: &Range<u32>, other: &Range<u32>) -> Range<u32> {
    let start = one.start.max(other.start);
    start..one.end.min(other.end).max(start)
}

/// The tasks of `span` that meet the rest of the filter.
fn pick(world: &World, of_roots: bool, span: Range<u32>, filter: &Filter, now: u64) -> Selection {
    let Filter { ids, status, target_type, until, target, .. } = filter;
    let all =
        ids.is_none() && status.is_none() && target_type.is_none() && until.is_none() && target.is_empty();
    if all {
        return Selection { of_roots, numbers: Numbers::Span(span) };
    }
    let log = if of_roots { world.roots() } else { world.scans() };
    let meets = |number: &u32| {
        log.get(*number).is_some_and(|task| {
            status.is_none_or(|status| task.status(now) == status)
                && target_type.is_none_or(|kind| i64::from(task.kind) == kind)
                && until.is_none_or(|until| ended_by(world, task, *number, now, until))
                && (target.is_empty() || is_target(world, task, target))
        })
    };
    let numbers: Vec<u32> = match ids {
        Some(ids) => {
            let mut named: Vec<_> = ids
                .iter()
                .filter_map(|id| find_id(world, id))
                .filter(|(is_root, number)| *is_root == of_roots && span.contains(number))
                .map(|(_, number)| number)
                .filter(meets)
                .collect();
            named.sort_unstable_by(|one, other| other.cmp(one));
            named.dedup();
            named
        }
        None => span.rev().filter(meets).collect(),
    };
    Selection { of_roots, numbers: Numbers::Picked(numbers.into()) }
}

/// By the `EndTime` that the row shows: a task without one has not ended.
fn ended_by(world: &World, task: &Task, number: u32, now: u64, until: i64) -> bool {
    let is_root = matches!(task.role, Role::Root { .. });
    let end = end_time(world, task, &task_id(world, is_root, number), now);
    end.is_some_and(|end| end > 0 && i64::try_from(end).is_ok_and(|end| end <= until))
}

fn is_target(world: &World, task: &Task, wanted: &TargetFilter) -> bool {
    let Role::Scan { target, .. } = task.role else { return false };
    let target = world.fleet().get(target);
    let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|wanted| wanted == value);
    let has = |wanted: &Option<String>, value: &str| {
        wanted.as_ref().is_none_or(|wanted| value.contains(wanted.as_str()))
    };
    has(&wanted.machine_name, &target.instance_name)
        && has(&wanted.target_name, &target.name)
        && is(&wanted.uuid, &target.uuid)
        && is(&wanted.internet_ip, &target.internet_ip)
        && is(&wanted.intranet_ip, &target.intranet_ip)
}
