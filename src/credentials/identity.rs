//! Whose access key it is: `GetCallerIdentity` of the Security Token Service, which needs no
//! permission.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::rpc::{BodyError, CallError, Client, Request};

use super::answer;
use super::sts;

/// What the service tells of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `Arn`, such as `acs:ram::1000000000000001:user/reader`.
    pub arn: String,
    /// `AccountId`.
    pub account_id: String,
    /// `IdentityType`: `Account`, `RAMUser` or `AssumedRoleUser`.
    pub kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    arn: Option<String>,
    account_id: Option<String>,
    identity_type: Option<String>,
}

/// Asks the service behind `client`, which signs with [`crate::rpc::Signature::HmacSha1`], whose
/// key it signs with.
///
/// # Errors
/// See [`Client::call`].
pub async fn caller_identity(client: &Client) -> Result<Identity, CallError> {
    let request = Request { action: "GetCallerIdentity", version: sts::VERSION, params: BTreeMap::default() };
    client.call(&request, read).await
}

fn read(body: &[u8]) -> Result<Identity, BodyError> {
    let malformed = |problem: String| BodyError::Malformed(problem);
    let answer: Answer = answer::json(body).map_err(|error| malformed(error.to_string()))?;
    let part = |value: Option<String>, name: &str| {
        value.filter(|text| !text.is_empty()).ok_or_else(|| malformed(format!("the answer has no {name}")))
    };
    Ok(Identity {
        arn: part(answer.arn, "Arn")?,
        account_id: part(answer.account_id, "AccountId")?,
        kind: part(answer.identity_type, "IdentityType")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_one_of_its_parts_is_none() {
        let whole = r#"{"Arn":"acs:ram::1:user/a","AccountId":"1","IdentityType":"RAMUser"}"#;
        assert_eq!(read(whole.as_bytes()).unwrap().arn, "acs:ram::1:user/a");
        for part in ["Arn", "AccountId", "IdentityType"] {
            let problem = read(whole.replace(part, "Other").as_bytes()).unwrap_err();
            assert_eq!(problem, BodyError::Malformed(format!("the answer has no {part}")));
        }
        assert!(read(b"<html>").is_err());
    }
}
