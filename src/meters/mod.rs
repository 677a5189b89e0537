//! Names and handles of every metric.

mod handles;
pub mod table;

pub(crate) use handles::GOOD;
pub use handles::{Meters, SourceMeters};
