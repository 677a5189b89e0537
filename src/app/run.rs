//! From a command to an exit code.

use std::error::Error;
use std::future::Future;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::cli::{CheckConfigArgs, Command, ServeArgs};
use crate::clock::Clock;
use crate::config::{self, Mistakes};
use crate::env::Env;
use crate::logging;

use super::daemon::Daemon;
use super::signals::Signals;
use super::{check, demo, simulate};

/// The exit code of wrong usage and of a wrong configuration.
pub const EXIT_USAGE: u8 = 2;

/// How long the runtime may take to end what a second signal interrupted.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Mistakes),
    /// A flag has a value that cannot be used.
    #[error(transparent)]
    Usage(Box<dyn Error + Send + Sync>),
    /// It could not start or run.
    #[error(transparent)]
    Start(Box<dyn Error + Send + Sync>),
    /// A second signal ended it before it had drained.
    #[error("ended at once by a second signal")]
    Interrupted,
}

impl Failure {
    pub(super) fn start(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Start(Box::new(error))
    }

    pub(super) fn usage(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Usage(Box::new(error))
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Usage(_) => ExitCode::from(EXIT_USAGE),
            Self::Start(_) | Self::Interrupted => ExitCode::FAILURE,
        }
    }
}

/// Does what `command` says: 0 if that went well, 1 if it could not start or run, 2 for a wrong
/// flag or configuration. What went wrong is told on stderr.
pub fn run(command: Command, env: &Env) -> ExitCode {
    let done = match command {
        Command::Serve(args) => serve(&args, env),
        Command::Demo(args) => demo::run(args, env),
        Command::Simulate(args) => simulate::run(args),
        Command::CheckConfig(args) => check_config(&args, env),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut words = failure.to_string();
            let mut cause = failure.source();
            while let Some(error) = cause {
                words = format!("{words}: {error}");
                cause = error.source();
            }
            // A closed stream leaves nobody to tell.
            let _nobody_reads = writeln!(io::stderr(), "agentless-exporter: {}", words.trim_end());
            failure.exit_code()
        }
    }
}

fn serve(args: &ServeArgs, env: &Env) -> Result<(), Failure> {
    let settings = config::load(&args.inputs(env.clone()))?;
    logging::init(settings.logging);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        sources = settings.sources.len(),
        "agentless-exporter starts"
    );
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    until_signal(|shutdown| async move {
        let daemon = Daemon::bind(settings, env, Clock::system(), shutdown).await;
        daemon.map_err(Failure::start)?.run().await;
        Ok(())
    })
}

fn check_config(args: &CheckConfigArgs, env: &Env) -> Result<(), Failure> {
    let report = check::run(&args.inputs(env.clone()))?;
    say(&report)
}

/// Writes to stdout, whole.
pub(super) fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::start)
}

/// Runs `work` on a runtime. The first SIGTERM or SIGINT cancels its token, upon which it is to
/// end soon; the second ends it at once.
pub(super) fn until_signal<F>(work: impl FnOnce(CancellationToken) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::start)?;
    let done = runtime.block_on(async {
        let signals = Signals::catch().map_err(Failure::start)?;
        let shutdown = CancellationToken::new();
        tokio::select! {
            done = work(shutdown.clone()) => done,
            () = signals.watch(shutdown) => Err(Failure::Interrupted),
        }
    });
    runtime.shutdown_timeout(LAST_MOMENT);
    done
}
