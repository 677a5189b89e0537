//! What may happen to a fleet, an exporter and a machine, and how it is drawn.

use std::time::Duration;

use proptest::prelude::*;

use crate::ledger::Which;
use crate::poller::fake::HOUR;

/// Targets that scans are of: `TargetType` and `Uuid`. One `Uuid` stands for targets of several types,
/// one type is none that is known, and one scan tells no target.
pub(super) const TARGETS: [(i64, Option<&str>); 7] = [
    (1, Some("a")),
    (1, Some("b")),
    (1, Some("c")),
    (2, Some("a")),
    (5, Some("d")),
    (99, Some("a")),
    (1, None),
];

/// What the rows of a scan tell beside its state.
#[derive(Clone, Debug)]
pub(super) struct Details {
    pub(super) megabytes: Option<i64>,
    pub(super) percent: Option<f64>,
    pub(super) vul_percent: Option<f64>,
    pub(super) report: Option<&'static str>,
}

/// How a scan ends: its `Status`, its `EndTime` in minutes from now, and the rest.
#[derive(Clone, Debug)]
pub(super) struct Fate {
    pub(super) status: i64,
    pub(super) end: Option<i64>,
    pub(super) details: Details,
}

/// A task that is there from the beginning.
#[derive(Clone, Debug)]
pub(super) struct Old {
    pub(super) hours_ago: i64,
    /// Whether it is a scan of the main task before it, where there are subtasks.
    pub(super) joins: bool,
    pub(super) target: usize,
    pub(super) fate: Fate,
}

/// What happens between two polls. The first number picks a task, modulo those that it can happen to.
/// Where there are subtasks, a main task that starts has one.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A scan of that target starts.
    Start(usize),
    StartAndEnd(usize, Fate),
    /// A main task starts and ends without any subtask.
    Barren(Fate),
    /// A running main task gets one more subtask.
    Join(usize, usize),
    JoinAndEnd(usize, usize, Fate),
    Progress(usize, Details),
    /// The state of a running task is one that is not known.
    Blur(usize),
    End(usize, Fate),
    Retry(usize),
    RetryAndEnd(usize, Fate),
    /// A finished task is said to have ended otherwise.
    Correct(usize, Fate),
    /// A row of a task that finished hours ago comes late.
    Late(i64, usize, Fate),
    /// A task goes, with its subtasks if it has any.
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

/// How targets are kept and shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) keep: Duration,
    pub(super) which: Which,
    pub(super) limit: usize,
}

/// Some minutes, what happens at their end, and a poll.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) minutes: i64,
    pub(super) events: Vec<Event>,
}

/// All that is drawn.
#[derive(Clone, Debug)]
pub(super) struct History {
    pub(super) choice: Choice,
    pub(super) old: Vec<Old>,
    pub(super) steps: Vec<Step>,
}

pub(super) fn history() -> impl Strategy<Value = History> {
    let old = prop::collection::vec(old(), 0..12);
    let step = (16i64..90, prop::collection::vec(event(), 0..4));
    let step = step.prop_map(|(minutes, events)| Step { minutes, events });
    let steps = prop::collection::vec(step, 1..8);
    (choice(), old, steps).prop_map(|(choice, old, steps)| History { choice, old, steps })
}

fn choice() -> impl Strategy<Value = Choice> {
    let which = prop_oneof![3 => Just(Which::Failing), 3 => Just(Which::All), 1 => Just(Which::None)];
    let keep = prop_oneof![3 => Just(72 * HOUR), 1 => Just(4 * HOUR)];
    let limit = prop_oneof![Just(100usize), 1usize..4];
    (keep, which, limit).prop_map(|(keep, which, limit)| Choice { keep, which, limit })
}

fn details() -> impl Strategy<Value = Details> {
    // Both sides of every bound.
    let megabytes = [0, 1, 1023, 1024, 10_239, 10_240, 102_399, 102_400].map(Some);
    let percent =
        [0.0, 0.75, 1.0, 24.75, 25.0, 49.75, 50.0, 74.75, 75.0, 99.75, 100.0, 100.25, -1.0].map(Some);
    let reports = [Some("SUCCESS"), Some("FAILED"), Some("RUNNING"), Some("odd"), None];
    (
        prop_oneof![Just(None), prop::sample::select(megabytes.to_vec())],
        prop_oneof![Just(None), prop::sample::select(percent.to_vec())],
        prop::sample::select(vec![None, Some(12.5), Some(100.0)]),
        prop::sample::select(reports.to_vec()),
    )
        .prop_map(|(megabytes, percent, vul_percent, report)| Details {
            megabytes,
            percent,
            vul_percent,
            report,
        })
}

fn fate() -> impl Strategy<Value = Fate> {
    fate_of(2i64..5)
}

fn fate_of(status: impl Strategy<Value = i64>) -> impl Strategy<Value = Fate> {
    // Most often just now; a while ago, not told, or ahead.
    let end = prop_oneof![4 => Just(Some(0)), 2 => (-40i64..0).prop_map(Some), 1 => Just(None), 1 => (1i64..60).prop_map(Some)];
    (status, end, details()).prop_map(|(status, end, details)| Fate { status, end, details })
}

fn old() -> impl Strategy<Value = Old> {
    let status = prop_oneof![8 => 1i64..5, 1 => Just(9)];
    (0i64..30, any::<bool>(), 0..TARGETS.len(), fate_of(status))
        .prop_map(|(hours_ago, joins, target, fate)| Old { hours_ago, joins, target, fate })
}

fn event() -> impl Strategy<Value = Event> {
    let (pick, target) = (0usize..64, 0..TARGETS.len());
    let on = |event: fn(usize) -> Event| pick.clone().prop_map(event);
    let ends =
        |event: fn(usize, Fate) -> Event| (pick.clone(), fate()).prop_map(move |(n, fate)| event(n, fate));
    prop_oneof![
        4 => target.clone().prop_map(Event::Start),
        4 => (target.clone(), fate()).prop_map(|(target, fate)| Event::StartAndEnd(target, fate)),
        1 => fate().prop_map(Event::Barren),
        2 => (pick.clone(), target.clone()).prop_map(|(root, target)| Event::Join(root, target)),
        2 => (pick.clone(), target.clone(), fate()).prop_map(|(root, target, fate)| Event::JoinAndEnd(root, target, fate)),
        2 => (pick.clone(), details()).prop_map(|(task, details)| Event::Progress(task, details)),
        1 => on(Event::Blur),
        8 => ends(Event::End),
        2 => on(Event::Retry),
        2 => ends(Event::RetryAndEnd),
        1 => ends(Event::Correct),
        1 => (3i64..20, target, fate()).prop_map(|(hours, target, fate)| Event::Late(hours, target, fate)),
        1 => on(Event::Delete),
        1 => Just(Event::Fault),
        1 => Just(Event::Shift),
        1 => Just(Event::Restart),
        1 => Just(Event::Resume),
        1 => (-20i64..20).prop_map(Event::SetClock),
    ]
}
