//! HTTP clients, one for all sources that connect in the same way: they share its connections
//! and its trusted certificates.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::env::Env;
use crate::rpc::{BuildError, Config, HttpTransport};
use crate::secret::Written;

/// The clients built so far.
#[derive(Debug, Default)]
pub(super) struct Transports(Vec<(Way, Arc<HttpTransport>)>);

/// What of a configuration makes a connection.
#[derive(Debug, PartialEq)]
struct Way {
    connect_timeout: Duration,
    proxy: Option<Written>,
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
