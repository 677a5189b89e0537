//! Where the access key of a source is to come from.

use std::path::PathBuf;
use std::time::Duration;

use crate::rpc::Endpoint;
use crate::secret::Written;

/// `credentials.type` and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// `default`: the first place of the vendor's chain that holds a key.
    Default,
    /// `access_key`: a long-term key.
    AccessKey {
        /// Access key id.
        id: Written,
        /// Access key secret.
        secret: Written,
    },
    /// `sts`: a temporary key with its token, which somebody else renews.
    Sts {
        /// Access key id.
        id: Written,
        /// Access key secret.
        secret: Written,
        /// Security token.
        token: Written,
    },
    /// `env`: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_ACCESS_KEY_SECRET` and, if set, `…_SECURITY_TOKEN`.
    Env,
    /// `ecs_ram_role`: the role of the machine, from its metadata service.
    EcsRamRole(EcsRamRole),
    /// `oidc`: a role by the token of a Kubernetes service account (RRSA).
    Oidc(Oidc),
    /// `ram_role_arn`: a role that another key assumes.
    RamRoleArn {
        /// Where that key comes from.
        base: Box<Config>,
        /// The role.
        role: Role,
    },
    /// `profile`: a profile of the vendor's CLI, or of the SDKs' INI file.
    Profile(Profile),
    /// `uri`: a local service that gives temporary keys. Its URL may hold a password.
    Uri(Option<Written>),
}

/// The role of the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EcsRamRole {
    /// Its name; `None` for `ALIBABA_CLOUD_ECS_METADATA`, else the one that the service tells.
    pub name: Option<String>,
    /// Whether version 1 of the service, which asks for no token, is never used
    /// (`disable_imds_v1`, or `ALIBABA_CLOUD_IMDSV1_DISABLED`).
    pub disable_v1: bool,
}

/// A role by a token of OpenID Connect. What is `None` comes from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Oidc {
    /// The role; its `arn` may come from `ALIBABA_CLOUD_ROLE_ARN`.
    pub role: Role,
    /// ARN of the identity provider (`ALIBABA_CLOUD_OIDC_PROVIDER_ARN`).
    pub provider_arn: Option<String>,
    /// File of the token, read again at each refresh (`ALIBABA_CLOUD_OIDC_TOKEN_FILE`).
    pub token_file: Option<PathBuf>,
}

/// A role that is assumed, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// ARN of the role (`ALIBABA_CLOUD_ROLE_ARN`).
    pub arn: Option<String>,
    /// Name of the session (`ALIBABA_CLOUD_ROLE_SESSION_NAME`), which the cloud's audit log shows.
    pub session_name: Option<String>,
    /// How long a key is asked for; `None` for an hour.
    pub duration: Option<Duration>,
    /// A policy (JSON) that leaves less than the role may do.
    pub policy: Option<String>,
    /// What the trust policy of the role asks for; only `ram_role_arn`.
    pub external_id: Option<Written>,
    /// Where the role is assumed.
    pub sts: StsPlace,
}

/// Which Security Token Service is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StsPlace {
    /// Its region (`ALIBABA_CLOUD_STS_REGION`); without one the central host is asked.
    pub region: Option<String>,
    /// Whether it is asked inside the VPC of its region (`ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`).
    pub vpc: Option<bool>,
    /// Its URL, instead of those.
    pub endpoint: Option<Endpoint>,
}

impl StsPlace {
    /// This one; `other` where it says neither a URL nor a region.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let vpc = self.vpc.or(other.vpc);
        let is_said = self.endpoint.is_some() || self.region.is_some();
        Self { vpc, ..if is_said { self } else { other } }
    }
}

impl Config {
    /// The same, but every role in it is assumed at `place` as far as that says where.
    pub(super) fn assumed_at(self, place: &StsPlace) -> Self {
        let at = |role: Role| Role { sts: place.clone().or(role.sts), ..role };
        match self {
            Self::RamRoleArn { base, role } => {
                Self::RamRoleArn { base: Box::new(base.assumed_at(place)), role: at(role) }
            }
            Self::Oidc(oidc) => Self::Oidc(Oidc { role: at(oidc.role), ..oidc }),
            other => other,
        }
    }
}

/// A profile of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Its name; `None` for `ALIBABA_CLOUD_PROFILE`, else the one that the file calls its current one.
    pub name: Option<String>,
    /// The file, JSON of the CLI or INI of the SDKs by its content; `None` for the vendor's places.
    pub file: Option<PathBuf>,
    /// Whether a profile of the mode `External` may run its program.
    pub allow_exec: bool,
}
