//! The unsigned requests that tests steer the world with.

use std::net::SocketAddr;

use hyper::{Method, StatusCode};
use serde_json::{Value, json};

use super::config::Listing;
use super::ids::task_id;
use super::params::{Params, span};
use super::row::Row;
use super::server::Shared;
use super::show::row;
use super::task::{Log, Role, Task};
use super::truth::View;
use super::world::World;

/// Paths that start so are no part of the API.
pub(super) const PREFIX: &str = "/_world/";

/// The exporter's defaults, in milliseconds.
const LOOKBACK: u64 = 7 * 86_400_000;
const KEEP: u64 = 35 * 86_400_000;

type Answer = (StatusCode, Value);

/// Answers one request.
pub(super) fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: &Params,
    peer: SocketAddr,
) -> Answer {
    if !peer.ip().to_canonical().is_loopback() {
        return refuse(StatusCode::FORBIDDEN, "the world is for loopback peers only");
    }
    let wanted = match path.strip_prefix(PREFIX) {
        Some("truth" | "tasks") => Method::GET,
        Some("freeze" | "thaw" | "step") => Method::POST,
        _ => return refuse(StatusCode::NOT_FOUND, "there are truth, tasks, freeze, step and thaw"),
    };
    if *method != wanted {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("this wants {wanted}"));
    }
    match &path[PREFIX.len()..] {
        "truth" => truth(shared, query),
        "tasks" => tasks(shared),
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

fn truth(shared: &Shared, query: &Params) -> Answer {
    let number = |name: &str, default: u64| match query.get(name).map(|value| value.parse::<u64>()) {
        None => Ok(default),
        Some(value) => {
            value.map_err(|_| refuse(StatusCode::BAD_REQUEST, &format!("{name} must be a whole number")))
        }
    };
    shared.with_world(|world, now| {
        let times = || {
            let at = number("at", now)?;
            let lookback = number("lookback", LOOKBACK / 1000)?.saturating_mul(1000);
            let keep = number("keep", KEEP / 1000)?.saturating_mul(1000);
            Ok((at, lookback, keep))
        };
        let (at, lookback, keep) = match times() {
            Ok(times) => times,
            Err(refusal) => return refusal,
        };
        let (scans, roots) = rows_for_exporter(shared, world, now, at.saturating_sub(lookback.max(keep)));
        let view = View { listing: shared.listing(), scans: &scans, roots: &roots, at, lookback };
        (StatusCode::OK, json!(view.truth()))
    })
}

/// The rows of scan and main tasks that an exporter gets which asks for what started `since` and
/// for what runs.
fn rows_for_exporter<'w>(
    shared: &Shared,
    world: &'w World,
    now: u64,
    since: u64,
) -> (Vec<Row<'w>>, Vec<Row<'w>>) {
    let gets = |task: &Task| task.start >= since || task.runs(now);
    let all = |log: &'w Log| {
        let numbers = log.started(World::oldest_start(now)..now.saturating_add(1));
        numbers.filter_map(move |number| log.get(number).map(|task| (number, task)))
    };
    let show = |(number, task)| row(world, task, number, now, shared.faults(), false);
    let scans = all(world.scans()).filter(|(_, task)| gets(task)).filter(|(_, task)| match task.role {
        // Listed by its main task only, so that must have been listed.
        Role::Scan { root, .. } if shared.listing() == Listing::PerRoot => {
            world.roots().get(root).is_some_and(gets)
        }
        _ => true,
    });
    let roots = all(world.roots()).filter(|(_, task)| gets(task));
    (scans.map(show).collect(), roots.map(show).collect())
}
