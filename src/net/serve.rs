//! The accept loop: one task a connection, bounded in number, drained at the end.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::accept::{Acceptor, Exhausted};
use super::connection::Shared;
use super::progress::{Progress, Standing, most_expendable};
use super::{Listener, Peer, Tls};

/// What one client, or many, may take up.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most connections open at a time. For one more, the one is closed that has waited for a request for
    /// longest; if none waits, the one whose answer is under way for longest.
    ///
    /// Half of the file descriptors that a process has where nobody gave it more, which leaves as many for
    /// polls and files.
    pub connections: usize,
    /// Most time for a TLS handshake.
    pub handshake_time: Duration,
    /// Most time from the first byte of a request to the end of its header. In HTTP/2, where a request
    /// can't be told from other frames before it is whole, `idle_time` holds instead.
    pub header_time: Duration,
    /// Most time between an answer and the next request: more than Prometheus lets pass between scrapes.
    pub idle_time: Duration,
    /// Most time for an answer, from its request to the last byte that the client takes.
    pub answer_time: Duration,
    /// Most bytes of a request header, 8 KiB at least.
    pub header_bytes: usize,
    /// Most requests under way at a time on one HTTP/2 connection.
    pub streams: u32,
    /// How long answers under way may take once draining has begun.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 512,
            handshake_time: Duration::from_secs(10),
            header_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(180),
            answer_time: Duration::from_secs(60),
            header_bytes: 16 * 1024,
            streams: 16,
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves `listener` until `shutdown` is cancelled, then lets the answers under way finish within the grace
/// time. `tls` is asked at each connection. A `service` that returns an error closes its connection
/// unanswered; in HTTP/2, its stream.
pub async fn serve<S, F, B, E>(
    listener: Listener,
    bounds: Bounds,
    tls: Tls,
    shutdown: CancellationToken,
    service: S,
) where
    S: Fn(Request<Incoming>, Peer) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    let shared = Shared { bounds, tls, draining: CancellationToken::new(), service };
    let mut acceptor = Acceptor::new(listener);
    let mut open = Open::default();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = open.tasks.join_next_with_id() => {
                open.forget(ended.map(|(id, ())| id));
                continue;
            }
            accepted = acceptor.next() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                open.make_room(bounds.connections);
                let progress = Progress::new();
                open.add(shared.clone().attend(stream, peer, Arc::clone(&progress)), progress);
            }
            // Descriptors are wanted.
            Err(Exhausted) => open.give_up_some(),
        }
    }
    drop(acceptor);
    shared.draining.cancel();
    let ended = async { while open.tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(bounds.grace, ended).await.is_err() {
        tracing::warn!("some connections did not end within the grace time and are cut off");
        open.tasks.shutdown().await;
    }
}

/// The connections that are open.
#[derive(Default)]
struct Open {
    tasks: JoinSet<()>,
    known: HashMap<Id, (Arc<Progress>, AbortHandle)>,
    /// Whether the bound is reached, until half of that is open.
    is_crowded: bool,
}

impl Open {
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static, progress: Arc<Progress>) {
        let task = self.tasks.spawn(connection);
        self.known.insert(task.id(), (progress, task));
    }

    fn forget(&mut self, ended: Result<Id, JoinError>) {
        self.known.remove(&ended.unwrap_or_else(|error| error.id()));
    }

    /// Closes as many as must go for one more.
    fn make_room(&mut self, most: usize) {
        if self.known.len() < most {
            if self.is_crowded && self.known.len() <= most / 2 {
                self.is_crowded = false;
                tracing::info!("there is room for connections again");
            }
            return;
        }
        if !std::mem::replace(&mut self.is_crowded, true) {
            tracing::warn!(
                connections = most,
                "as many connections are open as may be; those that have waited for longest are closed for new ones"
            );
        }
        while self.known.len() >= most {
            let Some((id, _)) = self.most_expendable() else { return };
            self.close(id);
        }
    }

    /// Closes a quarter, or a crowd that waits to be accepted would be let in one by one, with a rest between
    /// them. It need not be connections that took the descriptors, so that no young answer goes.
    fn give_up_some(&mut self) {
        for _ in 0..self.known.len().div_ceil(4) {
            match self.most_expendable() {
                Some((id, standing)) if !standing.is_answered || standing.is_settled() => self.close(id),
                _ => return,
            }
        }
    }

    fn most_expendable(&self) -> Option<(Id, Standing)> {
        most_expendable(self.known.iter().map(|(&id, (progress, _))| (id, progress.standing())))
    }

    fn close(&mut self, id: Id) {
        if let Some((_, task)) = self.known.remove(&id) {
            task.abort();
        }
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
