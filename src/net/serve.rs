//! The accept loop: one task a connection, bounded in number, drained at the end.

use std::error::Error as StdError;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Listener;
use super::write_limit::WriteLimit;

/// What one client, or many, may take up.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most connections open at a time; more wait in the backlog of the kernel.
    pub connections: usize,
    /// Most time from the start of a request to the end of its header.
    pub header_timeout: Duration,
    /// Most time that an answer may wait for its client to read on: one that never does would
    /// keep its connection for ever.
    pub write_timeout: Duration,
    /// Most bytes of a request header.
    pub header_bytes: usize,
    /// How long answers under way may take once draining has begun.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 512,
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            header_bytes: 16 * 1024,
            grace: Duration::from_secs(5),
        }
    }
}

/// How long accepting rests after it failed, which it does when file descriptors run out.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves `listener` until `shutdown` is cancelled, then lets the answers under way finish
/// within the grace time. A `service` that returns an error closes its connection unanswered.
pub async fn serve<S, F, B, E>(listener: Listener, bounds: Bounds, shutdown: CancellationToken, service: S)
where
    S: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    let slots = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut refused = false;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_buf_size(bounds.header_bytes.max(8192))
        .half_close(false);
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots, &mut refused) => accepted,
        };
        let (stream, peer, slot) = accepted;
        let service = service.clone();
        let stream = TokioIo::new(WriteLimit::new(stream, bounds.write_timeout));
        let connection = http.serve_connection(stream, service_fn(move |request| service(request, peer)));
        let watched = graceful.watch(connection);
        connections.spawn(async move {
            let _slot = slot;
            // The client went away or broke the protocol: its affair, and common.
            let _ended = watched.await;
        });
    }
    drop(listener);
    if tokio::time::timeout(bounds.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end within the grace time and are cut off");
    }
    connections.shutdown().await;
}

/// The next connection. `refused` is whether the system gave none when last asked.
async fn accept(
    listener: &Listener,
    slots: &Arc<Semaphore>,
    refused: &mut bool,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.socket.accept().await {
            Ok((stream, peer)) => {
                // Small answers: waiting to fill a segment would only add latency.
                let _kept_default = stream.set_nodelay(true);
                if std::mem::take(refused) {
                    tracing::info!(address = %listener.local, "connections are accepted again");
                }
                return (stream, peer, slot);
            }
            Err(error) => {
                // A client that was gone again before its turn says nothing about this machine.
                if error.kind() != io::ErrorKind::ConnectionAborted && !std::mem::replace(refused, true) {
                    tracing::warn!(address = %listener.local, %error, "connections can't be accepted; trying again ten times a second");
                }
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Full;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// More than the buffers of a connection on loopback hold.
    static BIG: [u8; 64 * 1024 * 1024] = [0; 64 * 1024 * 1024];

    async fn answer(request: Request<Incoming>, _: SocketAddr) -> Result<Response<Full<Bytes>>, Infallible> {
        let body: &[u8] = if request.uri().path() == "/big" { &BIG } else { b"small" };
        Ok(Response::new(Full::new(Bytes::from_static(body))))
    }

    #[tokio::test]
    async fn a_client_that_never_reads_does_not_keep_its_connection() {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr();
        let bounds =
            Bounds { connections: 1, write_timeout: Duration::from_millis(200), ..Bounds::default() };
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, bounds, shutdown.clone(), answer));

        let mut stuck = TcpStream::connect(address).await.unwrap();
        stuck.write_all(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        // The only connection is taken, so that this one is served once it has gone.
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut got = Vec::new();
        let whole = tokio::time::timeout(Duration::from_secs(20), next.read_to_end(&mut got)).await;
        whole.expect("the second client is served").unwrap();
        assert!(got.ends_with(b"small"), "{}", String::from_utf8_lossy(&got));

        shutdown.cancel();
        served.await.unwrap();
    }
}
