//! What the series of single targets must say: those of the truth that are not about a type.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::reading::{status_of, time, type_of};
use super::row::Row;
use super::truth::{Truth, series};

/// Which targets an exporter gives series of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Single {
    /// None.
    None,
    /// Those whose latest finished task did not complete.
    Failing,
    /// All.
    All,
}

impl Single {
    /// From the word of the exporter's configuration.
    pub(super) fn from_word(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::None),
            "failing" => Some(Self::Failing),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    fn shows(self, latest: &Row<'_>) -> bool {
        match self {
            Self::None => false,
            Self::Failing => status_of(latest) != "completed",
            Self::All => true,
        }
    }
}

/// One row of each target, by type and identity.
pub(super) type ByTarget<'r, 'w> = BTreeMap<(&'static str, &'r str), &'r Row<'w>>;

/// Adds the series of the targets that are shown: their status, and the ends of their latest
/// finished and completed tasks, if these are known and past.
pub(super) fn write(
    single: Single,
    latest: &ByTarget<'_, '_>,
    successes: &ByTarget<'_, '_>,
    at: u64,
    truth: &mut Truth,
) {
    let end_of = |row: &Row<'_>| {
        let end = time(row.end_time.value()).filter(|&end| end <= at);
        end.and_then(|end| Number::from_f64(end as f64 / 1000.0)).map(Value::Number)
    };
    for (key, row) in latest.iter().filter(|(_, row)| single.shows(row)) {
        let (kind, target) = (key.0, ("target", key.1));
        let status = [target, ("status", status_of(row))];
        truth.insert(series("agentless_scan_target_status", kind, &status), 1.into());
        let times = [
            ("agentless_scan_target_last_finished_timestamp_seconds", end_of(row)),
            (
                "agentless_scan_target_last_success_timestamp_seconds",
                successes.get(key).and_then(|row| end_of(row)),
            ),
        ];
        for (name, end) in times {
            if let Some(end) = end {
                truth.insert(series(name, kind, &[target]), end);
            }
        }
    }
}

/// The latest of `rows` of each target, by type and identity. By the end if it is known and
/// past, else by the start; then by the start; then by the id.
pub(super) fn latest_of_targets<'r, 'w: 'r>(
    rows: impl Iterator<Item = &'r Row<'w>>,
    at: u64,
) -> ByTarget<'r, 'w> {
    let rank = |row: &'r Row<'w>| {
        let start = time(row.start_time.value()).unwrap_or(0);
        let end = time(row.end_time.value()).filter(|&end| end <= at);
        (end.unwrap_or(start), start, row.task_id.as_str())
    };
    let mut latest: BTreeMap<_, &'r Row<'w>> = BTreeMap::new();
    for row in rows {
        let known = |text: Option<&&'w str>| text.copied().filter(|text| !text.is_empty());
        let Some(identity) = known(row.uuid.value()).or_else(|| known(row.target_name.value())) else {
            continue;
        };
        let entry = latest.entry((type_of(row), identity)).or_insert(row);
        if rank(row) > rank(entry) {
            *entry = row;
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::super::row::Field;
    use super::*;

    const AT: u64 = 5000;

    fn scan(id: &str, target: &'static str, status: i64, end: u64) -> Row<'static> {
        Row {
            task_id: id.to_owned(),
            target_type: Field::Is(1),
            status: Field::Is(status),
            start_time: Field::Is(1000),
            end_time: Field::Is(end),
            uuid: Field::Is(target),
            ..Row::default()
        }
    }

    fn lines(single: Single) -> Vec<String> {
        let completed = [scan("1", "good", 2, 2000), scan("2", "bad", 2, 1500)];
        let others = [scan("3", "good", 3, 1800), scan("4", "bad", 4, 3500), scan("5", "late", 3, AT + 1)];
        let latest = latest_of_targets(completed.iter().chain(&others), AT);
        let mut truth = Truth::new();
        write(single, &latest, &latest_of_targets(completed.iter(), AT), AT, &mut truth);
        let line = |(series, value): (&String, &Value)| format!("{series} {value}");
        truth.iter().map(line).map(|line| line.replace("agentless_scan_target_", "")).collect()
    }

    #[test]
    fn targets_are_shown_by_their_latest_end_as_far_as_it_is_past() {
        let failing = [
            r#"last_finished_timestamp_seconds{target_type="snapshot",target="bad"} 3.5"#,
            r#"last_success_timestamp_seconds{target_type="snapshot",target="bad"} 1.5"#,
            r#"status{target_type="snapshot",target="bad",status="timed_out"} 1"#,
            r#"status{target_type="snapshot",target="late",status="failed"} 1"#,
        ];
        let good = [
            r#"last_finished_timestamp_seconds{target_type="snapshot",target="good"} 2.0"#,
            r#"last_success_timestamp_seconds{target_type="snapshot",target="good"} 2.0"#,
            r#"status{target_type="snapshot",target="good",status="completed"} 1"#,
        ];
        assert_eq!(lines(Single::None), [""; 0]);
        assert_eq!(lines(Single::Failing), failing);
        let mut all = [failing.as_slice(), &good].concat();
        all.sort_unstable();
        assert_eq!(lines(Single::All), all);
    }
}
