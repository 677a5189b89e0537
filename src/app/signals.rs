//! What the operating system asks for.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGTERM and SIGINT, caught from the moment this exists.
#[derive(Debug)]
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to catch them.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Cancels `shutdown` at the first signal; returns at the second.
    pub(super) async fn watch(mut self, shutdown: CancellationToken) {
        let first = self.next().await;
        tracing::info!(signal = first, "draining; a second signal ends the process at once");
        shutdown.cancel();
        let second = self.next().await;
        tracing::warn!(signal = second, "a second signal came; ending at once");
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// SIGHUP, caught from the moment this exists.
#[derive(Debug)]
pub struct Hangups(Option<Signal>);

impl Hangups {
    /// Begins to catch it. Until now it would have ended the process.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub(super) fn catch() -> io::Result<Self> {
        signal(SignalKind::hangup()).map(|signal| Self(Some(signal)))
    }

    /// None that ever come; what the process does upon one is not changed.
    pub(super) fn never() -> Self {
        Self(None)
    }

    /// Waits for the next one. Those that came while nobody waited are one.
    pub(super) async fn next(&mut self) {
        match &mut self.0 {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        }
    }
}
