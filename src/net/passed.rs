//! Sockets that systemd has opened and passes to the process.

use std::io;

use listenfd::ListenFd;

use super::listener::{Listener, listens};

/// What was passed can't be served.
#[derive(Debug, thiserror::Error)]
pub enum PassedError {
    /// Nothing was passed.
    #[error(
        "no socket was passed by systemd; start the .socket unit of this service, or listen on --web.listen-address"
    )]
    None,
    /// One is of a kind that HTTP can't be served on.
    #[error(
        "socket {number} of those passed by systemd is none that can be served; in the .socket unit use ListenStream= and Accept=no"
    )]
    Kind {
        /// Which, from 1 on, in the order of the unit.
        number: usize,
    },
    /// The system refused one.
    #[error("a socket passed by systemd cannot be used")]
    Refused(#[source] io::Error),
}

/// The sockets that were passed to the process, closed to its children.
#[derive(Debug, Default)]
pub struct Passed {
    tcp: Vec<std::net::TcpListener>,
    unix: Vec<std::os::unix::net::UnixListener>,
}

impl Passed {
    /// Takes what `LISTEN_FDS` and `LISTEN_PID` tell of, and takes both out of the environment. To be called
    /// once, before there are threads, which might read the environment meanwhile.
    ///
    /// # Errors
    /// If nothing was passed, or something that does not listen for TCP or unix streams.
    pub fn take() -> Result<Self, PassedError> {
        let mut given = ListenFd::from_env();
        let mut passed = Self::default();
        for index in 0..given.len() {
            let wrong = PassedError::Kind { number: index + 1 };
            if let Ok(Some(socket)) = given.take_tcp_listener(index) {
                passed.tcp.push(Some(socket).filter(listens).ok_or(wrong)?);
            } else if let Ok(Some(socket)) = given.take_unix_listener(index) {
                passed.unix.push(Some(socket).filter(listens).ok_or(wrong)?);
            } else {
                return Err(wrong);
            }
        }
        if given.len() == 0 { Err(PassedError::None) } else { Ok(passed) }
    }

    /// As one listener.
    ///
    /// # Errors
    /// If the system refuses to wait for their connections.
    pub fn listener(self) -> Result<Listener, PassedError> {
        Listener::of_passed(self.tcp, self.unix).map_err(PassedError::Refused)
    }
}
