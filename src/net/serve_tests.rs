//! Bounds and draining, over real sockets. Bounds are short here; the real ones are held by `progress`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Instant;

use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::net::in_the_clear;

const SOON: Duration = Duration::from_secs(20);
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// More than the buffers of a connection on loopback hold.
static BIG: [u8; 64 * 1024 * 1024] = [0; 64 * 1024 * 1024];

async fn answer(request: Request<Incoming>, _: Peer) -> Result<Response<Full<Bytes>>, Infallible> {
    let body: &[u8] = match request.uri().path() {
        "/big" => &BIG,
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            b"slow"
        }
        "/never" => std::future::pending().await,
        "/echo" => {
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            return Ok(Response::new(Full::new(body)));
        }
        _ => b"small",
    };
    Ok(Response::new(Full::new(Bytes::from_static(body))))
}

struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

impl Running {
    async fn start(bounds: Bounds) -> Self {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, bounds, in_the_clear(), shutdown.clone(), answer));
        Self { address, shutdown, served }
    }

    /// A connection that has sent `bytes`.
    async fn client(&self, bytes: &[u8]) -> TcpStream {
        let mut client = TcpStream::connect(self.address).await.unwrap();
        client.write_all(bytes).await.unwrap();
        client
    }

    /// Every connection made before is accepted and read once one made after it is answered.
    async fn settle(&self) {
        let mut client = self.client(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        assert!(rest(&mut client).await.ends_with("small"));
    }

    async fn end(self) -> Duration {
        let start = Instant::now();
        self.shutdown.cancel();
        tokio::time::timeout(SOON, self.served).await.expect("serving ends").unwrap();
        start.elapsed()
    }
}

/// What still comes until the connection ends, be it by a reset.
async fn rest(client: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let read = tokio::time::timeout(SOON, client.read_to_end(&mut got)).await.expect("the connection ends");
    read.map_or_else(|_| "(reset)".to_owned(), |_| String::from_utf8_lossy(&got).into_owned())
}

/// Whether the server has closed, which must not be waited for.
async fn one_answer(client: &mut TcpStream) -> String {
    let mut got = Vec::new();
    while !got.ends_with(b"small") {
        let read = tokio::time::timeout(SOON, client.read_buf(&mut got)).await.expect("an answer comes");
        assert_ne!(read.unwrap(), 0, "{}", String::from_utf8_lossy(&got));
    }
    String::from_utf8(got).unwrap()
}

async fn is_open(client: &mut TcpStream) -> bool {
    client.write_all(REQUEST).await.is_ok()
        && matches!(tokio::time::timeout(SOON, client.read_u8()).await, Ok(Ok(_)))
}

#[tokio::test]
async fn a_connection_kept_open_is_served_again_after_more_than_the_time_of_a_header() {
    let bounds = Bounds { header_time: Duration::from_millis(50), ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut client = running.client(REQUEST).await;
    one_answer(&mut client).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    client.write_all(REQUEST).await.unwrap();
    one_answer(&mut client).await;
    running.end().await;
}

#[tokio::test]
async fn a_header_that_does_not_become_whole_ends_its_connection() {
    let bounds = Bounds { header_time: Duration::from_millis(100), ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut fresh = running.client(b"G").await;
    let mut kept = running.client(REQUEST).await;
    one_answer(&mut kept).await;
    kept.write_all(b"GET / HTTP/1.1\r\nhos").await.unwrap();
    assert_eq!(rest(&mut fresh).await, "");
    assert_eq!(rest(&mut kept).await, "");
    running.end().await;
}

#[tokio::test]
async fn a_connection_that_asks_nothing_ends_after_the_idle_time() {
    let bounds = Bounds { idle_time: Duration::from_millis(100), ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut silent = running.client(b"").await;
    assert_eq!(rest(&mut silent).await, "");
    running.end().await;
}

#[tokio::test]
async fn a_client_that_never_reads_does_not_keep_its_connection() {
    let bounds = Bounds { answer_time: Duration::from_millis(200), ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut stuck = running.client(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut ends = running.client(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(rest(&mut ends).await, "");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let got = rest(&mut stuck).await;
    assert!(got.len() < BIG.len(), "{}", got.len());
    running.end().await;
}

#[tokio::test]
async fn a_big_answer_comes_whole_to_a_client_that_reads() {
    let running = Running::start(Bounds::default()).await;
    let mut client = running.client(b"GET /big HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    let got = rest(&mut client).await;
    assert!(got.len() > BIG.len() && got.contains("content-length: 67108864"), "{}", got.len());
    running.end().await;
}

#[tokio::test]
async fn for_a_new_connection_the_one_goes_that_waits_for_longest() {
    let bounds = Bounds { connections: 3, ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut answered = running.client(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut oldest = running.client(b"").await;
    let mut younger = running.client(b"GET /").await;
    let mut newest = running.client(REQUEST).await;
    one_answer(&mut newest).await;
    assert_eq!(rest(&mut oldest).await, "");
    // The answer is not touched, though it is the oldest of all.
    let mut newer = running.client(REQUEST).await;
    one_answer(&mut newer).await;
    assert_eq!(rest(&mut younger).await, "");
    assert!(is_open(&mut newest).await && is_open(&mut answered).await);
    running.end().await;
}

#[tokio::test]
async fn if_none_waits_the_longest_answer_goes() {
    let bounds = Bounds { connections: 2, ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut first = running.client(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut second = running.client(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    running.settle().await;
    assert_eq!(rest(&mut first).await, "");
    let pending = tokio::time::timeout(Duration::from_millis(50), second.read_u8()).await;
    assert!(pending.is_err(), "{pending:?}");
    running.end().await;
}

#[tokio::test]
async fn who_has_only_just_come_is_not_closed_for_the_sake_of_slow_clients() {
    let bounds = Bounds { connections: 3, ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut first = running.client(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let _second = running.client(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut fresh = running.client(b"").await;
    let mut next = running.client(REQUEST).await;
    one_answer(&mut next).await;
    assert_eq!(rest(&mut first).await, "");
    fresh.write_all(REQUEST).await.unwrap();
    one_answer(&mut fresh).await;
    running.end().await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_one_after_the_other() {
    let running = Running::start(Bounds::default()).await;
    let last = b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let mut client = running.client(&[&REQUEST.repeat(20)[..], last].concat()).await;
    let got = rest(&mut client).await;
    assert_eq!(got.matches("small").count(), 20, "{got}");
    assert!(got.ends_with("slow"));
    running.end().await;
}

#[tokio::test]
async fn a_client_that_has_gone_is_forgotten() {
    let bounds = Bounds { connections: 2, ..Bounds::default() };
    let running = Running::start(bounds).await;
    for _ in 0..5 {
        drop(running.client(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await);
    }
    let mut half = running.client(REQUEST).await;
    one_answer(&mut half).await;
    half.shutdown().await.unwrap();
    assert_eq!(rest(&mut half).await, "");
    running.end().await;
}

#[tokio::test]
async fn headers_beyond_the_bounds_are_refused() {
    let running = Running::start(Bounds::default()).await;
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
    for request in [long, many] {
        let mut client = running.client(request.as_bytes()).await;
        let mut status = [0; 12];
        client.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 431");
    }
    let fits = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(14_000));
    one_answer(&mut running.client(fits.as_bytes()).await).await;
    running.end().await;
}

#[tokio::test]
async fn the_body_of_a_request_that_nobody_reads_is_not_taken_in() {
    let running = Running::start(Bounds::default()).await;
    let mut client =
        running.client(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n").await;
    let chunk = [0; 64 * 1024];
    let mut taken = 0_usize;
    // The connection is closed instead, so that writing fails.
    while let Ok(Ok(())) = tokio::time::timeout(SOON, client.write_all(&chunk)).await {
        taken += chunk.len();
        assert!(taken < 64 << 20, "{taken} bytes were taken in");
    }
    running.end().await;
}

#[tokio::test]
async fn draining_closes_what_waits_at_once_and_lets_answers_finish() {
    let running = Running::start(Bounds::default()).await;
    let mut fresh = running.client(b"").await;
    let mut kept = running.client(REQUEST).await;
    one_answer(&mut kept).await;
    let mut half = running.client(b"GET / HTTP/1.1\r\n").await;
    let mut slow = running.client(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
    running.settle().await;
    let address = running.address;
    let ends = tokio::spawn(running.end());
    assert_eq!(rest(&mut fresh).await, "");
    assert_eq!(rest(&mut kept).await, "");
    assert!(TcpStream::connect(address).await.is_err(), "listeners close before connections");
    half.write_all(b"host: a\r\n\r\n").await.unwrap();
    assert!(rest(&mut half).await.ends_with("small"));
    assert!(rest(&mut slow).await.ends_with("slow"));
    let took = ends.await.unwrap();
    assert!(took < Duration::from_secs(4), "it did not wait for the grace time: {took:?}");
}

#[tokio::test]
async fn draining_cuts_off_what_does_not_end_within_the_grace_time() {
    let bounds = Bounds { grace: Duration::from_millis(100), ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut never = running.client(b"GET /never HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut big = running.client(b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut half = running.client(b"GET / HTTP/1.1\r\n").await;
    running.settle().await;
    running.end().await;
    assert_eq!(rest(&mut never).await, "");
    assert_eq!(rest(&mut half).await, "");
    assert!(rest(&mut big).await.len() < BIG.len());
}

#[tokio::test]
async fn a_body_that_is_read_comes_back() {
    let running = Running::start(Bounds::default()).await;
    let mut client = running
        .client(b"POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\nconnection: close\r\n\r\n")
        .await;
    client.write_all(b"small").await.unwrap();
    assert!(rest(&mut client).await.ends_with("small"));
    running.end().await;
}
