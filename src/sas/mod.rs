//! `ListAgentlessTask` of Security Center: endpoints, request, wire shapes, decoding.

mod api;
mod decode;
pub mod endpoints;
mod loose;
mod piecewise;
mod query;
mod wire;

pub use api::{Api, LEAST_PAGE_SIZE, Page, refuses_page_size};
pub use decode::{DecodedPage, UnknownValues, decode_page};
pub use query::{Query, RootTask};

/// The version of the API (`Sas`), part of every request.
pub const VERSION: &str = "2018-12-03";

/// The only operation that is ever called. It reads.
pub const LIST_AGENTLESS_TASK: &str = "ListAgentlessTask";
