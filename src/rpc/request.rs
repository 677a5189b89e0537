//! What is asked, and how it becomes a signed `POST`.

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::clock::UnixMillis;

use super::encode::{canonical_query, hex};
use super::{AccessKey, Endpoint, HttpRequest, KeyError, Signature, sign_v1, sign_v3};

/// Hexadecimal SHA-256 of nothing.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// One question to the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Name of the operation.
    pub action: &'static str,
    /// Version of the product's API.
    pub version: &'static str,
    /// Parameters of the operation, not encoded.
    pub params: BTreeMap<String, String>,
}

/// A request ready to be sent.
pub(super) struct Signed {
    pub(super) http: HttpRequest,
    /// The signature in it, which nothing may tell.
    pub(super) signature: String,
    /// What was signed, to compare with what the API says it would have signed.
    pub(super) string_to_sign: String,
}

/// The time and the nonce of one attempt. Neither is ever used again.
pub(super) struct Stamp {
    pub(super) time: UnixMillis,
    pub(super) nonce: String,
}

impl Stamp {
    /// A stamp with a nonce of 128 random bits.
    pub(super) fn new(time: UnixMillis) -> Self {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).expect("the system has random numbers");
        Self { time, nonce: hex(&nonce) }
    }
}

/// Signs `request` for one attempt.
///
/// With `acs3-hmac-sha256` the parameters are the query, as the vendor's SDKs send them. With
/// `hmac-sha1` the signature and the token are parameters too: all of them form the body,
/// which is signed the same way and leaves no secret in a URL.
///
/// # Errors
/// If id or token of the key hold what no header can.
pub(super) fn sign(
    signature: Signature,
    endpoint: &Endpoint,
    request: &Request,
    key: &AccessKey,
    stamp: &Stamp,
) -> Result<Signed, KeyError> {
    match signature {
        Signature::Acs3HmacSha256 => sign_headers(endpoint, request, key, stamp),
        Signature::HmacSha1 => Ok(sign_form(endpoint, request, key, stamp)),
    }
}

/// A key that can't be sent.
#[derive(Debug, thiserror::Error)]
#[error("the access key id or the security token holds characters that no key has; copy it again")]
struct UnusableKey;

fn sign_headers(
    endpoint: &Endpoint,
    request: &Request,
    key: &AccessKey,
    stamp: &Stamp,
) -> Result<Signed, KeyError> {
    let mut signed = BTreeMap::new();
    let mut sign = |name: &str, value: &str| signed.insert(name.to_owned(), value.to_owned());
    sign("host", endpoint.host());
    sign("x-acs-action", request.action);
    sign("x-acs-version", request.version);
    sign("x-acs-date", &stamp.time.to_string());
    sign("x-acs-signature-nonce", &stamp.nonce);
    sign("x-acs-content-sha256", EMPTY_SHA256);
    if let Some(token) = &key.token {
        sign("x-acs-accesskey-id", &key.id);
        sign("x-acs-security-token", token.expose());
    }
    let parts = sign_v3::Parts {
        method: "POST",
        path: "/",
        query: &request.params,
        headers: &signed,
        payload_sha256: EMPTY_SHA256,
    };
    let string_to_sign = sign_v3::string_to_sign(parts);
    let signature = sign_v3::sign(&string_to_sign, &key.secret);
    let authorization = sign_v3::authorization_with(&signature, &signed, &key.id);
    let mut headers = HeaderMap::with_capacity(signed.len() + 2);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(AUTHORIZATION, hidden(&authorization)?);
    for (name, value) in signed.iter().filter(|(name, _)| *name != "host") {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the names are fixed and valid");
        headers.insert(name, hidden(value)?);
    }
    let query = canonical_query(&request.params, false);
    let query = Some(query.as_str()).filter(|query| !query.is_empty());
    let http = HttpRequest { method: Method::POST, url: endpoint.url(query), headers, body: String::new() };
    Ok(Signed { http, signature, string_to_sign })
}

fn sign_form(endpoint: &Endpoint, request: &Request, key: &AccessKey, stamp: &Stamp) -> Signed {
    let mut params = request.params.clone();
    let mut add = |name: &str, value: &str| params.insert(name.to_owned(), value.to_owned());
    add("Action", request.action);
    add("Version", request.version);
    add("Format", "JSON");
    add("Timestamp", &stamp.time.to_string());
    add("SignatureNonce", &stamp.nonce);
    add("SignatureMethod", sign_v1::METHOD);
    add("SignatureVersion", sign_v1::VERSION);
    add("AccessKeyId", &key.id);
    if let Some(token) = &key.token {
        add("SecurityToken", token.expose());
    }
    let string_to_sign = sign_v1::string_to_sign("POST", &params);
    let signature = sign_v1::sign(&string_to_sign, &key.secret);
    params.insert("Signature".to_owned(), signature.clone());
    let headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/json")),
        (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
    ]);
    let http = HttpRequest {
        method: Method::POST,
        url: endpoint.url(None),
        headers,
        body: canonical_query(&params, true),
    };
    Signed { http, signature, string_to_sign }
}

/// A header value that no `Debug` shows and no HTTP/2 table remembers.
fn hidden(value: &str) -> Result<HeaderValue, KeyError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| KeyError::new(UnusableKey))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;

    use crate::secret::Secret;

    use super::*;

    fn request() -> Request {
        let params = [("CurrentPage", "1"), ("MachineName", "a b*~/中"), ("Uuid", "")];
        Request {
            action: "ListThings",
            version: "2018-12-03",
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        }
    }

    fn key(token: Option<&str>) -> AccessKey {
        AccessKey { id: "an-id".to_owned(), secret: Secret::new("hunter2"), token: token.map(Secret::new) }
    }

    fn signed(signature: Signature, key: &AccessKey) -> Signed {
        let endpoint = Endpoint::parse("https://example.com:8443", false).unwrap();
        let stamp = Stamp { time: UnixMillis::new(1_795_489_445_000).unwrap(), nonce: "once".to_owned() };
        sign(signature, &endpoint, &request(), key, &stamp).unwrap()
    }

    #[test]
    fn the_header_signature_covers_what_is_sent() {
        let key = key(Some("a+token/="));
        let http = signed(Signature::Acs3HmacSha256, &key).http;
        let mut headers: BTreeMap<String, String> = http
            .headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("x-acs-"))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        headers.insert("host".to_owned(), "example.com:8443".to_owned());
        assert_eq!(headers["x-acs-security-token"], "a+token/=");
        assert_eq!(headers["x-acs-date"], "2026-11-24T03:04:05Z");
        assert_eq!(headers["x-acs-content-sha256"], sign_v3::sha256_hex(b""));
        let parts = sign_v3::Parts {
            method: "POST",
            path: "/",
            query: &request().params,
            headers: &headers,
            payload_sha256: EMPTY_SHA256,
        };
        let expected = sign_v3::authorization(parts, "an-id", &key.secret);
        assert_eq!(http.headers[AUTHORIZATION], expected.as_str());
        assert_eq!(http.url.query(), Some("CurrentPage=1&MachineName=a%20b%2A~%2F%E4%B8%AD&Uuid="));
        assert_eq!(http.body, "");
    }

    #[test]
    fn the_form_signature_covers_what_is_sent_and_leaves_nothing_in_the_url() {
        let key = key(Some("a+token/="));
        let http = signed(Signature::HmacSha1, &key).http;
        assert_eq!(http.url.as_str(), "https://example.com:8443/");
        let mut params: BTreeMap<String, String> = http
            .body
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), percent_decode_str(value).decode_utf8().unwrap().into()))
            .collect();
        let sent = params.remove("Signature").unwrap();
        assert_eq!(sent, sign_v1::signature("POST", &params, &key.secret));
        assert_eq!(params["SecurityToken"], "a+token/=");
        assert_eq!(params["Timestamp"], "2026-11-24T03:04:05Z");
        assert_eq!(params["MachineName"], "a b*~/中");
        assert_eq!(params["Action"], "ListThings");
    }

    #[test]
    fn a_long_term_key_sends_no_token() {
        let key = key(None);
        let http = signed(Signature::Acs3HmacSha256, &key).http;
        assert!(!http.headers.contains_key("x-acs-security-token"));
        assert!(!http.headers.contains_key("x-acs-accesskey-id"));
        let http = signed(Signature::HmacSha1, &key).http;
        assert!(!http.body.contains("SecurityToken"));
    }

    #[test]
    fn a_key_that_fits_no_header_is_an_error_that_does_not_show_it() {
        let endpoint = Endpoint::parse("https://example.com", false).unwrap();
        let stamp = Stamp::new(UnixMillis::new(1).unwrap());
        let bad = key(Some("two\nlines"));
        let Err(error) = sign(Signature::Acs3HmacSha256, &endpoint, &request(), &bad, &stamp) else {
            panic!("signed");
        };
        assert!(!format!("{error} {error:?}").contains("two"));
    }

    #[test]
    fn nonces_are_32_digits_and_never_the_same() {
        let time = UnixMillis::new(1).unwrap();
        let (one, other) = (Stamp::new(time).nonce, Stamp::new(time).nonce);
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
