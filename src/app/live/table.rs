//! What was learnt, for a person.

use anstyle::{AnsiColor, Style};

use crate::model::KeyInUse;

use super::super::columns::{Cell, aligned};
use super::super::output::harmless;
use super::report::{Answer, Counts, Permission, SourceReport};

const HEAD: Style = Style::new().bold();
const PLAIN: Style = Style::new();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const LATE: Style = AnsiColor::Yellow.on_default();

/// What stands for what could not be learnt.
const UNKNOWN: &str = "not known";

/// A block for each source, with colours.
pub(super) fn render(reports: &[SourceReport]) -> String {
    let blocks: Vec<String> = reports.iter().map(|source| block(source, reports)).collect();
    blocks.join("\n")
}

fn block(source: &SourceReport, all: &[SourceReport]) -> String {
    let name = harmless(&source.name);
    let mut text = match source.failure() {
        None => format!("{GOOD}{name} can be polled{GOOD:#}\n"),
        Some(told) => format!(
            "{BAD}{name} can't be polled{BAD:#} ({}): {}\n  what to do: {}\n",
            told.reason,
            harmless(&told.message),
            told.advice
        ),
    };
    text += &aligned(&facts(source));
    text.push('\n');
    text += &aligned(&counts(source));
    let notes = source.notes(all);
    if !notes.is_empty() {
        text.push('\n');
    }
    for note in notes {
        text += &format!("  {LATE}note{LATE:#}: {}\n", harmless(&note));
    }
    text
}

/// What there is one of for each source. The first, empty cell is the indent.
fn facts(source: &SourceReport) -> Vec<Vec<Cell>> {
    let known = |text: Option<String>| match text {
        Some(text) => Cell::text(text, PLAIN),
        None => Cell::text(UNKNOWN, FAINT),
    };
    let identity = source.identity.good().map(|identity| format!("{} ({})", identity.arn, identity.kind));
    let permission = match source.permission() {
        Permission::Granted => Cell::text("ListAgentlessTask is granted", PLAIN),
        Permission::Refused => Cell::text("ListAgentlessTask is refused", BAD),
        Permission::Unknown => known(None),
    };
    let asked = source.poller.page_size;
    let page_size = source.own.page_size.map(|size| match size.answered {
        Some(answered) => format!("{asked} rows configured, {answered} answered"),
        None => format!("{asked} rows configured; the answer does not tell its own"),
    });
    let configured = source.poller.listing;
    let listing = match source.listing_seen() {
        Some(seen) => format!("{configured} configured, {seen} by these counts"),
        None => format!("{configured} configured, {UNKNOWN} by these counts"),
    };
    [
        ("key", known(source.key.as_ref().map(key))),
        ("identity", known(identity)),
        ("permission", permission),
        ("clock", known(source.clock_skew_seconds.map(clock))),
        ("page size", known(page_size)),
        ("listing", known(Some(listing))),
        ("requests", known(source.requests().map(|requests| requests.to_string()))),
    ]
    .map(|(label, value)| vec![Cell::text("", PLAIN), Cell::text(label, PLAIN), value])
    .into()
}

fn key(key: &KeyInUse) -> String {
    let KeyInUse { provider, id, expires, unrenewed: _ } = key;
    match expires {
        Some(expires) => format!("{id} of {provider}, expires {expires}"),
        None => format!("{id} of {provider}, no expiry known"),
    }
}

fn clock(skew: f64) -> String {
    match skew {
        0.0 => "agrees with that of the cloud".to_owned(),
        skew if skew > 0.0 => format!("{skew} s behind that of the cloud"),
        skew => format!("{} s ahead of that of the cloud", -skew),
    }
}

/// Tasks of each kind of listing, by endpoint.
fn counts(source: &SourceReport) -> Vec<Vec<Cell>> {
    let head = ["MAIN TASKS", "SUBTASKS", "ROOTTASK OMITTED"].map(|word| Cell::number(word, HEAD));
    let mut first = vec![Cell::text("", HEAD), Cell::text("TASKS AT", HEAD)];
    first.extend(head);
    first.push(Cell::text("SUBTASKS OF THE NEWEST MAIN TASKS", HEAD));
    let mut rows = vec![first];
    rows.extend([Some(&source.own), source.other.as_ref()].into_iter().flatten().map(counts_row));
    rows
}

fn counts_row(counts: &Counts) -> Vec<Cell> {
    let number = |answer: &Answer<u64>| match answer.good() {
        Some(count) => Cell::number(count, PLAIN),
        None => Cell::number(UNKNOWN, FAINT),
    };
    let of_newest = counts.newest.iter().map(|task| match task.subtasks.good() {
        Some(count) => count.to_string(),
        None => "?".to_owned(),
    });
    let of_newest: Vec<String> = of_newest.collect();
    let of_newest = match (of_newest.as_slice(), counts.main_tasks.good()) {
        ([], Some(_)) => Cell::text("none to ask for", FAINT),
        ([], None) => Cell::text(UNKNOWN, FAINT),
        (numbers, _) => Cell::text(numbers.join(", "), PLAIN),
    };
    vec![
        Cell::text("", PLAIN),
        Cell::text(&counts.host, PLAIN),
        number(&counts.main_tasks),
        number(&counts.subtasks),
        number(&counts.unsaid),
        of_newest,
    ]
}
