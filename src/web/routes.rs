//! What is answered to which path and method.

use std::sync::Arc;

use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
    REFERRER_POLICY, REFRESH, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use crate::snapshot::Published;

use super::body::Chunks;
use super::encoding::{Encoding, encoding};
use super::scrape::Wanted;
use super::{Service, negotiate, query};

pub(super) const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The label `path` of every other one.
const OTHER: &str = "other";

/// What is served where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Metrics,
    Page,
    Healthy,
    Ready,
    Reload,
}

impl Route {
    pub(super) const ALL: [Self; 5] = [Self::Metrics, Self::Page, Self::Healthy, Self::Ready, Self::Reload];

    fn of(path: &str, telemetry_path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Page),
            "/-/healthy" => Some(Self::Healthy),
            "/-/ready" => Some(Self::Ready),
            "/-/reload" => Some(Self::Reload),
            _ => (path == telemetry_path).then_some(Self::Metrics),
        }
    }

    /// The label `path` of the meter, whatever path the exposition was given.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Metrics => "/metrics",
            Self::Page => "/",
            Self::Healthy => "/-/healthy",
            Self::Ready => "/-/ready",
            Self::Reload => "/-/reload",
        }
    }

    /// The methods that it knows, as `Allow` tells them.
    const fn allow(self) -> &'static str {
        match self {
            Self::Reload => "POST",
            _ => "GET, HEAD",
        }
    }

    fn allows(self, method: &Method) -> bool {
        self.allow().split(", ").any(|allowed| allowed == method.as_str())
    }
}

impl Service {
    /// The answer to `request`; its body is not read. To `HEAD` the server below sends the
    /// header alone.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Response<Chunks> {
        let route = Route::of(request.uri().path(), &self.telemetry_path);
        let mut response = match self.turned_away(route, request.headers()).await {
            Some(response) => response,
            None => self.routed(route, request).await,
        };
        let headers = response.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Every answer speaks of one instant.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.parts.web_config.add_headers(headers);
        self.parts.meters.http_request(route.map_or(OTHER, Route::label), response.status().as_u16());
        response
    }

    async fn routed<B>(&self, route: Option<Route>, request: &Request<B>) -> Response<Chunks> {
        match route {
            None => respond(StatusCode::NOT_FOUND, PLAIN, "not found\n"),
            Some(route) if !route.allows(request.method()) => method_not_allowed(route.allow()),
            Some(Route::Metrics) => self.metrics(request).await,
            Some(Route::Page) => self.page(request),
            Some(Route::Healthy) => self.healthy(),
            Some(Route::Ready) => self.ready(),
            Some(Route::Reload) => self.reload(request).await,
        }
    }

    async fn metrics<B>(&self, request: &Request<B>) -> Response<Chunks> {
        let wanted = Wanted {
            format: negotiate::format(request.headers()),
            encoding: encoding(request.headers()),
            names: query::names(request.uri().query()),
        };
        let (format, encoding) = (wanted.format, wanted.encoding);
        let body = self.scrapes.answered(wanted, || (self.published(), self.parts.clock.now())).await;
        let mut response = respond(StatusCode::OK, format.content_type(), body);
        tell_encoding(&mut response, encoding);
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        response
    }

    fn page<B>(&self, request: &Request<B>) -> Response<Chunks> {
        let encoding = encoding(request.headers());
        let refreshes = query::refreshes(request.uri().query());
        let (body, refresh) =
            self.pages.answer(encoding, refreshes, &self.published(), || self.face(), self.parts.clock.now());
        let mut response = respond(StatusCode::OK, HTML, body);
        tell_encoding(&mut response, encoding);
        let headers = response.headers_mut();
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Some(after) = refresh {
            headers.insert(REFRESH, HeaderValue::from(after.as_secs()));
        }
        headers.insert(CONTENT_SECURITY_POLICY, self.page_policy.clone());
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }

    fn healthy(&self) -> Response<Chunks> {
        if self.parts.health.is_good() {
            respond(StatusCode::OK, PLAIN, "healthy\n")
        } else {
            let body = "not healthy: a task of the process has died, the log tells which\n";
            respond(StatusCode::SERVICE_UNAVAILABLE, PLAIN, body)
        }
    }

    fn ready(&self) -> Response<Chunks> {
        let report = self.readiness.report(&self.published());
        let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        respond(status, PLAIN, report.text)
    }

    /// What every source has published last, taken out at once so that rendering holds no lock.
    fn published(&self) -> Vec<Arc<Published>> {
        let sources = Arc::clone(&self.parts.sources.borrow());
        sources.iter().map(|source| Arc::clone(&source.borrow())).collect()
    }
}

fn method_not_allowed(allow: &'static str) -> Response<Chunks> {
    let mut response = respond(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "method not allowed\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

fn tell_encoding(response: &mut Response<Chunks>, encoding: Encoding) {
    if encoding == Encoding::Gzip {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
}

pub(super) fn respond(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Chunks>,
) -> Response<Chunks> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meters::reference::values_of;

    #[test]
    fn the_reference_of_the_labels_has_every_route() {
        let labels = Route::ALL.map(Route::label).into_iter().chain([OTHER]).collect();
        assert_eq!(values_of("path"), Some(labels));
    }
}
