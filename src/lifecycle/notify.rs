//! What systemd is told: that the process is ready, what it is at, and that it is alive.
//!
//! This is the protocol of `sd_notify(3)`: a datagram of `NAME=VALUE` lines to the socket that `NOTIFY_SOCKET` names.

use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};
use tokio_util::sync::CancellationToken;

use crate::env::Env;

use super::Health;

/// How long a message may wait for systemd to read the ones before it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the status is looked at.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// A handle that tells systemd what the process is at; where there is no systemd to tell it does nothing.
#[derive(Clone, Debug, Default)]
pub struct Notifier {
    socket: Option<Arc<UnixDatagram>>,
    /// How often systemd wants to hear that the process is alive.
    watchdog: Option<Duration>,
}

impl Notifier {
    /// The one that `NOTIFY_SOCKET` and `WATCHDOG_USEC` ask for. A socket that can't be reached is logged and
    /// no reason not to start.
    pub fn from_env(env: &Env) -> Self {
        let Some(name) = env.get("NOTIFY_SOCKET") else { return Self::default() };
        match connect(name) {
            Ok(socket) => Self::over(socket, watchdog(env)),
            Err(error) => {
                tracing::warn!(%error, "the socket in NOTIFY_SOCKET can't be reached; systemd is told nothing");
                Self::default()
            }
        }
    }

    /// One that tells what holds the other end of `socket`, a fake of systemd for instance.
    pub fn over(socket: UnixDatagram, watchdog: Option<Duration>) -> Self {
        Self { socket: Some(Arc::new(socket)), watchdog }
    }

    /// Whether there is anybody to tell.
    pub fn is_heard(&self) -> bool {
        self.socket.is_some()
    }

    /// The process serves, for the first time or again after [`Self::reloading`].
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// The configuration is being read again, until [`Self::ready`].
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The process is about to end.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// What `systemctl status` shows, in one line.
    pub fn status(&self, text: &str) {
        // A further line would be a message of its own.
        let line: String = text.chars().filter(|c| !c.is_control()).collect();
        self.send(&format!("STATUS={line}"));
    }

    /// Tells that the process is ready, then its status whenever that changes and that it is alive for as long
    /// as `health` is good, and at last that it is stopping. To be called once the process listens.
    pub async fn attend(
        self,
        health: Health,
        status: impl Fn() -> String + Send,
        shutdown: CancellationToken,
    ) {
        let mut told = status();
        self.ready();
        self.status(&told);
        let mut looks = interval(STATUS_EVERY);
        // Half of the time, as sd_watchdog_enabled(3) asks for.
        let beat = self.watchdog.map_or(Duration::from_secs(86_400), |every| every / 2);
        let mut beats = interval_at(Instant::now(), beat);
        // Late ones would only come in a row.
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = beats.tick(), if self.watchdog.is_some() => {
                    if health.is_good() {
                        self.send("WATCHDOG=1");
                    }
                }
                _ = looks.tick() => {
                    let now = status();
                    if now != told {
                        self.status(&now);
                        told = now;
                    }
                }
            }
        }
        self.stopping();
    }

    fn send(&self, message: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::debug!(%error, "systemd could not be told");
        }
    }
}

fn connect(name: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address(name)?)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// A path, or after `@` a name that is no file.
fn address(name: &str) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = name.strip_prefix('@') {
        use std::os::linux::net::SocketAddrExt as _;
        return SocketAddr::from_abstract_name(name);
    }
    SocketAddr::from_pathname(name)
}

/// How often this very process is to be heard of.
fn watchdog(env: &Env) -> Option<Duration> {
    let is_ours = env.get("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
    let micros = env.get("WATCHDOG_USEC")?.parse().ok().filter(|&micros| micros >= 2)?;
    is_ours.then_some(Duration::from_micros(micros))
}

#[cfg(test)]
#[path = "notify_tests.rs"]
mod tests;
