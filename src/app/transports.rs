//! HTTP clients, one for all sources that connect in the same way: they share its connections
//! and its trusted certificates.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::env::Env;
use crate::rpc::{BuildError, Config, HttpTransport};
use crate::secret::Secret;

/// The clients that some source uses.
#[derive(Debug, Default)]
pub(super) struct Transports(Vec<(Way, Weak<HttpTransport>)>);

/// What of a configuration makes a connection.
#[derive(Debug, PartialEq)]
struct Way {
    connect_timeout: Duration,
    proxy: Option<Secret>,
    ca_file: Option<PathBuf>,
    /// What that holds: another one may have taken its place.
    ca: Option<Vec<u8>>,
}

impl Transports {
    /// The client for `config`, built if there is none yet.
    pub(super) fn get(&mut self, config: &Config, env: &Env) -> Result<Arc<HttpTransport>, BuildError> {
        let way = Way {
            connect_timeout: config.connect_timeout,
            proxy: config.proxy.clone(),
            ca_file: config.ca_file.clone(),
            // One that can't be read is told by who builds upon it.
            ca: config.ca_file.as_deref().and_then(|path| fs::read(path).ok()),
        };
        self.0.retain(|(_, transport)| transport.strong_count() > 0);
        let known = self.0.iter().find(|(known, _)| *known == way);
        if let Some(transport) = known.and_then(|(_, transport)| transport.upgrade()) {
            return Ok(transport);
        }
        let transport = Arc::new(HttpTransport::build(config, env)?);
        self.0.push((way, Arc::downgrade(&transport)));
        Ok(transport)
    }
}
