//! The simulated Security Center over real sockets: signatures, filters, faults, truth.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic too")]

mod client;
mod faults;
mod filters;
mod signatures;
mod world;
