//! The port to HTTP: what goes out and what comes back, without saying how.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};

/// Most bytes of an answer's body, unpacked. A page of 100 rows takes about 100 KB; this is far
/// above any, and below what would hurt the process.
pub const BODY_LIMIT: usize = 32 * 1024 * 1024;

/// A request.
#[derive(Clone)]
pub struct HttpRequest {
    /// Method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers, without `host`.
    pub headers: HeaderMap,
    /// Body, may be empty.
    pub body: String,
}

/// Shows the host only: query, headers and body tell the key and the signature.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpRequest").field(&self.url.host_str().unwrap_or_default()).finish()
    }
}

/// A whole answer.
#[derive(Clone)]
pub struct HttpResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, unpacked, at most [`BODY_LIMIT`] bytes.
    pub body: Bytes,
}

/// Shows status and size: a body may hold signed URLs.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HttpResponse").field(&self.status.as_u16()).field(&self.body.len()).finish()
    }
}

/// Sends one request and gives the whole answer, whatever its status. It follows no redirect,
/// repeats nothing, and sets no limit to the time of a whole request: its caller does.
pub trait Transport: Send + Sync {
    /// Sends `request`.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>>;
}

/// No whole answer came. Neither the texts nor their causes tell a URL.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// What is named took too long.
    #[error("{0} took too long")]
    Timeout(&'static str),
    /// No connection could be made.
    #[error("cannot connect to {to}")]
    Connect {
        /// Host and port of the endpoint.
        to: String,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection broke.
    #[error("the connection broke")]
    Network(#[source] Box<dyn Error + Send + Sync>),
    /// The body is longer than [`BODY_LIMIT`].
    #[error("the body of the answer is longer than {} MiB", BODY_LIMIT / (1024 * 1024))]
    TooLong,
    /// The body can't be unpacked.
    #[error("the body of the answer is not the gzip it says it is")]
    Packing(#[source] Box<dyn Error + Send + Sync>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_of_a_request_shows_no_query_header_or_body() {
        let request = HttpRequest {
            method: Method::POST,
            url: Url::parse("https://example.com/?Signature=s3cr3t").unwrap(),
            headers: [(reqwest::header::AUTHORIZATION, "s3cr3t".parse().unwrap())].into_iter().collect(),
            body: "s3cr3t".to_owned(),
        };
        assert_eq!(format!("{request:?}"), r#"HttpRequest("example.com")"#);
    }
}
