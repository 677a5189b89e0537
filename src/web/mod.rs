//! The exporter's HTTP face: routes, methods, negotiation.

mod body;
mod encoding;
mod guard;
mod gzip;
mod negotiate;
mod pages;
mod query;
mod ready;
mod reload;
mod routes;
mod scrape;
#[cfg(test)]
mod socket_tests;
mod stamp;

use std::convert::Infallible;
use std::sync::Arc;

use hyper::header::HeaderValue;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::lifecycle::Health;
use crate::meters::Meters;
use crate::net::{self, Bounds, Listener};
use crate::page;
use crate::snapshot::Published;
use crate::web_config::Live;

pub use negotiate::format as format_for;
pub use reload::ReloadRequest;

use pages::Pages;
use ready::Readiness;
use routes::Route;
use scrape::Scrapes;

/// Where and what the exporter serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on, as [`net::Address`] reads them.
    pub listen_addresses: Vec<String>,
    /// Whether the sockets that systemd passes take the place of those.
    pub systemd_socket: bool,
    /// Path of the exposition.
    pub telemetry_path: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen_addresses: vec![":9982".to_owned()],
            systemd_socket: false,
            telemetry_path: "/metrics".to_owned(),
        }
    }
}

/// A path that the exposition cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TelemetryPathError {
    /// It is relative, or holds what clients would not send as it stands.
    #[error(
        "expected a path such as `/metrics`, in which all but letters, digits and the signs of a path is written as %XX"
    )]
    NoPath,
    /// It is where something else is served.
    #[error(
        "expected a path such as `/metrics`; `/` is the status page, and `/-/` holds health and readiness"
    )]
    Taken,
}

/// Whether the exposition can be served at `path`.
///
/// # Errors
/// If it is no path, or taken.
pub fn check_telemetry_path(path: &str) -> Result<(), TelemetryPathError> {
    // RFC 3986, `pchar`, in segments that clients hand on unchanged.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~%!$&'()*+,;=:@".contains(c);
    let is_escape = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let is_kept = |segment: &str| {
        segment.chars().all(plain)
            && segment.split('%').skip(1).all(is_escape)
            && !matches!(segment, "." | "..")
    };
    let Some(segments) = path.strip_prefix('/') else { return Err(TelemetryPathError::NoPath) };
    let is_path = segments.split('/').all(is_kept) && !path.contains("//");
    if !is_path {
        return Err(TelemetryPathError::NoPath);
    }
    if path == "/" || path == "/-" || path.starts_with("/-/") {
        return Err(TelemetryPathError::Taken);
    }
    Ok(())
}

/// What the sources publish, each by itself, in the order of the configuration.
pub type Readers = Vec<watch::Receiver<Arc<Published>>>;

/// What the answers are made from.
#[derive(Debug)]
pub struct Parts {
    /// The sources that there are now.
    pub sources: watch::Receiver<Arc<Readers>>,
    /// Where requests to reload go; none if they may not be made by HTTP.
    pub reloads: Option<mpsc::Sender<ReloadRequest>>,
    /// The meters shown, which also count the requests.
    pub meters: Meters,
    /// Whether the process works.
    pub health: Health,
    /// The time that data is judged by.
    pub clock: Clock,
    /// TLS, users, headers and rate in force.
    pub web_config: Live,
    /// Cancelled when draining begins.
    pub shutdown: CancellationToken,
}

/// The HTTP service. Clones are one service.
#[derive(Clone, Debug)]
pub struct Web(Arc<Service>);

#[derive(Debug)]
struct Service {
    telemetry_path: String,
    page_policy: HeaderValue,
    scrapes: Arc<Scrapes>,
    pages: Pages,
    parts: Parts,
    readiness: Readiness,
}

impl Web {
    /// The service of `parts`, with the exposition at `telemetry_path`.
    /// The patience of `/-/ready` counts from here.
    ///
    /// # Errors
    /// If [`check_telemetry_path`] refuses the path.
    pub fn new(telemetry_path: &str, parts: Parts) -> Result<Self, TelemetryPathError> {
        check_telemetry_path(telemetry_path)?;
        for route in Route::ALL {
            parts.meters.http_path(route.label());
        }
        Ok(Self(Arc::new(Service {
            telemetry_path: telemetry_path.to_owned(),
            page_policy: HeaderValue::from_str(&page::content_security_policy())
                .expect("the policy is words and a hash in ASCII"),
            scrapes: Arc::new(Scrapes::new(parts.meters.clone())),
            pages: Pages::default(),
            readiness: Readiness::new(parts.shutdown.clone()),
            parts,
        })))
    }

    /// Serves `listener` until the shutdown, then until the answers under way are finished.
    pub async fn serve(self, listener: Listener) {
        let web_config = self.0.parts.web_config.clone();
        for address in listener.addresses() {
            tracing::info!(%address, in_force = %web_config.summary(), "listening for HTTP requests");
        }
        let tls = Arc::new(move || web_config.tls());
        let shutdown = self.0.parts.shutdown.clone();
        net::serve(listener, Bounds::default(), tls, shutdown, move |request, _peer| {
            let service = Arc::clone(&self.0);
            // No body means anything here.
            let request = request.map(drop);
            async move { Ok::<_, Infallible>(service.answer(&request).await) }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_can_have_any_free_path() {
        for path in ["/metrics", "/probe/agentless", "/-metrics", "/a%20b"] {
            assert_eq!(check_telemetry_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_path_of_another_page_is_refused() {
        for path in ["/", "/-/healthy", "/-/ready", "/-/reload", "/-/", "/-"] {
            assert_eq!(check_telemetry_path(path), Err(TelemetryPathError::Taken), "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "",
            "metrics",
            "/a b",
            "/a?b=c",
            "/a#b",
            "*",
            "http://localhost/metrics",
            "/ü",
            "/a\"",
            "/a\n",
            "//metrics",
            "/a//b",
            "/./metrics",
            "/../m",
            "/a/..",
            "/%",
            "/a%zz",
            "/a%2",
        ] {
            assert_eq!(check_telemetry_path(path), Err(TelemetryPathError::NoPath), "{path:?}");
        }
    }
}
