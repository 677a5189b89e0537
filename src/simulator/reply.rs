//! An answer, which may end too early.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::clock::UnixMillis;

const JSON: HeaderValue = HeaderValue::from_static("application/json;charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html");

/// An answer with JSON, as of `now`.
pub(super) fn json(status: StatusCode, body: Vec<u8>, now: UnixMillis) -> Response<ReplyBody> {
    reply(status, JSON, body, now)
}

/// An answer with HTML.
pub(super) fn html(status: StatusCode, body: &str, now: UnixMillis) -> Response<ReplyBody> {
    reply(status, HTML, body.as_bytes().to_vec(), now)
}

fn reply(status: StatusCode, kind: HeaderValue, body: Vec<u8>, now: UnixMillis) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    if let Some(date) = http_date(now) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// Lets the answer end in the middle of its body, with the `Content-Length` of the whole.
pub(super) fn truncate(mut response: Response<ReplyBody>) -> Response<ReplyBody> {
    let whole = response.body().rest.len();
    response.headers_mut().insert(CONTENT_LENGTH, whole.into());
    let body = response.body_mut();
    body.rest.truncate(whole / 2);
    body.cut = Some(Cut::Before);
    response
}

/// The form of the header `Date`. The date comes from the clock of the simulation, so that a
/// client that measures its own clock by it can be tested.
fn http_date(now: UnixMillis) -> Option<HeaderValue> {
    let seconds = i64::try_from(now.as_millis() / 1000).ok()?;
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?;
    HeaderValue::from_str(&text).ok()
}

/// A body in one piece, or the first half of one.
#[derive(Debug)]
pub(super) struct ReplyBody {
    rest: Bytes,
    cut: Option<Cut>,
}

/// How far a body has come that is cut off.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Before,
    /// The half is handed out but perhaps not sent yet: an error right away would overtake it.
    Sending,
    After,
}

/// The body ends here on purpose; the server closes the connection for it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body is cut off on purpose")]
pub(super) struct CutOff;

impl ReplyBody {
    fn whole(body: Vec<u8>) -> Self {
        Self { rest: body.into(), cut: None }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match self.cut {
            None if self.rest.is_empty() => Poll::Ready(None),
            None => Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest))))),
            Some(Cut::Before) => {
                self.cut = Some(Cut::Sending);
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.rest)))))
            }
            Some(Cut::Sending) => {
                self.cut = Some(Cut::After);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Cut::After) => Poll::Ready(Some(Err(CutOff))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.cut.is_none() && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.cut {
            None => SizeHint::with_exact(self.rest.len() as u64),
            Some(_) => SizeHint::default(),
        }
    }
}
