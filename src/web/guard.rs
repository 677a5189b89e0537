//! Who is answered at all: the rate and the passwords of the web config, before any route.

use hyper::header::{HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};

use crate::clock::UnixMillis;
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
        refusal(self.parts.web_config.admit(headers).await)
    }

    /// What the page tells of the HTTP face.
    pub(super) fn face(&self) -> Face<'_> {
        let web_config = &self.parts.web_config;
        let reloads = if self.parts.reloads.is_some() { "reloads by HTTP" } else { "no reloads by HTTP" };
        Face {
            telemetry_path: &self.telemetry_path,
            settings: format!("{}; {reloads}", web_config.summary()),
            trouble: trouble(self.parts.meters.config_refused_at(), web_config.is_broken()),
        }
    }
}

/// The answer to who was not let in.
fn refusal(admission: Admission) -> Option<Response<Chunks>> {
    let (status, body, header, value) = match admission {
        Admission::Allowed => return None,
        Admission::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too many requests\n", RETRY_AFTER, "1"),
        Admission::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized\n", WWW_AUTHENTICATE, CHALLENGE),
    };
    let mut response = respond(status, PLAIN, body);
    response.headers_mut().insert(header, HeaderValue::from_static(value));
    Some(response)
}

/// What was read and is not in force: a configuration that was `refused`, or a web config that `is_broken`.
fn trouble(refused: Option<UnixMillis>, is_broken: bool) -> Option<String> {
    let refused = refused.map(|at| {
        format!("A reload of the configuration was refused at {at}, see the log; the one before is in force.")
    });
    let broken = "The web config file has mistakes, see the log; one read before is in force.";
    let told: Vec<String> = refused.into_iter().chain(is_broken.then(|| broken.to_owned())).collect();
    (!told.is_empty()).then(|| told.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_let_in_is_told_how_to_come_in() {
        let told = |admission, header| {
            let response = refusal(admission)?;
            Some((response.status().as_u16(), response.headers()[header].to_str().unwrap().to_owned()))
        };
        let challenge = "Basic realm=\"agentless-exporter\"".to_owned();
        assert_eq!(told(Admission::Unauthorized, WWW_AUTHENTICATE), Some((401, challenge)));
        assert_eq!(told(Admission::TooMany, RETRY_AFTER), Some((429, "1".to_owned())));
        assert!(refusal(Admission::Allowed).is_none());
    }

    #[test]
    fn the_page_tells_of_all_that_was_read_and_is_not_in_force() {
        let at = UnixMillis::new(86_400_000);
        let refused = "A reload of the configuration was refused at 1970-01-02T00:00:00Z, see the log";
        assert_eq!(trouble(None, false), None);
        assert!(trouble(at, false).unwrap().starts_with(refused));
        let both = trouble(at, true).unwrap();
        assert!(both.starts_with(refused) && both.contains(" The web config file has mistakes"), "{both}");
    }
}
