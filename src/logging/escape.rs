//! Characters that no log line may hold as such: a terminal would obey them.

use std::{fmt, io};

use tracing_subscriber::fmt::MakeWriter;

use crate::text::controls;

/// Writes `c` as JSON does, `\\u` and four digits; a character beyond the first plane as two of them.
pub(super) fn escape(out: &mut impl fmt::Write, c: char) -> fmt::Result {
    c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}"))
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
                    c if controls(c) && c != '\n' => {
                        escape(&mut escaped, c).expect("a String takes all");
                    }
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
