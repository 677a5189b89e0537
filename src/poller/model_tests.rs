//! Random histories of a fleet against a model that is too simple to be wrong: after every poll
//! the gauges and the counters are those of the model. `make soak` draws other histories each time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use super::fake::{Answer, Cloud, FakeTask, HOUR, NOW, config, main_task};
use super::{Config, Source};
use crate::clock::{Clock, ClockHand, UnixMillis};
use crate::env::Env;
use crate::model::{Listing, TargetType};

const MINUTE_MILLIS: i64 = 60_000;

/// What happens to the fleet, the exporter or the machine between two polls. Numbers pick a task
/// or an end.
#[derive(Clone, Debug)]
enum Event {
    Start,
    StartAndEnd(usize),
    End(usize, usize),
    Retry(usize),
    RetryAndEnd(usize, usize),
    /// A finished task is said to have ended otherwise.
    Correct(usize, usize),
    /// A row of a task that finished hours ago comes late.
    Late(i64, usize),
    Delete(usize),
    /// The API fails for one poll.
    Fault,
    /// A row moves to another page while the next listing is read.
    Shift,
    /// The exporter starts anew, without a state file.
    Restart,
    /// The exporter starts anew, with one.
    Resume,
    /// The clock of the machine is set, in minutes.
    SetClock(i64),
}

/// Whether `events` can leave the counts of finished tasks as they are, or hide one another from
/// them: then the next full listing is the latest that shows them.
fn need_full(events: &[Event]) -> bool {
    use Event::{Correct, Delete, End, Late, Retry, RetryAndEnd, SetClock, StartAndEnd};
    let is_hidden =
        |event: &Event| matches!(event, Correct(..) | Delete(_) | Late(..) | RetryAndEnd(..) | SetClock(_));
    let retries = events.iter().any(|event| matches!(event, Retry(_)));
    let ends = events.iter().any(|event| matches!(event, End(..) | StartAndEnd(_)));
    events.iter().any(is_hidden) || (retries && ends)
}

fn event() -> impl Strategy<Value = Event> {
    let (pick, end) = (0usize..64, 0usize..3);
    prop_oneof![
        4 => Just(Event::Start),
        4 => end.clone().prop_map(Event::StartAndEnd),
        6 => (pick.clone(), end.clone()).prop_map(|(task, end)| Event::End(task, end)),
        2 => pick.clone().prop_map(Event::Retry),
        2 => (pick.clone(), end.clone()).prop_map(|(task, end)| Event::RetryAndEnd(task, end)),
        1 => (pick.clone(), end.clone()).prop_map(|(task, end)| Event::Correct(task, end)),
        1 => ((3i64..20), end).prop_map(|(hours, end)| Event::Late(hours, end)),
        1 => pick.prop_map(Event::Delete),
        1 => Just(Event::Fault),
        1 => Just(Event::Shift),
        1 => Just(Event::Restart),
        1 => Just(Event::Resume),
        1 => (-20i64..20).prop_map(Event::SetClock),
    ]
}

/// An initial task: hours ago, and `Status`.
type Old = (i64, i64);

fn history() -> impl Strategy<Value = (Vec<Old>, Vec<(i64, Vec<Event>)>)> {
    let old = prop::collection::vec((0i64..30, 1i64..5), 0..12);
    let steps = prop::collection::vec((16i64..90, prop::collection::vec(event(), 0..4)), 1..9);
    (old, steps)
}

/// What the exporter must show, by the words of the contract alone.
#[derive(Debug, Default)]
struct Model {
    is_seeded: bool,
    /// (TaskId, StartTime) of all that was ever seen finished.
    seen: BTreeSet<(String, i64)>,
    /// Tasks that ran when they were last seen.
    open: BTreeSet<String>,
    finished: [u64; 5],
    tasks: [u64; 5],
    /// The latest finished status of each target; here each task has its own.
    targets: BTreeMap<String, i64>,
}

impl Model {
    fn poll(&mut self, fleet: &[FakeTask], now: i64) {
        let from = now - 24 * 60 * MINUTE_MILLIS;
        self.tasks = [0; 5];
        let mut open = BTreeSet::new();
        for task in fleet {
            let status = task.status as usize - 1;
            let is_running = task.status == 1;
            if is_running || task.start() >= from {
                self.tasks[status] += 1;
            }
            if is_running {
                open.insert(task.id.clone());
                continue;
            }
            let is_shown = task.start() >= from || self.open.contains(&task.id);
            let is_new = is_shown && self.seen.insert((task.id.clone(), task.start()));
            if is_new && self.is_seeded {
                self.finished[status] += 1;
            }
            if is_shown || !self.is_seeded {
                self.targets.insert(task.id.clone(), task.status);
            }
        }
        self.open = open;
        self.is_seeded = true;
    }

    fn targets_by_status(&self) -> [u64; 5] {
        let mut counts = [0; 5];
        self.targets.values().for_each(|&status| counts[status as usize - 1] += 1);
        counts
    }
}

/// A fleet, the exporter that polls it, and the model.
struct World {
    cloud: Cloud,
    tasks: Arc<Mutex<Vec<FakeTask>>>,
    faulty: Arc<AtomicBool>,
    shifting: Arc<AtomicBool>,
    clock: Clock,
    hand: ClockHand,
    source: Source,
    model: Model,
    /// Whether a poll of this exporter was good.
    has_polled: bool,
    started: usize,
}

impl World {
    fn new(old: &[Old]) -> Self {
        let old = old.iter().enumerate();
        let tasks =
            old.map(|(n, &(hours, status))| FakeTask { status, ..main_task(&format!("old{n}"), hours) });
        let inner = Cloud::with(tasks);
        let (faulty, shifting) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (is_faulty, is_shifting, good) = (Arc::clone(&faulty), Arc::clone(&shifting), inner.clone());
        let cloud = Cloud::scripted([], move |params, _| {
            if is_faulty.load(Ordering::Relaxed) {
                return Answer::Refused(500, "ServerError");
            }
            let mut page = good.page(params);
            // The first row of a second page has moved to the first one, which is read already.
            if params["CurrentPage"] == "2" && is_shifting.swap(false, Ordering::Relaxed) {
                page["List"].as_array_mut().unwrap().remove(0);
            }
            Answer::Body(page)
        });
        let (clock, hand) = Clock::manual(UnixMillis::new(NOW).unwrap());
        let source = cloud.source_at(settings(), clock.clone());
        Self {
            cloud,
            tasks: inner.tasks,
            faulty,
            shifting,
            clock,
            hand,
            source,
            model: Model::default(),
            has_polled: false,
            started: 0,
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().as_millis() as i64
    }

    fn add(&mut self, hours_ago: i64, status: i64) {
        self.started += 1;
        let id = format!("new{}", self.started);
        // Minutes apart, so that no two have the same start.
        let later = self.now() - NOW - self.started as i64;
        self.tasks.lock().unwrap().push(FakeTask { status, later, ..main_task(&id, hours_ago) });
    }

    fn change(&mut self, pick: usize, which: fn(&FakeTask) -> bool, change: impl FnOnce(&mut FakeTask)) {
        let mut tasks = self.tasks.lock().unwrap();
        let mut those: Vec<_> = tasks.iter_mut().filter(|task| which(task)).collect();
        let count = those.len();
        if count > 0 {
            change(those[pick % count]);
        }
    }

    fn happen(&mut self, event: &Event) {
        let now = self.now();
        let runs = |task: &FakeTask| task.status == 1;
        let has_finished = |task: &FakeTask| task.status != 1;
        let restart = move |task: &mut FakeTask| {
            task.later = (now - NOW + task.hours_ago * 60 * MINUTE_MILLIS).max(task.later + 1)
        };
        match *event {
            Event::Start => self.add(0, 1),
            Event::StartAndEnd(end) => self.add(0, 2 + end as i64),
            Event::Late(hours, end) => self.add(hours, 2 + end as i64),
            Event::End(pick, end) => self.change(pick, runs, |task| task.status = 2 + end as i64),
            Event::Retry(pick) => self.change(pick, has_finished, |task| {
                task.status = 1;
                restart(task);
            }),
            Event::RetryAndEnd(pick, end) => self.change(pick, has_finished, |task| {
                task.status = 2 + end as i64;
                restart(task);
            }),
            Event::Correct(pick, end) => self.change(pick, has_finished, |task| task.status = 2 + end as i64),
            Event::Delete(pick) => {
                let mut tasks = self.tasks.lock().unwrap();
                let count = tasks.len();
                if count > 0 {
                    tasks.remove(pick % count);
                }
            }
            Event::Fault => self.faulty.store(true, Ordering::Relaxed),
            Event::Shift => self.shifting.store(true, Ordering::Relaxed),
            Event::Restart => {
                self.source = self.cloud.source_at(settings(), self.clock.clone());
                self.model = Model::default();
                self.has_polled = false;
            }
            Event::Resume => {
                let standing = self.source.standing();
                self.source = self.cloud.source_at(settings(), self.clock.clone());
                standing.into_iter().for_each(|standing| self.source.resume(standing));
                // Until its first poll there is no snapshot.
                self.has_polled = false;
            }
            Event::SetClock(minutes) => self.set_clock(minutes),
        }
    }

    fn set_clock(&self, minutes: i64) {
        self.hand.set(UnixMillis::new(self.now() + minutes * MINUTE_MILLIS).unwrap());
    }

    async fn poll(&mut self, needs_full: bool) {
        self.source.poll().await;
        if self.faulty.swap(false, Ordering::Relaxed) {
            // What failed has changed nothing; the next one is good.
            self.check();
            self.source.poll().await;
        }
        if needs_full
            || self.source.subscribe().borrow().snapshot.as_ref().is_some_and(|s| s.missing_rows > 0)
        {
            self.source.poll_full().await;
        } else {
            // What the first one called for, if anything.
            self.source.poll().await;
        }
        let now = self.now();
        self.has_polled = true;
        self.model.poll(&self.tasks.lock().unwrap(), now);
        self.check();
    }

    fn check(&self) {
        let published = self.source.subscribe().borrow().clone();
        let counters = published.counters.of(TargetType::Snapshot);
        assert_eq!(counters.tasks, self.model.finished, "finished");
        assert_eq!(counters.root_tasks, self.model.finished, "finished main tasks");
        let snapshot = published.snapshot.as_ref();
        assert_eq!(snapshot.is_some(), self.has_polled, "a snapshot");
        if let Some(facts) = snapshot.map(|snapshot| &snapshot.types[&TargetType::Snapshot]) {
            assert_eq!(facts.tasks, self.model.tasks, "tasks");
            assert_eq!(facts.root_tasks, self.model.tasks, "main tasks");
            assert_eq!(facts.targets, self.model.targets_by_status(), "targets");
        }
    }
}

fn settings() -> Config {
    Config { page_size: 10, full_every: 6 * HOUR, keep_targets: 72 * HOUR, ..config(Listing::Root) }
}

/// Whether histories are to differ at each run, and how many.
fn soak() -> Option<u32> {
    Env::process().get("SOAK_CASES")?.parse().ok()
}

#[test]
fn gauges_and_counters_are_those_of_the_model_after_every_poll() {
    let fixed = ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(20), ..ProptestConfig::default() };
    let drawn = |cases| ProptestConfig { cases, ..ProptestConfig::default() };
    let settings = soak().map_or(fixed, drawn);
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..settings });
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outcome = runner.run(&history(), |(old, steps)| {
        runtime.block_on(async {
            let mut world = World::new(&old);
            world.poll(false).await;
            for (minutes, events) in steps {
                tokio::time::advance(Duration::from_secs(minutes as u64 * 60)).await;
                world.set_clock(minutes);
                events.iter().for_each(|event| world.happen(event));
                world.poll(need_full(&events)).await;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}
