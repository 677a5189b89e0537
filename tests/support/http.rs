//! An HTTP client for loopback, as small as the tests need, so that no library hides what is sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::leaks;

/// A server that says nothing for so long is broken.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The `Accept` of a scraper that wants OpenMetrics.
pub(crate) const OPENMETRICS: (&str, &str) = ("Accept", "application/openmetrics-text; version=1.0.0");

/// How an error of [`exchange`] begins if not one byte came, as on a connection that was closed while idle.
pub(crate) const NOTHING_CAME: &str = "nothing came";

/// An answer with its whole body, which is text mostly.
#[derive(Clone, Debug)]
pub(crate) struct Answer<B = String> {
    /// Status code.
    pub(crate) status: u16,
    head: String,
    /// The body.
    pub(crate) body: B,
}

impl<B> Answer<B> {
    /// The first header of that name, in any letter case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Answer<Vec<u8>> {
    /// The same, if its body is text.
    ///
    /// # Panics
    /// If it is none, or tells what none may tell.
    pub(crate) fn text(self) -> Answer {
        let body = String::from_utf8(self.body).expect("the body is text");
        leaks::none_in("an answer", &body);
        Answer { status: self.status, head: self.head, body }
    }
}

/// GET of `path` without more headers than HTTP wants; the answer must come.
pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    let answer =
        ask("GET", address, path, &[]).unwrap_or_else(|error| panic!("GET {path} of {address}: {error}"));
    leaks::none_in(&format!("GET {path}"), &answer.body);
    answer
}

/// One request on a connection of its own.
///
/// # Errors
/// If the server can't be reached or does not answer as HTTP wants.
pub(crate) fn ask(
    method: &str,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Answer, String> {
    parse(&whole_answer(method, address, path, headers)?)
}

/// The body of an answer to GET that need not be text, as it comes.
///
/// # Errors
/// If the server can't be reached or the answer has no head.
pub(crate) fn ask_bytes(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Vec<u8>, String> {
    let answer = whole_answer("GET", address, path, headers)?;
    let end = answer.windows(4).position(|end| end == b"\r\n\r\n").ok_or("no end of the head")?;
    Ok(answer[end + 4..].to_vec())
}

/// A connection in the clear, with time-outs.
///
/// # Errors
/// If the server can't be reached.
pub(crate) fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(|error| error.to_string())?;
    let timeouts = stream.set_read_timeout(Some(TIMEOUT)).and(stream.set_write_timeout(Some(TIMEOUT)));
    timeouts.map_err(|error| error.to_string())?;
    Ok(stream)
}

/// One request on a connection that stays open, in the clear or not.
///
/// # Errors
/// If the answer is not whole; see [`NOTHING_CAME`].
pub(crate) fn exchange(
    stream: &mut (impl Read + Write),
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Answer<Vec<u8>>, String> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if method == "POST" {
        request.push_str("Content-Length: 0\r\n");
    }
    request.push_str("\r\n");
    let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
    sent.map_err(|error| format!("{NOTHING_CAME}: {error}"))?;
    receive(stream, method)
}

/// The answer to a request by `method` that was sent on `stream`.
///
/// # Errors
/// As [`exchange`].
pub(crate) fn receive(stream: &mut impl Read, method: &str) -> Result<Answer<Vec<u8>>, String> {
    let mut got = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(answer) = whole(&got, method)? {
            return Ok(answer);
        }
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => got.extend_from_slice(&buffer[..length]),
            end if got.is_empty() => return Err(format!("{NOTHING_CAME}: {end:?}")),
            end => return Err(format!("cut off after {} bytes: {end:?}", got.len())),
        }
    }
}

/// The answer that `got` is, once it is whole.
fn whole(got: &[u8], method: &str) -> Result<Option<Answer<Vec<u8>>>, String> {
    let Some(end) = got.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&got[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| format!("no status in {head:?}"))?;
    let body = got[end + 4..].to_vec();
    let answer = Answer { status, head, body };
    let told = answer.header("Content-Length").and_then(|length| length.parse().ok());
    let told = if method == "HEAD" { Some(0) } else { told };
    let expected: usize = told.ok_or_else(|| format!("no length in {answer:?}"))?;
    match answer.body.len() {
        length if length > expected => Err(format!("more than one answer: {answer:?}")),
        length => Ok((length == expected).then_some(answer)),
    }
}

fn whole_answer(
    method: &str,
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Vec<u8>, String> {
    let mut stream = connect(address)?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if method != "GET" {
        request.push_str("Content-Length: 0\r\n");
    }
    request.push_str("\r\n");
    let mut answer = Vec::new();
    stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.read_to_end(&mut answer))
        .map_err(|error| error.to_string())?;
    Ok(answer)
}

fn parse(answer: &[u8]) -> Result<Answer, String> {
    let text = String::from_utf8(answer.to_vec()).map_err(|error| error.to_string())?;
    let (head, body) =
        text.split_once("\r\n\r\n").ok_or_else(|| format!("no end of the head in {text:?}"))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| format!("no status in {head:?}"))?;
    let mut answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
    if answer.header("Transfer-Encoding").is_some_and(|encoding| encoding == "chunked") {
        answer.body = unchunked(body).ok_or("the chunked body is cut off")?;
    } else if let Some(length) = answer.header("Content-Length")
        && length.parse() != Ok(body.len())
    {
        return Err(format!("{length} bytes of body were told, {} came", body.len()));
    }
    Ok(answer)
}

fn unchunked(mut rest: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (length, after) = rest.split_once("\r\n")?;
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.push_str(after.get(..length)?);
        rest = after.get(length..)?.strip_prefix("\r\n")?;
    }
}
