//! The one table of the API's error codes: what each means and whether to try again.
//!
//! The code decides, not the HTTP status: gateways disagree about statuses (a bad signature is
//! 400 at one and 403 at another), and an error may even come with 200.

use crate::model::FailureReason;

/// Whether and how a failed request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retry {
    /// It would fail again.
    Never,
    /// Once: if it fails the same way again, it always will.
    Once,
    /// After a growing, random delay.
    Backoff,
    /// The same with longer delays.
    Throttled,
    /// Once, with the time of signing corrected by the measured clock skew.
    NewTime,
    /// Once, with another access key, if there is one by now.
    NewKey,
}

/// What a code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    /// The code, or the part before the dot of a family; the value of the label `code`.
    pub code: &'static str,
    pub reason: FailureReason,
    pub retry: Retry,
    /// For a person, in words of our own: the API's message may hold what was signed.
    pub about: &'static str,
}

impl Class {
    /// What an operator can do about it, in one sentence.
    pub(super) fn advice(self) -> &'static str {
        match (self.code, self.reason) {
            ("InvalidTimeStamp.Expired" | "InvalidTimeStamp", _) => {
                "set the clock of this machine, and keep it right with NTP"
            }
            ("InvalidSignatureMethod", _) => "set api.signature of this source to the other kind",
            // Not the API's own words: whatever answers there knows nothing of RAM.
            ("http_4xx", FailureReason::Permission) => {
                "check proxy and firewall between here and the endpoint: the answer is not one of the API"
            }
            ("http_3xx", _) => {
                "check the endpoint of this source, and any proxy before it: the API never redirects"
            }
            _ => self.reason.advice(),
        }
    }
}

/// The code of a signature that does not fit.
pub(super) const SIGNATURE_MISMATCH: &str = "SignatureDoesNotMatch";

/// What codes that name a parameter, such as `MissingPageSize`, are taken for.
const INVALID_PARAMETER: &str = "InvalidParameter";
const MISSING_PARAMETER: &str = "MissingParameter";

const THROTTLING: Class = class(
    "Throttling",
    FailureReason::Throttled,
    Retry::Throttled,
    "the account sends more requests than the API allows",
);

/// A code `X.Y` that is not here is of the family `X` if that is; any other `Invalid…` or `Missing…`
/// names a parameter.
#[rustfmt::skip]
const CODES: &[Class] = &[
    THROTTLING,
    class("ServiceUnavailable", FailureReason::Server, Retry::Backoff, "the API is unavailable"),
    class("ServerError", FailureReason::Server, Retry::Backoff, "the API failed"),
    class("InternalError", FailureReason::Server, Retry::Backoff, "the API failed"),
    class("NoPermission", FailureReason::Permission, Retry::Never,
        "the identity of the access key may not do this"),
    class("Forbidden", FailureReason::Permission, Retry::Never,
        "the identity of the access key may not do this"),
    class("InvalidAccessKeyId", FailureReason::Auth, Retry::NewKey,
        "the access key id is unknown or disabled, or its temporary key has expired"),
    class(SIGNATURE_MISMATCH, FailureReason::Auth, Retry::Never, "check the access key secret"),
    class("IncompleteSignature", FailureReason::Auth, Retry::Never,
        "the API can't read who signed; a placeholder in place of an access key id does that"),
    class("InvalidSignatureMethod", FailureReason::Auth, Retry::Never,
        "the API takes no such signature; set api.signature to the other kind"),
    class("InvalidSecurityToken", FailureReason::Auth, Retry::NewKey,
        "the security token has expired or does not belong to the access key"),
    class("MissingSecurityToken", FailureReason::Auth, Retry::Never,
        "the access key is a temporary one and needs its security token"),
    class("InvalidTimeStamp.Expired", FailureReason::Auth, Retry::NewTime,
        "the time of signing is more than 15 minutes off; check the machine's clock"),
    class("InvalidTimeStamp", FailureReason::Auth, Retry::Never, "the API can't read the time of signing"),
    class("SignatureNonceUsed", FailureReason::Auth, Retry::Backoff, "the API saw the same nonce before"),
    class(INVALID_PARAMETER, FailureReason::Config, Retry::Never, "the API refuses a parameter"),
    class(MISSING_PARAMETER, FailureReason::Config, Retry::Never, "the API wants another parameter"),
    class("InvalidApi", FailureReason::Config, Retry::Never, "the endpoint does not know this action"),
    // The same under the signature 1.0.
    class("InvalidAction", FailureReason::Config, Retry::Never, "the endpoint does not know this action"),
    class("UnsupportedHTTPMethod", FailureReason::Config, Retry::Never, "the endpoint takes no POST"),
    class("InvalidProduct", FailureReason::Config, Retry::Never, "the endpoint does not know this product"),
    class("InvalidVersion", FailureReason::Config, Retry::Never, "the endpoint does not know this version"),
    class("InvalidProtocol", FailureReason::Config, Retry::Never, "the endpoint wants https"),
];

/// The class of a code the table knows.
pub(super) fn known(code: &str) -> Option<Class> {
    // `Throttling.User`, `Rejected.Throttling` and others.
    if code.contains("Throttling") {
        return Some(THROTTLING);
    }
    let find = |name: &str| CODES.iter().copied().find(|class| class.code == name);
    let family = || find(code.split_once('.').map_or(code, |(family, _)| family));
    let of_parameter = || match code {
        _ if code.starts_with("Invalid") => find(INVALID_PARAMETER),
        _ if code.starts_with("Missing") => find(MISSING_PARAMETER),
        _ => None,
    };
    find(code).or_else(family).or_else(of_parameter)
}

/// The class of an answer without a code that the table knows.
pub(super) fn by_status(status: u16) -> Class {
    use FailureReason::{Config, Permission, Server, Throttled, Timeout};
    match status {
        200..=299 => class("other", Server, Retry::Backoff, "an error of unknown meaning in a good answer"),
        300..=399 => class("http_3xx", Config, Retry::Never, "a redirect, which is never followed"),
        401 | 403 => class("http_4xx", Permission, Retry::Never, "something on the way refuses the request"),
        408 => class("http_4xx", Timeout, Retry::Backoff, "something on the way waited too long"),
        429 => class("http_4xx", Throttled, Retry::Throttled, THROTTLING.about),
        400..=499 => class("http_4xx", Config, Retry::Never, "the request was refused"),
        _ => class("http_5xx", Server, Retry::Backoff, "the API or something before it failed"),
    }
}

/// Why a request was refused with this code and status, one that this client did not sign.
pub fn reason_of(code: Option<&str>, status: u16) -> FailureReason {
    match code {
        Some(code) => known(code).unwrap_or_else(|| unknown(status)).reason,
        None => by_status(status).reason,
    }
}

/// The class of an unknown code that came with `status`.
pub(super) fn unknown(status: u16) -> Class {
    Class { code: "other", ..by_status(status) }
}

/// The class of a refusal that says by `x-acs-retry-after` when to come again: the vendor's
/// SDKs take that for throttling whatever the code (`alibabacloud_tea_openapi` 0.4.6).
pub(super) fn unknown_with_retry_after() -> Class {
    Class { code: "other", ..THROTTLING }
}

const fn class(code: &'static str, reason: FailureReason, retry: Retry, about: &'static str) -> Class {
    Class { code, reason, retry, about }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn reason_and_retry(code: &str) -> (FailureReason, Retry) {
        let class = known(code).unwrap_or_else(|| panic!("{code} is not known"));
        (class.reason, class.retry)
    }

    #[test]
    fn documented_codes_have_their_documented_class() {
        use FailureReason::{Auth, Config, Permission, Server, Throttled};
        let cases = [
            ("NoPermission", Permission, Retry::Never),
            ("ServerError", Server, Retry::Backoff),
            ("Throttling", Throttled, Retry::Throttled),
            ("Throttling.User", Throttled, Retry::Throttled),
            ("Throttling.Api", Throttled, Retry::Throttled),
            ("Rejected.Throttling", Throttled, Retry::Throttled),
            ("ServiceUnavailable", Server, Retry::Backoff),
            ("InternalError", Server, Retry::Backoff),
            ("InvalidAccessKeyId.NotFound", Auth, Retry::NewKey),
            ("InvalidAccessKeyId.Inactive", Auth, Retry::NewKey),
            ("SignatureDoesNotMatch", Auth, Retry::Never),
            ("IncompleteSignature", Auth, Retry::Never),
            ("InvalidTimeStamp.Format", Auth, Retry::Never),
            ("InvalidTimeStamp.Expired", Auth, Retry::NewTime),
            ("SignatureNonceUsed", Auth, Retry::Backoff),
            ("InvalidSecurityToken.Expired", Auth, Retry::NewKey),
            ("InvalidSecurityToken.MismatchWithAccessKey", Auth, Retry::NewKey),
            ("Forbidden", Permission, Retry::Never),
            ("Forbidden.RAM", Permission, Retry::Never),
            ("Forbidden.RiskControl", Permission, Retry::Never),
            ("InvalidParameter", Config, Retry::Never),
            ("InvalidApi.NotFound", Config, Retry::Never),
            ("InvalidProduct.NotFound", Config, Retry::Never),
            ("InvalidProtocol.NeedSsl", Config, Retry::Never),
            ("InvalidAction.NotFound", Config, Retry::Never),
            ("InvalidVersion", Config, Retry::Never),
            ("UnsupportedHTTPMethod", Config, Retry::Never),
            ("InvalidSignatureMethod", Auth, Retry::Never),
            ("InvalidSecurityToken.Malformed", Auth, Retry::NewKey),
            ("MissingSecurityToken", Auth, Retry::Never),
            ("MissingTimestamp", Config, Retry::Never),
            ("MissingParameter", Config, Retry::Never),
            ("InvalidPageSize", Config, Retry::Never),
            ("InvalidPageSize.Malformed", Config, Retry::Never),
        ];
        for (code, reason, retry) in cases {
            assert_eq!(reason_and_retry(code), (reason, retry), "{code}");
        }
    }

    #[test]
    fn unknown_codes_go_by_the_status() {
        assert_eq!(known("TaskIsProcessing"), None);
        assert_eq!(unknown(400).retry, Retry::Never);
        assert_eq!(unknown(400).reason, FailureReason::Config);
        assert_eq!(unknown(403).reason, FailureReason::Permission);
        assert_eq!(unknown(429).retry, Retry::Throttled);
        assert_eq!(unknown(502).retry, Retry::Backoff);
        assert_eq!(unknown(200).retry, Retry::Backoff);
        assert_eq!(unknown(502).code, "other");
        assert_eq!(by_status(502).code, "http_5xx");
    }

    #[test]
    fn only_a_refusal_of_the_time_speaks_of_the_clock() {
        let speaks_of_clock = |class: &Class| class.advice().contains("clock");
        let codes: Vec<_> =
            CODES.iter().filter(|&class| speaks_of_clock(class)).map(|class| class.code).collect();
        assert_eq!(codes, ["InvalidTimeStamp.Expired", "InvalidTimeStamp"]);
    }

    #[test]
    fn a_refusal_that_is_not_the_api_s_is_not_blamed_on_its_permissions() {
        assert!(by_status(403).advice().contains("proxy"));
        assert!(known("NoPermission").unwrap().advice().contains("RAM action"));
    }

    #[test]
    fn each_code_stands_once() {
        let names: BTreeSet<_> = CODES.iter().map(|class| class.code).collect();
        assert_eq!(names.len(), CODES.len());
    }
}
