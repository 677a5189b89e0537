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

/// A key beside a `Code`, as the metadata service and local services give it.
#[derive(Deserialize)]
pub(super) struct CodedKey {
    #[serde(rename = "Code")]
    pub(super) code: Option<String>,
    #[serde(flatten)]
    key: TemporaryKey,
}

/// What is wrong with an answer. Of the answer itself it tells nothing but an error code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AnswerError {
    /// A page of a proxy, or half an answer.
    #[error("the answer is not JSON, or not all of it")]
    NotJson,
    /// JSON with something else than texts.
    #[error("the answer is JSON of another shape than that of a key")]
    Shape,
    /// Something else than the one word that was asked for, such as a page of a proxy.
    #[error("the answer is not the one word that was asked for")]
    NoWord,
    /// Its `Code` says that it is no key.
    #[error("the Code of the answer is {0} and not Success")]
    Code(String),
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

impl CodedKey {
    /// The key, and when it expires.
    ///
    /// # Errors
    /// If there is a code other than `Success`, or a part is missing.
    pub(super) fn read(self) -> Result<(AccessKey, UnixMillis), AnswerError> {
        match self.code.as_deref().map(str::trim) {
            None | Some("Success") => self.key.read(),
            Some(code) => Err(AnswerError::Code(error_code(code).unwrap_or("something else").to_owned())),
        }
    }
}

/// `text` if it looks like the code of an error, and not like a key, a token or a page.
pub(super) fn error_code(text: &str) -> Option<&str> {
    const LONGEST: usize = 80;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_code = (1..=LONGEST).contains(&text.len()) && text.bytes().all(fits);
    let is_key = ["LTAI", "STS."].iter().any(|prefix| text.contains(prefix));
    (is_code && !is_key).then_some(text)
}

/// The one word that `body` is, but for the white space around it.
///
/// # Errors
/// If it is something else: nothing, several words, or no visible ASCII.
pub(super) fn word(body: &[u8]) -> Result<&str, AnswerError> {
    let word = body.trim_ascii();
    let is_word = !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    str::from_utf8(word).ok().filter(|_| is_word).ok_or(AnswerError::NoWord)
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
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => AnswerError::Shape,
        _ => AnswerError::NotJson,
    })
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
        assert_eq!(read(r#"{"AccessKeyId":5}"#), Err(AnswerError::Shape));
        assert_eq!(read(r#"{"AccessKeyId":" "}"#), Err(AnswerError::Lacks("AccessKeyId")));
        let no_token = r#"{"AccessKeyId":"a","AccessKeySecret":"b","Expiration":"2026-11-24T03:04:05Z"}"#;
        assert_eq!(read(no_token), Err(AnswerError::Lacks("SecurityToken")));
        let no_time = r#"{"AccessKeyId":"a","AccessKeySecret":"b","SecurityToken":"c","Expiration":"soon"}"#;
        assert_eq!(read(no_time), Err(AnswerError::NoTime));
    }

    #[test]
    fn a_code_other_than_success_is_told_unless_it_may_be_a_secret() {
        let read = |code: &str| {
            let body = format!(
                r#"{{"Code":"{code}","AccessKeyId":"a","AccessKeySecret":"b","SecurityToken":"c","Expiration":"2026-11-24T03:04:05Z"}}"#
            );
            json::<CodedKey>(body.as_bytes()).unwrap().read().map(|(key, _)| key.id)
        };
        assert_eq!(read("Success"), Ok("a".to_owned()));
        let failed = |code: &str| Err(AnswerError::Code(code.to_owned()));
        assert_eq!(read("AssumeRole.Failed"), failed("AssumeRole.Failed"));
        for hidden in ["", "two words", "LTAI5tExample", "STS.NX000", &"x".repeat(81)] {
            assert_eq!(read(hidden), failed("something else"), "{hidden}");
        }
    }

    #[test]
    fn a_word_is_one_word() {
        assert_eq!(word(b" my-role\r\n"), Ok("my-role"));
        for other in ["", " \n", "one\ntwo", "<html><body>Bad gateway</body>", "r\u{f6}le", "a\0b"] {
            assert_eq!(word(other.as_bytes()), Err(AnswerError::NoWord), "{other:?}");
        }
    }
}
