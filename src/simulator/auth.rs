//! Who may ask: both signatures, verified over what was really sent, as the vendor's gateway does.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use hyper::HeaderMap;

use crate::clock::UnixMillis;
use crate::rpc::{sign_v1, sign_v3};
use crate::secret::Secret;

use super::envelope::Refusal;
use super::nonces::{Nonces, TIME_TOLERANCE};
use super::params::Params;

/// Headers that must be signed when the V3 signature is used, besides the token's.
const SIGNED_ALWAYS: [&str; 6] =
    ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"];

/// Parameters of the V1 signature and of the protocol, which are not the operation's own.
pub(super) const PROTOCOL_PARAMS: [&str; 12] = [
    "AccessKeyId",
    "Action",
    "Format",
    "RegionId",
    "SecurityToken",
    "Signature",
    "SignatureMethod",
    "SignatureNonce",
    "SignatureType",
    "SignatureVersion",
    "Timestamp",
    "Version",
];

/// A request as it arrived.
#[derive(Debug)]
pub(super) struct Call<'r> {
    /// Method, upper case.
    pub(super) method: &'r str,
    /// Path.
    pub(super) path: &'r str,
    /// Parameters of the query.
    pub(super) query: Params,
    /// Parameters of a form body.
    pub(super) form: Params,
    /// All headers.
    pub(super) headers: &'r HeaderMap,
    /// The body.
    pub(super) body: &'r [u8],
}

impl Call<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok().map(str::trim).filter(|value| !value.is_empty())
    }

    /// Parameters of query and form together.
    pub(super) fn params(&self) -> Params {
        let mut params = self.query.clone();
        params.extend(self.form.clone());
        params
    }
}

/// What a request asks for, once it is known who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    /// The action.
    pub(super) action: String,
    /// The version of the API.
    pub(super) version: String,
    /// The code for an action that does not exist: the two protocols differ.
    pub(super) unknown_action: &'static str,
}

/// Knows the one account and the nonces it used.
#[derive(Debug)]
pub(super) struct Gate {
    key_id: String,
    secret: Secret,
    token: Option<Secret>,
    nonces: Mutex<Nonces>,
}

/// What a request says of itself.
struct Claims<'r> {
    key_id: &'r str,
    token: Option<&'r str>,
    time: &'r str,
    nonce: &'r str,
    signature: &'r str,
    expected: String,
    string_to_sign: String,
    admitted: Admitted,
}

impl Gate {
    /// A gate for one account.
    pub(super) fn new(key_id: String, secret: Secret, token: Option<Secret>) -> Self {
        Self { key_id, secret, token, nonces: Mutex::default() }
    }

    /// Lets `call` in if its signature is right. Checks what is cheap to forge first and burns the
    /// nonce last, so that a refused request can be mended and sent again.
    ///
    /// # Errors
    /// The vendor's code for the first thing that is wrong.
    pub(super) fn admit(&self, call: &Call<'_>, now: UnixMillis) -> Result<Admitted, Refusal> {
        let params = call.params();
        let authorization = call.header("authorization");
        let claims = match authorization.and_then(|value| value.strip_prefix(sign_v3::ALGORITHM)) {
            Some(rest) => self.claims_v3(call, rest)?,
            None if authorization.is_some() => return Err(incomplete("Authorization")),
            None if params.contains_key("Signature") || params.contains_key("AccessKeyId") => {
                self.claims_v1(call, &params)?
            }
            None => return Err(incomplete("Authorization")),
        };
        if claims.key_id != self.key_id {
            return Err(Refusal::not_found(
                "InvalidAccessKeyId.NotFound",
                "Specified access key is not found.",
            ));
        }
        self.check_token(claims.token)?;
        check_time(claims.time, now)?;
        if claims.signature != claims.expected {
            let message = format!(
                "Specified signature is not matched with our calculation. server string to sign is:{}",
                claims.string_to_sign
            );
            return Err(Refusal::bad_request("SignatureDoesNotMatch", message));
        }
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if !nonces.note(claims.nonce, now.as_millis()) {
            return Err(Refusal::bad_request(
                "SignatureNonceUsed",
                "Specified signature nonce was used already.",
            ));
        }
        Ok(claims.admitted)
    }

    /// `rest` is what follows the algorithm: ` Credential=..,SignedHeaders=..,Signature=..`.
    fn claims_v3<'r>(&self, call: &'r Call<'_>, rest: &'r str) -> Result<Claims<'r>, Refusal> {
        let parts: BTreeMap<&str, &str> =
            rest.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let part = |name| parts.get(name).copied().ok_or_else(|| incomplete(name));
        let (key_id, signed, signature) = (part("Credential")?, part("SignedHeaders")?, part("Signature")?);
        let header = |name, missing| call.header(name).ok_or_else(|| Refusal::missing(missing));
        let admitted = Admitted {
            action: header("x-acs-action", "Action")?.to_owned(),
            version: header("x-acs-version", "Version")?.to_owned(),
            unknown_action: "InvalidApi.NotFound",
        };
        let time = header("x-acs-date", "Timestamp")?;
        let nonce = header("x-acs-signature-nonce", "SignatureNonce")?;
        let payload_sha256 = header("x-acs-content-sha256", "ContentSha256")?;
        let token = call.header("x-acs-security-token");
        if payload_sha256 != sign_v3::sha256_hex(call.body) {
            return Err(Refusal::bad_request(
                "SignatureDoesNotMatch",
                "The header x-acs-content-sha256 is not the hash of the body.",
            ));
        }
        let headers: BTreeMap<String, String> = signed
            .split(';')
            .map(|name| {
                let values = call.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
                (name.to_owned(), values.map(str::trim).collect::<Vec<_>>().join(","))
            })
            .collect();
        let token_header = token.map(|_| "x-acs-security-token");
        if let Some(name) =
            SIGNED_ALWAYS.into_iter().chain(token_header).find(|&name| !headers.contains_key(name))
        {
            return Err(incomplete(name));
        }
        let parts = sign_v3::Parts {
            method: call.method,
            path: call.path,
            query: &call.query,
            headers: &headers,
            payload_sha256,
        };
        Ok(Claims {
            key_id,
            token,
            time,
            nonce,
            signature,
            expected: sign_v3::signature(parts, &self.secret),
            string_to_sign: sign_v3::string_to_sign(parts),
            admitted,
        })
    }

    fn claims_v1<'r>(&self, call: &Call<'_>, params: &'r Params) -> Result<Claims<'r>, Refusal> {
        let param = |name: &str| {
            params
                .get(name)
                .map(String::as_str)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| Refusal::missing(name))
        };
        let admitted = Admitted {
            action: param("Action")?.to_owned(),
            version: param("Version")?.to_owned(),
            unknown_action: "InvalidAction.NotFound",
        };
        if param("SignatureMethod")? != sign_v1::METHOD || param("SignatureVersion")? != "1.0" {
            return Err(Refusal::bad_request(
                "InvalidSignatureMethod",
                "Specified signature method is not supported.",
            ));
        }
        let mut signed = params.clone();
        signed.remove("Signature");
        Ok(Claims {
            key_id: param("AccessKeyId")?,
            token: param("SecurityToken").ok(),
            time: param("Timestamp")?,
            nonce: param("SignatureNonce")?,
            signature: param("Signature")?,
            expected: sign_v1::signature(call.method, &signed, &self.secret),
            string_to_sign: sign_v1::string_to_sign(call.method, &signed),
            admitted,
        })
    }

    fn check_token(&self, token: Option<&str>) -> Result<(), Refusal> {
        let refuse =
            |code: &'static str| Err(Refusal::bad_request(code, "Specified SecurityToken is not valid."));
        match (&self.token, token) {
            (None, None) => Ok(()),
            (Some(right), Some(token)) if right.expose() == token => Ok(()),
            (Some(_), Some(_)) => refuse("InvalidSecurityToken.MismatchWithAccessKey"),
            (None, Some(_)) => refuse("InvalidSecurityToken.Malformed"),
            (Some(_), None) => Err(Refusal::missing("SecurityToken")),
        }
    }
}

fn check_time(time: &str, now: UnixMillis) -> Result<(), Refusal> {
    let stamp: jiff::Timestamp = time.parse().map_err(|_| {
        Refusal::bad_request(
            "InvalidTimeStamp.Format",
            "Specified time stamp or date value is not well formatted.",
        )
    })?;
    let stamp = u64::try_from(stamp.as_millisecond()).unwrap_or(0);
    if stamp.abs_diff(now.as_millis()) > TIME_TOLERANCE {
        return Err(Refusal::bad_request(
            "InvalidTimeStamp.Expired",
            "Specified time stamp or date value is expired.",
        ));
    }
    Ok(())
}

fn incomplete(what: &str) -> Refusal {
    Refusal::bad_request(
        "IncompleteSignature",
        format!("The request signature does not conform to Aliyun standards: {what} is missing."),
    )
}
