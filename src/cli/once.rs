//! The flags of `once`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::Inputs;
use crate::env::Env;

use super::flags::LogArgs;

/// Flags of `once`.
#[derive(Clone, Debug, Args)]
#[command(
    after_help = EXAMPLES,
    after_long_help = EXAMPLES_AND_SHAPE,
    // What the log says at `info` is told without it.
    mut_arg("level", |arg| arg.default_value("warn"))
)]
pub struct OnceArgs {
    /// YAML file; without one there is one source, set by the environment
    #[arg(long = "config.file", value_name = "PATH")]
    pub config_file: Option<PathBuf>,
    /// What is printed on stdout
    #[arg(long, value_name = "FORM", value_enum, default_value_t = OutputForm::Table)]
    pub output: OutputForm,
    /// Flags of logging.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What `once` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// Tasks by status, failing targets and failed sources, for people
    Table,
    /// What Prometheus would scrape but `process_*`, in the text format
    Metrics,
    /// One JSON object
    Json,
}

macro_rules! examples {
    () => {
        "\
Examples:
  agentless-exporter once --config.file exporter.yaml
  agentless-exporter once --output json | jq '.sources[] | select(.ok | not)'
  agentless-exporter once --output metrics > agentless.tmp && mv agentless.tmp agentless.prom

Progress is told on stderr: a bar for each source on a terminal, else a line now and then.

Exit codes: 0 every source was read, 1 some source was not, or a signal came,
2 wrong usage or configuration"
    };
}

const EXAMPLES: &str = examples!();

const EXAMPLES_AND_SHAPE: &str = concat!(
    examples!(),
    "

The JSON object; what is not known is null, times are RFC 3339 in UTC:
  sources[]
    name, region, endpoint, listing
    ok               whether the source was read
    as_of            when it was read
    tasks            by type of target, then by status: the scan tasks of the look-back
    skipped_rows     rows left out for want of a TaskId
    missing_rows     rows that the API counts and does not show
    running[]        target_type, target, start, progress_percent
    failing[]        target_type, target, status, finished_at, failing_since, last_success
    failing_targets  how many there are, also those that are not listed
    failure          reason, message and advice, if the source was not read
  A target is null or has name, id, instance_id, instance_name and target_name."
);

impl OnceArgs {
    /// What the configuration is to be loaded from.
    pub fn inputs(&self, env: Env) -> Inputs {
        Inputs { file: self.config_file.clone(), env, flags: self.log.overrides() }
    }
}
