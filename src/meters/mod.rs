//! Names and handles of every metric.

mod handles;
pub mod reference;
pub mod table;

pub(crate) use handles::GOOD;
pub use handles::{Meters, SourceMeters, StateMeter};
