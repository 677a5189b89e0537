//! Serving HTTP on sockets: bind, accept, bound, drain. Knows nothing of what is served.

mod accept;
mod address;
mod connection;
mod listener;
mod passed;
mod plain;
mod progress;
mod serve;
#[cfg(test)]
mod tls_tests;
mod unix;
mod watched;

pub use address::{Address, AddressError};
pub use listener::{BindError, Listener, Local, Peer};
pub use passed::{Passed, PassedError};
pub use serve::{Bounds, serve};

use std::sync::Arc;

/// What the next handshake uses; `None` to serve in the clear.
pub type Tls = Arc<dyn Fn() -> Option<Arc<tokio_rustls::rustls::ServerConfig>> + Send + Sync>;

/// No TLS.
pub fn in_the_clear() -> Tls {
    Arc::new(|| None)
}
