//! What was read, for programs. `once --help` documents this shape: change both together, and
//! only by adding.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::UnixMillis;
use crate::model::{Name, PollFailure, Progress, Status, TargetNames};
use crate::snapshot::{FailingTarget, Published, RunningScan, Snapshot};

use super::super::output::harmless;
use super::table::failing_targets;
use super::{advice, is_read};

#[derive(Serialize)]
struct Report<'p> {
    sources: Vec<SourceReport<'p>>,
}

#[derive(Serialize)]
struct SourceReport<'p> {
    name: &'p str,
    region: Option<&'p str>,
    endpoint: &'p str,
    listing: &'static str,
    ok: bool,
    as_of: Option<String>,
    tasks: Option<TasksByType>,
    skipped_rows: Option<u64>,
    missing_rows: Option<u64>,
    running: Vec<Running<'p>>,
    failing: Vec<Failing<'p>>,
    failing_targets: Option<u64>,
    failure: Option<Failure>,
}

type TasksByType = BTreeMap<&'static str, BTreeMap<&'static str, u64>>;

#[derive(Serialize)]
struct Target<'p> {
    name: &'p str,
    id: &'p str,
    instance_id: Option<&'p str>,
    instance_name: Option<&'p str>,
    target_name: Option<&'p str>,
}

#[derive(Serialize)]
struct Running<'p> {
    target_type: &'static str,
    target: Option<Target<'p>>,
    start: Option<String>,
    progress_percent: Option<u8>,
}

#[derive(Serialize)]
struct Failing<'p> {
    target_type: &'static str,
    target: Option<Target<'p>>,
    status: &'static str,
    finished_at: Option<String>,
    failing_since: Option<String>,
    last_success: Option<String>,
}

#[derive(Serialize)]
struct Failure {
    reason: &'static str,
    message: String,
    advice: String,
}

/// All sources as one JSON object.
pub(super) fn render(published: &[Arc<Published>]) -> String {
    let report = Report { sources: published.iter().map(|source| SourceReport::of(source)).collect() };
    serde_json::to_string_pretty(&report).expect("every key is a text") + "\n"
}

impl<'p> SourceReport<'p> {
    fn of(source: &'p Published) -> Self {
        let status = &source.status;
        let snapshot = source.snapshot.as_deref();
        Self {
            name: &status.name,
            region: Some(status.region.as_str()).filter(|region| !region.is_empty()),
            endpoint: &status.endpoint,
            listing: status.listing.as_str(),
            ok: is_read(source),
            as_of: time(snapshot.map(|snapshot| snapshot.as_of)),
            tasks: snapshot.map(tasks),
            skipped_rows: snapshot.map(|snapshot| snapshot.skipped_rows),
            missing_rows: snapshot.map(|snapshot| snapshot.missing_rows),
            running: snapshot.map_or_else(Vec::new, |it| it.running.iter().map(Running::of).collect()),
            failing: snapshot.map_or_else(Vec::new, |it| it.failing.iter().map(Failing::of).collect()),
            failing_targets: snapshot.map(failing_targets),
            failure: status.failure.as_ref().map(Failure::of),
        }
    }
}

impl<'p> Target<'p> {
    fn of(names: &'p TargetNames) -> Self {
        let text = |name: &'p Option<Name>| name.as_ref().map(Name::as_str);
        Self {
            name: names.best().as_str(),
            id: names.target.as_str(),
            instance_id: text(&names.instance_id),
            instance_name: text(&names.instance_name),
            target_name: text(&names.target_name),
        }
    }
}

impl<'p> Running<'p> {
    fn of(scan: &'p RunningScan) -> Self {
        Self {
            target_type: scan.target_type.as_str(),
            target: scan.target.as_deref().map(Target::of),
            start: time(scan.start),
            progress_percent: scan.progress.map(Progress::whole_percent),
        }
    }
}

impl<'p> Failing<'p> {
    fn of(failing: &'p FailingTarget) -> Self {
        Self {
            target_type: failing.target_type.as_str(),
            target: failing.target.as_deref().map(Target::of),
            status: failing.status.as_str(),
            finished_at: time(failing.finished_at),
            failing_since: time(failing.failing_since),
            last_success: time(failing.last_success),
        }
    }
}

impl Failure {
    fn of(failure: &PollFailure) -> Self {
        let message = harmless(&failure.message);
        Self { reason: failure.reason.as_str(), message, advice: advice(failure) }
    }
}

fn tasks(snapshot: &Snapshot) -> TasksByType {
    let by_status = |counts: &[u64; Status::ALL.len()]| {
        Status::ALL.iter().map(|status| (status.as_str(), counts[status.index()])).collect()
    };
    snapshot.types.iter().map(|(kind, facts)| (kind.as_str(), by_status(&facts.tasks))).collect()
}

fn time(time: Option<UnixMillis>) -> Option<String> {
    time.map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixtures::{down, prod};
    use super::*;

    #[test]
    fn the_shape_is_the_documented_one() {
        let got: serde_json::Value = serde_json::from_str(&render(&[prod(), down()])).unwrap();
        let none = json!({"running": 0, "completed": 0, "failed": 0, "timed_out": 0, "unknown": 0});
        let expected = json!({"sources": [
            {
                "name": "prod", "region": "cn-hangzhou", "endpoint": "tds.example.com", "listing": "flat",
                "ok": true, "as_of": "2026-11-24T03:04:05Z",
                "tasks": {
                    "snapshot": {"running": 3, "completed": 120, "failed": 4, "timed_out": 1, "unknown": 0},
                    "image": none,
                },
                "skipped_rows": 0, "missing_rows": 2,
                "running": [{
                    "target_type": "snapshot",
                    "target": {
                        "name": "生产-数据库", "id": "uuid-1", "instance_id": "i-1",
                        "instance_name": "生产-数据库", "target_name": null,
                    },
                    "start": "2026-11-24T03:04:05Z", "progress_percent": 29,
                }],
                "failing": [
                    {
                        "target_type": "snapshot",
                        "target": {
                            "name": "生产-数据库", "id": "uuid-1", "instance_id": "i-1",
                            "instance_name": "生产-数据库", "target_name": null,
                        },
                        "status": "failed", "finished_at": "2026-11-24T03:04:05Z",
                        "failing_since": "2026-11-23T03:04:05Z", "last_success": "2026-11-20T03:04:05Z",
                    },
                    {
                        "target_type": "snapshot", "target": null, "status": "timed_out",
                        "finished_at": null, "failing_since": null, "last_success": null,
                    },
                ],
                "failing_targets": 5, "failure": null,
            },
            {
                "name": "down", "region": null, "endpoint": "", "listing": "auto",
                "ok": false, "as_of": null, "tasks": null, "skipped_rows": null, "missing_rows": null,
                "running": [], "failing": [], "failing_targets": null,
                "failure": {
                    "reason": "network", "message": "no way\u{fffd}[31m there\u{fffd}",
                    "advice": "check DNS, proxy and firewall between here and the endpoint",
                },
            },
        ]});
        assert_eq!(got, expected);
    }

    #[test]
    fn nothing_in_it_controls_a_terminal() {
        let text = render(&[down()]);
        assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    }

    #[test]
    fn the_help_names_every_field() {
        let help = crate::cli::parse(["agentless-exporter", "once", "--help"]).unwrap_err().to_string();
        fn names(value: &serde_json::Value, all: &mut Vec<String>) {
            match value {
                serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                    all.push(name.clone());
                    // Below these stand words of the metrics.
                    if name != "tasks" {
                        names(value, all);
                    }
                }),
                serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, all)),
                _ => {}
            }
        }
        let mut all = Vec::new();
        names(&serde_json::from_str(&render(&[prod(), down()])).unwrap(), &mut all);
        assert!(all.len() > 20, "{all:?}");
        for name in all {
            assert!(help.contains(&name), "{name} is not in the help");
        }
    }
}
