//! What a command says on stdout.

use std::io::{self, ErrorKind, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};

use crate::env::Env;
use crate::text::controls;

use super::failure::Failure;

/// `text` without anything that controls a terminal.
pub(super) fn harmless(text: &str) -> String {
    text.replace(controls, "\u{fffd}")
}

/// Writes to stdout, whole.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    write(io::stdout().lock(), text)
}

/// Tells a person who waits at a terminal what is under way; nobody else, and nothing if it can't be told.
pub(super) fn say_aside(text: &str) {
    let mut out = io::stderr();
    if out.is_terminal() {
        let _ = out.write_all(text.as_bytes());
    }
}

/// Whether colours are for stdout: only if it is a terminal that can show them, and `NO_COLOR` is
/// not set.
pub(super) fn colours(env: &Env) -> ColorChoice {
    let is_unwanted = env.get("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !is_unwanted && env.get("TERM") != Some("dumb") {
        ColorChoice::AlwaysAnsi
    } else {
        ColorChoice::Never
    }
}

/// Writes to stdout, whole, with or without its colours.
pub(super) fn say_styled(text: &str, colours: ColorChoice) -> Result<(), Failure> {
    write(AutoStream::new(io::stdout(), colours).lock(), text)
}

/// A reader who has seen enough and closed the pipe, such as `head`, is no failure.
fn write(mut out: impl Write, text: &str) -> Result<(), Failure> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::start(Unwritten(error))),
        _ => Ok(()),
    }
}

/// What was asked for could not be told.
#[derive(Debug, thiserror::Error)]
#[error("stdout can't be written to")]
struct Unwritten(#[source] io::Error);
