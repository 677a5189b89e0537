//! Prometheus exporter for the agentless scan tasks of Alibaba Cloud Security Center.
//!
//! The modules form six floors; each uses only floors below its own. See `docs/architecture.md`.

#![forbid(unsafe_code)]

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod env;
pub mod error;
pub mod exposition;
pub mod ledger;
pub mod lifecycle;
pub mod logging;
pub mod meters;
pub mod mistakes;
pub mod model;
pub mod net;
pub mod page;
pub mod poller;
pub mod rpc;
pub mod sas;
pub mod secret;
pub mod simulator;
pub mod snapshot;
pub mod state;
pub mod text;
pub mod web;
pub mod web_config;
mod yaml;
