//! The unsigned requests that tests steer the world with.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use crate::net::Peer;

use super::config::Listing;
use super::ids::task_id;
use super::params::{Params, span};
use super::server::Shared;
use super::show::row;
use super::single::Single;
use super::task::{Log, Role, Task};
use super::truth::{Rows, View};
use super::world::World;

/// Paths that start so are no part of the API.
pub(super) const PREFIX: &str = "/_world/";

/// The exporter's defaults, in milliseconds.
const LOOKBACK: u64 = 7 * 86_400_000;
const KEEP: u64 = 35 * 86_400_000;

/// How much earlier than a scan task its main task may have started to be asked for it.
const ROOT_MARGIN: u64 = 86_400_000;

type Answer = (StatusCode, Value);

/// Answers one request.
pub(super) fn answer(shared: &Shared, method: &Method, path: &str, query: &Params, peer: Peer) -> Answer {
    if !peer.is_local() {
        return refuse(StatusCode::FORBIDDEN, "the world is for loopback peers only");
    }
    let wanted = match path.strip_prefix(PREFIX) {
        Some("truth" | "tasks" | "counted") => Method::GET,
        Some("freeze" | "thaw" | "step") => Method::POST,
        _ => return refuse(StatusCode::NOT_FOUND, "there are truth, tasks, counted, freeze, step and thaw"),
    };
    if *method != wanted {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("this wants {wanted}"));
    }
    match &path[PREFIX.len()..] {
        "truth" => truth(shared, query),
        "tasks" => tasks(shared),
        "counted" => counted(shared, query),
        "freeze" => {
            shared.timeline().freeze();
            state(shared)
        }
        "thaw" => {
            shared.timeline().thaw();
            state(shared)
        }
        _ => step(shared, query),
    }
}

fn refuse(status: StatusCode, why: &str) -> Answer {
    (status, json!({ "error": why }))
}

fn state(shared: &Shared) -> Answer {
    let timeline = shared.timeline();
    (StatusCode::OK, json!({ "now": timeline.now(), "frozen": timeline.is_frozen() }))
}

fn step(shared: &Shared, query: &Params) -> Answer {
    let Some(by) = query.get("by").and_then(|by| span(by)) else {
        return refuse(StatusCode::BAD_REQUEST, "by must be a time such as 30s or 1h30m");
    };
    if !shared.timeline().step(by) {
        return refuse(StatusCode::CONFLICT, "the world moves by itself; freeze it first");
    }
    state(shared)
}

fn tasks(shared: &Shared) -> Answer {
    shared.with_world(|world, now| {
        let shown = World::oldest_start(now)..now.saturating_add(1);
        let ids = |log: &Log, is_root: bool| -> Vec<String> {
            log.started(shown.clone()).rev().map(|number| task_id(world, is_root, number)).collect()
        };
        let scans = ids(world.scans(), false);
        let roots = match shared.listing() {
            Listing::Root => scans.clone(),
            Listing::Flat | Listing::PerRoot => ids(world.roots(), true),
        };
        (StatusCode::OK, json!({ "now": now, "scan_tasks": scans, "root_tasks": roots }))
    })
}

/// What an exporter must have counted by its own time `at` whose first poll was at the time `since`
/// of the world.
fn counted(shared: &Shared, query: &Params) -> Answer {
    let time = |name| query.get(name).and_then(|time| time.parse::<u64>().ok());
    let (Some(since), Some(at)) = (time("since"), time("at")) else {
        return refuse(StatusCode::BAD_REQUEST, "since and at must be times in milliseconds");
    };
    shared.with_world(|world, now| {
        let rows = |log: &Log| -> Vec<_> {
            let numbers = log.started(World::oldest_start(now)..now.saturating_add(1));
            let tasks = numbers.filter_map(|number| Some((number, log.get(number)?)));
            let ended = tasks.filter(|(_, task)| task.end > since && task.end <= now);
            ended.map(|(number, task)| row(world, task, number, now, shared.faults(), false)).collect()
        };
        let scans = rows(world.scans());
        let roots = match shared.listing() {
            Listing::Root => scans.clone(),
            Listing::Flat | Listing::PerRoot => rows(world.roots()),
        };
        (StatusCode::OK, json!(super::counted::counted(scans.iter(), roots.iter(), at)))
    })
}

fn truth(shared: &Shared, query: &Params) -> Answer {
    let number = |name: &str, default: u64| match query.get(name).map(|value| value.parse::<u64>()) {
        None => Ok(default),
        Some(value) => {
            value.map_err(|_| refuse(StatusCode::BAD_REQUEST, &format!("{name} must be a whole number")))
        }
    };
    shared.with_world(|world, now| {
        let parameters = || {
            let at = number("at", now)?;
            let lookback = number("lookback", LOOKBACK / 1000)?.saturating_mul(1000);
            let keep = number("keep", KEEP / 1000)?.saturating_mul(1000);
            let single = Single::from_word(query.get("targets").map_or("failing", String::as_str));
            let single = single
                .ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "targets must be off, failing or all"))?;
            Ok((at, lookback, keep, single))
        };
        let (at, lookback, keep, single) = match parameters() {
            Ok(parameters) => parameters,
            Err(refusal) => return refusal,
        };
        let since = at.saturating_sub(lookback);
        let rows = rows_for_exporter(shared, world, now, since, at.saturating_sub(keep).min(since));
        (StatusCode::OK, json!(View { listing: shared.listing(), rows: &rows, at, lookback, single }.truth()))
    })
}

/// The rows that an exporter gets which asks for what started `since` and for what runs, and
/// from `keep_since` on for the last states of targets.
fn rows_for_exporter<'w>(
    shared: &Shared,
    world: &'w World,
    now: u64,
    since: u64,
    keep_since: u64,
) -> Rows<'w> {
    let gets = |task: &Task, since: u64| task.start >= since || task.runs(now);
    // Where a scan task is listed by its main task only, that must have been listed.
    let gets_scan = |task: &Task, since: u64| match task.role {
        Role::Scan { root, .. } if shared.listing() == Listing::PerRoot => {
            world.roots().get(root).is_some_and(|root| gets(root, since.saturating_sub(ROOT_MARGIN)))
        }
        _ => gets(task, since),
    };
    let all = |log: &'w Log| {
        let numbers = log.started(World::oldest_start(now)..now.saturating_add(1));
        numbers.filter_map(move |number| log.get(number).map(|task| (number, task)))
    };
    let show = |(number, task)| row(world, task, number, now, shared.faults(), false);
    let (scans, older): (Vec<_>, Vec<_>) = all(world.scans()).partition(|(_, task)| gets_scan(task, since));
    let history = older.into_iter().filter(|(_, task)| task.start >= keep_since);
    let roots = all(world.roots()).filter(|(_, task)| gets(task, since));
    Rows {
        scans: scans.into_iter().map(show).collect(),
        history: history.map(show).collect(),
        roots: roots.map(show).collect(),
    }
}
