//! Why a command failed, and the exit code that says so.

use std::error::Error;
use std::process::ExitCode;

use crate::config::Mistakes;

/// The exit code of wrong usage and of a wrong configuration.
pub const EXIT_USAGE: u8 = 2;

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

    /// 2 for what the caller can mend by another flag or file, else 1.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Usage(_) => ExitCode::from(EXIT_USAGE),
            Self::Start(_) | Self::Interrupted => ExitCode::FAILURE,
        }
    }
}
