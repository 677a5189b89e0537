//! `check-config`: reads the configuration as the daemon would, and tells what it found.

use crate::clock::Clock;
use crate::config::{self, Inputs, Mistakes, Settings, SourceSettings, parse};
use crate::credentials;
use crate::env::Env;
use crate::error::in_words;
use crate::state::{self, Found};
use crate::web_config;

use super::{requests, runtime};

/// Checks the configuration and gives a report of it for a person. The cloud is not asked.
///
/// # Errors
/// On any mistake, with all of them.
pub fn run(inputs: &Inputs) -> Result<String, Mistakes> {
    config::load(inputs).map(|settings| report(&settings, &inputs.env))
}

/// The sources, what should be known of them, and that they are valid.
pub(super) fn report(settings: &Settings, env: &Env) -> String {
    let sources = settings.sources.iter().map(source);
    // What is wrong with it may be mended before the daemon starts, or not be so on its machine.
    let (state, no_state) = settings.state.as_ref().map(state).unwrap_or_default();
    let warnings = warnings(settings, env).into_iter().chain(no_state);
    let warnings = warnings.map(|warning| format!("warning: {warning}\n"));
    let web = settings.web_config.as_ref().map(web).unwrap_or_default();
    let mut report: String = sources.chain([state, web]).chain(warnings).collect();
    report.push_str("configuration is valid\n");
    report
}

/// What is no mistake, but should be known.
pub(super) fn warnings(settings: &Settings, env: &Env) -> Vec<String> {
    // The daemon may run in another environment than this command.
    let without_key = settings.sources.iter().filter_map(|source| {
        let missing = runtime::block_on(credentials::missing(&source.credentials, env)).flatten()?;
        let here = if missing.ends_with("not set") { " here" } else { ", as seen from here" };
        Some(format!("source {}: {missing}{here}; the exporter needs this when it runs", source.name))
    });
    let mut doubts: Vec<_> =
        settings.sources.iter().flat_map(|source| credentials::doubts(&source.credentials, env)).collect();
    doubts.dedup();
    let pace = requests::warnings(&settings.sources, env);
    let now = Clock::system().now();
    let web = settings.web_config.as_ref().and_then(|loaded| loaded.settings().warning(now));
    without_key.chain(doubts).chain(settings.warnings.iter().cloned()).chain(pace).chain(web).collect()
}

/// The word for the type of credentials.
pub(super) fn type_of(credentials: &credentials::Config) -> &'static str {
    match credentials {
        credentials::Config::Default => "default",
        credentials::Config::AccessKey { .. } => "access_key",
        credentials::Config::Sts { .. } => "sts",
        credentials::Config::Env => "env",
        credentials::Config::EcsRamRole(_) => "ecs_ram_role",
        credentials::Config::Oidc(_) => "oidc",
        credentials::Config::RamRoleArn { .. } => "ram_role_arn",
        credentials::Config::Profile(_) => "profile",
        credentials::Config::Uri(_) => "uri",
    }
}

fn source(source: &SourceSettings) -> String {
    let key = type_of(&source.credentials);
    let poller = &source.poller;
    let [interval, lookback, stale_after] =
        [poller.interval, poller.lookback, poller.stale_after].map(parse::show_duration);
    format!(
        "source {}\n  endpoint     {}\n  credentials  {key}\n  interval     {interval}\n  look-back    {lookback}\n  \
         stale after  {stale_after}, or 3 intervals or 3 polls if that is longer\n  \
         rate         {} requests a second\n  requests     {}\n  listing      {}\n",
        source.name,
        source.endpoint,
        source.rpc.requests_per_second,
        requests::in_words(poller),
        poller.listing,
    )
}

/// What is told of the state file, and a warning if it can't be used.
fn state(config: &state::Config) -> (String, Option<String>) {
    let found = state::look(&config.path);
    let told = match found {
        Ok(Found::Nothing) => "there is none yet; serve makes it",
        Ok(Found::Whole) => "it is whole; serve goes on from it",
        Ok(Found::InUse) => "a running exporter has it; it was not read",
        Err(_) => "it cannot be used, see below",
    };
    let warning = found.err().map(|error| format!("state.path: {}", in_words(&error)));
    (format!("state\n  path         {}\n  file         {told}\n", config.path.display()), warning)
}

/// What is told of the web config file.
fn web(loaded: &web_config::Loaded) -> String {
    format!("web config {}\n  {}\n", loaded.path().display(), loaded.settings().summary())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_configuration_is_told_source_by_source() {
        let env = Env::from_iter([
            ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"),
            ("AGENTLESS_EXPORTER__STATE__PATH", "/no/such/folder/state"),
        ]);
        let report = run(&Inputs { env, ..Inputs::default() }).unwrap();
        let expected = "\
source default
  endpoint     https://tds.cn-shanghai.aliyuncs.com
  credentials  default
  interval     2m
  look-back    7d
  stale after  15m, or 3 intervals or 3 polls if that is longer
  rate         2 requests a second
  requests     at least 3600 a day when nothing runs, and 1 for every 50 tasks of the look-back at each of 4 full listings
  listing      auto
state
  path         /no/such/folder/state
  file         it cannot be used, see below
warning: state.path: the state file /no/such/folder/state cannot be used: its folder /no/such/folder does not exist; create it for the user that runs the exporter, or change state.path
configuration is valid
";
        assert_eq!(report, expected);
    }

    #[test]
    fn what_a_key_lacks_on_this_machine_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let (file, broken) = (folder.path().join("exporter.yaml"), folder.path().join("broken.json"));
        std::fs::write(&broken, "{").unwrap();
        let warned = |credentials: &str| {
            let text = format!(
                "sources:\n  - name: a\n    region: cn-hangzhou\n    credentials: {{{credentials}}}\n"
            );
            std::fs::write(&file, text).unwrap();
            let inputs = Inputs { file: Some(file.clone()), ..Inputs::default() };
            let report = run(&inputs).unwrap();
            report.lines().filter(|line| line.starts_with("warning: source a: ")).collect::<String>()
        };
        let broken = broken.display();
        for (credentials, expected) in [
            (
                "type: env",
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET are not set here; the exporter needs this when it runs",
            ),
            ("type: uri", "ALIBABA_CLOUD_CREDENTIALS_URI is not set here; the"),
            ("type: oidc", "ALIBABA_CLOUD_OIDC_TOKEN_FILE are not set here; the"),
            (
                "type: oidc, role_arn: 'acs:ram::1:role/r', oidc_provider_arn: 'acs:ram::1:oidc-provider/p', \
                 oidc_token_file: /nowhere/token",
                "/nowhere/token can't be read: No such file or directory (os error 2), as seen from here; the",
            ),
            (
                "type: profile, profile_path: /nowhere/p",
                "no profile was found: there is no /nowhere/p, as seen",
            ),
            (&format!("type: profile, profile_path: {broken}"), "broken.json can't be used: it is not JSON"),
            (
                "type: ram_role_arn, role_arn: 'acs:ram::1:role/r', base: {type: env}",
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET are not set here; the",
            ),
        ] {
            assert!(warned(credentials).contains(expected), "{credentials}: {}", warned(credentials));
        }
        for none in ["type: default", "type: ecs_ram_role", "type: uri, uri: 'https://keys.example/'"] {
            assert_eq!(warned(none), "");
        }
    }

    #[test]
    fn a_bad_configuration_gives_no_report() {
        let mistakes = run(&Inputs::default()).unwrap_err();
        assert!(mistakes.to_string().contains("ALIBABA_CLOUD_REGION_ID"), "{mistakes}");
    }
}
