//! Small requests to the places that keys come from.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::rpc::{HttpRequest, HttpResponse, Transport, TransportError};

use super::answer::AnswerError;

/// One request that is not signed.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    request: HttpRequest,
}

impl Ask {
    /// `GET url`.
    pub(super) fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// `PUT url`.
    pub(super) fn put(url: Url) -> Self {
        Self::new(Method::PUT, url)
    }

    /// `POST url` with an encoded form.
    pub(super) fn form(url: Url, body: String) -> Self {
        let mut ask = Self::new(Method::POST, url);
        ask.request.body = body;
        ask.header("content-type", "application/x-www-form-urlencoded")
    }

    fn new(method: Method, url: Url) -> Self {
        Self { request: HttpRequest { method, url, headers: HeaderMap::new(), body: String::new() } }
    }

    /// The same with the header `name`, which is not sent if `value` can't be one.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.request.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Sends it. The whole answer must be there within `limit`.
    pub(super) async fn send(
        self,
        transport: &Arc<dyn Transport>,
        limit: Duration,
    ) -> Result<HttpResponse, TransportError> {
        match tokio::time::timeout(limit, transport.send(self.request)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::Timeout("the answer")),
        }
    }

    /// Sends it, and gives the good answer.
    ///
    /// # Errors
    /// If none came within `limit`.
    pub(super) async fn good(
        self,
        transport: &Arc<dyn Transport>,
        limit: Duration,
    ) -> Result<HttpResponse, AskError> {
        let answer = self.send(transport, limit).await?;
        if answer.status.is_success() { Ok(answer) } else { Err(AskError::of(answer.status)) }
    }
}

/// There was no good answer. Of the URL at most host and port are told, of the answer no word.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// No whole answer came.
    #[error(transparent)]
    Unanswered(#[from] TransportError),
    /// The answer leads somewhere else.
    #[error("the answer is HTTP {0}, a redirect, which is never followed")]
    Redirect(u16),
    /// The answer is no good one.
    #[error("the answer is HTTP {0}")]
    Status(u16),
    /// The answer is none to what was asked.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

impl AskError {
    /// An answer with `status`, which is not a good one.
    pub(super) fn of(status: StatusCode) -> Self {
        let number = status.as_u16();
        if status.is_redirection() { Self::Redirect(number) } else { Self::Status(number) }
    }

    /// Whether nobody seems to be there.
    pub(super) fn is_silence(&self) -> bool {
        matches!(self, Self::Unanswered(TransportError::Connect { .. } | TransportError::Timeout(_)))
    }
}
