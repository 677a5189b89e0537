//! What was read, for a person.

use std::sync::Arc;

use anstyle::{AnsiColor, Style};

use crate::clock::UnixMillis;
use crate::model::{Status, TargetNames};
use crate::snapshot::{FailingTarget, Published, Snapshot};

use super::super::columns::{Cell, aligned};
use super::super::output::harmless;
use super::advice;

const HEAD: Style = Style::new().bold();
const PLAIN: Style = Style::new();
const FAINT: Style = Style::new().dimmed();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LATE: Style = AnsiColor::Yellow.on_default();
const BUSY: Style = AnsiColor::Cyan.on_default();

/// Tasks by status, failing targets, and the sources that failed; with colours.
pub(super) fn render(published: &[Arc<Published>]) -> String {
    let read: Vec<(&str, &Snapshot)> = published
        .iter()
        .filter_map(|source| Some((source.status.name.as_str(), source.snapshot.as_deref()?)))
        .collect();
    let parts = [tasks(&read), notes(&read), failing(&read), failures(published)];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n")
}

fn tasks(read: &[(&str, &Snapshot)]) -> String {
    if read.is_empty() {
        return String::new();
    }
    let mut head = vec![Cell::text("SOURCE", HEAD), Cell::text("TYPE", HEAD)];
    head.extend(Status::ALL.iter().map(|status| Cell::number(status.as_str().to_uppercase(), HEAD)));
    let mut rows = vec![head];
    for (source, snapshot) in read {
        for (target_type, facts) in &snapshot.types {
            let mut row = vec![Cell::text(source, PLAIN), Cell::text(target_type.as_str(), PLAIN)];
            row.extend(Status::ALL.iter().map(|&status| {
                let count = facts.tasks[status.index()];
                Cell::number(count, if count == 0 { FAINT } else { style_of(status) })
            }));
            rows.push(row);
        }
    }
    aligned(&rows)
}

/// What a reader has to know of the figures above.
fn notes(read: &[(&str, &Snapshot)]) -> String {
    let mut notes = String::new();
    for (source, snapshot) in read {
        let Snapshot { tasks, skipped_rows, missing_rows, .. } = snapshot;
        let mut note = |text: String| notes += &format!("{}: {text}\n", harmless(source));
        if *tasks == 0 {
            note("no scan task in the look-back; if there should be some, check that the region is of the data centre where this account scans".to_owned());
        }
        if *skipped_rows > 0 {
            note(format!("{skipped_rows} rows without a usable TaskId are left out"));
        }
        if *missing_rows > 0 {
            note(format!(
                "the API counts {missing_rows} rows that it does not show; they are not in these figures"
            ));
        }
    }
    notes
}

fn failing(read: &[(&str, &Snapshot)]) -> String {
    let head = ["SOURCE", "TYPE", "FAILING TARGET", "STATUS", "SINCE", "LAST SUCCESS"];
    let mut rows = vec![head.map(|word| Cell::text(word, HEAD)).into()];
    let mut more = String::new();
    for (source, snapshot) in read {
        rows.extend(snapshot.failing.iter().map(|target| failing_row(source, target)));
        let listed = snapshot.failing.len() as u64;
        match failing_targets(snapshot).saturating_sub(listed) {
            0 => {}
            rest if listed == 0 => {
                more += &format!("{}: {rest} failing targets, not listed\n", harmless(source));
            }
            rest => more += &format!("{}: and {rest} more failing targets\n", harmless(source)),
        }
    }
    let table = if rows.len() > 1 { aligned(&rows) } else { String::new() };
    table + &more
}

fn failing_row(source: &str, failing: &FailingTarget) -> Vec<Cell> {
    let FailingTarget { target_type, target, status, finished_at, failing_since, last_success } = failing;
    let name = target.as_deref().map(TargetNames::best);
    let time = |time: Option<UnixMillis>, none: &str| match time {
        Some(time) => Cell::text(time.to_string(), PLAIN),
        None => Cell::text(none, FAINT),
    };
    vec![
        Cell::text(source, PLAIN),
        Cell::text(target_type.as_str(), PLAIN),
        name.map_or_else(|| Cell::text("(not shown)", FAINT), |name| Cell::text(name.as_str(), PLAIN)),
        Cell::text(status.as_str(), style_of(*status)),
        time(failing_since.or(*finished_at), "unknown"),
        time(*last_success, "none known"),
    ]
}

fn failures(published: &[Arc<Published>]) -> String {
    let mut text = String::new();
    for source in published {
        let Some(failure) = &source.status.failure else { continue };
        let (name, message) = (harmless(&source.status.name), harmless(&failure.message));
        text += &format!(
            "{BAD}{name} could not be read{BAD:#} ({}): {message}\n  what to do: {}\n",
            failure.reason,
            advice(failure)
        );
    }
    text
}

/// Targets whose latest finished task failed or timed out.
pub(super) fn failing_targets(snapshot: &Snapshot) -> u64 {
    let of = |status: Status| snapshot.types.values().map(move |facts| facts.targets[status.index()]);
    of(Status::Failed).chain(of(Status::TimedOut)).sum()
}

fn style_of(status: Status) -> Style {
    match status {
        Status::Running => BUSY,
        Status::Completed => PLAIN,
        Status::Failed => BAD,
        Status::TimedOut | Status::Unknown => LATE,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{down, failing_target, prod};
    use super::*;

    fn plain(published: &[Arc<Published>]) -> String {
        anstream::adapter::strip_str(&render(published)).to_string()
    }

    #[test]
    fn tasks_failing_targets_and_failed_sources_are_told_in_this_order() {
        let expected = "\
SOURCE  TYPE      RUNNING  COMPLETED  FAILED  TIMED_OUT  UNKNOWN
prod    snapshot        3        120       4          1        0
prod    image           0          0       0          0        0

prod: the API counts 2 rows that it does not show; they are not in these figures

SOURCE  TYPE      FAILING TARGET  STATUS     SINCE                 LAST SUCCESS
prod    snapshot  生产-数据库     failed     2026-11-23T03:04:05Z  2026-11-20T03:04:05Z
prod    snapshot  (not shown)     timed_out  unknown               none known
prod: and 3 more failing targets

down could not be read (network): no way\u{fffd}[31m there\u{fffd}
  what to do: check DNS, proxy and firewall between here and the endpoint
";
        assert_eq!(plain(&[prod(), down()]), expected);
    }

    #[test]
    fn targets_that_are_not_listed_are_counted() {
        let mut source = (*prod()).clone();
        Arc::make_mut(source.snapshot.as_mut().unwrap()).failing.clear();
        let text = plain(&[Arc::new(source)]);
        assert!(text.ends_with("\nprod: 5 failing targets, not listed\n"), "{text}");
    }

    #[test]
    fn an_account_without_tasks_may_be_the_wrong_data_centre() {
        let mut source = (*prod()).clone();
        Arc::make_mut(source.snapshot.as_mut().unwrap()).tasks = 0;
        let text = plain(&[Arc::new(source)]);
        assert!(text.contains("prod: no scan task in the look-back; if there should be some"), "{text}");
    }

    #[test]
    fn a_failure_that_the_next_poll_may_mend_asks_for_another_run() {
        let mut source = (*down()).clone();
        let failure = source.status.failure.as_mut().unwrap();
        failure.reason = crate::model::FailureReason::Incomplete;
        failure.advice = failure.reason.advice();
        let text = plain(&[Arc::new(source)]);
        assert!(text.ends_with("so run it again for the next\n"), "{text}");
    }

    #[test]
    fn failed_scans_stand_out_and_zeros_do_not() {
        let text = render(&[prod()]);
        assert!(text.contains(&format!("{BAD}4{BAD:#}")), "{text}");
        assert!(text.contains(&format!("{FAINT}0{FAINT:#}")), "{text}");
    }

    #[test]
    fn a_target_has_failed_since_its_first_failure_else_since_its_last() {
        let mut target = failing_target();
        let cells = |target: &FailingTarget| format!("{:?}", failing_row("a", target));
        assert!(cells(&target).contains("2026-11-23T03:04:05Z"), "{target:?}");
        target.failing_since = None;
        assert!(cells(&target).contains("2026-11-24T03:04:05Z"), "{target:?}");
    }
}
