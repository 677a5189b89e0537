//! Whose access key it is: `GetCallerIdentity` of the Security Token Service, which needs no
//! permission.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::env::Env;
use crate::rpc::{BodyError, CallError, Client, Endpoint, EndpointError, Request};

use super::answer;
use super::config::StsPlace;

/// Region of the service that is asked where the configuration names none.
const REGION: &str = "ALIBABA_CLOUD_STS_REGION";

/// `true` for the host inside the VPC of that region.
const VPC: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";

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

/// Where the service is asked: `place`, whose gaps the environment fills. Without a region it is
/// the central host, also for a VPC, as in the vendor's SDKs.
///
/// # Errors
/// If the region makes no host.
pub fn sts_endpoint(place: &StsPlace, env: &Env) -> Result<Endpoint, EndpointError> {
    if let Some(endpoint) = &place.endpoint {
        return Ok(endpoint.clone());
    }
    let Some(region) = place.region.as_deref().or_else(|| env.get(REGION)) else {
        return Endpoint::parse("https://sts.aliyuncs.com", false);
    };
    let in_vpc = place.vpc.unwrap_or_else(|| env.get(VPC).is_some_and(|on| on.eq_ignore_ascii_case("true")));
    let host = if in_vpc { "sts-vpc" } else { "sts" };
    Endpoint::parse(&format!("https://{host}.{region}.aliyuncs.com"), false)
}

/// Asks the service behind `client`, which signs with [`crate::rpc::Signature::HmacSha1`], whose
/// key it signs with.
///
/// # Errors
/// See [`Client::call`].
pub async fn caller_identity(client: &Client) -> Result<Identity, CallError> {
    let request = Request { action: "GetCallerIdentity", version: "2015-04-01", params: BTreeMap::default() };
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

    fn host(place: &StsPlace, variables: &[(&str, &str)]) -> String {
        let env = Env::from_iter(variables.iter().copied());
        sts_endpoint(place, &env).unwrap().to_string()
    }

    #[test]
    fn the_service_is_asked_where_the_configuration_says_else_the_environment() {
        let place = StsPlace::default();
        assert_eq!(host(&place, &[]), "https://sts.aliyuncs.com");
        assert_eq!(host(&place, &[(VPC, "true")]), "https://sts.aliyuncs.com");
        let region = (REGION, "cn-hangzhou");
        assert_eq!(host(&place, &[region]), "https://sts.cn-hangzhou.aliyuncs.com");
        assert_eq!(host(&place, &[region, (VPC, "True")]), "https://sts-vpc.cn-hangzhou.aliyuncs.com");
        let place = StsPlace { region: Some("eu-west-1".to_owned()), vpc: Some(false), endpoint: None };
        assert_eq!(host(&place, &[region, (VPC, "true")]), "https://sts.eu-west-1.aliyuncs.com");
        let endpoint = Endpoint::parse("http://127.0.0.1:1", false).ok();
        assert_eq!(host(&StsPlace { endpoint, ..place }, &[region]), "http://127.0.0.1:1");
    }

    #[test]
    fn a_region_that_would_lead_elsewhere_is_refused() {
        for region in ["evil.example/", "me@evil.example/?", "evil.example#"] {
            let place = StsPlace { region: Some(region.to_owned()), ..StsPlace::default() };
            assert!(sts_endpoint(&place, &Env::default()).is_err(), "{region}");
        }
    }

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
