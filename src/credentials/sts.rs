//! The Security Token Service: where it is, what it is asked for, and what its answers say.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::clock::UnixMillis;
use crate::env::Env;
use crate::rpc::{AccessKey, Endpoint};

use super::Parts;
use super::answer::{AnswerError, TemporaryKey};
use super::config::{Role, StsPlace};
use super::env::is_true;

/// The version of the API (`Sts`), part of every request.
pub(super) const VERSION: &str = "2015-04-01";

/// Name of the variable with the ARN of the role.
pub(super) const ROLE_ARN: &str = "ALIBABA_CLOUD_ROLE_ARN";
const SESSION_NAME: &str = "ALIBABA_CLOUD_ROLE_SESSION_NAME";
const REGION: &str = "ALIBABA_CLOUD_STS_REGION";
const VPC: &str = "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED";

/// How long a key may be asked for, and for how long one is unless somebody says otherwise.
const SHORTEST: Duration = Duration::from_secs(900);
const LONGEST: Duration = Duration::from_secs(43_200);
const USUAL: Duration = Duration::from_secs(3600);

/// Most characters of the name of a session.
const LONGEST_SESSION: usize = 64;

/// A role that can't be asked for as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    /// No ARN.
    #[error("no RAM role is named, neither by the configuration nor by {ROLE_ARN}")]
    NoArn,
    /// Seconds that no key of a role is good for.
    #[error("a key of a role is good for 900 to 43200 seconds, and {0} were asked for")]
    Duration(u64),
    /// What makes no host.
    #[error("the region of the Security Token Service is none; expected one such as cn-hangzhou")]
    Region,
}

/// A role, ready to be asked for.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) arn: String,
    pub(super) endpoint: Endpoint,
    /// What every operation that gives a key of a role wants, not encoded.
    pub(super) params: BTreeMap<String, String>,
}

impl Wanted {
    /// The role `role`; the environment stands in for what it leaves out.
    ///
    /// # Errors
    /// If there is no ARN, or what no service takes.
    pub(super) fn new(role: &Role, parts: &Parts) -> Result<Self, RoleError> {
        let env = &parts.env;
        let arn = given(role.arn.as_deref()).or_else(|| env.get(ROLE_ARN)).ok_or(RoleError::NoArn)?;
        let duration = role.duration.unwrap_or(USUAL);
        if !(SHORTEST..=LONGEST).contains(&duration) {
            return Err(RoleError::Duration(duration.as_secs()));
        }
        let session = given(role.session_name.as_deref()).or_else(|| env.get(SESSION_NAME));
        let session = session.map_or_else(|| session_of(&parts.source), str::to_owned);
        let mut params = BTreeMap::new();
        let mut add = |name: &str, value: String| params.insert(name.to_owned(), value);
        add("RoleArn", arn.to_owned());
        add("RoleSessionName", session);
        add("DurationSeconds", duration.as_secs().to_string());
        if let Some(policy) = given(role.policy.as_deref()) {
            add("Policy", policy.to_owned());
        }
        Ok(Self { arn: arn.to_owned(), endpoint: endpoint(&role.sts, env)?, params })
    }
}

/// An answer that should hold a key.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    credentials: Option<TemporaryKey>,
    /// What went wrong.
    pub(super) code: Option<String>,
}

impl Answer {
    /// The key, and when it expires.
    ///
    /// # Errors
    /// If there is none, or not all of it.
    pub(super) fn read(self) -> Result<(AccessKey, UnixMillis), AnswerError> {
        self.credentials.ok_or(AnswerError::Lacks("Credentials"))?.read()
    }
}

/// What can be done about a refusal with this code, where that is known. Codes of the API as of
/// 2026, <https://help.aliyun.com/zh/ram/developer-reference/api-sts-2015-04-01-errorcodes>.
pub(super) fn advice(code: &str) -> Option<&'static str> {
    const ADVICE: [(&str, &str); 12] = [
        (
            "NoPermission",
            "grant the identity of the key sts:AssumeRole, and name it in the trust policy of the role; \
             the key of a root account can assume no role",
        ),
        ("EntityNotExist.Role", "there is no such role; check its ARN"),
        ("InvalidParameter.RoleArn", "check the ARN of the role; it looks like acs:ram::ACCOUNT:role/NAME"),
        ("InvalidParameter.DurationSeconds", "ask for less time, or raise the longest session of the role"),
        (
            "InvalidParameter.RoleSessionName",
            "the name of the session may have 2 to 64 letters, digits and . @ - _",
        ),
        ("InvalidParameter.Policy", "check the policy that goes with the role"),
        ("AuthenticationFail.OIDCToken.Expired", "the token has expired; see that its file is renewed"),
        (
            "AuthenticationFail.OIDCToken.AudienceNotMatch",
            "add the audience of the token to the client ids of the identity provider",
        ),
        (
            "AuthenticationFail.OIDCToken",
            "check that the token is one of this identity provider, and that the provider is set up right",
        ),
        (
            "AuthenticationFail.NoPermission",
            "check the ARN of the identity provider, and that the trust policy of the role names it and \
             this service account",
        ),
        ("EntityNotExist.OIDCProvider", "there is no such identity provider; check its ARN"),
        ("InvalidParameter.OIDCProviderArn", "check the ARN of the identity provider"),
    ];
    ADVICE.iter().find(|(begin, _)| code.starts_with(begin)).map(|(_, advice)| *advice)
}

/// The service of a region, or the central one. Without a region there is no other one, in a VPC
/// neither: so does the vendor's SDK.
///
/// # Errors
/// [`RoleError::Region`].
pub fn endpoint(place: &StsPlace, env: &Env) -> Result<Endpoint, RoleError> {
    if let Some(endpoint) = &place.endpoint {
        return Ok(endpoint.clone());
    }
    let host = match given(place.region.as_deref()).or_else(|| env.get(REGION)) {
        None => "sts.aliyuncs.com".to_owned(),
        Some(region) if region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            let name = if place.vpc.unwrap_or_else(|| is_true(env, VPC)) { "sts-vpc" } else { "sts" };
            format!("{name}.{region}.aliyuncs.com")
        }
        Some(_) => return Err(RoleError::Region),
    };
    Endpoint::parse(&format!("https://{host}"), false).map_err(|_| RoleError::Region)
}

/// A name of sessions that stays the same for a source, so that the audit log shows who asks.
fn session_of(source: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || ".@-_".contains(c);
    let name = source.chars().map(|c| if fits(c) { c } else { '-' });
    "agentless-exporter-".chars().chain(name).take(LONGEST_SESSION).collect()
}

/// A value that is not blank.
pub(super) fn given(value: Option<&str>) -> Option<&str> {
    value.map(str::trim).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::credentials::fake::{Wire, ok, parts};

    use super::*;

    const ARN: &str = "acs:ram::1:role/r";

    fn wanted(role: Role, env: &[(&str, &str)]) -> Result<Wanted, RoleError> {
        Wanted::new(&role, &parts(&Wire::new([ok("")]), env))
    }

    fn role() -> Role {
        Role { arn: Some(ARN.to_owned()), ..Role::default() }
    }

    fn host(region: Option<&str>, vpc: Option<bool>, env: &[(&str, &str)]) -> Result<String, RoleError> {
        let sts = StsPlace { region: region.map(str::to_owned), vpc, endpoint: None };
        wanted(Role { sts, ..role() }, env).map(|wanted| wanted.endpoint.to_string())
    }

    #[test]
    fn the_service_is_that_of_the_region_in_its_vpc_if_wanted_and_else_the_central_one() {
        let (region, vpc) = ((REGION, "cn-beijing"), (VPC, "True"));
        for (expected, got) in [
            ("https://sts.aliyuncs.com", host(None, None, &[])),
            ("https://sts.aliyuncs.com", host(None, Some(true), &[vpc])),
            ("https://sts.cn-hangzhou.aliyuncs.com", host(Some("cn-hangzhou"), Some(false), &[region, vpc])),
            ("https://sts-vpc.cn-hangzhou.aliyuncs.com", host(Some("cn-hangzhou"), Some(true), &[])),
            ("https://sts.cn-beijing.aliyuncs.com", host(Some(" "), None, &[region, (VPC, "1")])),
            ("https://sts-vpc.cn-beijing.aliyuncs.com", host(None, None, &[region, vpc])),
        ] {
            assert_eq!(got.as_deref(), Ok(expected));
        }
        for evil in ["evil.example/", "evil.example#", "x@evil.example", "evil.example?", "a\\b", "a b"] {
            assert_eq!(host(Some(evil), None, &[]), Err(RoleError::Region), "{evil}");
            assert_eq!(host(None, None, &[(REGION, evil)]), Err(RoleError::Region), "{evil}");
        }
        let endpoint = Endpoint::parse("http://127.0.0.1:8642", false).unwrap();
        let sts = StsPlace { endpoint: Some(endpoint.clone()), ..StsPlace::default() };
        assert_eq!(wanted(Role { sts, ..role() }, &[region]).unwrap().endpoint, endpoint);
    }

    #[test]
    fn what_the_configuration_leaves_out_comes_from_the_environment_else_goes_without_saying() {
        let params = |role: Role, env: &[(&str, &str)]| wanted(role, env).unwrap().params;
        let params_of_env = params(Role::default(), &[(ROLE_ARN, ARN), (SESSION_NAME, "me")]);
        assert_eq!((&*params_of_env["RoleArn"], &*params_of_env["RoleSessionName"]), (ARN, "me"));
        assert_eq!(params_of_env["DurationSeconds"], "3600");
        assert!(!params_of_env.contains_key("Policy"));
        let configured = Role {
            session_name: Some("you".to_owned()),
            duration: Some(SHORTEST),
            policy: Some("{}".to_owned()),
            ..role()
        };
        let params_of_config = params(configured, &[(ROLE_ARN, "other"), (SESSION_NAME, "me")]);
        assert_eq!((&*params_of_config["RoleArn"], &*params_of_config["RoleSessionName"]), (ARN, "you"));
        assert_eq!((&*params_of_config["DurationSeconds"], &*params_of_config["Policy"]), ("900", "{}"));
        assert_eq!(params(role(), &[])["RoleSessionName"], "agentless-exporter-prod");
    }

    #[test]
    fn what_no_service_takes_is_refused_here() {
        let of = |seconds| {
            wanted(Role { duration: Some(Duration::from_secs(seconds)), ..role() }, &[]).map(|_| ())
        };
        assert_eq!((of(899), of(43_201)), (Err(RoleError::Duration(899)), Err(RoleError::Duration(43_201))));
        assert_eq!(of(43_200), Ok(()));
        assert_eq!(wanted(Role::default(), &[]).map(|_| ()), Err(RoleError::NoArn));
    }

    #[test]
    fn the_name_of_a_session_is_one_whatever_the_source_is_called() {
        assert_eq!(session_of("prod cn/1"), "agentless-exporter-prod-cn-1");
        assert_eq!(session_of(&"x".repeat(100)).len(), LONGEST_SESSION);
    }

    #[test]
    fn advice_goes_by_the_family_of_the_code() {
        assert!(advice("AuthenticationFail.OIDCToken.Expired").unwrap().contains("expired"));
        assert!(advice("AuthenticationFail.OIDCToken.Invalid").unwrap().contains("identity provider"));
        assert!(advice("InvalidParameter.PolicyGrammar").unwrap().contains("policy"));
        assert_eq!(advice("InternalError"), None);
    }
}
