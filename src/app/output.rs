//! What a command says on stdout.

use std::io::{self, Write as _};

use super::failure::Failure;

/// Writes to stdout, whole.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::start)
}
