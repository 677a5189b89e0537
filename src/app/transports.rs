//! HTTP clients, one for all sources that connect in the same way: they share its connections
//! and its trusted certificates.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::env::Env;
use crate::rpc::{BuildError, Config, HttpTransport};
use crate::secret::Written;

/// The clients that some source uses.
#[derive(Debug, Default)]
pub(super) struct Transports(Vec<(Way, Weak<HttpTransport>)>);

/// What of a configuration makes a connection.
#[derive(Debug, PartialEq)]
struct Way {
    connect_timeout: Duration,
    proxy: Option<Written>,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_with_the_same_proxy_file_share_a_transport() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        let mut transports = Transports::default();
        let mut get = |file: &PathBuf| {
            std::fs::write(file, "http://proxy:3128").unwrap();
            let config = Config { proxy: Some(Written::In(file.clone())), ..Config::default() };
            transports.get(&config, &Env::default()).unwrap()
        };
        let first = get(&one);
        assert!(Arc::ptr_eq(&first, &get(&one)));
        assert!(!Arc::ptr_eq(&first, &get(&other)), "the files may come to say different things");
    }
}
