//! HTTP clients, one for all sources that connect in the same way: they share its connections
//! and its trusted certificates.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::env::Env;
use crate::rpc::{BuildError, Config, HttpTransport};
use crate::secret::Secret;

/// The clients built so far.
#[derive(Debug, Default)]
pub(super) struct Transports(Vec<(Way, Arc<HttpTransport>)>);

/// What of a configuration makes a connection.
#[derive(Debug, PartialEq)]
struct Way {
    connect_timeout: Duration,
    proxy: Option<Secret>,
    ca_file: Option<PathBuf>,
}

impl Transports {
    /// The client for `config`, built if there is none yet.
    pub(super) fn get(&mut self, config: &Config, env: &Env) -> Result<Arc<HttpTransport>, BuildError> {
        let way = Way {
            connect_timeout: config.connect_timeout,
            proxy: config.proxy.clone(),
            ca_file: config.ca_file.clone(),
        };
        if let Some((_, transport)) = self.0.iter().find(|(known, _)| *known == way) {
            return Ok(Arc::clone(transport));
        }
        let transport = Arc::new(HttpTransport::build(config, env)?);
        self.0.push((way, Arc::clone(&transport)));
        Ok(transport)
    }
}
