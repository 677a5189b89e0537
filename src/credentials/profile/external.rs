//! A program that gives a key: a profile of the mode `External`.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::credentials::answer::{self, AnswerError};
use crate::credentials::provider::{FetchError, Lease, Provider};
use crate::rpc::AccessKey;
use crate::secret::Secret;

/// How long the program may take; the vendor's SDKs give it as long.
const LIMIT: Duration = Duration::from_secs(60);

/// A key takes a few hundred bytes, with its token a few thousand.
const MOST_BYTES: u64 = 64 * 1024;

/// After how long the program is run again whose key has no end that is known. The vendor's SDKs run
/// it for every request; a key that is replaced before is refused, and then it is run at once.
const AGAIN: Duration = Duration::from_secs(5 * 60);

/// What systemd tells this process alone.
const OF_SYSTEMD: [&str; 6] =
    ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// Runs a program at each fetch.
#[derive(Debug)]
pub(super) struct External {
    command: Secret,
    limit: Duration,
}

/// A program gave no key. What it wrote is not told, nor how it is called: both may hold passwords.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExternalError {
    /// A quote that is not closed, or nothing.
    #[error("its `process_command` is no command: quotes and backslashes are read as a shell does")]
    NoCommand,
    /// The program is not there, or is none.
    #[error("the program of its `process_command` can't be started")]
    Start(#[source] io::Error),
    /// Its output broke.
    #[error("the program of its `process_command` can't be read from")]
    Read(#[source] io::Error),
    /// It did not end.
    #[error("the program of its `process_command` was ended, for it took longer than {} s", .0.as_secs_f64())]
    Late(Duration),
    /// It said that it failed.
    #[error("the program of its `process_command` failed ({0}); run it by hand to see what it says")]
    Status(ExitStatus),
    /// It wrote something else than a key.
    #[error("the program of its `process_command` was ended, for it wrote more than {MOST_BYTES} bytes")]
    TooMuch,
    /// It wrote something else than a key.
    #[error("the output of its `process_command` is no key")]
    Output(#[source] AnswerError),
    /// It wrote a profile that leads to a key.
    #[error("the `mode` in the output of its `process_command` is neither AK nor StsToken")]
    OtherMode,
    /// The end is no time.
    #[error(
        "the `expiration` in the output of its `process_command` is not a time like 2026-11-24T03:04:05Z"
    )]
    NoTime,
}

/// What the program writes.
#[derive(Deserialize)]
struct Output {
    mode: Option<String>,
    access_key_id: Option<String>,
    access_key_secret: Option<String>,
    sts_token: Option<String>,
    expiration: Option<String>,
}

impl External {
    /// Gets keys from the program `command` with its arguments, which no shell reads.
    pub(super) fn new(command: Secret) -> Self {
        Self { command, limit: LIMIT }
    }

    async fn run(&self) -> Result<Lease, ExternalError> {
        let words = shlex::split(self.command.expose()).unwrap_or_default();
        let (program, arguments) = words.split_first().ok_or(ExternalError::NoCommand)?;
        let mut command = Command::new(program);
        for variable in OF_SYSTEMD {
            command.env_remove(variable);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // Also when it is late, when it writes too much and when nobody waits for it any more.
        command.kill_on_drop(true);
        let written = tokio::time::timeout(self.limit, output(command)).await;
        read(&written.map_err(|_| ExternalError::Late(self.limit))??)
    }
}

impl Provider for External {
    fn fetch(&self) -> BoxFuture<'_, Result<Lease, FetchError>> {
        self.run().map(|run| run.map_err(FetchError::failed)).boxed()
    }
}

/// Runs `command` to its end. What it writes is waited for too.
async fn output(mut command: Command) -> Result<Vec<u8>, ExternalError> {
    let mut child = command.spawn().map_err(ExternalError::Start)?;
    let mut written = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MOST_BYTES + 1).read_to_end(&mut written).await.map_err(ExternalError::Read)?;
    }
    if written.len() as u64 > MOST_BYTES {
        return Err(ExternalError::TooMuch);
    }
    let status = child.wait().await.map_err(ExternalError::Read)?;
    if status.success() { Ok(written) } else { Err(ExternalError::Status(status)) }
}

fn read(written: &[u8]) -> Result<Lease, ExternalError> {
    let output: Output = answer::json(written).map_err(ExternalError::Output)?;
    let part = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let needed = |text, name| part(text).ok_or(ExternalError::Output(AnswerError::Lacks(name)));
    let token = match output.mode.as_deref() {
        // The vendor's SDKs take an output without a mode too.
        Some("AK") | None => part(output.sts_token),
        Some("StsToken") => Some(needed(output.sts_token, "sts_token")?),
        Some(_) => return Err(ExternalError::OtherMode),
    };
    let key = AccessKey {
        id: needed(output.access_key_id, "access_key_id")?,
        secret: Secret::new(needed(output.access_key_secret, "access_key_secret")?),
        token: token.map(Secret::new),
    };
    match part(output.expiration) {
        None => Ok(Lease::for_ever(key, "external").looked_at_again(AGAIN)),
        Some(text) => {
            let expires = answer::time(&text).ok_or(ExternalError::NoTime)?;
            Ok(Lease::until(expires, key, "external"))
        }
    }
}

#[cfg(test)]
#[path = "external_tests.rs"]
mod tests;
