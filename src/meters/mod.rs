//! Names and handles of every metric.

mod handles;
pub mod table;

pub use handles::{Meters, SourceMeters};
