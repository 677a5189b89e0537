//! The command line: flags and commands.

mod check;
mod flags;
mod once;
mod print;
mod simulator;

pub use check::{CheckConfigArgs, LiveOutput};
pub use flags::{LogArgs, ServeArgs, WebArgs, WebConfigArgs};
pub use once::{OnceArgs, OutputForm};
pub use print::{CompletionsArgs, completions, man};
pub use simulator::{DemoArgs, SimulateArgs, SimulatorArgs};

use std::ffi::OsString;

use clap::{Parser, Subcommand};

/// What the program is asked to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the exporter (also without any command)
    Serve(ServeArgs),
    /// Run the exporter against a simulated Security Center; needs no account and no network
    Demo(DemoArgs),
    /// Run only the simulated Security Center
    Simulate(SimulateArgs),
    /// Check the configuration, tell every mistake, and, if told to, ask the cloud
    CheckConfig(CheckConfigArgs),
    /// Poll every source once, and print what came
    Once(OnceArgs),
    /// Print the reference of the metrics, as Markdown
    #[command(after_help = METRICS_EXAMPLES)]
    Metrics,
    /// Print the script that completes commands and flags in a shell
    Completions(CompletionsArgs),
    /// Print the manual page, as roff
    #[command(after_help = MAN_EXAMPLES)]
    Man,
}

const METRICS_EXAMPLES: &str = "\
Examples:
  agentless-exporter metrics
  agentless-exporter metrics | grep agentless_exporter_poll";

const MAN_EXAMPLES: &str = "\
Examples:
  agentless-exporter man | man -l -
  agentless-exporter man > /usr/local/share/man/man1/agentless-exporter.1";

#[derive(Debug, Parser)]
#[command(
    name = "agentless-exporter",
    version,
    about = "Prometheus exporter for the agentless scan tasks of Alibaba Cloud Security Center",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

const EXAMPLES: &str = "\
Examples:
  Look at it, without an account:
    agentless-exporter demo
  One account, by the environment:
    export ALIBABA_CLOUD_REGION_ID=cn-hangzhou
    export ALIBABA_CLOUD_ACCESS_KEY_ID=… ALIBABA_CLOUD_ACCESS_KEY_SECRET=…
    agentless-exporter once
    agentless-exporter
  Several accounts, by a file:
    agentless-exporter check-config --config.file exporter.yaml
    agentless-exporter --config.file exporter.yaml

Exit codes: 0 fine, 1 could not start or run, 2 wrong usage or configuration";

/// Reads the arguments, the program's name first.
///
/// # Errors
/// On `--help` and `--version`, and on wrong usage: `clap::Error::exit_code` is 0 for the first
/// two and 2 for the last, and printing it goes to the right stream.
pub fn parse<I, T>(args: I) -> Result<Command, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let Cli { command, serve } = Cli::try_parse_from(args)?;
    Ok(command.unwrap_or(Command::Serve(serve)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn serve(args: &[&str]) -> ServeArgs {
        match parse([&["agentless-exporter"], args].concat()) {
            Ok(Command::Serve(serve)) => serve,
            other => panic!("{args:?}: {other:?}"),
        }
    }

    fn error(args: &[&str]) -> clap::Error {
        parse([&["agentless-exporter"], args].concat()).unwrap_err()
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn serve_flags_work_with_and_without_the_command() {
        let flags = ["--config.file", "a.yaml", "--log.level=debug", "--web.listen-address=:1"];
        let bare = serve(&flags);
        let named = serve(&[&["serve"], &flags[..]].concat());
        assert_eq!(
            bare.inputs(crate::env::Env::default()).flags,
            named.inputs(crate::env::Env::default()).flags
        );
        assert_eq!(bare.config_file.as_deref(), Some(std::path::Path::new("a.yaml")));
    }

    #[test]
    fn wrong_usage_exits_2_and_says_what_and_how_to_mend() {
        for (args, said) in [
            (&["--web.lisen-address=:1"][..], "--web.listen-address"),
            (&["--web.listen-address=unix:run/x"], "absolute path"),
            (&["--web.listen-address=:1", "--web.systemd-socket"], "cannot be used with"),
            (&["demo", "--web.systemd-socket"], "unexpected argument"),
            (&["--web.listen-address=9982"], "did you mean :9982?"),
            (&["--web.listen-address=localhost"], "did you mean localhost:9982?"),
            (&["--web.config.file="], "the path is blank"),
            (&["--web.telemetry-path=/"], "status page"),
            (&["--log.level=loud"], "possible values"),
            (&["once", "--web.config.file=x"], "unexpected argument"),
            (&["demo", "--web.config.file=x"], "unexpected argument"),
            (&["demo", "--web.enable-lifecycle"], "unexpected argument"),
            (&["demo", "--web.systemd-socket"], "unexpected argument"),
            (&["check-config", "--output=json"], "--live"),
            (&["check-config", "--live", "--output=metrics"], "possible values: table, json"),
            (&["once", "--output=xml"], "possible values: table, metrics, json"),
            (&["ones"], "once"),
            (&["completions", "tcsh"], "possible values: bash"),
            (&["completions"], "<SHELL>"),
            (&["man", "once"], "unexpected argument"),
            (&["demo", "--fault", "throtle=0.1"], "there are throttle"),
            (&["demo", "--fault", "throttle=2"], "from 0 to 1"),
            (&["simulate", "--fault", "throttle"], "NAME=PROBABILITY"),
            (&["simulate", "--access-key-id", "LTAI5tExample"], "made-up"),
            (&["simulate", "--access-key-id", "LTAI5tExample"], "--access-key-id"),
            (&["simulate", "--access-key-id", "a b"], "no blanks"),
            (
                &["simulate", "--targets", "99999999"],
                "'--targets <COUNT>': expected a whole number from 1 to 5000000",
            ),
            (&["demo", "--targets=0"], "'--targets <COUNT>': expected a whole number from 1 to "),
            (&["demo", "--tasks=5000001"], "'--tasks <COUNT>': expected a whole number from 0 to 5000000"),
            (&["simulate", "--latency", "50"], "duration"),
            (&["simulate", "--page-size-max", "0"], "from 1 to 1000"),
        ] {
            let error = error(args);
            assert_eq!(error.exit_code(), 2, "{args:?}");
            assert!(error.to_string().contains(said), "{args:?}: {error}");
        }
    }

    #[test]
    fn version_and_help_are_no_errors() {
        let version = error(&["--version"]);
        assert_eq!(version.exit_code(), 0);
        assert_eq!(version.to_string(), format!("agentless-exporter {}\n", env!("CARGO_PKG_VERSION")));
        let program = Cli::command();
        let commands = program.get_subcommands().map(|command| vec![command.get_name(), "--help"]);
        for args in commands.chain([vec!["--help"]]) {
            let help = error(&args);
            assert_eq!(help.exit_code(), 0, "{args:?}");
            assert!(help.to_string().contains("Examples:"), "{args:?}");
        }
    }

    #[test]
    fn the_help_tells_the_defaults_in_force() {
        let simulator = crate::simulator::Config::default();
        for (command, listen) in [("simulate", simulator.listen.as_str()), ("demo", "127.0.0.1:0")] {
            let help = error(&[command, "--help"]).to_string();
            let told: Vec<_> =
                help.lines().filter_map(|line| line.split_once("[default: ")?.1.strip_suffix(']')).collect();
            let Ok(
                Command::Simulate(SimulateArgs { simulator: args, .. })
                | Command::Demo(DemoArgs { simulator: args, .. }),
            ) = parse(["agentless-exporter", command])
            else {
                panic!("{command} without flags");
            };
            let inside = args.config().unwrap();
            assert_eq!(inside, crate::simulator::Config { listen: listen.to_owned(), ..simulator.clone() });
            for default in [listen, inside.access_key_id.as_str(), inside.access_key_secret.expose()] {
                assert!(told.contains(&default), "{command}: {default} is not in {told:?}");
            }
            for number in
                [inside.seed, inside.tasks as u64, inside.targets as u64, inside.page_size_max.into()]
            {
                assert!(
                    told.contains(&number.to_string().as_str()),
                    "{command}: {number} is not in {told:?}"
                );
            }
        }
    }

    #[test]
    fn the_help_explains_every_fault() {
        for command in ["simulate", "demo"] {
            let help = error(&[command, "--help"]).to_string();
            for fault in crate::simulator::Fault::ALL {
                let is_told = |line: &str| line.contains(fault.as_str()) && line.contains(fault.help());
                assert!(help.lines().any(is_told), "{command}: {fault:?} is not explained: {help}");
            }
        }
    }

    #[test]
    fn once_logs_less_unless_told_to() {
        let level = |args: &[&str]| match parse([&["agentless-exporter", "once"], args].concat()) {
            Ok(Command::Once(once)) => once.log.config().level,
            other => panic!("{other:?}"),
        };
        assert_eq!(level(&[]), tracing_subscriber::filter::LevelFilter::WARN);
        assert_eq!(level(&["--log.level=info"]), tracing_subscriber::filter::LevelFilter::INFO);
    }

    #[test]
    fn flags_not_given_leave_the_defaults_of_the_table() {
        let env = crate::env::Env::from_iter([("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")]);
        let settings = crate::config::load(&serve(&[]).inputs(env)).unwrap();
        assert_eq!(settings.web, crate::web::Config::default());
        assert_eq!(settings.logging, crate::logging::Config::default());
    }
}
