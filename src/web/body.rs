//! The body of an answer: bytes that many answers share.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// Chunks that are sent one after the other. A clone is sent from the start, and copies none of
/// them, so that slow readers of one answer hold it once together.
#[derive(Debug)]
pub(super) struct Chunks {
    chunks: Arc<[Bytes]>,
    next: usize,
    /// Bytes from `next` on.
    left: u64,
}

impl Chunks {
    /// Those of `chunks` that are not empty.
    pub(super) fn new(chunks: impl IntoIterator<Item = Bytes>) -> Self {
        let chunks: Arc<[Bytes]> = chunks.into_iter().filter(|chunk| !chunk.is_empty()).collect();
        let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        Self { chunks, next: 0, left }
    }

    /// Every chunk.
    pub(super) fn all(&self) -> &[Bytes] {
        &self.chunks
    }

    /// Whether both are the very same bytes in memory.
    pub(super) fn is(&self, other: &Self) -> bool {
        let place = |chunk: &Bytes| chunk.as_ptr_range();
        self.chunks.iter().map(place).eq(other.chunks.iter().map(place))
    }

    /// The chunks that are still to be sent.
    #[cfg(test)]
    pub(super) fn rest(&self) -> &[Bytes] {
        &self.chunks[self.next..]
    }
}

impl Clone for Chunks {
    fn clone(&self) -> Self {
        let left = self.chunks[..self.next].iter().fold(self.left, |left, sent| left + sent.len() as u64);
        Self { chunks: Arc::clone(&self.chunks), next: 0, left }
    }
}

impl<T: Into<Bytes>> From<T> for Chunks {
    fn from(whole: T) -> Self {
        Self::new([whole.into()])
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(chunk) = self.chunks.get(self.next).cloned() else { return Poll::Ready(None) };
        self.next += 1;
        self.left -= chunk.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.next == self.chunks.len()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn chunks_are_sent_in_order_and_counted_before() {
        let mut body = Chunks::new(["ab", "", "cde"].map(Bytes::from));
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(3), false));
        let again = body.clone();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "cde");
        assert_eq!(again.size_hint().exact(), Some(5));
        assert_eq!(again.collect().await.unwrap().to_bytes(), "abcde");
    }

    #[test]
    fn nothing_is_an_end_at_once() {
        let body = Chunks::from("");
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
    }
}
