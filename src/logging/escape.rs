//! Characters that no log line may hold as such: a terminal would obey them.

use std::io;

use tracing_subscriber::fmt::MakeWriter;

/// Whether `c` controls what shows it: control characters with those of the second set (8-bit
/// escape sequences), line separators, and what reorders bidirectional text (UAX #9).
pub(super) fn controls(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Writes lines of JSON with every such character, but for the end of a line, as `\u…`. Serde escapes
/// the first 32 only. Outside of its texts JSON holds none.
pub(super) struct Escaping<W>(pub(super) W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for Escaping<W> {
    type Writer = Escaped<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Escaped(self.0.make_writer())
    }

    fn make_writer_for(&'w self, metadata: &tracing::Metadata<'_>) -> Self::Writer {
        Escaped(self.0.make_writer_for(metadata))
    }
}

/// Expects whole lines, as the layer writes them.
pub(super) struct Escaped<W>(W);

impl<W: io::Write> io::Write for Escaped<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        if text.contains(|c| controls(c) && c != '\n') {
            let mut escaped = String::with_capacity(text.len() + 16);
            for c in text.chars() {
                match c {
                    // All of them are in the first plane, so one escape does.
                    c if controls(c) && c != '\n' => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
                    c => escaped.push(c),
                }
            }
            self.0.write_all(escaped.as_bytes())?;
        } else {
            self.0.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
