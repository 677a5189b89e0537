//! The table itself.

use super::{Key, Privacy, Scope};
use crate::config::forms;
use crate::config::kind::Kind;

/// The words of [`crate::model::TargetType`] that the API can filter by.
const TARGET_TYPES: &[&str] =
    &["snapshot", "image", "user_snapshot", "user_image", "nas", "sandbox", "security_fix"];

/// `credentials.type`, in the order of the documents.
const CREDENTIALS_TYPE: Kind = Kind::Word(&[
    "default",
    "access_key",
    "sts",
    "env",
    "ecs_ram_role",
    "oidc",
    "ram_role_arn",
    "profile",
    "uri",
]);

/// Reads as: path, scope, privacy; kind; default; help.
macro_rules! keys {
    ($(
        $path:literal $scope:ident $privacy:ident $kind:expr, $default:literal, $help:literal;
    )+) => {
        /// All keys.
        pub const KEYS: &[Key] = &[$(Key {
            path: $path,
            kind: $kind,
            default: $default,
            help: $help,
            scope: Scope::$scope,
            privacy: Privacy::$privacy,
        },)+];
    };
}

keys! {
    "poll.interval" PerSource Open Kind::Duration("1s", "1d"), "2m",
        "a poll of a source starts every interval";
    "poll.stall_timeout" PerSource Open Kind::Duration("1s", "1h"), "2m",
        "a poll that gets no page for so long is abandoned and counts as failed";
    "poll.lookback" PerSource Open Kind::Duration("1m", "400d"), "7d",
        "gauges count tasks that started within it, or still run";
    "poll.full_every" PerSource Open Kind::Duration("1s", "30d"), "6h",
        "time between two full listings; between them only what changed is asked for";
    "poll.stale_after" PerSource Open Kind::Duration("1s", "30d"), "15m",
        "least age at which a snapshot is stale; also at least 3 intervals and 3 times the last poll";
    "api.page_size" PerSource Open Kind::Whole(1, 1000), "50",
        "rows asked for at a time; the server may give fewer";
    "api.concurrency" PerSource Open Kind::Whole(1, 64), "2",
        "pages in flight, shared by sources with the same credentials";
    "api.requests_per_second" PerSource Open Kind::Number(0.001, 1000.0), "2",
        "most requests a second, shared by sources with the same credentials";
    "api.max_attempts" PerSource Open Kind::Whole(1, 20), "5",
        "attempts of one request, in all";
    "api.connect_timeout" PerSource Open Kind::Duration("100ms", "1m"), "5s",
        "most time to open a connection, with TLS";
    "api.request_timeout" PerSource Open Kind::Duration("100ms", "10m"), "30s",
        "most time from sending a request to the end of its answer";
    "api.signature" PerSource Open Kind::Word(&["acs3-hmac-sha256", "hmac-sha1"]), "acs3-hmac-sha256",
        "how requests are signed; hmac-sha1 is RPC signature 1.0";
    "api.proxy" PerSource Secret Kind::Text(forms::PROXY), "",
        "URL of a proxy; without one HTTPS_PROXY and NO_PROXY count";
    "api.ca_file" PerSource Open Kind::Path, "",
        "PEM file with an extra trusted CA";
    "metrics.targets.keep" Global Open Kind::Duration("0s", "3650d"), "35d",
        "the last finished state of a target outlives the look-back by this";
    "metrics.targets.mode" Global Open Kind::Word(&["off", "failing", "all"]), "failing",
        "which targets have series of their own: those whose latest finished scan did not complete, or all; with \
         off none have, and the status page and `once` name none";
    "metrics.targets.limit" Global Open Kind::Whole(0, 100_000), "2000",
        "most targets with series per source, failing ones first; also most entries of each list of the status page \
         and `once`";
    "metrics.targets.names" Global Open Kind::Flag, "true",
        "whether instance and target names are shown, beside the Uuid of a target; without them a target that has no \
         Uuid is not shown";
    "state.path" Global Open Kind::Path, "",
        "file in which the counters of scans and what was seen survive a restart, also after kill -9; without one, or with \
         \"\", they start at 0, and `path:` without a value is a mistake. It is made, its folder is not; one process at a time \
         may have it, and check-config looks at it without changing it";
    "sources[].name" Source Open Kind::Text(forms::NAME), "",
        "unique name, the label `source`";
    "sources[].region" Source Open Kind::Text(forms::REGION), "",
        "region id, which picks the endpoint";
    "sources[].endpoint" Source Private Kind::Text(forms::ENDPOINT), "",
        "URL of the API, instead of the region's";
    "sources[].allow_http" Source Open Kind::Flag, "false",
        "allow an http:// endpoint that is not loopback";
    "sources[].network" Source Open Kind::Word(&["public", "vpc"]), "public",
        "whether the region is asked over the internet or inside a VPC";
    "sources[].listing" Source Open Kind::Word(&["auto", "flat", "per_root", "root"]), "auto",
        "how scan tasks are listed, which depends on the account: flat takes all at once, per_root those of each \
         main task, root the main tasks themselves; auto finds out";
    "sources[].target_types" Source Open Kind::Words(TARGET_TYPES), "",
        "types of targets to list; none for all";
    "sources[].labels" Source Private Kind::Labels, "",
        "extra labels of agentless_exporter_source_info";
    "sources[].credentials.type" Credentials Private CREDENTIALS_TYPE, "default",
        "where the access key comes from";
    "sources[].credentials.access_key_id" Credentials Secret Kind::Text(forms::KEY_ID), "",
        "id of the access key";
    "sources[].credentials.access_key_secret" Credentials Secret Kind::Text(forms::SECRET), "",
        "secret of the access key";
    "sources[].credentials.security_token" Credentials Secret Kind::Text(forms::SECRET), "",
        "token of a temporary access key";
    "sources[].credentials.role_name" Credentials Private Kind::Text(forms::ROLE_NAME), "",
        "name of the machine's role; without one ALIBABA_CLOUD_ECS_METADATA, else the role that the machine has";
    "sources[].credentials.disable_imds_v1" Credentials Open Kind::Flag, "",
        "whether the metadata service is never asked without a token of its own, as ALIBABA_CLOUD_IMDSV1_DISABLED=true says too";
    "sources[].credentials.role_arn" Credentials Private Kind::Text(forms::ARN), "",
        "the role to assume; for oidc without it ALIBABA_CLOUD_ROLE_ARN";
    "sources[].credentials.role_session_name" Credentials Private Kind::Text(forms::SESSION_NAME), "",
        "how the audit log of the cloud calls this exporter; without it ALIBABA_CLOUD_ROLE_SESSION_NAME, else \
         agentless-exporter";
    "sources[].credentials.session_duration" Credentials Open Kind::Duration("15m", "12h"), "",
        "how long a key of the role is good, an hour if not set; it is renewed in time, and more than the role allows is refused";
    "sources[].credentials.policy" Credentials Private Kind::Text(forms::POLICY), "",
        "a policy (JSON) that leaves less than the role may do";
    "sources[].credentials.external_id" Credentials Secret Kind::Text(forms::SECRET), "",
        "what the trust policy of the role asks for as sts:ExternalId";
    "sources[].credentials.sts_region" Credentials Private Kind::Text(forms::REGION), "",
        "region of the Security Token Service, before that of a profile; without both ALIBABA_CLOUD_STS_REGION, else the \
         central one is asked. A `base` that says neither this nor sts_endpoint is assumed where its role is";
    "sources[].credentials.sts_network" Credentials Open Kind::Word(&["public", "vpc"]), "",
        "whether that is asked over the internet or inside the VPC of its region; without it what a profile says, else vpc \
         if ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED=true";
    "sources[].credentials.sts_endpoint" Credentials Private Kind::Text(forms::ENDPOINT), "",
        "URL of the Security Token Service, instead of those and of what a profile says: every role of this source is assumed \
         there, and check-config --live asks there; http:// only for loopback";
    "sources[].credentials.oidc_provider_arn" Credentials Private Kind::Text(forms::PROVIDER_ARN), "",
        "the identity provider of the cluster; without it ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
    "sources[].credentials.oidc_token_file" Credentials Open Kind::Path, "",
        "file of the service account's token, read again at each renewal; without it ALIBABA_CLOUD_OIDC_TOKEN_FILE";
    "sources[].credentials.profile" Credentials Private Kind::Text(forms::NAME), "",
        "name of the profile; without one ALIBABA_CLOUD_PROFILE, else the current one of the file";
    "sources[].credentials.profile_path" Credentials Open Kind::Path, "",
        "file of profiles, JSON of the vendor's CLI or INI of its SDKs; without it the first of their default places \
         that is there";
    "sources[].credentials.allow_exec" Credentials Open Kind::Flag, "",
        "whether a profile of the mode External may run its program";
    "sources[].credentials.uri" Credentials Secret Kind::Text(forms::URI), "",
        "URL of a local service that gives temporary keys; without it ALIBABA_CLOUD_CREDENTIALS_URI";
    "web.listen-address" Flag Open Kind::Texts(forms::LISTEN_ADDRESS), ":9982",
        "address to listen on: HOST:PORT, :PORT or unix:PATH; may be repeated";
    "web.systemd-socket" Flag Open Kind::Flag, "false",
        "listen on the sockets that systemd passes, instead of on addresses";
    "web.telemetry-path" Flag Open Kind::Text(forms::TELEMETRY_PATH), "/metrics",
        "path of the exposition";
    "web.config.file" Flag Open Kind::Path, "",
        "file with TLS, users and headers of the HTTP face, as other Prometheus exporters have";
    "log.level" Flag Open Kind::Word(&["error", "warn", "info", "debug", "trace"]), "info",
        "least severe level that is logged";
    "log.format" Flag Open Kind::Word(&["logfmt", "json"]), "logfmt",
        "form of a log line";
}
