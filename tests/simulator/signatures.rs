//! Who is let in, and what the others are told.

use std::time::Duration;

use agentless_exporter::secret::Secret;
use agentless_exporter::simulator::Config;

use crate::client::{Server, V3, list, params, send_v1, small, start, v1_params};

async fn code(server: &Server, request: V3) -> (u16, String) {
    let answer = request.send(server).await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn both_signatures_are_accepted_by_post_and_get() {
    let server = start(small()).await;
    let query = || params([("RootTask", "false"), ("PageSize", "7"), ("MachineName", "")]);
    for method in ["POST", "GET"] {
        let request = V3 { method, ..V3::new(&server, query()) };
        assert_eq!(request.send(&server).await.rows().len(), 7, "V3 {method}");
        let answer = send_v1(&server, method, v1_params(query()), "testsecret").await;
        assert_eq!(answer.rows().len(), 7, "V1 {method}");
    }
}

#[tokio::test]
async fn a_form_encoded_query_is_verified_as_it_was_meant() {
    let server = start(small()).await;
    let request = V3::new(&server, params([("MachineName", "a b*~/中"), ("RootTask", "True")]));
    let sent = "/?MachineName=a+b%2A~%2F%E4%B8%AD&RootTask=True";
    let answer = request.send_as(&server, sent, &request.authorization()).await;
    assert_eq!((answer.status, answer.rows().len()), (200, 0));
}

#[tokio::test]
async fn parameters_in_a_signed_form_body_count() {
    let server = start(small()).await;
    let request = V3::new(&server, params([("RootTask", "false")])).form("PageSize=3");
    assert_eq!(request.send(&server).await.rows().len(), 3);
}

#[tokio::test]
async fn a_wrong_secret_does_not_match_and_the_servers_string_is_told() {
    let server = start(small()).await;
    let mut request = V3::new(&server, params([]));
    request.secret = "wrong".to_owned();
    let answer = request.send(&server).await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "SignatureDoesNotMatch"));
    assert!(answer.body.contains("server string to sign is:ACS3-HMAC-SHA256"), "{}", answer.body);

    let all = v1_params(params([("Lang", "en")]));
    let ours = agentless_exporter::rpc::sign_v1::string_to_sign("GET", &all);
    let answer = send_v1(&server, "GET", all, "wrong").await;
    assert_eq!((answer.status, answer.code().as_str()), (400, "SignatureDoesNotMatch"));
    // What follows the first colon, as one of the vendor's clients reads it.
    let json = answer.json();
    assert_eq!(json["Message"].as_str().unwrap().split(':').nth(1), Some(ours.as_str()));
    assert!(json["RequestId"].as_str().unwrap().len() == 36 && json["HostId"].is_string());
}

#[tokio::test]
async fn what_was_changed_after_signing_does_not_match() {
    let server = start(small()).await;
    let request = V3::new(&server, params([("PageSize", "5")]));
    let authorization = request.authorization();
    let answer = request.send_as(&server, "/?PageSize=6", &authorization).await;
    assert_eq!(answer.code(), "SignatureDoesNotMatch");
    let other_host = V3::new(&server, params([])).header("host", "elsewhere");
    let answer = other_host.header("host", "localhost").send_as(&server, "/", &authorization).await;
    assert_eq!(answer.code(), "SignatureDoesNotMatch");
    let mut body = V3::new(&server, params([]));
    body.body = "PageSize=6".to_owned();
    assert_eq!(code(&server, body).await.1, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn unknown_keys_are_not_found() {
    let server = start(small()).await;
    let mut request = V3::new(&server, params([]));
    request.key_id = "nobody".to_owned();
    assert_eq!(code(&server, request).await, (404, "InvalidAccessKeyId.NotFound".to_owned()));
}

#[tokio::test]
async fn a_clock_more_than_a_quarter_of_an_hour_off_is_refused() {
    let server = start(small()).await;
    let minutes = Duration::from_secs(60);
    server.hand.advance(15 * minutes - Duration::from_millis(200));
    assert_eq!(V3::new(&server, params([])).send(&server).await.status, 200);
    server.hand.advance(minutes);
    let expired = (400, "InvalidTimeStamp.Expired".to_owned());
    assert_eq!(code(&server, V3::new(&server, params([]))).await, expired);
    let answer = send_v1(&server, "GET", v1_params(params([])), "testsecret").await;
    assert_eq!((answer.status, answer.code()), expired);
    // By which a client can mend its clock.
    assert_eq!(answer.header("date"), Some("Tue, 24 Nov 2026 03:20:04 GMT"));
    let odd = V3::new(&server, params([])).header("x-acs-date", "yesterday");
    assert_eq!(code(&server, odd).await.1, "InvalidTimeStamp.Format");
}

#[tokio::test]
async fn a_nonce_is_good_once() {
    let server = start(small()).await;
    let request = V3::new(&server, params([]));
    assert_eq!(request.send(&server).await.status, 200);
    assert_eq!(code(&server, request).await, (400, "SignatureNonceUsed".to_owned()));
    let all = v1_params(params([]));
    assert_eq!(send_v1(&server, "GET", all.clone(), "testsecret").await.status, 200);
    assert_eq!(send_v1(&server, "GET", all, "testsecret").await.code(), "SignatureNonceUsed");
}

#[tokio::test]
async fn a_refused_request_does_not_burn_its_nonce() {
    let server = start(small()).await;
    let mut request = V3::new(&server, params([]));
    request.secret = "wrong".to_owned();
    assert_eq!(request.send(&server).await.status, 400);
    request.secret = "testsecret".to_owned();
    assert_eq!(request.send(&server).await.status, 200);
}

#[tokio::test]
async fn missing_parts_of_a_signature_are_named() {
    let server = start(small()).await;
    let unsigned = V3::new(&server, params([]));
    assert_eq!(unsigned.send_as(&server, "/", "").await.code(), "IncompleteSignature");
    assert_eq!(unsigned.send_as(&server, "/", "Bearer x").await.code(), "IncompleteSignature");
    let half = "ACS3-HMAC-SHA256 Credential=testid";
    assert_eq!(unsigned.send_as(&server, "/", half).await.code(), "IncompleteSignature");
    for (name, expected) in [
        ("x-acs-date", "MissingTimestamp"),
        ("x-acs-signature-nonce", "MissingSignatureNonce"),
        ("x-acs-action", "MissingAction"),
        ("x-acs-version", "MissingVersion"),
    ] {
        assert_eq!(code(&server, V3::new(&server, params([])).without(name)).await.1, expected);
    }
    for name in ["AccessKeyId", "Timestamp", "SignatureNonce", "Action", "Version"] {
        let mut all = v1_params(params([]));
        all.remove(name);
        assert_eq!(send_v1(&server, "GET", all, "testsecret").await.code(), format!("Missing{name}"));
    }
}

#[tokio::test]
async fn headers_that_matter_must_be_signed() {
    let server = start(small()).await;
    let whole = V3::new(&server, params([]));
    let partial = V3::new(&server, params([])).without("host");
    let answer = whole.send_as(&server, "/", &partial.authorization()).await;
    assert_eq!(answer.code(), "IncompleteSignature");
}

#[tokio::test]
async fn a_temporary_key_needs_its_token() {
    let server = start(Config { security_token: Some(Secret::new("tok/+=")), ..small() }).await;
    let with = |token| V3::new(&server, params([])).header("x-acs-security-token", token);
    assert_eq!(with("tok/+=").send(&server).await.status, 200);
    assert_eq!(code(&server, with("other")).await.1, "InvalidSecurityToken.MismatchWithAccessKey");
    assert_eq!(code(&server, V3::new(&server, params([]))).await.1, "MissingSecurityToken");
    let all = v1_params(params([("SecurityToken", "tok/+=")]));
    assert_eq!(send_v1(&server, "POST", all, "testsecret").await.status, 200);

    let server = start(small()).await;
    let request = V3::new(&server, params([])).header("x-acs-security-token", "any");
    assert_eq!(code(&server, request).await.1, "InvalidSecurityToken.Malformed");
}

#[tokio::test]
async fn other_actions_versions_and_methods_are_refused() {
    let server = start(small()).await;
    let create = V3::new(&server, params([])).header("x-acs-action", "CreateAgentlessScanTask");
    assert_eq!(code(&server, create).await, (404, "InvalidApi.NotFound".to_owned()));
    let mut all = v1_params(params([]));
    all.insert("Action".to_owned(), "RetryAgentlessTask".to_owned());
    let answer = send_v1(&server, "GET", all, "testsecret").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "InvalidAction.NotFound"));
    let old = V3::new(&server, params([])).header("x-acs-version", "2014-01-01");
    assert_eq!(code(&server, old).await, (400, "InvalidVersion".to_owned()));
    let mut put = V3::new(&server, params([]));
    put.method = "PUT";
    assert_eq!(put.send(&server).await.status, 405);
    assert_eq!(list(&server, &[("PageSize", "many")]).await.code(), "InvalidParameter");
}

#[tokio::test]
async fn the_token_service_tells_whose_the_known_key_is_and_no_other() {
    let server = start(small()).await;
    let identity = |secret: &str| {
        let mut request = V3::new(&server, params([]))
            .header("x-acs-action", "GetCallerIdentity")
            .header("x-acs-version", "2015-04-01");
        request.secret = secret.to_owned();
        request
    };
    let told = identity("testsecret").send(&server).await.json();
    assert_eq!(told["Arn"], "acs:ram::1000000000000001:user/simulated", "{told}");
    assert_eq!(code(&server, identity("wrong")).await, (400, "SignatureDoesNotMatch".to_owned()));

    let v1 = || {
        let mut all = v1_params(params([]));
        all.insert("Action".to_owned(), "GetCallerIdentity".to_owned());
        all.insert("Version".to_owned(), "2015-04-01".to_owned());
        all
    };
    let told = send_v1(&server, "POST", v1(), "testsecret").await.json();
    assert_eq!(
        (&told["AccountId"], &told["IdentityType"]),
        (&"1000000000000001".into(), &"RAMUser".into()),
        "{told}"
    );
    let wrong = send_v1(&server, "POST", v1(), "wrong").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (400, "SignatureDoesNotMatch"));
    let of_another_version = V3::new(&server, params([])).header("x-acs-action", "GetCallerIdentity");
    assert_eq!(code(&server, of_another_version).await, (404, "InvalidApi.NotFound".to_owned()));
}
