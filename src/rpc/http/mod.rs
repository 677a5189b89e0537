//! The real transport, on reqwest.

mod client;
mod proxy;
mod proxy_file;
mod tls;

pub use proxy::{ProxyError, check_proxy, environment_proxy};
pub use proxy_file::ProxyFileError;
pub use tls::{CaFileError, check_ca_file};

use std::error::Error;
use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::{Method, Url};

use crate::env::Env;
use crate::secret::Written;

use super::{BODY_LIMIT, Config, HttpRequest, HttpResponse, Transport, TransportError};

use client::Recipe;
use proxy_file::Renewed;

/// Connections that are kept and reused, HTTP/2 or 1.1, straight or through a proxy.
#[derive(Debug)]
pub struct HttpTransport(Clients);

#[derive(Debug)]
enum Clients {
    One(reqwest::Client),
    /// The proxy stands in a file.
    Renewed(Arc<Renewed>),
}

/// The transport can't be built as configured.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// `api.ca_file` can't be used.
    #[error("api.ca_file can't be used")]
    CaFile(#[source] CaFileError),
    /// The proxy is no proxy. Its value is not told: it may hold a password.
    #[error("{name} is not the URL of a proxy")]
    Proxy {
        /// The key or the variable that holds it.
        name: &'static str,
        /// What was expected.
        source: ProxyError,
    },
    /// `api.proxy_file` can't be used.
    #[error("api.proxy_file can't be used")]
    ProxyFile(#[source] ProxyFileError),
    /// The HTTP client refuses the settings.
    #[error("the HTTP client can't be built")]
    Client(#[source] reqwest::Error),
}

impl HttpTransport {
    /// Prepares connections as `config` says; makes none yet. A proxy comes from `config`, else
    /// from `HTTPS_PROXY` and `NO_PROXY` of `env`. One that stands in a file is read now, and again
    /// while requests are sent.
    ///
    /// # Errors
    /// If `ca_file` or the proxy can't be used.
    pub fn build(config: &Config, env: &Env) -> Result<Self, BuildError> {
        let recipe = Recipe::new(config)?;
        let configured = match &config.proxy {
            Some(Written::In(file)) => {
                return Ok(Self(Clients::Renewed(Arc::new(Renewed::new(recipe, file)?))));
            }
            Some(Written::Here(url)) => Some(url.expose()),
            None => None,
        };
        let client = recipe.client(proxy::choose(configured, env)?)?;
        Ok(Self(Clients::One(client)))
    }

    async fn client(&self) -> reqwest::Client {
        match &self.0 {
            Clients::One(client) => client.clone(),
            Clients::Renewed(renewed) => renewed.client().await,
        }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let HttpRequest { method, url, headers, body } = request;
            let to = host_and_port(&url);
            let mut request = reqwest::Request::new(method, url);
            *request.headers_mut() = headers;
            if !body.is_empty() {
                *request.body_mut() = Some(body.into());
            } else if [Method::POST, Method::PUT].contains(request.method()) {
                // Not said by the library for an empty body; some gateways want it of every POST and PUT.
                request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            let mut response =
                self.client().await.execute(request).await.map_err(|error| unsent(error, to))?;
            let body = read_body(&mut response).await?;
            let headers = std::mem::take(response.headers_mut());
            Ok(HttpResponse { status: response.status(), headers, body })
        })
    }
}

/// Reads the unpacked body. One that came in one piece is not copied.
async fn read_body(response: &mut reqwest::Response) -> Result<Bytes, TransportError> {
    // A hint only: it may be missing or wrong, and is that of the packed body never.
    let expected = response.content_length().and_then(|length| usize::try_from(length).ok());
    let Some(first) = response.chunk().await.map_err(failed)? else { return Ok(Bytes::new()) };
    if first.len() > BODY_LIMIT {
        return Err(TransportError::TooLong);
    }
    let Some(second) = response.chunk().await.map_err(failed)? else { return Ok(first) };
    let room = expected.unwrap_or(0).max(first.len() + second.len()).min(BODY_LIMIT);
    let mut body = BytesMut::with_capacity(room);
    body.extend_from_slice(&first);
    let mut next = Some(second);
    while let Some(chunk) = next {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(TransportError::TooLong);
        }
        body.extend_from_slice(&chunk);
        next = response.chunk().await.map_err(failed)?;
    }
    Ok(body.freeze())
}

/// Sorts a failure to send to the host and port `to`.
fn unsent(error: reqwest::Error, to: String) -> TransportError {
    if error.is_connect() && !error.is_timeout() {
        return TransportError::Connect { to, source: Box::new(Plain::from(error)) };
    }
    failed(error)
}

/// Sorts a failure of the library by its causes, and takes the URL out of it.
fn failed(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_timeout() {
        return TransportError::Timeout(if error.is_connect() { "connecting" } else { "the answer" });
    }
    // A body that is read to its end and can't be unpacked fails in the decoder, without a cause
    // from the connection.
    let broke = causes(&error).any(|cause| cause.is::<hyper::Error>());
    if error.is_decode() && !broke {
        return TransportError::Packing(Box::new(error));
    }
    TransportError::Network(Box::new(Plain::from(error)))
}

/// What happened, in the words of the innermost cause: those around it tell the layers of the
/// library, which an operator can do nothing with.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Plain(String);

impl From<reqwest::Error> for Plain {
    fn from(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let Some(cause) = causes(&error).last() else { return Self(error.to_string()) };
        // The system's errors are told with a number; their kind says the same in plain words.
        let of_system = cause.downcast_ref::<io::Error>().filter(|error| error.raw_os_error().is_some());
        Self(of_system.map_or_else(|| cause.to_string(), |error| error.kind().to_string()))
    }
}

/// Where `url` leads, the port always told: firewalls go by it.
fn host_and_port(url: &Url) -> String {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
    port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
