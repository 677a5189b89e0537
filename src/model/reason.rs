//! Why a poll failed, in fixed words that are also label values.

use super::words::words;

words! {
    /// The kind of a failure. Every failure of a poll is one of these.
    FailureReason {
        /// The key, its signature or its token was refused.
        Auth = "auth",
        /// The key is good but may not list the tasks.
        Permission = "permission",
        /// The API refused for the rate of requests.
        Throttled = "throttled",
        /// No answer in time.
        Timeout = "timeout",
        /// No connection, or it broke.
        Network = "network",
        /// The API answered that it failed itself.
        Server = "server",
        /// The answer could not be understood.
        Malformed = "malformed",
        /// Answers came, but not all rows.
        Incomplete = "incomplete",
        /// The API refused the request as such: endpoint, product, parameter.
        Config = "config",
    }
}

impl FailureReason {
    /// What an operator can do about it, in one sentence.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Auth => {
                "check the access key of this source: its id, its secret and, if it is temporary, its token"
            }
            Self::Permission => "grant the key's identity the RAM action yundun-sas:ListAgentlessTask",
            Self::Throttled => {
                "lower api.requests_per_second or raise poll.interval, and look for other users of the quota of this account"
            }
            Self::Timeout => {
                "check the way to the endpoint, then raise api.request_timeout or poll.stall_timeout"
            }
            Self::Network => "check DNS, proxy and firewall between here and the endpoint",
            Self::Server => "nothing to do here unless it lasts; the next poll tries again",
            Self::Malformed => {
                "the endpoint did not answer as ListAgentlessTask does; check endpoint and proxy, and report it if they are right"
            }
            Self::Incomplete => {
                "the listing kept changing or rows were withheld while it was read; the next poll tries again"
            }
            Self::Config => "check region, endpoint and the request settings of this source",
        }
    }
}
