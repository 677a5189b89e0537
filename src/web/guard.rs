//! Who is answered at all: the rate and the passwords of the web config, before any route.

use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::page::Face;
use crate::web_config::Admission;

use super::Service;
use super::body::Chunks;
use super::routes::{PLAIN, Route, respond};

/// What a password is asked for with.
const CHALLENGE: &str = "Basic realm=\"agentless-exporter\"";

impl Service {
    /// The answer to a request that is not let in, by its `headers`. One to see whether the process
    /// works, or is ready, is always let in: it must not depend on how much others ask.
    pub(super) async fn turned_away(
        &self,
        route: Option<Route>,
        headers: &HeaderMap,
    ) -> Option<Response<Chunks>> {
        if matches!(route, Some(Route::Healthy | Route::Ready)) {
            return None;
        }
        match self.parts.web_config.admit(headers).await {
            Admission::Allowed => None,
            Admission::TooMany => {
                let body = "too many requests\n";
                let mut response = respond(StatusCode::TOO_MANY_REQUESTS, PLAIN, body);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                Some(response)
            }
            Admission::Unauthorized => {
                let mut response = respond(StatusCode::UNAUTHORIZED, PLAIN, "unauthorized\n");
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGE));
                Some(response)
            }
        }
    }

    /// What the page tells of the HTTP face.
    pub(super) fn face(&self) -> Face<'_> {
        let web_config = &self.parts.web_config;
        let reloads = if self.parts.reloads.is_some() { "reloads by HTTP" } else { "no reloads by HTTP" };
        Face {
            telemetry_path: &self.telemetry_path,
            settings: format!("{}; {reloads}", web_config.summary()),
            trouble: web_config
                .is_broken()
                .then_some("The web config file has mistakes, see the log; one read before is in force."),
        }
    }
}
