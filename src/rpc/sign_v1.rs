//! The RPC signature 1.0, `HMAC-SHA1`, as a pure function.
//!
//! Source: `alibabacloud_tea_openapi` 0.4.6 (`signature_algorithm='v2'`) and
//! `aliyun-python-sdk-core` 2.16.1.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use crate::secret::Secret;

use super::encode::{canonical_query, percent_encode};

/// The value of the parameter `SignatureMethod`.
pub const METHOD: &str = "HMAC-SHA1";

/// The value of the parameter `SignatureVersion`.
pub const VERSION: &str = "1.0";

/// What stands between the method and the parameters in what is signed: the path `/`.
pub(super) const SEPARATOR: &str = "&%2F&";

/// The value of the parameter `Signature` for a request with `params`: those of the query and
/// of a form body together, without `Signature`. Base64, not yet encoded for the query.
pub fn signature(method: &str, params: &BTreeMap<String, String>, secret: &Secret) -> String {
    sign(&string_to_sign(method, params), secret)
}

/// What is signed. The API repeats its own in the message of `SignatureDoesNotMatch`.
pub fn string_to_sign(method: &str, params: &BTreeMap<String, String>) -> String {
    format!("{method}{SEPARATOR}{}", percent_encode(&canonical_query(params, true)))
}

/// The signature of what [`string_to_sign`] gave.
pub(super) fn sign(string_to_sign: &str, secret: &Secret) -> String {
    let key = Secret::new(format!("{}&", secret.expose()));
    let mut mac =
        Hmac::<Sha1>::new_from_slice(key.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(string_to_sign.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}
