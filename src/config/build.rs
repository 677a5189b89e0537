//! From good values to the settings of the whole program, and the checks across keys.

use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;

use crate::env::Env;
use crate::ledger::{TargetsShown, Which};
use crate::{credentials, logging, poller, rpc, state, web};

use super::layers::Merged;
use super::parse::{self, show_duration};
use super::values::Values;
use super::{Settings, SourceSettings, limits, outside, source};
use crate::mistakes::Mistakes;

/// Builds the settings; they are whole only if no mistake was found here or before.
pub(super) fn settings(merged: &Merged, env: &Env, mistakes: &mut Mistakes) -> Settings {
    let values = Values::of(&merged.tree);
    let mut warnings = Vec::new();
    let base = source::Base {
        rpc: rpc_config(&values, "api", &rpc::Config::default(), mistakes),
        poller: poller_config(&values, "", &poller::Config::default()),
    };
    timing(&base.rpc, &base.poller, "", "", mistakes);
    let mut sources = source::sources(&values, &base, &merged.sources, mistakes, &mut warnings);
    limits::unite(&mut sources, env, &mut warnings);
    environment_proxy(&sources, env, mistakes);
    environment_key(&sources, env, mistakes);
    let logging = logging_config(values.text("log.level"), values.text("log.format"));
    let state = values.path("state.path").map(state::Config::at);
    Settings { logging, web: web_config(&values), web_config: None, state, sources, warnings }
}

/// From the words of `log.level` and `log.format`.
pub(crate) fn logging_config(level: Option<&str>, format: Option<&str>) -> logging::Config {
    let level = match level {
        Some("error") => LevelFilter::ERROR,
        Some("warn") => LevelFilter::WARN,
        Some("debug") => LevelFilter::DEBUG,
        Some("trace") => LevelFilter::TRACE,
        _ => LevelFilter::INFO,
    };
    let format = match format {
        Some("json") => logging::Format::Json,
        _ => logging::Format::Logfmt,
    };
    logging::Config { level, format }
}

fn web_config(values: &Values) -> web::Config {
    web::Config {
        listen_addresses: values.texts("web.listen-address").to_vec(),
        systemd_socket: values.flag("web.systemd-socket").unwrap_or_default(),
        telemetry_path: values.text("web.telemetry-path").unwrap_or_default().to_owned(),
    }
}

/// The request settings of the keys in `group`, those of `base` where there is none.
pub(super) fn rpc_config(
    values: &Values,
    group: &str,
    base: &rpc::Config,
    mistakes: &mut Mistakes,
) -> rpc::Config {
    let at = |name: &str| format!("{group}.{name}");
    rpc::Config {
        signature: match values.text(&at("signature")) {
            Some("hmac-sha1") => rpc::Signature::HmacSha1,
            Some(_) => rpc::Signature::Acs3HmacSha256,
            None => base.signature,
        },
        requests_per_second: values.number(&at("requests_per_second")).unwrap_or(base.requests_per_second),
        concurrency: values.whole(&at("concurrency")).unwrap_or(base.concurrency),
        max_attempts: values.whole(&at("max_attempts")).unwrap_or(base.max_attempts),
        connect_timeout: values.duration(&at("connect_timeout")).unwrap_or(base.connect_timeout),
        request_timeout: values.duration(&at("request_timeout")).unwrap_or(base.request_timeout),
        // A blank one means none, whatever holds for the other sources.
        proxy: if values.is_given(&at("proxy")) || values.is_given(&at("proxy_file")) {
            outside::proxy(values, &at("proxy"), mistakes)
        } else {
            base.proxy.clone()
        },
        ca_file: if values.is_given(&at("ca_file")) {
            outside::ca_file(values, &at("ca_file"), mistakes)
        } else {
            base.ca_file.clone()
        },
    }
}

/// The poll settings of the keys below `prefix`, those of `base` where there is none.
/// `listing` and `target_types` are those of `base`.
pub(super) fn poller_config(values: &Values, prefix: &str, base: &poller::Config) -> poller::Config {
    let span = |name: &str, base: Duration| values.duration(&format!("{prefix}{name}")).unwrap_or(base);
    poller::Config {
        interval: span("poll.interval", base.interval),
        stall_timeout: span("poll.stall_timeout", base.stall_timeout),
        lookback: span("poll.lookback", base.lookback),
        full_every: span("poll.full_every", base.full_every),
        stale_after: span("poll.stale_after", base.stale_after),
        keep_targets: span("metrics.targets.keep", base.keep_targets),
        page_size: values.whole(&format!("{prefix}api.page_size")).unwrap_or(base.page_size),
        concurrency: values.whole(&format!("{prefix}api.concurrency")).unwrap_or(base.concurrency),
        listing: base.listing,
        target_types: base.target_types.clone(),
        targets: TargetsShown {
            which: match values.text(&format!("{prefix}metrics.targets.mode")) {
                Some("off") => Which::None,
                Some("all") => Which::All,
                Some(_) => Which::Failing,
                None => base.targets.which,
            },
            names: values.flag(&format!("{prefix}metrics.targets.names")).unwrap_or(base.targets.names),
            limit: values.whole(&format!("{prefix}metrics.targets.limit")).unwrap_or(base.targets.limit),
        },
    }
}

/// Times that only make sense in one order.
pub(super) fn timing(
    rpc: &rpc::Config,
    poller: &poller::Config,
    prefix: &str,
    origin: &str,
    mistakes: &mut Mistakes,
) {
    let mut more = |key: &str, longer: Duration, than: &str, shorter: Duration, reason: &str| {
        let (key, than) = (format!("{prefix}{key}"), format!("{prefix}{than}"));
        if longer <= shorter && !mistakes.concern(&key) && !mistakes.concern(&than) {
            let (longer, shorter) = (show_duration(longer), show_duration(shorter));
            mistakes.add(
                key,
                origin,
                format!("{longer} must be more than the {shorter} of {than}, {reason}"),
            );
        }
    };
    more(
        "poll.stall_timeout",
        poller.stall_timeout,
        "api.request_timeout",
        rpc.request_timeout,
        "else a poll is given up before its request is; raise the first or lower the second",
    );
    more(
        "api.request_timeout",
        rpc.request_timeout,
        "api.connect_timeout",
        rpc.connect_timeout,
        "else no time is left for the answer; raise the first or lower the second",
    );
}

/// The proxy of the environment, where a source would go through it.
fn environment_proxy(sources: &[SourceSettings], env: &Env, mistakes: &mut Mistakes) {
    if sources.iter().any(|source| source.rpc.proxy.is_none())
        && let Some((variable, text)) = rpc::environment_proxy(env)
        && let Err(error) = rpc::check_proxy(text)
    {
        mistakes.add(variable, "environment", error.to_string());
    }
}

/// The access key of the environment, where a source would use it. That it is missing is told at
/// run time, because it may come from elsewhere then; a placeholder stays one.
fn environment_key(sources: &[SourceSettings], env: &Env, mistakes: &mut Mistakes) {
    const VARIABLES: [&str; 3] =
        ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"];
    let is_used = |source: &SourceSettings| {
        matches!(source.credentials, credentials::Config::Default | credentials::Config::Env)
    };
    if !sources.iter().any(is_used) {
        return;
    }
    for variable in VARIABLES {
        if env.get(variable).is_some_and(parse::is_placeholder) {
            mistakes.add(variable, "environment", parse::PLACEHOLDER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, load};
    use crate::env::Env;

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_modules() {
        let env = Env::from_iter([("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")]);
        let settings = load(&Inputs { env, ..Inputs::default() }).unwrap();
        assert_eq!(settings.logging, logging::Config::default());
        assert_eq!(settings.web, web::Config::default());
        assert_eq!(settings.state, None);
        assert_eq!(settings.sources.len(), 1);
        assert_eq!(settings.sources[0].rpc, rpc::Config::default());
        assert_eq!(settings.sources[0].poller, poller::Config::default());
        assert_eq!(settings.sources[0].credentials, credentials::Config::Default);
        assert_eq!(settings.warnings, Vec::<String>::new());
    }

    #[test]
    fn the_state_file_has_an_absolute_path_or_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let (region, file) =
            (("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"), folder.path().join("exporter.yaml"));
        let load = |path: &str, variable: Option<&str>| {
            std::fs::write(&file, format!("state:\n  path: {path}\n")).unwrap();
            let variable = variable.map(|path| ("AGENTLESS_EXPORTER__STATE__PATH", path));
            let env = Env::from_iter([region].into_iter().chain(variable));
            load(&Inputs { file: Some(file.clone()), env, ..Inputs::default() })
        };
        let path = |path, variable| load(path, variable).unwrap().state.map(|state| state.path);
        assert_eq!(path("\"\"", None), None);
        assert_eq!(path("some/state", Some("")), None);
        let told = load("", None).unwrap_err().to_string();
        assert!(told.contains("state.path") && told.contains("has no value"), "{told}");
        assert_eq!(path("some/state", None), Some(folder.path().join("some/state")));
        assert_eq!(path("some/state", Some("other")), Some(std::path::absolute("other").unwrap()));
        assert_eq!(path("/some/state", None), Some("/some/state".into()));
    }

    #[test]
    fn targets_are_shown_as_mode_names_and_limit_say() {
        for (mode, names, which) in
            [("off", "true", Which::None), ("failing", "false", Which::Failing), ("all", "true", Which::All)]
        {
            let env = Env::from_iter([
                ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"),
                ("AGENTLESS_EXPORTER__METRICS__TARGETS__MODE", mode),
                ("AGENTLESS_EXPORTER__METRICS__TARGETS__NAMES", names),
                ("AGENTLESS_EXPORTER__METRICS__TARGETS__LIMIT", "7"),
            ]);
            let settings = load(&Inputs { env, ..Inputs::default() }).unwrap();
            let expected = TargetsShown { which, names: names == "true", limit: 7 };
            assert_eq!(settings.sources[0].poller.targets, expected);
        }
    }
}
