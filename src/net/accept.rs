//! Accepting, also when the system has no more to give.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::time::Instant;

use super::listener::{Listener, Local, Peer, Stream};

/// How long accepting rests after it failed: at first, and at most after it failed again and again.
const FIRST_REST: Duration = Duration::from_millis(5);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// A [`Listener`] that rests when it fails.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: Listener,
    rest: Rest,
}

/// The system gave no connection; for want of descriptors, mostly, which closing another one would free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exhausted;

impl Acceptor {
    pub(super) fn new(listener: Listener) -> Self {
        Self { listener, rest: Rest::default() }
    }

    /// The next connection. May be dropped and asked for again at any time.
    pub(super) async fn next(&mut self) -> Result<(Stream, Peer), Exhausted> {
        self.rest.wait().await;
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.rest.end();
                    return Ok(accepted);
                }
                Err((_, error)) if is_of_client(&error) => {}
                Err((local, error)) => {
                    self.rest.begin(&local, &error);
                    return Err(Exhausted);
                }
            }
        }
    }
}

/// Whether the client was gone again before its turn, which says nothing about this machine.
fn is_of_client(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}

#[derive(Debug, Default)]
struct Rest {
    /// The socket that failed and the length of the last rest, until one accepts again.
    failing: Option<(Local, Duration)>,
    until: Option<Instant>,
}

impl Rest {
    async fn wait(&mut self) {
        if let Some(until) = self.until {
            tokio::time::sleep_until(until).await;
            self.until = None;
        }
    }

    fn begin(&mut self, local: &Local, error: &io::Error) {
        let length = match &self.failing {
            Some((_, last)) => (*last * 2).min(LONGEST_REST),
            None => {
                tracing::warn!(address = %local, %error, "connections can't be accepted; trying again");
                FIRST_REST
            }
        };
        self.failing = Some((local.clone(), length));
        self.until = Some(Instant::now() + length);
    }

    fn end(&mut self) {
        if let Some((local, _)) = self.failing.take() {
            tracing::info!(address = %local, "connections are accepted again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rests_grow_to_a_second_and_start_anew_once_a_connection_came() {
        let (local, error) = (Local::Unix("/run/x".into()), io::Error::from_raw_os_error(24));
        let mut rest = Rest::default();
        let lengths = async |rest: &mut Rest| {
            let mut lengths = Vec::new();
            for _ in 0..10 {
                let start = Instant::now();
                rest.begin(&local, &error);
                rest.wait().await;
                lengths.push(start.elapsed().as_millis());
            }
            lengths
        };
        let grown = [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000];
        assert_eq!(lengths(&mut rest).await, grown);
        rest.end();
        assert_eq!(lengths(&mut rest).await, grown);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_that_is_broken_off_is_not_lost() {
        let mut rest = Rest::default();
        rest.begin(&Local::Unix("/run/x".into()), &io::Error::from_raw_os_error(24));
        let until = rest.until;
        let _broken_off = tokio::time::timeout(Duration::from_millis(1), rest.wait()).await;
        assert_eq!(rest.until, until);
    }
}
