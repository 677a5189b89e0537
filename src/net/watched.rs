//! What passes through a connection tells its progress: the first byte of a request, the last of an answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::progress::{Answering, Progress};

/// A stream that tells its progress.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    progress: Arc<Progress>,
    /// Whether bytes that come are a request. In HTTP/2 they may as well be a ping.
    reads_requests: bool,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, progress: Arc<Progress>, reads_requests: bool) -> Self {
        Self { stream, progress, reads_requests }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.reads_requests && buffer.filled().len() > before {
            self.progress.read();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Called once the layer above has nothing left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.progress.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The body of an answer, which is under way until this is dropped.
#[derive(Debug)]
pub(super) struct WatchedBody<B> {
    /// `None` if the header is the whole answer.
    body: Option<Pin<Box<B>>>,
    /// What the body gave and the client has not asked for yet.
    rest: Bytes,
    /// Most bytes handed on at a time. HTTP/2 takes whatever it is handed, so that only the last part would
    /// tell whether the client reads.
    part: usize,
    _answering: Answering,
}

impl<B> WatchedBody<B> {
    pub(super) fn new(body: B, part: usize, answering: Answering) -> Self {
        Self { body: Some(Box::pin(body)), rest: Bytes::new(), part, _answering: answering }
    }

    /// Nothing, as `HEAD` wants it.
    pub(super) fn none(answering: Answering) -> Self {
        Self { body: None, rest: Bytes::new(), part: usize::MAX, _answering: answering }
    }
}

impl<B: Body<Data = Bytes>> Body for WatchedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.rest.is_empty() {
            let Some(body) = &mut self.body else { return Poll::Ready(None) };
            match ready!(body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.rest = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                ended => return Poll::Ready(ended),
            }
        }
        let part = self.part.min(self.rest.len());
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(part)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.body.as_ref().map_or(SizeHint::with_exact(0), |body| body.size_hint());
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[tokio::test]
    async fn a_body_is_handed_on_in_parts_and_under_way_until_the_last() {
        let progress = Progress::new();
        let body = Full::new(Bytes::from_static(b"0123456789"));
        let mut body = WatchedBody::new(body, 4, progress.begin());
        for (part, left) in [("0123", 6), ("4567", 2), ("89", 0)] {
            assert!(!body.is_end_stream());
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), part);
            assert_eq!(body.size_hint().exact(), Some(left));
        }
        assert!(body.is_end_stream() && body.frame().await.is_none());
        assert!(!progress.is_idle());
        drop(body);
        progress.flushed();
        assert!(progress.is_idle());
    }
}
