//! The languages of texts: what each is in words, for an editor and for the program.

use super::parse;

/// A language of texts.
#[derive(Clone, Copy)]
pub struct Form {
    /// Its texts in words, as in "expected …".
    pub words: &'static str,
    /// A regular expression (ECMA 262) for editors: it lets every good text through, and some bad.
    pub pattern: &'static str,
    /// Whether a text is one of them.
    pub check: parse::Check,
}

/// Names of sources and profiles.
pub(super) const NAME: Form = Form {
    words: "1 to 128 characters without line breaks or other controls",
    pattern: "^.{1,128}$",
    check: parse::name,
};

/// Region ids.
pub(super) const REGION: Form = Form {
    words: "a region id such as cn-hangzhou or ap-southeast-1",
    pattern: "^[A-Za-z0-9_-]{1,64}$",
    check: parse::region,
};

/// URLs of the API.
pub(super) const ENDPOINT: Form = Form {
    words: "https://HOST or https://HOST:PORT",
    pattern: "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@]+/?$",
    check: parse::endpoint,
};

/// URLs of proxies; blank for none.
pub(super) const PROXY: Form = Form {
    words: "http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host if needed, in which / ? # \
            are written %2F %3F %23; blank for none",
    pattern: "^([^/?#]+|[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+/?)?$",
    check: parse::proxy,
};

/// Ids of access keys.
pub(super) const KEY_ID: Form =
    Form { words: "an access key id, in quotes", pattern: "^[!-~]+$", check: parse::key_id };

/// Secrets of access keys, and tokens.
pub(super) const SECRET: Form =
    Form { words: "a secret, in quotes", pattern: "^[!-~]([ -~]*[!-~])?$", check: parse::secret };

/// Names of RAM roles.
pub(super) const ROLE_NAME: Form = Form {
    words: "the name of a role, 1 to 64 letters, digits or . _ -",
    pattern: "^[A-Za-z0-9._-]{1,64}$",
    check: parse::role_name,
};

/// Names of sessions of a role.
pub(super) const SESSION_NAME: Form = Form {
    words: "2 to 64 letters, digits or . @ _ -",
    pattern: "^[A-Za-z0-9.@_-]{2,64}$",
    check: parse::session_name,
};

/// Names of identity providers across accounts.
pub(super) const PROVIDER_ARN: Form = Form {
    words: "an ARN such as acs:ram::123456789012****:oidc-provider/ack-rrsa-c123",
    pattern: "^acs:ram:[^\\s:]*:[^\\s:]*:oidc-provider/[^\\s]+$",
    check: parse::provider_arn,
};

/// Names of roles across accounts.
pub(super) const ARN: Form = Form {
    words: "an ARN such as acs:ram::123456789012****:role/reader",
    pattern: "^acs:ram:[^\\s]*:[^\\s]+$",
    check: parse::arn,
};

/// Policies.
pub(super) const POLICY: Form =
    Form { words: "a policy as JSON, in quotes", pattern: "^\\s*\\{", check: parse::policy };

/// URLs of services that give keys.
pub(super) const URI: Form = Form {
    words: "https://HOST/PATH, or http:// for a host of this machine",
    pattern: "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+",
    check: parse::uri,
};

/// Addresses to listen on.
pub(super) const LISTEN_ADDRESS: Form = Form {
    words: "HOST:PORT, :PORT for every address of the machine, or unix:PATH",
    pattern: "^unix:/|:[0-9]{1,5}$",
    check: parse::listen_address,
};

/// Paths of the exposition.
pub(super) const TELEMETRY_PATH: Form =
    Form { words: "a path such as `/metrics`", pattern: "^/.", check: parse::telemetry_path };
