//! `check-config`: reads the configuration as the daemon would, and tells what it found.

use crate::config::{self, Inputs, Mistakes, Settings, SourceSettings, parse};
use crate::credentials;

/// Checks the configuration and gives a report of it for a person.
///
/// # Errors
/// On any mistake, with all of them.
pub fn run(inputs: &Inputs) -> Result<String, Mistakes> {
    config::load(inputs).map(|settings| report(&settings))
}

fn report(settings: &Settings) -> String {
    let sources = settings.sources.iter().map(source);
    let warnings = settings.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    let mut report: String = sources.chain(warnings).collect();
    report.push_str("configuration is valid\n");
    report
}

fn source(source: &SourceSettings) -> String {
    let key = match source.credentials {
        credentials::Config::Default => "default (in this version the environment only)",
        credentials::Config::AccessKey { .. } => "access_key",
        credentials::Config::Sts { .. } => "sts",
        credentials::Config::Env => "env",
    };
    format!(
        "source {}\n  endpoint     {}\n  credentials  {key}\n  interval     {}\n  listing      {}\n",
        source.name,
        source.endpoint,
        parse::show_duration(source.poller.interval),
        source.poller.listing,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    #[test]
    fn a_good_configuration_is_told_source_by_source() {
        let env = Env::from_iter([
            ("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou"),
            ("AGENTLESS_EXPORTER__STATE__PATH", "/var/lib/x"),
        ]);
        let report = run(&Inputs { env, ..Inputs::default() }).unwrap();
        let expected = "\
source default
  endpoint     https://tds.cn-shanghai.aliyuncs.com
  credentials  default (in this version the environment only)
  interval     2m
  listing      auto
warning: state.path: accepted, has no effect in this version
configuration is valid
";
        assert_eq!(report, expected);
    }

    #[test]
    fn a_bad_configuration_gives_no_report() {
        let mistakes = run(&Inputs::default()).unwrap_err();
        assert!(mistakes.to_string().contains("ALIBABA_CLOUD_REGION_ID"), "{mistakes}");
    }
}
