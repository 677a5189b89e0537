//! The real transport against real sockets on loopback: what the wire may do, and what
//! errors may tell.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agentless_exporter::clock::Clock;
use agentless_exporter::credentials::{self, Written};
use agentless_exporter::env::Env;
use agentless_exporter::error::in_words;
use agentless_exporter::meters::Meters;
use agentless_exporter::model::FailureReason;
use agentless_exporter::rpc::{
    BODY_LIMIT, BodyError, CallError, Client, ClientParts, Config, Endpoint, HttpTransport, Limits, Request,
    Signature,
};
use agentless_exporter::sas::Api;
use agentless_exporter::secret::Secret;
use bytes::Bytes;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const KEY_ID: &str = "an-access-key-id";
const KEY_SECRET: &str = "hunter2-the-secret";
const TOKEN: &str = "a-security-token";

/// What a server does after it has read a request.
#[derive(Clone)]
enum Reply {
    /// Sends these bytes and keeps the connection.
    Send(Vec<u8>),
    /// Sends these bytes and closes.
    SendAndClose(Vec<u8>),
    /// Sends nothing and keeps the connection.
    Stall,
}

/// A server of fixed replies that notes what it got.
struct Server {
    address: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, log) = (Arc::clone(&connections), Arc::clone(&requests));
        // Ends with the runtime of the test.
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(stream, reply.clone(), Arc::clone(&log)));
            }
        });
        Self { address, connections, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, reply: Reply, log: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read_request(&mut stream).await {
        log.lock().unwrap().push(request);
        match &reply {
            Reply::Send(bytes) => {
                let _gone = stream.write_all(bytes).await;
            }
            Reply::SendAndClose(bytes) => {
                let _gone = stream.write_all(bytes).await;
                return;
            }
            Reply::Stall => std::future::pending().await,
        }
    }
}

/// Head and body of one request; `None` once the client has closed.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut got = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut got).await.ok()? == 0 {
            return None;
        }
    }
}

fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// One attempt, so that each test sees the first failure, and a time-out that only a stall meets.
fn config() -> Config {
    Config { max_attempts: 1, request_timeout: Duration::from_secs(20), ..Config::default() }
}

fn client(endpoint: &str, config: Config, env: &Env) -> Client {
    let here = |text: &str| Written::Here(Secret::new(text));
    let key = credentials::Config::Sts { id: here(KEY_ID), secret: here(KEY_SECRET), token: here(TOKEN) };
    let (clock, meters) = (Clock::system(), Meters::new().source("test"));
    let transport = Arc::new(HttpTransport::build(&config, env).unwrap());
    let parts = credentials::Parts {
        source: "test".to_owned(),
        sts: credentials::StsPlace::default(),
        env: env.clone(),
        transport: Arc::clone(&transport) as _,
        rpc: config.clone(),
        clock: clock.clone(),
        meters: meters.clone(),
        metadata: credentials::metadata_url(),
    };
    Client::new(ClientParts {
        endpoint: Endpoint::parse(endpoint, false).unwrap(),
        keys: credentials::build(&key, &parts),
        transport,
        config,
        limits: Arc::new(Limits::new(1000.0, 8)),
        clock,
        meters,
    })
}

async fn call(client: &Client) -> Result<Vec<u8>, CallError> {
    let params = BTreeMap::from([("Name".to_owned(), "a b'c*中".to_owned())]);
    let request = Request { action: "ListThings", version: "2018-12-03", params };
    client.call(&request, |body| Ok::<_, BodyError>(body.to_vec())).await
}

/// The outcome of a call to a server that answers so.
async fn call_to(reply: Reply) -> Result<Vec<u8>, CallError> {
    let server = Server::start(reply).await;
    let outcome = call(&client(&format!("http://{}", server.address), config(), &Env::default())).await;
    if let Err(error) = &outcome {
        assert_tells_nothing(error);
    }
    outcome
}

/// Neither `Display` nor `Debug` of an error or of any of its causes may tell what was sent.
fn assert_tells_nothing(error: &CallError) {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    for hidden in [KEY_ID, KEY_SECRET, TOKEN, "Signature=", "://", "Name=", "x-acs", "password"] {
        assert!(!text.contains(hidden), "{hidden:?} in {text}");
    }
}

/// A person is told `why` no answer came, in plain words.
fn assert_told(error: &CallError, why: &str) {
    assert_eq!(in_words(error), format!("ListThings got no whole answer: {why}"));
}

#[tokio::test]
async fn the_header_signature_goes_out_as_signed() {
    let server = Server::start(Reply::Send(http("200 OK", "", b"fine"))).await;
    call(&client(&format!("http://{}", server.address), config(), &Env::default())).await.unwrap();
    let request = server.requests().remove(0);
    let mut lines = request.lines();
    assert_eq!(lines.next(), Some("POST /?Name=a%20b%27c%2A%E4%B8%AD HTTP/1.1"));
    let headers: BTreeMap<_, _> = lines.map_while(|line| line.split_once(": ")).collect();
    assert_eq!(headers["host"], server.address);
    assert_eq!(headers["content-length"], "0");
    assert_eq!(headers["accept-encoding"], "gzip");
    assert!(headers["user-agent"].starts_with("agentless-exporter/"));
    assert!(
        headers["authorization"].starts_with(
            "ACS3-HMAC-SHA256 Credential=an-access-key-id,SignedHeaders=host;x-acs-accesskey-id;"
        )
    );
}

#[tokio::test]
async fn the_form_signature_goes_out_in_the_body_alone() {
    let server = Server::start(Reply::Send(http("200 OK", "", b"fine"))).await;
    let config = Config { signature: Signature::HmacSha1, ..config() };
    call(&client(&format!("http://{}", server.address), config, &Env::default())).await.unwrap();
    let request = server.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert!(!head.contains(TOKEN), "{head}");
    assert!(body.contains("&Name=a%20b%27c%2A%E4%B8%AD&"), "{body}");
    assert!(body.contains("&SecurityToken=a-security-token&") && body.contains("&Signature="), "{body}");
}

#[tokio::test]
async fn connections_are_kept_and_used_again() {
    let server = Server::start(Reply::Send(http("200 OK", "", b"fine"))).await;
    let client = client(&format!("http://{}", server.address), config(), &Env::default());
    for _ in 0..5 {
        assert_eq!(call(&client).await.unwrap(), b"fine");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    let body: Vec<u8> = (0..200_000u32).flat_map(u32::to_le_bytes).collect();
    let reply = http("200 OK", "content-encoding: gzip\r\n", &gzip(&body));
    assert!(call_to(Reply::Send(reply)).await.unwrap() == body);
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_huge_one_is_refused() {
    let packed = gzip(&vec![b' '; BODY_LIMIT + 1]);
    assert!(packed.len() < BODY_LIMIT / 100);
    let error =
        call_to(Reply::Send(http("200 OK", "content-encoding: gzip\r\n", &packed))).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Malformed);
    assert_eq!(error.source().unwrap().to_string(), "the body of the answer is longer than 32 MiB");
    let most = http("200 OK", "content-encoding: gzip\r\n", &gzip(&vec![b' '; BODY_LIMIT]));
    assert_eq!(call_to(Reply::Send(most)).await.unwrap().len(), BODY_LIMIT);
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_malformed() {
    let reply = http("200 OK", "content-encoding: gzip\r\n", b"plain text, not packed at all");
    let error = call_to(Reply::SendAndClose(reply)).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Malformed);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_broken_connection() {
    for headers in ["", "content-encoding: gzip\r\n"] {
        let body = gzip(&[b'x'; 4000]);
        let whole = http("200 OK", headers, &body);
        let part = whole[..whole.len() - 8].to_vec();
        let error = call_to(Reply::SendAndClose(part)).await.unwrap_err();
        assert_eq!(error.reason(), FailureReason::Network, "{headers}: {error:?}");
        assert_told(&error, "the connection broke: end of file before message length reached");
    }
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_a_broken_connection() {
    let error = call_to(Reply::SendAndClose(Vec::new())).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Network);
    assert_told(&error, "the connection broke: connection closed before message completed");
}

#[tokio::test]
async fn a_refused_connection_is_a_broken_connection() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error =
        call(&client(&format!("http://127.0.0.1:{port}"), config(), &Env::default())).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Network);
    assert_tells_nothing(&error);
    assert_told(&error, &format!("cannot connect to 127.0.0.1:{port}: connection refused"));
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up() {
    let server = Server::start(Reply::Stall).await;
    let config = Config { request_timeout: Duration::from_millis(200), ..config() };
    let error =
        call(&client(&format!("http://{}", server.address), config, &Env::default())).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Timeout);
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let server =
        Server::start(Reply::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart".to_vec())).await;
    let config = Config { request_timeout: Duration::from_millis(200), ..config() };
    let error =
        call(&client(&format!("http://{}", server.address), config, &Env::default())).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Timeout);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start(Reply::Send(http("200 OK", "", b"gotcha"))).await;
    let location = format!("location: http://{}/?Signature=x\r\n", elsewhere.address);
    let error = call_to(Reply::Send(http("307 Temporary Redirect", &location, b""))).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Config);
    assert_eq!(elsewhere.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_skew_is_read_from_real_answers() {
    let server =
        Server::start(Reply::Send(http("200 OK", "date: Thu, 01 Jan 2026 00:00:00 GMT\r\n", b"fine"))).await;
    let client = client(&format!("http://{}", server.address), config(), &Env::default());
    assert_eq!(client.clock_skew_seconds(), None);
    call(&client).await.unwrap();
    let year_2026 = 1_767_225_600.0;
    let expected = year_2026 - Clock::system().now().as_secs_f64();
    let skew = client.clock_skew_seconds().unwrap();
    assert!((skew - expected).abs() < 5.0, "{skew} where {expected} is right");
}

#[tokio::test]
async fn loopback_is_never_asked_through_a_proxy() {
    let proxy = Server::start(Reply::SendAndClose(Vec::new())).await;
    let server = Server::start(Reply::Send(http("200 OK", "", b"fine"))).await;
    let config =
        Config { proxy: Some(Written::Here(Secret::new(format!("http://{}", proxy.address)))), ..config() };
    let port = server.address.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "localhost"] {
        let client = client(&format!("http://{host}:{port}"), config.clone(), &Env::default());
        assert_eq!(call(&client).await.unwrap(), b"fine", "{host}");
    }
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_hosts_are_asked_through_the_configured_proxy_or_that_of_the_environment() {
    let proxy = Server::start(Reply::Send(http("403 Forbidden", "", b""))).await;
    let url = format!("http://me:password@{}", proxy.address);
    let configured = Config { proxy: Some(Written::Here(Secret::new(url.clone()))), ..config() };
    let env = Env::from_iter([("HTTPS_PROXY", url.as_str())]);
    for client in [
        client("https://tds.invalid", configured, &Env::default()),
        client("https://tds.invalid", config(), &env),
    ] {
        let error = call(&client).await.unwrap_err();
        assert_eq!(error.reason(), FailureReason::Network);
        assert_tells_nothing(&error);
    }
    let requests = proxy.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert!(request.starts_with("CONNECT tds.invalid:443 HTTP/1.1\r\n"), "{request}");
        assert!(request.to_ascii_lowercase().contains("proxy-authorization: basic"), "{request}");
        assert!(!request.contains(KEY_ID), "{request}");
    }
}

/// Two proxies, a folder with a file that names the first one, and a client that reads it.
struct TwoProxies {
    proxies: [Server; 2],
    folder: tempfile::TempDir,
    client: Client,
}

impl TwoProxies {
    /// `put` makes the file at this path name this proxy.
    async fn start(put: impl Fn(&Path, &str)) -> Self {
        let proxy = || Server::start(Reply::Send(http("403 Forbidden", "", b"")));
        let (proxies, folder) = ([proxy().await, proxy().await], tempfile::tempdir().unwrap());
        let file = folder.path().join("proxy");
        put(&file, &url_of(&proxies[0]));
        let config = Config { proxy: Some(Written::In(file)), ..config() };
        let client = client("https://tds.invalid", config, &Env::default());
        Self { proxies, folder, client }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("proxy")
    }

    /// Which proxy is asked `after` that many seconds.
    async fn asked_after(&self, seconds: u64) -> usize {
        // Nothing is under way, so that no other timer goes off.
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        let counts = || [0, 1].map(|n: usize| self.proxies[n].requests().len());
        let before = counts();
        assert_tells_nothing(&call(&self.client).await.unwrap_err());
        let asked: Vec<_> = [0, 1].into_iter().filter(|&n: &usize| counts()[n] == before[n] + 1).collect();
        let [asked] = asked[..] else { panic!("{before:?} {:?}", counts()) };
        asked
    }
}

fn url_of(proxy: &Server) -> String {
    format!("http://me:password@{}\n", proxy.address)
}

/// A file in a folder that a symbolic link leads to, as Kubernetes mounts a secret.
fn put_as_kubernetes_does(file: &Path, text: &str) {
    let folder = file.parent().unwrap();
    let version = tempfile::Builder::new().disable_cleanup(true).tempdir_in(folder).unwrap();
    std::fs::write(version.path().join("proxy"), text).unwrap();
    let link = folder.join("..data_tmp");
    std::os::unix::fs::symlink(version.path(), &link).unwrap();
    std::fs::rename(link, folder.join("..data")).unwrap();
    if !file.exists() {
        std::os::unix::fs::symlink("..data/proxy", file).unwrap();
    }
}

#[tokio::test]
async fn a_proxy_file_that_changes_leads_to_the_other_proxy_after_10_seconds() {
    let two = TwoProxies::start(|file, text| std::fs::write(file, text).unwrap()).await;
    assert_eq!(two.asked_after(0).await, 0);
    std::fs::write(two.file(), url_of(&two.proxies[1])).unwrap();
    assert_eq!(two.asked_after(8).await, 0, "it is not looked at for every request");
    assert_eq!(two.asked_after(2).await, 1);
    assert_eq!(two.asked_after(0).await, 1);
    assert_eq!(two.asked_after(60).await, 1);
}

#[tokio::test]
async fn a_proxy_file_that_kubernetes_swaps_leads_to_the_other_proxy() {
    let two = TwoProxies::start(put_as_kubernetes_does).await;
    assert_eq!(two.asked_after(0).await, 0);
    put_as_kubernetes_does(&two.file(), &url_of(&two.proxies[1]));
    assert_eq!(two.asked_after(10).await, 1);
}

#[tokio::test]
async fn a_proxy_file_that_is_no_use_leaves_the_proxy_as_it_was() {
    let two = TwoProxies::start(|file, text| std::fs::write(file, text).unwrap()).await;
    for text in
        ["", "socks5://me:password@proxy", "http://me:pass\nword@proxy:1", "http://me:password@proxy/path"]
    {
        std::fs::write(two.file(), text).unwrap();
        assert_eq!(two.asked_after(10).await, 0, "{text:?}");
    }
    std::fs::remove_file(two.file()).unwrap();
    assert_eq!(two.asked_after(10).await, 0);
    std::fs::create_dir(two.file()).unwrap();
    assert_eq!(two.asked_after(10).await, 0);
    std::fs::remove_dir(two.file()).unwrap();
    std::fs::write(two.file(), url_of(&two.proxies[1])).unwrap();
    assert_eq!(two.asked_after(10).await, 1);
}

#[test]
fn a_proxy_file_of_no_use_at_the_start_is_told_without_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxy");
    std::fs::write(&file, "socks5://me:password@proxy").unwrap();
    let config = Config { proxy: Some(Written::In(file.clone())), ..config() };
    let error = HttpTransport::build(&config, &Env::default()).unwrap_err();
    let told = in_words(&error);
    let file = file.display();
    assert!(
        told.starts_with(&format!(
            "api.proxy_file can't be used: {file} does not hold the URL of a proxy alone: expected"
        )),
        "{told}"
    );
    assert!(!format!("{told} {error:?}").contains("password@"), "{told} {error:?}");
}

#[tokio::test]
async fn https_speaks_http_2_with_a_server_that_an_extra_ca_vouches_for() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let answer = service_fn(|request: hyper::Request<hyper::body::Incoming>| async move {
                let said = format!("{:?} {}", request.version(), request.uri().authority().unwrap());
                Ok::<_, hyper::Error>(hyper::Response::new(Full::new(Bytes::from(said))))
            });
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), answer));
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, made.cert.pem()).unwrap();
    let endpoint = format!("https://localhost:{port}");

    let trusting = client(&endpoint, Config { ca_file: Some(ca_file), ..config() }, &Env::default());
    assert_eq!(call(&trusting).await.unwrap(), format!("HTTP/2.0 localhost:{port}").into_bytes());

    let error = call(&client(&endpoint, config(), &Env::default())).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Network);
    assert_told(
        &error,
        &format!("cannot connect to localhost:{port}: invalid peer certificate: UnknownIssuer"),
    );
    assert_tells_nothing(&error);
}

#[tokio::test]
async fn the_requests_of_a_source_are_counted_from_0() {
    let meters = Meters::new();
    let _api = Api::new(client("http://127.0.0.1:1", config(), &Env::default()), meters.source("test"));
    let families = meters.gather();
    let family = families.iter().find(|f| f.name() == "agentless_exporter_api_requests_total").unwrap();
    let labels: Vec<_> = family.get_metric()[0].get_label().iter().map(|label| label.value()).collect();
    assert_eq!(labels, ["ListAgentlessTask", "OK", "test"]);
    assert_eq!(family.get_metric()[0].get_counter().get_value(), 0.0);
}
