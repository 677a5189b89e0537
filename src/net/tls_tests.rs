//! TLS over real sockets, with certificates made for it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::client::conn::http2;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, crypto::ring, pki_types,
};
use tokio_util::sync::CancellationToken;

use super::*;

const SOON: Duration = Duration::from_secs(20);
static BIG: [u8; 16 * 1024 * 1024] = [0; 16 * 1024 * 1024];

struct Running {
    address: SocketAddr,
    roots: RootCertStore,
    /// Whether connections are in the clear from now on.
    clear: Arc<AtomicBool>,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

impl Running {
    async fn start(bounds: Bounds) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = pki_types::PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let (config, clear) = (Arc::new(config), Arc::new(AtomicBool::new(false)));
        let is_clear = Arc::clone(&clear);
        let tls: Tls = Arc::new(move || (!is_clear.load(Ordering::Relaxed)).then(|| Arc::clone(&config)));
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(listener, bounds, tls, shutdown.clone(), answer));
        Self { address, roots, clear, shutdown, served }
    }

    async fn connect(
        &self,
        version: &'static SupportedProtocolVersion,
        alpn: &[&str],
    ) -> TlsStream<TcpStream> {
        let mut config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }

    async fn http2(&self) -> (http2::SendRequest<Empty<Bytes>>, JoinHandle<hyper::Result<()>>) {
        let stream = self.connect(&TLS13, &["h2"]).await;
        let (requests, connection) =
            http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
        (requests, tokio::spawn(connection))
    }

    async fn end(self) -> Duration {
        let start = std::time::Instant::now();
        self.shutdown.cancel();
        tokio::time::timeout(SOON, self.served).await.expect("serving ends").unwrap();
        start.elapsed()
    }
}

async fn answer(
    request: Request<hyper::body::Incoming>,
    _: Peer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let version = match (request.uri().path(), request.version()) {
        ("/big", _) => &BIG[..],
        ("/empty", _) => b"",
        ("/slow", _) => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            b"slow"
        }
        (_, hyper::Version::HTTP_2) => b"by 2",
        _ => b"by 1",
    };
    Ok(Response::new(Full::new(Bytes::from_static(version))))
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    Request::get(format!("https://localhost{path}")).body(Empty::new()).unwrap()
}

async fn text(response: Response<hyper::body::Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

async fn by_http1<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin>(mut stream: S) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut got = String::new();
    tokio::time::timeout(SOON, stream.read_to_string(&mut got)).await.expect("it ends").unwrap();
    got
}

#[tokio::test]
async fn who_speaks_http_in_the_clear_is_told_so() {
    let running = Running::start(Bounds::default()).await;
    let got = by_http1(TcpStream::connect(running.address).await.unwrap()).await;
    assert!(got.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), "{got}");
    running.end().await;
}

#[tokio::test]
async fn both_versions_serve_what_the_client_agrees_to() {
    let running = Running::start(Bounds::default()).await;
    for version in [&TLS12, &TLS13] {
        for alpn in [&[][..], &["http/1.1"]] {
            let got = by_http1(running.connect(version, alpn).await).await;
            assert!(got.starts_with("HTTP/1.1 200") && got.ends_with("by 1"), "{got}");
        }
    }
    let (mut requests, _connection) = running.http2().await;
    let response = requests.send_request(get("/")).await.unwrap();
    assert_eq!(response.headers()["content-length"], "4");
    assert_eq!(text(response).await, "by 2");
    let response = requests.send_request(get("/big")).await.unwrap();
    assert_eq!(text(response).await.len(), BIG.len());
    running.end().await;
}

#[tokio::test]
async fn head_over_http2_tells_the_length_and_sends_no_body() {
    let running = Running::start(Bounds::default()).await;
    let (mut requests, _connection) = running.http2().await;
    for (path, length) in [("/", "4"), ("/big", "16777216"), ("/empty", "0")] {
        let mut head = get(path);
        *head.method_mut() = hyper::Method::HEAD;
        let response = requests.send_request(head).await.unwrap();
        assert_eq!(response.headers()["content-length"], length, "{path}");
        let body = response.into_body().collect().await.expect("nothing follows the header");
        assert!(body.to_bytes().is_empty(), "{path}");
    }
    running.end().await;
}

#[tokio::test]
async fn each_connection_asks_anew_what_is_in_force() {
    let running = Running::start(Bounds::default()).await;
    assert!(by_http1(running.connect(&TLS13, &[]).await).await.ends_with("by 1"));
    running.clear.store(true, Ordering::Relaxed);
    assert!(by_http1(TcpStream::connect(running.address).await.unwrap()).await.ends_with("by 1"));
    running.end().await;
}

#[tokio::test]
async fn a_handshake_that_hangs_or_fails_ends_its_connection() {
    let bounds = Bounds { handshake_time: Duration::from_millis(100), ..Bounds::default() };
    let running = Running::start(bounds).await;
    for bytes in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut client = TcpStream::connect(running.address).await.unwrap();
        client.write_all(bytes).await.unwrap();
        let mut got = Vec::new();
        let ended = tokio::time::timeout(SOON, client.read_to_end(&mut got)).await;
        ended.expect("the connection ends").ok();
    }
    running.end().await;
}

#[tokio::test]
async fn handshakes_are_the_first_to_go_when_it_is_crowded() {
    let bounds = Bounds { connections: 4, ..Bounds::default() };
    let running = Running::start(bounds).await;
    let mut hanging = Vec::new();
    for _ in 0..40 {
        hanging.push(TcpStream::connect(running.address).await.unwrap());
        let got = by_http1(running.connect(&TLS13, &[]).await).await;
        assert!(got.ends_with("by 1"), "{got}");
    }
    running.end().await;
}

#[tokio::test]
async fn more_streams_than_may_be_wait_for_their_turn() {
    let bounds = Bounds { streams: 2, ..Bounds::default() };
    let running = Running::start(bounds).await;
    let (mut requests, _connection) = running.http2().await;
    text(requests.send_request(get("/")).await.unwrap()).await;
    let start = std::time::Instant::now();
    let all: Vec<_> = (0..6).map(|_| requests.send_request(get("/slow"))).collect();
    for response in all {
        assert_eq!(text(response.await.unwrap()).await, "slow");
    }
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    running.end().await;
}

#[tokio::test]
async fn a_header_list_that_is_too_long_is_refused_and_the_next_request_is_not() {
    let running = Running::start(Bounds::default()).await;
    let (mut requests, _connection) = running.http2().await;
    let mut long = get("/");
    long.headers_mut().insert("x", "y".repeat(20_000).parse().unwrap());
    let refused = requests.send_request(long).await;
    assert!(refused.as_ref().map_or(true, |response| response.status() == 431), "{refused:?}");
    let (mut requests, _connection) = running.http2().await;
    assert_eq!(text(requests.send_request(get("/")).await.unwrap()).await, "by 2");
    running.end().await;
}

#[tokio::test]
async fn an_answer_over_http2_that_nobody_reads_ends_its_connection() {
    let bounds = Bounds { answer_time: Duration::from_millis(200), ..Bounds::default() };
    let running = Running::start(bounds).await;
    let (mut requests, connection) = running.http2().await;
    let response = requests.send_request(get("/big")).await.unwrap();
    // The window of the stream is never opened again, while the connection goes on.
    let ended = tokio::time::timeout(SOON, connection).await.expect("the connection ends");
    drop((ended, response));
    running.end().await;
}

#[tokio::test]
async fn an_http2_connection_without_requests_ends_after_the_idle_time() {
    let bounds = Bounds { idle_time: Duration::from_millis(200), ..Bounds::default() };
    let running = Running::start(bounds).await;
    let (mut requests, connection) = running.http2().await;
    text(requests.send_request(get("/")).await.unwrap()).await;
    let ended = tokio::time::timeout(SOON, connection).await.expect("the connection ends");
    drop(ended);
    running.end().await;
}

#[tokio::test]
async fn draining_finishes_streams_and_closes_idle_connections_and_handshakes() {
    let running = Running::start(Bounds::default()).await;
    let hanging = TcpStream::connect(running.address).await.unwrap();
    let (mut idle, _idle_connection) = running.http2().await;
    text(idle.send_request(get("/")).await.unwrap()).await;
    let (mut requests, _connection) = running.http2().await;
    text(requests.send_request(get("/")).await.unwrap()).await;
    let under_way = tokio::spawn(requests.send_request(get("/slow")));
    // It is under way once a later one is answered.
    text(requests.send_request(get("/")).await.unwrap()).await;
    let took = running.end().await;
    assert_eq!(text(under_way.await.unwrap().unwrap()).await, "slow");
    assert!(took < Duration::from_secs(4), "{took:?}");
    drop(hanging);
}
