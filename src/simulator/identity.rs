//! `GetCallerIdentity` of the Security Token Service: whose key signed the request.

use serde::Serialize;

use super::auth::Admitted;

const ACTION: &str = "GetCallerIdentity";
const VERSION: &str = "2015-04-01";

/// The account whose key is known here.
const ACCOUNT_ID: &str = "1000000000000001";
const USER_ID: &str = "200000000000000001";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    request_id: &'a str,
    identity_type: &'static str,
    account_id: &'static str,
    principal_id: &'static str,
    user_id: &'static str,
    arn: String,
}

/// Whether an admitted request asks this.
pub(super) fn is_asked(admitted: &Admitted) -> bool {
    admitted.action == ACTION && admitted.version == VERSION
}

/// The body of the answer.
pub(super) fn answer(request_id: &str) -> Vec<u8> {
    let answer = Answer {
        request_id,
        identity_type: "RAMUser",
        account_id: ACCOUNT_ID,
        principal_id: USER_ID,
        user_id: USER_ID,
        arn: format!("acs:ram::{ACCOUNT_ID}:user/simulated"),
    };
    serde_json::to_vec(&answer).expect("texts serialise")
}
