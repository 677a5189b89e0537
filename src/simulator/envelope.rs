//! The vendor's error envelope, its codes and their statuses.

use std::borrow::Cow;

use hyper::StatusCode;
use serde::Serialize;

/// A request that is not answered with rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: StatusCode,
    /// `Code`.
    pub(super) code: Cow<'static, str>,
    /// `Message`.
    pub(super) message: String,
}

impl Refusal {
    /// A 400 with this code.
    pub(super) fn bad_request(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: code.into(), message: message.into() }
    }

    /// A 404 with this code.
    pub(super) fn not_found(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::bad_request(code, message) }
    }

    /// A parameter that must be there and is not.
    pub(super) fn missing(name: &str) -> Self {
        Self::bad_request(format!("Missing{name}"), format!("{name} is mandatory for this action."))
    }

    /// A parameter that can't be understood.
    pub(super) fn invalid(name: &str) -> Self {
        Self::bad_request("InvalidParameter", format!("The specified parameter {name} is not valid."))
    }

    /// The 500 that the vendor documents for the operation.
    pub(super) fn server_error() -> Self {
        let message = "ServerError".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: "ServerError".into(), message }
    }

    /// Too many requests of this user.
    pub(super) fn throttled() -> Self {
        Self::bad_request("Throttling.User", "Request was denied due to user flow control.")
    }

    /// The body.
    pub(super) fn to_json(&self, request_id: &str) -> Vec<u8> {
        let envelope = Envelope {
            request_id,
            host_id: "simulated",
            code: &self.code,
            message: &self.message,
            recommend: "",
        };
        serde_json::to_vec(&envelope).expect("texts serialise")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    request_id: &'a str,
    host_id: &'a str,
    code: &'a str,
    message: &'a str,
    recommend: &'a str,
}
