//! Access keys: where they come from.

use crate::secret::Secret;

/// Where the access key of a source comes from (`credentials.type`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Config {
    /// `default`: the vendor's chain; in this version the environment only.
    Default,
    /// `access_key`: a long-term key.
    AccessKey {
        /// Access key id.
        id: String,
        /// Access key secret.
        secret: Secret,
    },
    /// `sts`: a temporary key with its token.
    Sts {
        /// Access key id.
        id: String,
        /// Access key secret.
        secret: Secret,
        /// Security token.
        token: Secret,
    },
    /// `env`: `ALIBABA_CLOUD_ACCESS_KEY_ID`, `…_ACCESS_KEY_SECRET` and, if set, `…_SECURITY_TOKEN`.
    Env,
}
