//! What the cases of credentials are played with.

pub(crate) mod case;
pub(crate) mod server;
pub(crate) mod transport;
pub(crate) mod vendor;
