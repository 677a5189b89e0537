//! Keys in the answers of services, told apart from everything else that may come.

use serde::Deserialize;

use crate::clock::UnixMillis;
use crate::rpc::AccessKey;
use crate::secret::Secret;

/// A key as the metadata service, the Security Token Service and local services give it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TemporaryKey {
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    security_token: Option<String>,
    expiration: Option<String>,
}

/// What is wrong with an answer, without a word of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    /// A page of a proxy, or half an answer.
    #[error("the answer is not JSON, or not all of it")]
    NotJson,
    /// A field is missing or blank.
    #[error("the answer has no {0}")]
    Lacks(&'static str),
    /// The end is no time.
    #[error("the Expiration of the answer is not a time like 2026-11-24T03:04:05Z")]
    NoTime,
}

impl TemporaryKey {
    /// The key, and when it expires.
    ///
    /// # Errors
    /// If a part is missing: a temporary key without its token or its end is no use.
    pub(super) fn read(self) -> Result<(AccessKey, UnixMillis), AnswerError> {
        let part = |value: Option<String>, name| {
            value.filter(|text| !text.trim().is_empty()).ok_or(AnswerError::Lacks(name))
        };
        let id = part(self.access_key_id, "AccessKeyId")?;
        let secret = Secret::new(part(self.access_key_secret, "AccessKeySecret")?);
        let token = Secret::new(part(self.security_token, "SecurityToken")?);
        let expires = time(&part(self.expiration, "Expiration")?).ok_or(AnswerError::NoTime)?;
        Ok((AccessKey { id, secret, token: Some(token) }, expires))
    }
}

/// Reads the fields of `body` that are asked for.
///
/// # Errors
/// If it is no JSON object with such fields.
pub(super) fn json<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, AnswerError> {
    // An array would be taken for the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(AnswerError::NotJson);
    }
    serde_json::from_slice(body).map_err(|_| AnswerError::NotJson)
}

/// A time as RFC 3339 writes it.
pub(super) fn time(text: &str) -> Option<UnixMillis> {
    let time: jiff::Timestamp = text.trim().parse().ok()?;
    UnixMillis::new(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(AccessKey, UnixMillis), AnswerError> {
        json::<TemporaryKey>(body.as_bytes())?.read()
    }

    #[test]
    fn a_whole_answer_is_a_key_and_its_end() {
        let (key, expires) = read(
            r#"{"AccessKeyId":"STS.x","AccessKeySecret":"hunter2","SecurityToken":"t","Expiration":"2026-11-24T03:04:05Z"}"#,
        )
        .unwrap();
        let token = Some(Secret::new("t"));
        assert_eq!(key, AccessKey { id: "STS.x".to_owned(), secret: Secret::new("hunter2"), token });
        assert_eq!(expires.as_millis(), 1_795_489_445_000);
    }

    #[test]
    fn anything_else_is_told_by_what_is_wrong_with_it() {
        assert_eq!(read("<html>"), Err(AnswerError::NotJson));
        assert_eq!(read(r#"{"AccessKeyId":"STS.x","Acc"#), Err(AnswerError::NotJson));
        assert_eq!(read(r#"["STS.x","hunter2","t","2026-11-24T03:04:05Z"]"#), Err(AnswerError::NotJson));
        assert_eq!(read(r#"{"AccessKeyId":" "}"#), Err(AnswerError::Lacks("AccessKeyId")));
        let no_token = r#"{"AccessKeyId":"a","AccessKeySecret":"b","Expiration":"2026-11-24T03:04:05Z"}"#;
        assert_eq!(read(no_token), Err(AnswerError::Lacks("SecurityToken")));
        let no_time = r#"{"AccessKeyId":"a","AccessKeySecret":"b","SecurityToken":"c","Expiration":"soon"}"#;
        assert_eq!(read(no_time), Err(AnswerError::NoTime));
    }
}
