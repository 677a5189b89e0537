//! How a client of the HTTP library is made.

use std::time::Duration;

use reqwest::{Client, Proxy, redirect, retry};

use super::{BuildError, Config, tls};

/// The name this program gives itself.
const USER_AGENT: &str = concat!("agentless-exporter/", env!("CARGO_PKG_VERSION"));

/// What every client of a transport is made of, beside its proxy. The certificates are read once.
#[derive(Debug)]
pub(super) struct Recipe {
    tls: rustls::ClientConfig,
    connect_timeout: Duration,
}

impl Recipe {
    /// Reads what `config` names beside the proxy.
    pub(super) fn new(config: &Config) -> Result<Self, BuildError> {
        let tls = tls::client_config(config.ca_file.as_deref()).map_err(BuildError::CaFile)?;
        Ok(Self { tls, connect_timeout: config.connect_timeout })
    }

    /// A client that goes through `proxy`, with connections of its own.
    pub(super) fn client(&self, proxy: Option<Proxy>) -> Result<Client, BuildError> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect_timeout)
            // A redirect would send the signature to whoever is named there.
            .redirect(redirect::Policy::none())
            // Each attempt is counted and signed anew by the caller.
            .retry(retry::never())
            .referer(false)
            // The environment is read elsewhere, not by the library.
            .no_proxy();
        if let Some(proxy) = proxy {
            builder = builder.proxy(proxy);
        }
        builder.build().map_err(|error| BuildError::Client(error.without_url()))
    }
}
