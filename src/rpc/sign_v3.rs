//! The signature `ACS3-HMAC-SHA256`, as a pure function.
//!
//! Source: `alibabacloud_tea_openapi` 0.4.6 `utils.py` `get_authorization`.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

use super::encode::{canonical_query, hex};

/// The name of the algorithm, which also starts the `Authorization` header.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What is signed: one HTTP request before its `Authorization` header is added.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// Path, `/` for RPC-style products.
    pub path: &'a str,
    /// Query parameters, not encoded.
    pub query: &'a BTreeMap<String, String>,
    /// Headers to sign: lower-case names, with `host` and every `x-acs-*`.
    pub headers: &'a BTreeMap<String, String>,
    /// Hexadecimal SHA-256 of the body.
    pub payload_sha256: &'a str,
}

/// The value of the `Authorization` header.
pub fn authorization(parts: Parts<'_>, key_id: &str, secret: &Secret) -> String {
    authorization_with(&signature(parts, secret), parts.headers, key_id)
}

/// The signature alone, in hexadecimal.
pub fn signature(parts: Parts<'_>, secret: &Secret) -> String {
    sign(&string_to_sign(parts), secret)
}

/// What is signed. The API repeats its own in the message of `SignatureDoesNotMatch`.
pub fn string_to_sign(parts: Parts<'_>) -> String {
    format!("{ALGORITHM}\n{}", sha256_hex(canonical_request(parts).as_bytes()))
}

/// Names of the signed headers, joined by `;`.
pub fn signed_headers(headers: &BTreeMap<String, String>) -> String {
    headers.keys().map(String::as_str).collect::<Vec<_>>().join(";")
}

/// Hexadecimal SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The value of the `Authorization` header with this signature.
pub(super) fn authorization_with(
    signature: &str,
    headers: &BTreeMap<String, String>,
    key_id: &str,
) -> String {
    let signed_headers = signed_headers(headers);
    format!("{ALGORITHM} Credential={key_id},SignedHeaders={signed_headers},Signature={signature}")
}

/// The signature of what [`string_to_sign`] gave, in hexadecimal.
pub(super) fn sign(string_to_sign: &str, secret: &Secret) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    hex(&mac.finalize().into_bytes())
}

fn canonical_request(parts: Parts<'_>) -> String {
    let Parts { method, path, query, headers, payload_sha256 } = parts;
    let query = canonical_query(query, false);
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let signed = signed_headers(headers);
    format!("{method}\n{path}\n{query}\n{lines}\n{signed}\n{payload_sha256}")
}
