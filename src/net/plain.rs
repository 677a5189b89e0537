//! Clients that speak HTTP in the clear where TLS is expected.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_util::either::Either;

use super::listener::Stream;

/// As the HTTP server of Go answers.
const ANSWER: &[u8] = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Most bytes of a request that are taken in after the answer.
const MOST_BYTES: u64 = 64 * 1024;

/// Whether the client begins with a letter, as each method does and no record of TLS. A unix socket can't be
/// looked at ahead; what comes by one is taken for TLS.
pub(super) async fn is_http(stream: &Stream) -> io::Result<bool> {
    let Either::Left(stream) = stream else { return Ok(false) };
    let mut first = [0];
    stream.peek(&mut first).await?;
    Ok(first[0].is_ascii_uppercase())
}

/// Tells the client what is wrong, and waits until it has gone.
pub(super) async fn refuse(mut stream: Stream) -> io::Result<()> {
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    // To close with bytes unread would take the answer back.
    tokio::io::copy(&mut stream.take(MOST_BYTES), &mut tokio::io::sink()).await?;
    Ok(())
}
