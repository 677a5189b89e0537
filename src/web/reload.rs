//! `POST /-/reload`: who may ask for a reload, and what is answered. The reload itself is done
//! elsewhere; here nothing is locked, and no answer is waited for longer than [`PATIENCE`].

use std::time::Duration;

use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::{Request, Response, StatusCode};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::Service;
use super::body::Chunks;
use super::routes::{PLAIN, respond};

/// A request to reload, and where its answer goes: what changed, or the reasons why nothing did.
/// Both are lines for a person.
pub type ReloadRequest = oneshot::Sender<Result<String, String>>;

/// How long an answer is waited for. A reload that takes longer goes on.
const PATIENCE: Duration = Duration::from_secs(30);

impl Service {
    /// The answer to a POST; its body means nothing.
    pub(super) async fn reload<B>(&self, request: &Request<B>) -> Response<Chunks> {
        let Some(reloads) = &self.parts.reloads else {
            let body = "reloading by HTTP is not enabled; `agentless-exporter serve` has --web.enable-lifecycle for it, and reloads upon SIGHUP\n";
            return respond(StatusCode::FORBIDDEN, PLAIN, body);
        };
        let authority = request.uri().authority().map(|authority| authority.as_str());
        if !is_from_here(request.headers(), authority) {
            let body = "the request comes from a page of another site (its Origin is not this host); nothing was reloaded\n";
            return respond(StatusCode::FORBIDDEN, PLAIN, body);
        }
        let (status, mut body) = ask(reloads).await;
        body.push('\n');
        respond(status, PLAIN, body)
    }
}

async fn ask(reloads: &mpsc::Sender<ReloadRequest>) -> (StatusCode, String) {
    let (answer, told) = oneshot::channel();
    let draining = || {
        (StatusCode::SERVICE_UNAVAILABLE, "the exporter is shutting down; nothing was reloaded".to_owned())
    };
    match reloads.try_send(answer) {
        Ok(()) => {}
        Err(TrySendError::Closed(_)) => return draining(),
        Err(TrySendError::Full(_)) => {
            let body = "too many reloads are waiting; they read what is configured now";
            return (StatusCode::SERVICE_UNAVAILABLE, body.to_owned());
        }
    }
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(Ok(Ok(changes))) => (StatusCode::OK, changes),
        Ok(Ok(Err(reasons))) => (StatusCode::INTERNAL_SERVER_ERROR, reasons),
        Ok(Err(_)) => draining(),
        Err(_) => (
            StatusCode::GATEWAY_TIMEOUT,
            "the reload takes long and goes on; the log and agentless_exporter_config_last_reload_successful tell how it ends"
                .to_owned(),
        ),
    }
}

/// Whether a browser would send it from a page of this host, or no browser sent it. `authority` is
/// that of the request's target, which HTTP/2 has instead of `Host`.
fn is_from_here(headers: &HeaderMap, authority: Option<&str>) -> bool {
    let host = headers.get(HOST).map_or(authority, |host| host.to_str().ok());
    headers.get_all(ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        origin.zip(host).is_some_and(|((_, from), host)| from.eq_ignore_ascii_case(host))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_same_host_and_port_are_from_here() {
        let is_from_here = |host: Option<&str>, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(HOST, host.parse().unwrap());
            }
            for origin in origins {
                headers.append(ORIGIN, origin.parse().unwrap());
            }
            is_from_here(&headers, None)
        };
        let host = Some("exporter:9982");
        assert!(is_from_here(host, &[]) && is_from_here(None, &[]));
        for origin in ["http://exporter:9982", "https://Exporter:9982"] {
            assert!(is_from_here(host, &[origin]), "{origin}");
        }
        for origin in
            ["http://exporter", "http://exporter:80", "http://evil.example", "null", "", "exporter:9982"]
        {
            assert!(!is_from_here(host, &[origin]), "{origin}");
        }
        assert!(!is_from_here(host, &["http://exporter:9982", "http://evil.example"]));
        assert!(!is_from_here(None, &["http://exporter:9982"]));
    }

    #[test]
    fn the_target_of_a_request_stands_in_for_a_host_that_is_missing() {
        let headers = HeaderMap::from_iter([(ORIGIN, "https://exporter".parse().unwrap())]);
        assert!(is_from_here(&headers, Some("exporter")) && !is_from_here(&headers, Some("other")));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_takes_too_long_is_not_waited_for() {
        let (reloads, mut waiting) = mpsc::channel(1);
        let (status, body) = ask(&reloads).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
        assert!(body.contains("goes on"), "{body}");
        let (status, body) = ask(&reloads).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("too many"), "{body}");
        waiting.close();
        let (status, body) = ask(&reloads).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains("shutting down"), "{body}");
    }
}
