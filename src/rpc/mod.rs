//! The Alibaba Cloud RPC protocol, free of any product.

mod activity;
mod client;
pub mod encode;
mod endpoint;
mod errors;
mod failure;
mod http;
mod key;
mod limits;
mod pressure;
mod refusal;
mod request;
mod retry;
pub mod sign_v1;
pub mod sign_v3;
mod skew;
mod transport;

pub use client::{Client, ClientParts, date as answer_date};
pub use endpoint::{Endpoint, EndpointError};
pub use errors::reason_of;
pub use failure::{BodyError, CallError};
pub use http::{
    BuildError, CaFileError, HttpTransport, ProxyError, ProxyFileError, check_ca_file, check_proxy,
    environment_proxy,
};
pub use key::{AccessKey, KeyError, KeySource};
pub use limits::Limits;
pub use refusal::Refusal;
pub use request::Request;
pub use transport::{BODY_LIMIT, HttpRequest, HttpResponse, Transport, TransportError};

use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Written;

/// Which signature requests bear (`api.signature`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signature {
    /// `acs3-hmac-sha256`, in headers.
    #[default]
    Acs3HmacSha256,
    /// `hmac-sha1`, RPC signature 1.0, in the query.
    HmacSha1,
}

/// How requests of one source are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Signature.
    pub signature: Signature,
    /// Most requests a second, above 0. Shared by sources with the same credentials.
    pub requests_per_second: f64,
    /// Most requests in flight, above 0. Shared by sources with the same credentials.
    pub concurrency: usize,
    /// Most attempts of one request, in all, above 0.
    pub max_attempts: u32,
    /// Most time to connect.
    pub connect_timeout: Duration,
    /// Most time from sending one attempt to the end of its answer.
    pub request_timeout: Duration,
    /// URL of a proxy, which may hold a password; `None` to take `HTTPS_PROXY` and `NO_PROXY` from the environment.
    /// A file is read again while requests are sent. Loopback and metadata addresses are never asked through one.
    pub proxy: Option<Written>,
    /// PEM file with an extra trusted CA.
    pub ca_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signature: Signature::default(),
            requests_per_second: 2.0,
            concurrency: 2,
            max_attempts: 5,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            proxy: None,
            ca_file: None,
        }
    }
}
