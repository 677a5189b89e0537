//! Why a command failed, and the exit code that says so.

use std::error::Error;
use std::process::ExitCode;

use crate::config::Mistakes;
use crate::rpc::BuildError;
use crate::simulator::SimulatorError;

use super::daemon::StartError;
use super::sources::UnsendableError;

/// The exit code of wrong usage and of a wrong configuration.
pub const EXIT_USAGE: u8 = 2;

/// Why a command did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] Mistakes),
    /// A flag, a file or a variable has a value that cannot be used.
    #[error(transparent)]
    Usage(Box<dyn Error + Send + Sync>),
    /// It could not start or run.
    #[error(transparent)]
    Start(Box<dyn Error + Send + Sync>),
    /// Some sources could not be read; why was told with the rest of the output.
    #[error("{failed} of {sources} sources could not be read")]
    Sources {
        /// Sources without data.
        failed: usize,
        /// All sources.
        sources: usize,
    },
    /// Some sources cannot be polled; why was told with the rest of the output.
    #[error("{failed} of {sources} sources cannot be polled")]
    Unpollable {
        /// Sources that cannot.
        failed: usize,
        /// All sources.
        sources: usize,
    },
    /// A signal ended it before it had done what it was asked to.
    #[error("ended by a signal before every source was read; nothing is printed")]
    Stopped,
    /// A signal ended it while nobody read its output.
    #[error("ended by a signal before the whole output was read")]
    Unread,
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

    /// 2 for what the caller can mend by another flag, file or variable, else 1.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Usage(_) => ExitCode::from(EXIT_USAGE),
            Self::Start(_)
            | Self::Sources { .. }
            | Self::Unpollable { .. }
            | Self::Stopped
            | Self::Unread
            | Self::Interrupted => ExitCode::FAILURE,
        }
    }
}

/// What was good when the configuration was checked may have changed since.
impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Bind(_) | StartError::Passed(_) | StartError::State(_) | StartError::Died => {
                Self::start(error)
            }
            StartError::TelemetryPath(_) => Self::usage(error),
            StartError::Source(error) => error.into(),
        }
    }
}

impl From<UnsendableError> for Failure {
    fn from(error: UnsendableError) -> Self {
        match error.source {
            BuildError::Client(_) => Self::start(error),
            _ => Self::usage(error),
        }
    }
}

impl From<SimulatorError> for Failure {
    fn from(error: SimulatorError) -> Self {
        match error {
            SimulatorError::Config(_) => Self::usage(error),
            SimulatorError::Bind(_) => Self::start(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::{Config, HttpTransport};
    use crate::simulator::{ConfigError, Simulator};
    use crate::{clock::Clock, env::Env, net::Listener, simulator, web};

    fn is_usage(error: impl Into<Failure>) -> bool {
        error.into().exit_code() == ExitCode::from(EXIT_USAGE)
    }

    #[tokio::test]
    async fn what_another_configuration_mends_is_told_from_what_it_does_not() {
        let transport = |source| StartError::from(UnsendableError { source_name: "a".to_owned(), source });
        let env = Env::from_iter([("HTTPS_PROXY", "socks5://proxy")]);
        let proxy = HttpTransport::build(&Config::default(), &env).unwrap_err();
        assert!(is_usage(transport(proxy)));
        let config = Config { ca_file: Some("/no/such/ca.pem".into()), ..Config::default() };
        assert!(is_usage(transport(HttpTransport::build(&config, &Env::default()).unwrap_err())));
        assert!(is_usage(StartError::TelemetryPath(web::TelemetryPathError::Taken)));
        assert!(is_usage(SimulatorError::Config(ConfigError::RealKey)));

        let taken = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        assert!(!is_usage(StartError::Bind(Listener::bind(&address).await.unwrap_err())));
        let config = simulator::Config { listen: address, ..simulator::Config::default() };
        assert!(!is_usage(Simulator::bind(config, Clock::system()).await.unwrap_err()));
    }
}
