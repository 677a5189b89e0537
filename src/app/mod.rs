//! The composition root: builds the parts, supervises them, ends them.

pub mod check;
mod columns;
mod daemon;
mod demo;
mod failure;
mod limits;
mod live;
mod once;
mod output;
mod requests;
mod run;
mod runtime;
mod signals;
mod simulate;
mod sources;
mod transports;

pub use daemon::{Daemon, StartError};
pub use failure::EXIT_USAGE;
pub use run::run;
pub use sources::UnsendableError;
