//! How far the polls are, on stderr: bars on a terminal, else lines now and then.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::env::Env;
use crate::model::RowProgress;
use crate::snapshot::Published;

use super::super::output::harmless;
use super::{advice, is_read};

/// With more sources there is one bar for all: more would not fit a terminal.
const MOST_BARS: usize = 12;

/// Quick enough for the eye.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// Most people and build logs want to know no more often that it still goes on.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Tells how far the polls are.
pub(super) enum Progress {
    /// To a person at a terminal.
    Bars(Bars),
    /// To a log.
    Lines(Lines<io::Stderr>),
}

impl Progress {
    /// In the form that fits stderr.
    pub(super) fn on_stderr(env: &Env) -> Self {
        // A dumb terminal can't go back to draw again.
        if io::stderr().is_terminal() && env.get("TERM") != Some("dumb") {
            Self::Bars(Bars::default())
        } else {
            Self::Lines(Lines::new(io::stderr()))
        }
    }

    /// Where log lines go so that they and the bars do not tear each other.
    pub(super) fn log_writer(&self) -> LogWriter {
        match self {
            Self::Bars(bars) => LogWriter(Some(bars.all.clone())),
            Self::Lines(_) => LogWriter(None),
        }
    }

    /// How often to call [`Self::under_way`].
    pub(super) fn period(&self) -> Duration {
        match self {
            Self::Bars(_) => DRAW_EVERY,
            Self::Lines(_) => TELL_EVERY,
        }
    }

    /// The polls of `sources` begin.
    pub(super) fn begin(&mut self, sources: &[Arc<Published>]) {
        match self {
            Self::Bars(bars) => bars.begin(sources),
            Self::Lines(lines) => lines.begin(sources),
        }
    }

    /// The polls go on.
    pub(super) fn under_way(&mut self, sources: &[Arc<Published>]) {
        match self {
            Self::Bars(bars) => bars.draw(sources),
            Self::Lines(lines) => lines.under_way(sources),
        }
    }

    /// Some poll may have ended.
    pub(super) fn ended(&mut self, sources: &[Arc<Published>]) {
        match self {
            Self::Bars(bars) => bars.draw(sources),
            Self::Lines(lines) => lines.ended(sources),
        }
    }
}

/// Bars that are drawn again and again, and wiped off at the end.
#[derive(Default)]
pub(super) struct Bars {
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

impl Bars {
    fn begin(&mut self, sources: &[Arc<Published>]) {
        let style = ProgressStyle::with_template("{prefix:.bold} {bar:30.green/dim} {wide_msg}")
            .expect("the template is right")
            .progress_chars("━━─");
        let names: Vec<String> = if sources.len() > MOST_BARS {
            vec![format!("{} sources", sources.len())]
        } else {
            sources.iter().map(|source| harmless(&source.status.name)).collect()
        };
        for name in names {
            let bar = self.all.add(ProgressBar::new(1).with_style(style.clone()));
            bar.set_prefix(name);
            self.bars.push(bar);
        }
        self.draw(sources);
    }

    fn draw(&self, sources: &[Arc<Published>]) {
        if self.bars.len() == sources.len() {
            for (bar, source) in self.bars.iter().zip(sources) {
                draw(bar, source.status.rows, state(source));
            }
        } else if let Some(bar) = self.bars.first() {
            draw(bar, rows(sources), format!("{}, {}", told(rows(sources)), ends(sources)));
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // A terminal that is gone needs no wiping.
        let _wiped = self.all.clear();
    }
}

fn draw(bar: &ProgressBar, rows: RowProgress, message: String) {
    // Nothing is expected yet: an empty bar, not a full one.
    bar.set_length(rows.expected.max(1));
    bar.set_position(rows.read.min(rows.expected));
    bar.set_message(message);
    bar.tick();
}

/// Lines, each said once.
pub(super) struct Lines<W> {
    out: W,
    is_told: Vec<bool>,
}

impl<W: Write> Lines<W> {
    fn new(out: W) -> Self {
        Self { out, is_told: Vec::new() }
    }

    fn begin(&mut self, sources: &[Arc<Published>]) {
        self.is_told = vec![false; sources.len()];
        for source in sources {
            self.say(&format!("{}: reading {}", source.status.name, source.status.endpoint));
        }
    }

    fn under_way(&mut self, sources: &[Arc<Published>]) {
        self.say(&format!("{}, {}", ends(sources), told(rows(sources))));
    }

    fn ended(&mut self, sources: &[Arc<Published>]) {
        for (index, source) in sources.iter().enumerate() {
            if has_ended(source) && !std::mem::replace(&mut self.is_told[index], true) {
                self.say(&format!("{}: {}", source.status.name, state(source)));
            }
        }
    }

    fn say(&mut self, line: &str) {
        // A closed stream leaves nobody to tell.
        let _nobody_reads = writeln!(self.out, "{}", harmless(line));
    }
}

fn has_ended(source: &Published) -> bool {
    source.status.last_poll.is_some()
}

/// How many polls have ended, and how many of them badly.
fn ends(sources: &[Arc<Published>]) -> String {
    let ended = sources.iter().filter(|source| has_ended(source));
    let (read, failed): (Vec<_>, Vec<_>) = ended.partition(|source| is_read(source));
    let done = format!("{} of {} sources done", read.len() + failed.len(), sources.len());
    if failed.is_empty() { done } else { format!("{done}, {} failed", failed.len()) }
}

fn rows(sources: &[Arc<Published>]) -> RowProgress {
    sources.iter().map(|source| source.status.rows).fold(RowProgress::default(), |all, one| RowProgress {
        read: all.read.saturating_add(one.read),
        expected: all.expected.saturating_add(one.expected),
    })
}

/// Where one source stands. More rows are read than there are tasks: some are in several listings.
fn state(source: &Published) -> String {
    match (&source.status.failure, source.snapshot.as_deref()) {
        (Some(failure), _) => {
            let message = harmless(&failure.message);
            format!("failed ({}): {message}; {}", failure.reason, advice(failure))
        }
        (None, Some(snapshot)) if is_read(source) => {
            format!("read, {} rows, {} tasks in the look-back", source.status.rows.read, snapshot.tasks)
        }
        _ => told(source.status.rows),
    }
}

fn told(rows: RowProgress) -> String {
    format!("{} of {} rows so far", rows.read, rows.expected)
}

/// Writes to stderr, above the bars if there are any.
#[derive(Clone)]
pub(super) struct LogWriter(Option<MultiProgress>);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(bytes);
        match &self.0 {
            Some(bars) => bars.suspend(write)?,
            None => write()?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressDrawTarget;

    use super::super::fixtures::{down, prod, under_way};
    use super::*;

    fn said(lines: Lines<Vec<u8>>) -> String {
        String::from_utf8(lines.out).unwrap()
    }

    #[test]
    fn each_source_is_told_when_it_begins_and_once_when_it_ends() {
        let mut lines = Lines::new(Vec::new());
        lines.begin(&[under_way(), prod(), down()]);
        for _ in 0..3 {
            lines.ended(&[under_way(), prod(), down()]);
        }
        let expected = "\
slow: reading 
prod: reading tds.example.com
down: reading 
prod: read, 130 rows, 128 tasks in the look-back
down: failed (network): no way\u{fffd}[31m there\u{fffd}; check DNS, proxy and firewall between here and the endpoint
";
        assert_eq!(said(lines), expected);
    }

    #[test]
    fn each_source_has_a_bar_unless_there_are_too_many() {
        let bars_of = |sources: &[Arc<Published>]| {
            let mut bars =
                Bars { all: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()), bars: Vec::new() };
            bars.begin(sources);
            let told = |bar: &ProgressBar| (bar.prefix(), bar.position(), bar.length(), bar.message());
            bars.bars.iter().map(told).collect::<Vec<_>>()
        };
        let few = bars_of(&[under_way(), prod()]);
        assert_eq!(few[0], ("slow".into(), 450, Some(1200), "450 of 1200 rows so far".into()));
        assert_eq!(few[1].3, "read, 130 rows, 128 tasks in the look-back");
        let mut many = vec![under_way(); MOST_BARS];
        many.push(prod());
        let expected = (
            "13 sources".into(),
            5530,
            Some(14_532),
            "5530 of 14532 rows so far, 1 of 13 sources done".into(),
        );
        assert_eq!(bars_of(&many), [expected]);
    }

    #[test]
    fn the_way_so_far_is_one_line_for_all_sources() {
        let mut lines = Lines::new(Vec::new());
        lines.under_way(&[under_way(), prod(), down()]);
        assert_eq!(said(lines), "2 of 3 sources done, 1 failed, 580 of 1332 rows so far\n");
    }
}
