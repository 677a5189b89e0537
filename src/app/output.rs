//! What a command says on stdout.

use std::io::{self, ErrorKind, Write};

use super::failure::Failure;

/// Writes to stdout, whole.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    write(io::stdout().lock(), text)
}

/// Writes to stdout, whole, its colours only if that is a terminal and `NO_COLOR` is not set.
pub(super) fn say_in_colour(text: &str) -> Result<(), Failure> {
    write(anstream::AutoStream::auto(io::stdout()).lock(), text)
}

/// A reader who has seen enough and closed the pipe, such as `head`, is no failure.
fn write(mut out: impl Write, text: &str) -> Result<(), Failure> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::start(error)),
        _ => Ok(()),
    }
}
