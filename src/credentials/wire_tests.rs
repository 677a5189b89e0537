//! What the vendor's SDK sends, `tests/data/credential_wire.json`, and what is sent here.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::rpc::{HttpRequest, sign_v1};
use crate::secret::Secret;

use super::fake::{CREDENTIALS, KEY, Step, Wire, fetched, ok, parts, status};
use super::{Config, EcsRamRole, Oidc, Role, Written, provider};

#[derive(Deserialize)]
struct Recorded {
    flows: BTreeMap<String, Vec<Sent>>,
}

/// What matters of a request.
#[derive(Debug, PartialEq, Deserialize)]
struct Sent {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

impl From<&HttpRequest> for Sent {
    fn from(request: &HttpRequest) -> Self {
        let HttpRequest { method, url, headers, .. } = request;
        let text = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.to_string(), value.to_str().unwrap().to_owned())
        };
        Self {
            method: method.to_string(),
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            headers: headers.iter().map(text).collect(),
        }
    }
}

fn recorded(flow: &str) -> Vec<Sent> {
    let text = include_str!("../../tests/data/credential_wire.json");
    let mut recorded: Recorded = serde_json::from_str(text).unwrap();
    recorded.flows.remove(flow).unwrap()
}

/// What is sent for a key of `config` while the other side does `steps`, and whether one came.
async fn sent(config: &Config, steps: impl IntoIterator<Item = Step>) -> (Arc<Wire>, bool) {
    let wire = Wire::new(steps);
    let got = fetched(&*provider(config, &parts(&wire, &[]))).await;
    (wire, got.is_ok())
}

fn requests(wire: &Wire) -> Vec<Sent> {
    wire.seen.lock().unwrap().iter().map(Sent::from).collect()
}

fn role(name: Option<&str>, disable_v1: bool) -> Config {
    Config::EcsRamRole(EcsRamRole { name: name.map(str::to_owned), disable_v1 })
}

#[tokio::test]
async fn the_metadata_service_is_asked_as_the_vendor_asks_it() {
    let my_role = Some("my-role");
    for (flow, config, steps, comes) in [
        ("imdsv2_role_named", role(my_role, false), vec![ok("IMDS-TOKEN"), ok(KEY)], true),
        ("imdsv1_fallback", role(my_role, false), vec![status(404, ""), ok(KEY)], true),
        ("imdsv1_disabled", role(my_role, true), vec![status(404, "")], false),
    ] {
        let (wire, came) = sent(&config, steps).await;
        assert_eq!((requests(&wire), came), (recorded(&format!("ecs_ram_role_{flow}")), comes), "{flow}");
    }
}

/// The vendor's SDK gets a token for each question. One is good for hours, so here one does for both.
#[tokio::test]
async fn a_role_that_the_service_tells_costs_one_token_and_not_two() {
    let (wire, came) = sent(&role(None, false), [ok("IMDS-TOKEN"), ok("my-role"), ok(KEY)]).await;
    let mut expected = recorded("ecs_ram_role_imdsv2_role_discovered");
    let second_token = expected.remove(2);
    assert_eq!(second_token, expected[0]);
    assert_eq!((requests(&wire), came), (expected, true));
}

#[tokio::test]
async fn a_local_service_is_asked_as_the_vendor_asks_it() {
    let url = Written::Here(Secret::new("http://127.0.0.1:8080/creduri?x=1"));
    let (wire, came) = sent(&Config::Uri(Some(url)), [ok(KEY)]).await;
    assert_eq!((requests(&wire), came), (recorded("credentials_uri"), true));
}

/// The vendor's SDK sends a GET with everything in its query, signature and token too. Here it is a
/// form, because URLs stand in the logs of proxies; so the signature is another one.
#[tokio::test]
async fn a_role_is_assumed_with_the_parameters_of_the_vendor_in_a_signed_form() {
    let here = |text: &str| Written::Here(Secret::new(text));
    let (id, secret) = (here("AK"), here("SK"));
    let token = here("T");
    let role = |external_id: Option<&str>| Role {
        arn: Some("acs:ram::1:role/r".to_owned()),
        session_name: Some("sess".to_owned()),
        external_id: external_id.map(here),
        ..Role::default()
    };
    let key = Config::AccessKey { id: id.clone(), secret: secret.clone() };
    for (flow, base, role) in [
        ("ram_role_arn", key, role(Some("ext"))),
        ("ram_role_arn_from_sts", Config::Sts { id, secret, token }, role(None)),
    ] {
        let (wire, came) = sent(&Config::RamRoleArn { base: Box::new(base), role }, [ok(CREDENTIALS)]).await;
        assert!(came);
        let seen = wire.seen.lock().unwrap();
        assert_eq!((seen[0].method.as_str(), seen[0].url.as_str()), ("POST", "https://sts.aliyuncs.com/"));
        let mut form = form(&seen[0]);
        let mut expected = recorded(flow).remove(0).query;
        let signature = form.remove("Signature").unwrap();
        assert_eq!(signature, sign_v1::signature("POST", &form, &Secret::new("SK")));
        expected.remove("Signature");
        // Never the same twice.
        expected.insert("SignatureNonce".to_owned(), form["SignatureNonce"].clone());
        assert_eq!(form, expected, "{flow}");
    }
}

fn form(request: &HttpRequest) -> BTreeMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://form/?{}", request.body)).unwrap();
    url.query_pairs().into_owned().collect()
}

/// The vendor's Python SDK sends the token in its query. Here, as in its SDK for Go, the query holds
/// what every request has and the form the rest; it is the same parameters together.
#[tokio::test]
async fn a_role_by_oidc_is_asked_for_with_the_parameters_of_the_vendor_and_no_token_in_the_url() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "OIDC.JWT.TOKEN").unwrap();
    let config = Config::Oidc(Oidc {
        role: Role {
            arn: Some("acs:ram::1:role/r".to_owned()),
            session_name: Some("sess".to_owned()),
            ..Role::default()
        },
        provider_arn: Some("acs:ram::1:oidc-provider/p".to_owned()),
        token_file: Some(file.path().to_owned()),
    });
    let (wire, came) = sent(&config, [ok(CREDENTIALS)]).await;
    assert!(came);
    let Sent { method, path, query, .. } = requests(&wire).remove(0);
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/"));
    assert!(query.keys().eq(["Action", "Format", "Timestamp", "Version"]));
    let mut all = form(&wire.seen.lock().unwrap()[0]);
    all.extend(query);
    assert_eq!(all, recorded("oidc").remove(0).query);
}
