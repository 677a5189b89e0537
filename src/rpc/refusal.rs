//! Answers that say no: read, classed, and cut to what may be shown.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::FailureReason;

use super::errors::{self, Class, SIGNATURE_MISMATCH};
use super::{AccessKey, sign_v1, sign_v3};

/// Longest word of a message that is shown, in bytes: names of parameters are shorter; key ids (24),
/// signatures (28 and 64) and secrets (30) are longer.
const MESSAGE_WORD_LIMIT: usize = 20;

/// How key ids of the vendor begin, long-term and temporary ones. Old ones are short.
const KEY_ID_PREFIXES: [&str; 2] = ["LTAI", "STS."];

/// Longest code, request id or message of the API that is kept, in bytes.
const WORD_LIMIT: usize = 80;
const MESSAGE_LIMIT: usize = 160;

/// An answer that says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) class: Class,
    about: &'static str,
    message: Option<String>,
}

impl Refusal {
    /// Reads a refusal that came with `status` to what was `sent`.
    /// `says_when` is whether it said by `x-acs-retry-after` when to come again.
    pub(super) fn new(status: u16, envelope: Envelope, says_when: bool, sent: &Sent<'_>) -> Self {
        let shown = |text: &str| !sent.is_told_by(text);
        let code = envelope.code.filter(|code| is_word(code) && shown(code));
        let class = match code.as_deref() {
            Some(code) => match errors::known(code) {
                Some(class) => class,
                None if says_when => errors::unknown_with_retry_after(),
                None => errors::unknown(status),
            },
            None => errors::by_status(status),
        };
        let about = match class.code {
            SIGNATURE_MISMATCH => mismatch(&envelope.message, sent.string_to_sign).unwrap_or(class.about),
            _ => class.about,
        };
        // Only these messages name a parameter of ours; others hold accounts, keys or what was signed.
        let message = (class.reason == FailureReason::Config && shown(&envelope.message))
            .then(|| clean(&envelope.message))
            .filter(|message| !message.is_empty());
        let request_id = envelope.request_id.filter(|id| is_word(id) && shown(id));
        Self { status, code, request_id, class, about, message }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, code, about, message, .. } = self;
        match code {
            Some(code) => write!(f, "{code} (HTTP {status}), {about}")?,
            None => write!(f, "HTTP {status} without an error code, {about}")?,
        }
        match message {
            Some(message) => write!(f, " ({message})"),
            None => Ok(()),
        }
    }
}

/// What a refused request was signed with, which no error may tell.
pub(super) struct Sent<'a> {
    pub(super) key: &'a AccessKey,
    pub(super) signature: &'a str,
    pub(super) string_to_sign: &'a str,
}

impl Sent<'_> {
    /// Whether `text` tells the key or the signature.
    fn is_told_by(&self, text: &str) -> bool {
        let token = self.key.token.as_ref().map_or("", |token| token.expose());
        // The padding of Base64 is no part of what is to be hidden.
        let signature = self.signature.trim_end_matches('=');
        let parts = [self.key.id.as_str(), self.key.secret.expose(), token, signature];
        parts.iter().any(|part| !part.is_empty() && text.contains(part))
    }
}

/// The error envelope of the API, as it came.
#[derive(Default)]
pub(super) struct Envelope {
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
}

impl Envelope {
    /// Longest body that is looked into; envelopes take a few hundred bytes.
    const LIMIT: usize = 64 * 1024;

    /// Reads `Code`, `Message` and `RequestId`, in lower case too; what is not there stays empty.
    pub(super) fn read(body: &[u8]) -> Self {
        let Some(body) = body.get(..).filter(|body| body.len() <= Self::LIMIT) else {
            return Self::default();
        };
        // An array would be taken for the fields in their order.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Self::default();
        }
        let Ok(fields) = serde_json::from_slice::<Fields<'_>>(body) else { return Self::default() };
        Self {
            code: text(fields.code).or_else(|| text(fields.code_in_lower_case)),
            message: text(fields.message).or_else(|| text(fields.message_in_lower_case)).unwrap_or_default(),
            request_id: text(fields.request_id).or_else(|| text(fields.request_id_in_lower_case)),
        }
    }
}

/// The fields of an envelope in both spellings, not read yet: one that can't be read must not
/// hide the others.
#[derive(Deserialize)]
struct Fields<'b> {
    #[serde(rename = "Code", borrow)]
    code: Option<&'b RawValue>,
    #[serde(rename = "code", borrow)]
    code_in_lower_case: Option<&'b RawValue>,
    #[serde(rename = "Message", borrow)]
    message: Option<&'b RawValue>,
    #[serde(rename = "message", borrow)]
    message_in_lower_case: Option<&'b RawValue>,
    #[serde(rename = "RequestId", borrow)]
    request_id: Option<&'b RawValue>,
    #[serde(rename = "requestId", borrow)]
    request_id_in_lower_case: Option<&'b RawValue>,
}

/// A text that is not blank.
fn text(field: Option<&RawValue>) -> Option<String> {
    serde_json::from_str::<String>(field?.get()).ok().filter(|text| !text.trim().is_empty())
}

/// Tells a wrong secret from a request that changed on the way: the API's message repeats what
/// it would have signed. `None` if it does not.
fn mismatch(message: &str, string_to_sign: &str) -> Option<&'static str> {
    if message.contains(string_to_sign) {
        return Some("the access key secret is wrong: both sides signed the same text");
    }
    let holds_one = message.contains(sign_v3::ALGORITHM) || message.contains(sign_v1::SEPARATOR);
    holds_one.then_some(
        "the API read another request than was signed: either something on the way changes requests or this is a bug",
    )
}

/// Whether `text` looks like a code or an id, and not like a key.
fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=WORD_LIMIT).contains(&text.len()) && text.bytes().all(fits) && !holds_key_id(text)
}

fn holds_key_id(text: &str) -> bool {
    KEY_ID_PREFIXES.iter().any(|prefix| text.contains(prefix))
}

/// A message of the API cut to what may be shown: no control characters, no URLs, nothing that
/// is as long as a key, a token or a signature.
fn clean(message: &str) -> String {
    let words = message.split(|c: char| c.is_whitespace() || c.is_control());
    let shown = words.filter(|word| {
        let fits = (1..=MESSAGE_WORD_LIMIT).contains(&word.len());
        fits && !word.contains("://") && !holds_key_id(word)
    });
    let mut text = String::new();
    for word in shown {
        if text.len() + 1 + word.len() > MESSAGE_LIMIT {
            text.push('…');
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::rpc::errors::Retry;
    use crate::secret::Secret;

    use super::*;

    const SIGNATURE: &str = "dGhlK3NpZ25hdHVyZQ==";

    fn key() -> AccessKey {
        AccessKey {
            id: "an-id".to_owned(),
            secret: Secret::new("hunter2"),
            token: Some(Secret::new("a-token")),
        }
    }

    fn refusal(status: u16, body: &str) -> Refusal {
        refusal_that_says(status, body, false)
    }

    fn refusal_that_says(status: u16, body: &str, says_when: bool) -> Refusal {
        let (key, string_to_sign) = (key(), "ACS3-HMAC-SHA256\nabc");
        let sent = Sent { key: &key, signature: SIGNATURE, string_to_sign };
        Refusal::new(status, Envelope::read(body.as_bytes()), says_when, &sent)
    }

    #[test]
    fn the_code_decides_and_the_status_is_told() {
        let body = r#"{"RequestId":"1-2","Code":"Throttling.User","Message":"too fast"}"#;
        let refusal = refusal(400, body);
        assert_eq!(refusal.class.reason, FailureReason::Throttled);
        assert_eq!(
            refusal.to_string(),
            "Throttling.User (HTTP 400), the account sends more requests than the API allows"
        );
        assert_eq!(refusal.request_id.as_deref(), Some("1-2"));
    }

    #[test]
    fn lower_case_envelopes_are_read_too() {
        let refusal = refusal(403, r#"{"code":"NoPermission","message":"no","requestId":"x"}"#);
        assert_eq!(refusal.class.reason, FailureReason::Permission);
        assert_eq!(refusal.request_id.as_deref(), Some("x"));
    }

    #[test]
    fn a_spelling_that_is_null_or_can_not_be_read_does_not_hide_the_other_fields() {
        for body in [
            r#"{"Code":null,"code":"NoPermission","Message":"no"}"#,
            r#"{"Code":" ","code":"NoPermission","Hint":1e999}"#,
            r#"{"Code":"NoPermission","Message":"cut \ud83d"}"#,
            r#"{"Code":{},"code":"NoPermission"}"#,
        ] {
            assert_eq!(refusal(403, body).code.as_deref(), Some("NoPermission"), "{body}");
        }
        assert_eq!(refusal(403, r#"["NoPermission"]"#).code, None);
    }

    #[test]
    fn a_page_of_html_is_known_by_its_status() {
        let refusal = refusal(502, "<html><body>Bad Gateway for an-id</body></html>");
        assert_eq!((refusal.class.reason, refusal.class.retry), (FailureReason::Server, Retry::Backoff));
        let shown = refusal.to_string();
        assert!(shown.starts_with("HTTP 502 without an error code"), "{shown}");
        assert!(!shown.contains("Gateway"), "{shown}");
    }

    #[test]
    fn refused_parameters_are_named_by_the_api() {
        let body = r#"{"Code":"InvalidParameter","Message":"The\nPageSize is not valid."}"#;
        let shown = refusal(400, body).to_string();
        assert!(shown.ends_with("(The PageSize is not valid.)"), "{shown}");
    }

    #[test]
    fn a_message_with_a_key_a_url_or_a_signature_is_not_shown() {
        let long = "x".repeat(64);
        for secret in ["an-id", "hunter2", "a-token", "https://example.com/?a=b", &long] {
            let body = format!(r#"{{"Code":"InvalidParameter","Message":"It has {secret} in it"}}"#);
            let refusal = refusal(400, &body);
            assert!(!format!("{refusal} {refusal:?}").contains(secret), "{refusal:?}");
        }
    }

    #[test]
    fn what_a_message_tells_of_signatures_and_of_other_keys_is_cut_out() {
        let message = "(Specified Signature s91iY2d1hhQaIwuyHR16F81qA8o= is not valid for otherid \
                       LTAI5tABCDEFGHIJKLMNOPQR LTAIabcdefghijkl)";
        let body = serde_json::json!({"Code": "InvalidParameter", "Message": message});
        let shown = refusal(400, &body.to_string()).to_string();
        assert!(shown.ends_with("((Specified Signature is not valid for otherid)"), "{shown}");
    }

    #[test]
    fn nothing_shows_the_signature_that_was_sent() {
        let unpadded = SIGNATURE.trim_end_matches('=');
        for told in [SIGNATURE, unpadded] {
            let body = serde_json::json!({"Code": unpadded, "Message": told, "RequestId": unpadded});
            let shown = format!("{:?}", refusal(400, &body.to_string()));
            assert!(!shown.contains(unpadded), "{shown}");
            let body = serde_json::json!({"Code": "InvalidParameter", "Message": format!("for {told}")});
            let refusal = refusal(400, &body.to_string());
            assert!(!format!("{refusal} {refusal:?}").contains(unpadded), "{refusal:?}");
        }
        let shown = refusal(400, r#"{"Code":"LTAIabcdefghijkl","RequestId":"STS.abc"}"#);
        assert_eq!((shown.code, shown.request_id), (None, None));
    }

    #[test]
    fn a_code_that_is_no_word_is_not_shown() {
        let long = format!("A{}", "b".repeat(200));
        for code in ["<script>", "two words", "hunter2", &long] {
            let refusal = refusal(500, &format!(r#"{{"Code":"{code}"}}"#));
            assert_eq!(refusal.code, None, "{code}");
            assert_eq!(refusal.class.code, "http_5xx");
        }
    }

    #[test]
    fn a_wrong_secret_is_told_from_a_changed_request() {
        let about = |message: &str| {
            let body = serde_json::json!({"Code": "SignatureDoesNotMatch", "Message": message});
            let refusal = refusal(400, &body.to_string());
            assert!(!format!("{refusal} {refusal:?}").contains("abc"), "{refusal:?}");
            refusal.about
        };
        let told = "Specified signature is not matched. server string to sign is:";
        assert!(about(&format!("{told}ACS3-HMAC-SHA256\nabc")).contains("secret is wrong"));
        assert!(about(&format!("{told}ACS3-HMAC-SHA256\nabd")).contains("another request"));
        assert!(about(&format!("{told}POST&%2F&Action")).contains("another request"));
        assert_eq!(about("no"), "check the access key secret");
    }

    #[test]
    fn an_unknown_refusal_that_says_when_to_come_again_is_throttling() {
        let refusal = refusal_that_says(400, r#"{"Code":"FlowControl"}"#, true);
        assert_eq!((refusal.class.reason, refusal.class.code), (FailureReason::Throttled, "other"));
    }
}
