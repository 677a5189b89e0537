//! The simulated Security Center: a real HTTP server with a seeded, moving fleet of scans.
//!
//! It verifies signatures, answers `ListAgentlessTask` with the vendor's shapes and codes, and can
//! be made to fail in all the ways that the real one may. It writes its own rows and computes its
//! own truth: nothing here is shared with the code that reads them.
//!
//! On the same port it answers `GetCallerIdentity` as the Security Token Service does, to its own key.
//!
//! Besides the API, for loopback peers only and unsigned:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /_world/truth?at=MILLIS&lookback=SECONDS&keep=SECONDS&targets=MODE` | what an exporter that starts now must show |
//! | `GET /_world/tasks` | the ids of all scan tasks and main tasks |
//! | `POST /_world/freeze` | the time of the world stands from now on |
//! | `POST /_world/step?by=30s` | moves the time of a frozen world on |
//! | `POST /_world/thaw` | the time of the world goes on from where it stands |
//!
//! The same seed, start and clock give the same answers: what a row looks like is a property of
//! (seed, TaskId), faults are drawn from (seed, request, attempt), where an attempt is how often a
//! request with the same parameters came before, whatever its nonce, time and signature.

mod api;
mod auth;
mod config;
mod control;
mod counted;
mod dice;
mod envelope;
mod faults;
mod fleet;
mod identity;
mod ids;
mod nonces;
mod params;
mod query;
mod reading;
mod reply;
mod row;
mod select;
mod server;
mod show;
mod single;
mod task;
mod timeline;
mod truth;
mod world;

pub use config::{
    Config, ConfigError, Listing, TARGETS_MAX, TASKS_MAX, UnknownListing, check_key_id, check_listen,
};
pub use faults::{Fault, FaultRate, FaultRateError, Faults};
pub use server::{Simulator, SimulatorError};
