//! The flags of `check-config`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::Inputs;
use crate::env::Env;

use super::flags::WebConfigArgs;

/// Flags of `check-config`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = EXAMPLES_AND_SHAPE)]
pub struct CheckConfigArgs {
    /// YAML file; without one the environment alone is checked
    #[arg(long = "config.file", value_name = "PATH")]
    pub config_file: Option<PathBuf>,
    /// The flag of the web config file.
    #[command(flatten)]
    pub web_config: WebConfigArgs,
    /// Also ask the cloud, by a few small requests for each source, whether it can be polled
    #[arg(long)]
    pub live: bool,
    /// What --live prints on stdout
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LiveOutput::Table, requires = "live")]
    pub output: LiveOutput,
}

/// What `check-config --live` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LiveOutput {
    /// The configuration, then what was learnt of each source, for people
    Table,
    /// One JSON object
    Json,
}

macro_rules! examples {
    () => {
        "\
Examples:
  agentless-exporter check-config --config.file exporter.yaml
  ALIBABA_CLOUD_REGION_ID=cn-hangzhou agentless-exporter check-config
  agentless-exporter check-config --config.file exporter.yaml --web.config.file web.yml
  agentless-exporter check-config --live --config.file exporter.yaml
  agentless-exporter check-config --live --output json | jq '.sources[] | select(.ok | not)'

With --live each source tells whose access key it is (GetCallerIdentity), whether that may
list tasks, how far the clock is off, how many tasks each kind of listing counts, in both data
centres, how large pages are, and how many requests a day polls will make. Only reading
operations are called, under the rate of the configuration.

Exit codes: 0 valid, and with --live every source can be polled; 1 some source can't, or a
signal came; 2 wrong usage or not valid"
    };
}

const EXAMPLES: &str = examples!();

const EXAMPLES_AND_SHAPE: &str = concat!(
    examples!(),
    "

The JSON object; what is not known is null, and notes say why; times are RFC 3339 in UTC:
  ok                   whether every source can be polled
  warnings[]           what should be known of the configuration
  sources[]
    name, region, endpoint
    ok                 whether it can be polled
    credentials        the type of its credentials
    key                provider, id (shortened) and expires of the access key
    identity           arn, account_id and identity_type of its owner
    permission         granted or refused
    clock_skew_seconds the clock of the cloud minus that of this machine
    page_size          configured, accepted by the API, answered by it
    listing            configured, and what the counts look like (seen)
    counts[]           by endpoint: its own, then the other data centre
      main_tasks, subtasks, root_task_omitted
                       TotalCount with RootTask=true, RootTask=false and without it
      newest_main_tasks[]
                       task_id, and its subtasks
      lookback_main_tasks, lookback_subtasks
                       those that started within the look-back; only of its own endpoint
      failure          why this endpoint did not answer
    requests_a_day     total while nothing runs; quiet_polls, full_listings and the requests
                       of_a_full_listing
    failure            reason, code, message and advice, if it can't be polled
    notes[]            what to know of these figures, and what could not be learnt"
);

impl CheckConfigArgs {
    /// What the configuration is to be loaded from.
    pub fn inputs(&self, env: Env) -> Inputs {
        Inputs { file: self.config_file.clone(), env, flags: self.web_config.overrides() }
    }
}
