//! The composition root: builds the parts, supervises them, ends them.

pub mod check;
mod daemon;
mod demo;
mod run;
mod signals;
mod simulate;
mod transports;

pub use daemon::{Daemon, StartError};
pub use run::{EXIT_USAGE, run};
