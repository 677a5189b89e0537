//! What the API shows of a task, with all the oddities of the real one.

use std::collections::BTreeMap;

use super::dice::{Dice, mix, mix_text};
use super::faults::{Fault, Faults};
use super::fleet::Target;
use super::ids::task_id;
use super::row::{Checks, Field, Row, Space};
use super::task::{Outcome, RUNNING, Role, Task};
use super::world::World;

/// The keys of `ProgressByProject`, in the order of the vendor's example.
const CHECKS: [&str; 7] = ["scaVul", "binary", "baseline", "vul", "webshell", "script", "sensitiveInfo"];

/// `EndTime` of some running tasks: a deadline so long after the start.
const DEADLINE: u64 = 24 * 3_600_000;

/// The reported `EndTime` of a task at `now`, which filters act on too.
pub(super) fn end_time(world: &World, task: &Task, id: &str, now: u64) -> Option<u64> {
    if task.status(now) != RUNNING {
        return Some(task.end);
    }
    match mix_text(world.seed(), id) % 4 {
        0 => None,
        1 => Some(0),
        _ => Some(task.start + DEADLINE),
    }
}

/// What the API shows of task `number` at `now`. `chinese` is the language of the names.
pub(super) fn row<'w>(
    world: &'w World,
    task: &Task,
    number: u32,
    now: u64,
    faults: &Faults,
    chinese: bool,
) -> Row<'w> {
    let is_root = matches!(task.role, Role::Root { .. });
    let id = task_id(world, is_root, number);
    let key = mix_text(world.seed(), &id);
    let progress = progress(task, key, now);
    let mut row = Row {
        task_name: Field::Is(if chinese {
            format!("无代理检测-{id}")
        } else {
            format!("agentless-scan-{id}")
        }),
        target_type: Field::Is(i64::from(task.kind)),
        status: Field::Is(task.status(now)),
        progress: Field::Is(progress),
        start_time: Field::Is(task.start),
        end_time: end_time(world, task, &id, now).map_or(Field::Missing, Field::Is),
        // As in the vendor's example, which says True of a task that still runs.
        result: Field::Is(if task.status(now) == Outcome::Failed as i64 { "False" } else { "True" }),
        report_status: report(task, key, now),
        task_id: id,
        ..Row::default()
    };
    if row.report_status == Field::Is("SUCCESS") {
        row.report_download_url = Field::Is(report_url(&row.task_id, key));
    }
    if let Role::Scan { target, .. } = task.role {
        show_target(&mut row, world.fleet().get(target));
        row.progress_by_project = Field::Is(checks(task.kind, key, progress));
        let hundredths = world.fleet().get(target).size * progress / 100;
        row.measure_space = Field::Is(Space { hundredths, as_text: key.is_multiple_of(32) });
    }
    distort(&mut row, key, faults);
    row
}

fn show_target<'w>(row: &mut Row<'w>, target: &'w Target) {
    row.uuid = Field::Is(&target.uuid);
    row.internet_ip = Field::Is(&target.internet_ip);
    row.intranet_ip = Field::Is(&target.intranet_ip);
    row.instance_id = Field::Is(&target.instance_id);
    row.instance_name = Field::Is(&target.instance_name);
    row.target_name = Field::Is(&target.name);
    if target.kind == 7 {
        let outputs = [("outputImageName", "fixed-by-simulation"), ("vulnerabilityIds", "[\"SIM-2026-1\"]")];
        row.extension = Field::Is(BTreeMap::from(outputs));
    }
}

/// Percent done at `now`. It only grows, is 100 when complete and, rounded down, never before.
fn progress(task: &Task, key: u64, now: u64) -> u64 {
    let reached = match task.outcome {
        Outcome::Completed => 100,
        Outcome::Failed => 5 + key / 64 % 86,
        Outcome::TimedOut => 60 + key / 64 % 40,
    };
    if now >= task.end {
        return reached;
    }
    reached * (now - task.start) / (task.end - task.start)
}

/// The checks go one after the other; all are done when the task is.
fn checks(kind: u8, key: u64, progress: u64) -> Checks {
    let of_kind = if kind <= 4 || kind == 7 { &CHECKS[..] } else { &["binary", "webshell", "script"] };
    let at = |lag: u64| (progress * 140 / 100).saturating_sub(5 * lag).min(100);
    let mut items: Vec<_> = of_kind.iter().zip(0..).map(|(&name, lag)| (name, at(lag))).collect();
    // Keys that came after the documentation.
    if (key / 8).is_multiple_of(12) {
        items.insert(1, ("malwareDeep", at(7)));
        if (key / 96).is_multiple_of(2) {
            items.push(("aiModel", at(8)));
        }
    }
    Checks { items, twice: (key / 4).is_multiple_of(3) }
}

fn report(task: &Task, key: u64, now: u64) -> Field<&'static str> {
    let lot = key / 128 % 20;
    match (task.status(now), lot) {
        (RUNNING, 0..=5) => Field::Is("PREPARED"),
        (RUNNING, 6..=9) => Field::Is("RUNNING"),
        (RUNNING, 10..=12) => Field::Null,
        (RUNNING, _) => Field::Is(""),
        (2, 0) => Field::Is("TIMEOUT"),
        (2, 1) => Field::Is("FAILED"),
        (2, 2) => Field::Missing,
        (2, _) => Field::Is("SUCCESS"),
        (_, 0..=9) => Field::Is("FAILED"),
        _ => Field::Is(""),
    }
}

/// A signed link, as far as anyone can see: it must not show up anywhere.
fn report_url(id: &str, key: u64) -> String {
    format!(
        "http://sim-agentless-report.oss-cn-shanghai.aliyuncs.com/report/{id}.pdf\
         ?Expires=4102444800&OSSAccessKeyId=simulated&Signature=sim{key:016x}%3D"
    )
}

/// The faults that are properties of a row.
fn distort(row: &mut Row<'_>, key: u64, faults: &Faults) {
    let mut dice = Dice::new(mix(key, Fault::UnknownStatus as u64));
    if dice.chance(faults.of(Fault::UnknownStatus)) {
        match dice.below(3) {
            0 => row.status = Field::Is(9),
            1 => row.target_type = Field::Is(99),
            _ => row.report_status = Field::Is("LOST"),
        }
    }
    let probability = faults.of(Fault::NullFields);
    if probability <= 0.0 {
        return;
    }
    let Row {
        task_id: _,
        task_name,
        target_type,
        status,
        progress,
        start_time,
        end_time,
        result,
        uuid,
        internet_ip,
        intranet_ip,
        instance_id,
        instance_name,
        target_name,
        progress_by_project,
        report_status,
        report_download_url,
        measure_space,
        extension,
    } = row;
    let mut dice = Dice::new(mix(key, Fault::NullFields as u64));
    for field in [target_type, status] {
        field.lose(&mut dice, probability);
    }
    for field in [progress, start_time, end_time] {
        field.lose(&mut dice, probability);
    }
    for field in [uuid, internet_ip, intranet_ip, instance_id, instance_name, target_name] {
        field.lose(&mut dice, probability);
    }
    for field in [result, report_status] {
        field.lose(&mut dice, probability);
    }
    for field in [task_name, report_download_url] {
        field.lose(&mut dice, probability);
    }
    progress_by_project.lose(&mut dice, probability);
    measure_space.lose(&mut dice, probability);
    extension.lose(&mut dice, probability);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_only_grows_and_is_whole_at_the_end_of_a_complete_scan_only() {
        let role = Role::Scan { root: 0, target: 0 };
        for (outcome, whole) in
            [(Outcome::Completed, true), (Outcome::Failed, false), (Outcome::TimedOut, false)]
        {
            let task = Task { start: 1_000, end: 1_700, outcome, kind: 1, role };
            for key in (0..200).map(|key| key * 37) {
                let course: Vec<_> = (1_000..=1_701).map(|now| progress(&task, key, now)).collect();
                assert!(course.is_sorted() && course[0] == 0);
                assert!(course[699] < 100 && (course[700] == 100) == whole, "{outcome:?} {}", course[700]);
                assert_eq!(course[700], course[701]);
            }
        }
    }

    #[test]
    fn checks_only_grow_and_are_all_done_with_the_scan() {
        for key in 0..200 {
            for kind in 1..=7 {
                let course: Vec<_> = (0..=100).map(|progress| checks(kind, key, progress)).collect();
                for pair in course.windows(2) {
                    let grows = pair[0].items.iter().zip(&pair[1].items).all(|(one, next)| one.1 <= next.1);
                    assert!(grows, "{pair:?}");
                }
                assert!(course[0].items.iter().all(|&(_, percent)| percent == 0));
                assert!(course[100].items.iter().all(|&(_, percent)| percent == 100));
            }
        }
    }
}
