//! The form `key=value`. Texts are quoted and escaped as in JSON, which is how the readers of
//! logfmt (Loki, the Prometheus programs) take them apart again.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::registry::LookupSpan;

use crate::text::controls;

use super::escape::escape;

/// One event, one line: time, level, target, message, fields.
pub(super) struct Logfmt;

impl<S, N> FormatEvent<S, N> for Logfmt
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        line.write_str("ts=")?;
        SystemTime.format_time(&mut line)?;
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        write!(line, " level={level} target={}", event.metadata().target())?;
        let mut pairs = Pairs { line, result: Ok(()) };
        event.record(&mut pairs);
        let Pairs { mut line, result } = pairs;
        result?;
        line.write_char('\n')
    }
}

/// Writes each field of an event after a space.
struct Pairs<'w> {
    line: Writer<'w>,
    result: fmt::Result,
}

impl Pairs<'_> {
    fn pair(&mut self, field: &Field, value: &str) {
        if self.result.is_ok() {
            self.result = write!(self.line, " {}=", field.name()).and_then(|()| text(&mut self.line, value));
        }
    }
}

impl Visit for Pairs<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.pair(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.pair(field, &format!("{value:?}"));
    }
}

/// Writes a value, in quotes if it needs them.
fn text(line: &mut Writer<'_>, value: &str) -> fmt::Result {
    let plain = |c: char| c > ' ' && !matches!(c, '"' | '=' | '\\') && !controls(c);
    if !value.is_empty() && value.chars().all(plain) {
        return line.write_str(value);
    }
    line.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' => line.write_str("\\\"")?,
            '\\' => line.write_str("\\\\")?,
            '\n' => line.write_str("\\n")?,
            '\r' => line.write_str("\\r")?,
            '\t' => line.write_str("\\t")?,
            c if controls(c) => escape(line, c)?,
            c => line.write_char(c)?,
        }
    }
    line.write_char('"')
}
