//! The composition root: builds the parts, supervises them, ends them.

mod changes;
pub mod check;
mod columns;
mod daemon;
mod demo;
mod failure;
mod fleet;
#[cfg(test)]
mod fleet_tests;
mod limits;
mod live;
mod once;
mod output;
mod reload;
mod requests;
mod run;
mod runtime;
mod signals;
mod simulate;
mod sources;
mod transports;

pub use daemon::{Daemon, StartError};
pub use failure::EXIT_USAGE;
pub use reload::Reloads;
pub use run::run;
pub use signals::Hangups;
pub use sources::UnsendableError;
