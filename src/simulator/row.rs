//! One row of the answer: what the API shows of a task, with all the oddities of the real one.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::dice::{Dice, mix, mix_text};
use super::faults::{Fault, Faults};
use super::fleet::Target;
use super::task::{Outcome, RUNNING, Role, Task};
use super::world::World;

/// The keys of `ProgressByProject`, in the order of the vendor's example.
const CHECKS: [&str; 7] = ["scaVul", "binary", "baseline", "vul", "webshell", "script", "sensitiveInfo"];

/// `EndTime` of some running tasks: a deadline so long after the start.
const DEADLINE: u64 = 24 * 3_600_000;

/// A field as it stands in the JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Field<T> {
    /// A value.
    Is(T),
    /// `null`.
    Null,
    /// Not there at all.
    #[default]
    Missing,
}

impl<T> Field<T> {
    /// The value, if there is one.
    pub(super) const fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Null | Self::Missing => None,
        }
    }

    const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    fn lose(&mut self, dice: &mut Dice, probability: f64) {
        // Both are thrown always, so that one field's fate does not depend on another's.
        let (lost, null) = (dice.chance(probability), dice.chance(0.5));
        if lost {
            *self = if null { Self::Null } else { Self::Missing };
        }
    }
}

impl<T: Serialize> Serialize for Field<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// `ProgressByProject`: JSON in a string, of some tasks twice over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checks {
    /// Key and percent, in the order of the JSON.
    pub(super) items: Vec<(&'static str, u64)>,
    twice: bool,
}

impl Serialize for Checks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items: Vec<_> = self.items.iter().map(|(key, percent)| format!("\"{key}\":{percent}")).collect();
        let once = format!("{{{}}}", items.join(","));
        if self.twice {
            // The keys hold nothing else that JSON would escape.
            serializer.serialize_str(&format!("\"{}\"", once.replace('"', "\\\"")))
        } else {
            serializer.serialize_str(&once)
        }
    }
}

/// `MeasureSpace` in MB, of some tasks as a string.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Space {
    /// Hundredths of an MB.
    pub(super) hundredths: u64,
    as_text: bool,
}

impl Space {
    /// As the number that a reader of the row gets.
    pub(super) fn megabytes(self) -> f64 {
        self.hundredths as f64 / 100.0
    }
}

impl Serialize for Space {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.as_text, self.hundredths % 100) {
            (true, _) => serializer.collect_str(&self.megabytes()),
            (false, 0) => serializer.serialize_u64(self.hundredths / 100),
            (false, _) => serializer.serialize_f64(self.megabytes()),
        }
    }
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Row<'w> {
    pub(super) task_id: String,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) task_name: Field<String>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) target_type: Field<i64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) status: Field<i64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) progress: Field<u64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) start_time: Field<u64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) end_time: Field<u64>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) result: Field<&'static str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) uuid: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) internet_ip: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) intranet_ip: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) instance_id: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) instance_name: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) target_name: Field<&'w str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) progress_by_project: Field<Checks>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) report_status: Field<&'static str>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) report_download_url: Field<String>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) measure_space: Field<Space>,
    #[serde(skip_serializing_if = "Field::is_missing")]
    pub(super) extension: Field<BTreeMap<&'static str, &'static str>>,
}

/// The `TaskId` of a scan or main task. Its length varies, and some start with a zero, which a
/// reader that takes it for a number loses.
pub(super) fn task_id(world: &World, is_root: bool, number: u32) -> String {
    let key = u64::from(number) * 2 + u64::from(is_root);
    let noise = mix(mix(world.seed(), 0x1D), key);
    let zero = if noise.is_multiple_of(16) { "0" } else { "" };
    format!("{zero}{}{:03}", key + 1, noise / 16 % 1000)
}

/// The task of that id: whether it is a main task, and its number.
pub(super) fn find_id(world: &World, id: &str) -> Option<(bool, u32)> {
    let key = id.get(..id.len().checked_sub(3)?)?.parse::<u64>().ok()?.checked_sub(1)?;
    let (is_root, number) = (key % 2 == 1, u32::try_from(key / 2).ok()?);
    (task_id(world, is_root, number) == id).then_some((is_root, number))
}

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

/// Percent done at `now`. It only grows, is 100 when complete and never before.
fn progress(task: &Task, key: u64, now: u64) -> u64 {
    let reached = match task.outcome {
        Outcome::Completed => 100,
        Outcome::Failed => 5 + key / 64 % 86,
        Outcome::TimedOut => 60 + key / 64 % 40,
    };
    if now >= task.end {
        return reached;
    }
    (reached * (now - task.start) / (task.end - task.start)).min(99)
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
