//! One connection, from its handshake to its end.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::listener::{Peer, Stream};
use super::plain;
use super::progress::Progress;
use super::watched::{Watched, WatchedBody};
use super::{Bounds, Tls};

/// Most bytes of an answer that HTTP/2 is handed at a time.
const HTTP2_PART: usize = 64 * 1024;

/// Most time for a client to read why its handshake was refused.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// What all connections of a listener have in common.
#[derive(Clone)]
pub(super) struct Shared<S> {
    pub(super) bounds: Bounds,
    pub(super) tls: Tls,
    /// Cancelled once nothing is accepted any more.
    pub(super) draining: CancellationToken,
    pub(super) service: S,
}

impl<S, F, B, E> Shared<S>
where
    S: Fn(Request<Incoming>, Peer) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
    E: Into<Box<dyn StdError + Send + Sync>> + 'static,
{
    /// Serves one connection to its end.
    pub(super) async fn attend(self, stream: Stream, peer: Peer, progress: Arc<Progress>) {
        let Some(config) = (self.tls)() else { return self.http1(stream, peer, progress).await };
        let handshake = self.handshake(config, stream, peer);
        let Some(Some(stream)) = self.draining.run_until_cancelled(handshake).await else { return };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream, peer, progress).await;
        } else {
            self.http1(stream, peer, progress).await;
        }
    }

    /// The encrypted stream, unless that comes to nothing: mostly the doing of scanners and of clients
    /// without trust in the certificate.
    async fn handshake(
        &self,
        config: Arc<ServerConfig>,
        stream: Stream,
        peer: Peer,
    ) -> Option<tokio_rustls::server::TlsStream<Stream>> {
        let handshake = async {
            if plain::is_http(&stream).await.map_err(|error| (error, None))? {
                let refused = plain::refuse(stream).await;
                let error =
                    refused.err().unwrap_or_else(|| io::Error::other("the client spoke HTTP in the clear"));
                return Err((error, None));
            }
            let accepted = TlsAcceptor::from(config).accept(stream).into_fallible().await;
            accepted.map_err(|(error, stream)| (error, Some(stream)))
        };
        let (error, refused) = match tokio::time::timeout(self.bounds.handshake_time, handshake).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err((error, refused))) => (error.to_string(), refused),
            Err(late) => (late.to_string(), None),
        };
        tracing::debug!(%peer, error, "a TLS handshake failed");
        if let Some(stream) = refused {
            // That it is still not closed then is the affair of the client.
            let _late = tokio::time::timeout(REFUSAL_TIME, until_closed(stream)).await;
        }
        None
    }

    async fn http1<IO>(self, stream: IO, peer: Peer, progress: Arc<Progress>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut http = http1::Builder::new();
        // Its own bound counts from the last answer, so that a connection kept open would be closed early.
        http.timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_buf_size(self.bounds.header_bytes.max(8192))
            .half_close(false);
        let stream = TokioIo::new(Watched::new(stream, Arc::clone(&progress), true));
        let service = service_fn(self.watched(peer, Arc::clone(&progress), usize::MAX));
        self.bounded(http.serve_connection(stream, service), &progress).await;
    }

    async fn http2<IO>(self, stream: IO, peer: Peer, progress: Arc<Progress>)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut http = http2::Builder::new(TokioExecutor::new());
        http.timer(TokioTimer::new())
            .max_concurrent_streams(self.bounds.streams)
            .max_header_list_size(u32::try_from(self.bounds.header_bytes).unwrap_or(u32::MAX))
            // Of bodies of requests not more is taken in, read or not.
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(256 * 1024);
        let stream = TokioIo::new(Watched::new(stream, Arc::clone(&progress), false));
        let service = service_fn(self.watched(peer, Arc::clone(&progress), HTTP2_PART));
        self.bounded(http.serve_connection(stream, service), &progress).await;
    }

    /// The service, whose answers tell their progress.
    fn watched(
        &self,
        peer: Peer,
        progress: Arc<Progress>,
        part: usize,
    ) -> impl Fn(Request<Incoming>) -> WatchedAnswer<B, E> + use<S, F, B, E> {
        let service = self.service.clone();
        move |request| {
            let answering = progress.begin();
            let is_head = request.method() == Method::HEAD;
            let answer = service(request, peer);
            Box::pin(async move {
                let mut answer = answer.await?;
                if is_head {
                    // In HTTP/2 the library below would send the body after it.
                    tell_length(&mut answer);
                    return Ok(answer.map(|_| WatchedBody::none(answering)));
                }
                Ok(answer.map(|body| WatchedBody::new(body, part, answering)))
            })
        }
    }

    /// Lets `connection` go on until it ends, takes too long at something, or is drained.
    async fn bounded<C>(&self, connection: C, progress: &Progress)
    where
        C: GracefulConnection,
    {
        let mut connection = pin!(connection);
        let mut draining = pin!(self.draining.cancelled());
        let mut late = pin!(tokio::time::sleep_until(progress.deadline(&self.bounds)));
        let mut is_told = false;
        poll_fn(|context| {
            // How it ends is the affair of the client, and common.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if !is_told && draining.as_mut().poll(context).is_ready() {
                is_told = true;
                if progress.is_idle() {
                    return Poll::Ready(());
                }
                connection.as_mut().graceful_shutdown();
                if connection.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
            }
            // Phases change while the connection is polled, so that the time is always that of the last one.
            let deadline = progress.deadline(&self.bounds);
            if late.deadline() != deadline {
                late.as_mut().reset(deadline);
            }
            late.as_mut().poll(context)
        })
        .await;
    }
}

/// Says how long the body would be.
fn tell_length(answer: &mut Response<impl Body>) {
    if let Some(length) = answer.body().size_hint().exact() {
        answer.headers_mut().entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
}

/// Waits until a client that was refused closes. Were that done here while something it sent is unread, as the
/// request that comes right behind a handshake of TLS 1.3, the system would reset the connection, and the alert
/// that tells the reason would be lost.
async fn until_closed(mut stream: Stream) {
    let mut rest = [0; 1024];
    if stream.shutdown().await.is_ok() {
        while let Ok(1..) = stream.read(&mut rest).await {}
    }
}

type WatchedAnswer<B, E> =
    std::pin::Pin<Box<dyn Future<Output = Result<Response<WatchedBody<B>>, E>> + Send>>;
