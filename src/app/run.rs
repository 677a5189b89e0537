//! From a command to an exit code.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::cli::{self, CheckConfigArgs, Command, ServeArgs};
use crate::clock::Clock;
use crate::config;
use crate::env::Env;
use crate::error::in_words;
use crate::logging;
use crate::meters::reference;
use crate::net::Passed;

use super::daemon::Daemon;
use super::failure::Failure;
use super::output::say;
use super::reload::{Reloads, tell_warnings, warnings};
use super::runtime::until_signal;
use super::signals::Hangups;
use super::{check, demo, live, once, simulate};

/// Does what `command` says: 0 if that went well, 1 if it could not start or run, 2 for a wrong
/// flag or configuration. What went wrong is told on stderr.
pub fn run(command: Command, env: &Env) -> ExitCode {
    let done = match command {
        Command::Serve(args) => serve(&args, env),
        Command::Demo(args) => demo::run(args),
        Command::Simulate(args) => simulate::run(args),
        Command::CheckConfig(args) => check_config(&args, env),
        Command::Once(args) => once::run(&args, env),
        Command::Metrics => say(&reference::markdown()),
        Command::Completions(args) => say(&cli::completions(args.shell)),
        Command::Man => say(&cli::man()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // A closed stream leaves nobody to tell.
            let _nobody_reads =
                writeln!(io::stderr(), "agentless-exporter: {}", in_words(&failure).trim_end());
            failure.exit_code()
        }
    }
}

fn serve(args: &ServeArgs, env: &Env) -> Result<(), Failure> {
    let inputs = args.inputs(env.clone());
    let settings = config::load(&inputs)?;
    logging::init(settings.logging);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        sources = settings.sources.len(),
        "agentless-exporter starts"
    );
    tell_warnings(&warnings(&settings, env, Clock::system().now()));
    // Before the runtime has threads.
    let passed = settings.web.systemd_socket.then(Passed::take).transpose().map_err(Failure::start)?;
    until_signal(|shutdown| async move {
        // First, because until then one would end the process.
        let hangups = Hangups::catch().map_err(Failure::start)?;
        let reloads = Reloads { inputs, hangups, by_http: args.enable_lifecycle };
        Daemon::bind(settings, passed, reloads, Clock::system(), shutdown).await?.run().await;
        Ok(())
    })
}

fn check_config(args: &CheckConfigArgs, env: &Env) -> Result<(), Failure> {
    if args.live {
        return live::run(args, env);
    }
    let report = check::run(&args.inputs(env.clone()))?;
    say(&report)
}
