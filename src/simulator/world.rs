//! The plan of all scans: a property of the seed and the start, read at any time.

use super::dice::{Dice, mix};
use super::fleet::Fleet;
use super::task::{Log, Outcome, Role, Task};

/// Milliseconds of a second, minute, hour and day.
const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How far back the history goes: past the default look-back, short of the default `targets.keep`.
const HISTORY: u64 = 30 * DAY - 2 * HOUR;

/// Tasks that started earlier are gone. Longer than any default window of the exporter, so that
/// nothing leaves its gauges for this; it bounds the memory (about 25 MB after so long).
const RETENTION: u64 = 40 * DAY;

/// From one start of a main task to the next, once the world moves: seldom enough to follow by
/// eye, often enough that something changes every few seconds.
const MOVING_SLOT: u64 = 22 * SECOND;

/// How far ahead is planned, so that most requests need not plan.
const AHEAD: u64 = 10 * MINUTE;

/// Most scans of one main task, in the history and later.
const HISTORY_ROOT_MAX: u64 = 6;
const MOVING_ROOT_MAX: u64 = 4;

/// All tasks of the account, past and to come.
#[derive(Clone, Debug)]
pub(super) struct World {
    seed: u64,
    fleet: Fleet,
    scans: Log,
    roots: Log,
    dice: Dice,
    /// Where each type's rotation of targets stands.
    rotation: Vec<usize>,
    /// When the last planned scan of each target ends.
    busy_until: Vec<u64>,
    next_slot: u64,
    longest: u64,
}

/// The start of a main task's scans: when, and which targets.
struct Launch {
    starts: Vec<(u64, u32)>,
    kind: u8,
}

impl World {
    /// A world whose history of `tasks` scans ends at `origin`, and that moves from there on.
    pub(super) fn new(seed: u64, origin: u64, tasks: usize, targets: usize) -> Self {
        // A clock that stands near 1970 leaves no room for a history; there it lies ahead, unseen.
        let origin = origin.max(HISTORY + HOUR);
        let mut world = Self {
            seed,
            fleet: Fleet::new(seed, targets),
            scans: Log::default(),
            roots: Log::default(),
            dice: Dice::new(mix(seed, 0x0071_D001)),
            rotation: vec![0; Fleet::kinds().len()],
            busy_until: vec![0; targets],
            next_slot: origin + SECOND,
            longest: 0,
        };
        world.plan_history(origin, tasks as u64);
        world
    }

    /// What the rows are drawn from.
    pub(super) const fn seed(&self) -> u64 {
        self.seed
    }

    /// The targets.
    pub(super) const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The scan tasks.
    pub(super) const fn scans(&self) -> &Log {
        &self.scans
    }

    /// The main tasks.
    pub(super) const fn roots(&self) -> &Log {
        &self.roots
    }

    /// Starts before this are gone at `now`.
    pub(super) const fn oldest_start(now: u64) -> u64 {
        now.saturating_sub(RETENTION)
    }

    /// No task takes longer, in milliseconds: what runs at `now` started no earlier than so long before.
    pub(super) const fn longest(&self) -> u64 {
        self.longest
    }

    /// Whether everything that starts up to `now` is planned.
    pub(super) const fn reaches(&self, now: u64) -> bool {
        now < self.next_slot
    }

    /// Plans until past `now`, and forgets what is gone by then. The plan does not depend on when
    /// and how often this is called.
    pub(super) fn reach(&mut self, now: u64) {
        while self.next_slot <= now.saturating_add(AHEAD) {
            self.plan_moving_slot();
            // Now and then: a long step must not hold all that it passes.
            if self.roots.next().is_multiple_of(4096) {
                self.forget(now);
            }
        }
        self.forget(now);
    }

    fn forget(&mut self, now: u64) {
        self.scans.forget_before(Self::oldest_start(now));
        self.roots.forget_before(Self::oldest_start(now));
    }

    /// The history: most of it long over, a few scans under way at `origin`.
    fn plan_history(&mut self, origin: u64, tasks: u64) {
        let recent = tasks.min(1 + tasks / 20).min(10);
        let begin = origin.saturating_sub(HISTORY);
        let old_end = origin.saturating_sub(HOUR);
        let mut launches = self.spread(tasks - recent, begin, old_end);
        launches.extend(self.spread(recent, origin.saturating_sub(4 * MINUTE), origin));

        // From the last to the first, so that each scan ends before the next one of its target.
        let mut next_start = vec![u64::MAX; self.fleet.len()];
        let mut ends = Vec::new();
        for &(start, target) in launches.iter().flat_map(|launch| &launch.starts).rev() {
            let wanted = if start > old_end {
                origin - start + self.dice.between(20 * SECOND, 6 * MINUTE)
            } else {
                self.dice.between(3 * MINUTE, 50 * MINUTE)
            };
            let gap = next_start[target as usize] - start;
            ends.push(start + wanted.min(gap / 10 * 9).max(1));
            next_start[target as usize] = start;
        }
        for launch in launches {
            let ends: Vec<_> = launch.starts.iter().filter_map(|_| ends.pop()).collect();
            self.push(launch, &ends, 0.03, 0.01);
        }
    }

    /// Main tasks with `scans` scans in all, each in its own slot of the time from `begin` to `end`,
    /// so that the order of starts is that of the numbers.
    fn spread(&mut self, scans: u64, begin: u64, end: u64) -> Vec<Launch> {
        let mut picks = Vec::new();
        let mut left = scans;
        while left > 0 {
            let (kind, targets) = self.pick(HISTORY_ROOT_MAX.min(left), |_, _| true);
            left -= targets.len() as u64;
            picks.push((kind, targets));
        }
        let slot = (end - begin) / (picks.len() as u64).max(1);
        // Starts of a main task take up at most half of its slot, after at most half of it.
        let stagger = (slot / 2 / HISTORY_ROOT_MAX).clamp(1, 2 * SECOND);
        let launches = (0..).zip(picks).map(|(number, (kind, targets))| {
            let first = begin + number * slot + self.dice.below(slot / 2);
            Launch { starts: (0..).map(|n| first + n * stagger).zip(targets).collect(), kind }
        });
        launches.collect()
    }

    /// The main task that starts in the next slot, if any target is free.
    fn plan_moving_slot(&mut self) {
        const STAGGER: u64 = SECOND / 2;
        let first = self.next_slot + self.dice.below(8 * SECOND);
        self.next_slot += MOVING_SLOT;
        let (kind, targets) = self.pick(MOVING_ROOT_MAX, |world, target| world.busy_until[target] < first);
        if targets.is_empty() {
            return;
        }
        let starts: Vec<_> = (0..).map(|n| first + n * STAGGER).zip(targets).collect();
        let ends: Vec<_> =
            starts.iter().map(|&(start, _)| start + self.dice.between(20 * SECOND, 4 * MINUTE)).collect();
        // More mishaps than in the history: who watches should see some.
        self.push(Launch { starts, kind }, &ends, 0.06, 0.03);
    }

    /// Up to `most` targets of one type, in rotation, among those that `free` says may be scanned.
    /// A type comes up as often as it has targets.
    fn pick(&mut self, most: u64, free: impl Fn(&Self, usize) -> bool) -> (u8, Vec<u32>) {
        let any = self.dice.below(self.fleet.len() as u64) as u32;
        let kind = self.fleet.get(any).kind;
        let candidates = self.fleet.of_kind(kind);
        let wanted = 1 + self.dice.below(most.min(candidates.len() as u64)) as usize;
        let from = self.rotation[usize::from(kind)];
        let mut picked = Vec::with_capacity(wanted);
        let mut tried = 0;
        while picked.len() < wanted && tried < candidates.len() {
            let target = candidates[(from + tried) % candidates.len()];
            if free(self, target as usize) {
                picked.push(target);
            }
            tried += 1;
        }
        self.rotation[usize::from(kind)] = (from + tried) % candidates.len();
        (kind, picked)
    }

    fn push(&mut self, launch: Launch, ends: &[u64], failing: f64, timing_out: f64) {
        let Launch { starts, kind } = launch;
        let (root, first) = (self.roots.next(), self.scans.next());
        let mut whole = Task {
            start: starts.first().map_or(0, |&(start, _)| start),
            end: 0,
            outcome: Outcome::Completed,
            kind,
            role: Role::Root { first, count: starts.len() as u32 },
        };
        for (&(start, target), &end) in starts.iter().zip(ends) {
            let outcome = match () {
                () if self.dice.chance(failing) => Outcome::Failed,
                () if self.dice.chance(timing_out) => Outcome::TimedOut,
                () => Outcome::Completed,
            };
            self.scans.push(Task { start, end, outcome, kind, role: Role::Scan { root, target } });
            self.busy_until[target as usize] = end;
            whole.end = whole.end.max(end);
            whole.outcome = match (whole.outcome, outcome) {
                (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
                (one, other) => one.max(other),
            };
        }
        self.longest = self.longest.max(whole.end - whole.start);
        self.roots.push(whole);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const ORIGIN: u64 = 1_795_489_445_123;

    fn scans(world: &World) -> Vec<Task> {
        let all = world.scans().started(0..u64::MAX);
        all.map(|number| *world.scans().get(number).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn two_scans_of_one_target_never_touch(
            seed: u64, tasks in 0usize..3_000, targets in 1usize..60, hours in 0u64..3,
        ) {
            let mut world = World::new(seed, ORIGIN, tasks, targets);
            prop_assert_eq!(scans(&world).len(), tasks);
            world.reach(ORIGIN + hours * HOUR);
            let mut ends = BTreeMap::new();
            for scan in scans(&world) {
                prop_assert!(scan.start < scan.end);
                let Role::Scan { target, root } = scan.role else { panic!("a root among the scans") };
                if let Some(end) = ends.insert(target, scan.end) {
                    prop_assert!(end < scan.start, "target {} at {}", target, scan.start);
                }
                let root = world.roots().get(root).unwrap();
                prop_assert!(root.start <= scan.start && scan.end <= root.end && root.kind == scan.kind);
            }
        }
    }

    #[test]
    fn the_plan_does_not_depend_on_how_time_is_walked() {
        let walk = |steps: &[u64]| {
            let mut world = World::new(3, ORIGIN, 137, 20);
            steps.iter().for_each(|hours| world.reach(ORIGIN + hours * HOUR));
            scans(&world)
        };
        assert_eq!(walk(&[1, 2, 5]), walk(&[5]));
        assert_ne!(walk(&[5]), scans(&World::new(4, ORIGIN, 137, 20)));
    }

    #[test]
    fn history_lies_within_thirty_days_and_some_of_it_still_runs() {
        for tasks in [1, 137, 4_000] {
            let world = World::new(1, ORIGIN, tasks, 40);
            let all = scans(&world);
            assert!(all.iter().all(|scan| scan.start >= ORIGIN - 30 * DAY && scan.start <= ORIGIN));
            let running = all.iter().filter(|scan| scan.runs(ORIGIN)).count();
            assert!((1..=10).contains(&running), "{running} of {tasks}");
        }
        let all = scans(&World::new(1, ORIGIN, 4_000, 40));
        let share = |outcome| all.iter().filter(|scan| scan.outcome == outcome).count();
        assert!((80..160).contains(&share(Outcome::Failed)), "{}", share(Outcome::Failed));
        assert!((20..70).contains(&share(Outcome::TimedOut)), "{}", share(Outcome::TimedOut));
    }

    #[test]
    fn something_starts_or_ends_every_few_seconds_once_the_world_moves() {
        let mut world = World::new(1, ORIGIN, 400, 80);
        world.reach(ORIGIN + HOUR);
        let span = ORIGIN..ORIGIN + HOUR;
        let all = scans(&world);
        let changes = all.iter().flat_map(|scan| [scan.start, scan.end]).filter(|at| span.contains(at));
        assert!(changes.count() > 500);
        let moving: Vec<_> = all.iter().filter(|scan| scan.start > ORIGIN).collect();
        assert!(moving.iter().all(|scan| (20 * SECOND..=4 * MINUTE).contains(&(scan.end - scan.start))));
        assert!(moving.iter().any(|scan| scan.outcome == Outcome::Failed));
    }

    #[test]
    fn memory_is_bounded_over_months() {
        let mut world = World::new(1, ORIGIN, 100, 5);
        world.reach(ORIGIN + 100 * DAY);
        let kept = scans(&world);
        assert!(kept.iter().all(|scan| scan.start >= ORIGIN + 60 * DAY));
        assert!(kept.len() < 500_000, "{}", kept.len());
    }
}
