//! A small signing client, and a simulator to ask.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use agentless_exporter::clock::{Clock, ClockHand, UnixMillis};
use agentless_exporter::rpc::encode::canonical_query;
use agentless_exporter::rpc::{sign_v1, sign_v3};
use agentless_exporter::secret::Secret;
use agentless_exporter::simulator::{Config, Simulator};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

/// 2026-11-24T03:04:05.123Z.
pub(crate) const NOW: u64 = 1_795_489_445_123;

/// A running simulator, which ends with this value.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) hand: ClockHand,
    pub(crate) shutdown: CancellationToken,
    _end: DropGuard,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// `Code` of the envelope.
    pub(crate) fn code(&self) -> String {
        self.json()["Code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.body);
        self.json()["List"].as_array().expect("a list").clone()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.rows().iter().map(|row| row["TaskId"].as_str().expect("an id").to_owned()).collect()
    }

    pub(crate) fn total(&self) -> u64 {
        self.json()["PageInfo"]["TotalCount"].as_u64().expect("a count")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// A frozen world of 137 tasks, unless `config` says otherwise.
pub(crate) fn small() -> Config {
    Config { listen: "127.0.0.1:0".to_owned(), tasks: 137, targets: 24, frozen: true, ..Config::default() }
}

/// Starts a simulator whose clock stands at [`NOW`].
pub(crate) async fn start(config: Config) -> Server {
    let (clock, hand) = Clock::manual(UnixMillis::new(NOW.cast_signed()).unwrap());
    let simulator = Simulator::bind(config, clock).await.unwrap();
    let address = simulator.local_addr();
    let shutdown = CancellationToken::new();
    tokio::spawn(simulator.serve(shutdown.clone()));
    Server { address, hand, shutdown: shutdown.clone(), _end: shutdown.drop_guard() }
}

pub(crate) fn params<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(crate) fn nonce() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("nonce-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A request with the V3 signature, to be spoilt before it is sent.
pub(crate) struct V3 {
    pub(crate) method: &'static str,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) key_id: String,
    pub(crate) secret: String,
}

impl V3 {
    pub(crate) fn new(server: &Server, query: BTreeMap<String, String>) -> Self {
        let date = UnixMillis::new(NOW.cast_signed()).unwrap().to_string();
        let headers = params([
            ("host", server.address.to_string().as_str()),
            ("x-acs-action", "ListAgentlessTask"),
            ("x-acs-version", "2018-12-03"),
            ("x-acs-date", &date),
            ("x-acs-signature-nonce", &nonce()),
            ("x-acs-content-sha256", &sign_v3::sha256_hex(b"")),
        ]);
        Self {
            method: "POST",
            query,
            headers,
            body: String::new(),
            key_id: "testid".to_owned(),
            secret: "testsecret".to_owned(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// A body with a form, signed.
    pub(crate) fn form(self, body: &str) -> Self {
        let mut signed = self
            .header("x-acs-content-sha256", &sign_v3::sha256_hex(body.as_bytes()))
            .header("content-type", "application/x-www-form-urlencoded");
        signed.body = body.to_owned();
        signed
    }

    pub(crate) fn authorization(&self) -> String {
        let parts = sign_v3::Parts {
            method: self.method,
            path: "/",
            query: &self.query,
            headers: &self.headers,
            payload_sha256: &self.headers["x-acs-content-sha256"],
        };
        sign_v3::authorization(parts, &self.key_id, &Secret::new(self.secret.clone()))
    }

    pub(crate) async fn send(&self, server: &Server) -> Answer {
        let target = format!("/?{}", canonical_query(&self.query, false));
        self.send_as(server, &target, &self.authorization()).await
    }

    pub(crate) async fn send_as(&self, server: &Server, target: &str, authorization: &str) -> Answer {
        let mut headers = self.headers.clone();
        headers.insert("authorization".to_owned(), authorization.to_owned());
        exchange(server.address, self.method, target, &headers, &self.body).await.unwrap()
    }
}

/// Parameters with the V1 signature's, to be spoilt before they are signed.
pub(crate) fn v1_params(business: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = business;
    let date = UnixMillis::new(NOW.cast_signed()).unwrap().to_string();
    all.extend(params([
        ("Action", "ListAgentlessTask"),
        ("Version", "2018-12-03"),
        ("Format", "JSON"),
        ("AccessKeyId", "testid"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureVersion", "1.0"),
        ("SignatureType", ""),
        ("SignatureNonce", &nonce()),
        ("Timestamp", &date),
    ]));
    all
}

/// Signs and sends with V1: in the query for GET, as a form for POST.
pub(crate) async fn send_v1(
    server: &Server,
    method: &str,
    mut params: BTreeMap<String, String>,
    secret: &str,
) -> Answer {
    let signature = sign_v1::signature(method, &params, &Secret::new(secret));
    params.insert("Signature".to_owned(), signature);
    let text = canonical_query(&params, true);
    let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
    let (target, headers, body) = match method {
        "GET" => (format!("/?{text}"), BTreeMap::new(), String::new()),
        _ => ("/".to_owned(), BTreeMap::from([form]), text),
    };
    exchange(server.address, method, &target, &headers, &body).await.unwrap()
}

/// Lists with the default signature and expects an answer.
pub(crate) async fn list(server: &Server, pairs: &[(&str, &str)]) -> Answer {
    V3::new(server, params(pairs.iter().copied())).send(server).await
}

/// The same, where the connection may break.
pub(crate) async fn try_list(server: &Server, pairs: &[(&str, &str)]) -> io::Result<Answer> {
    let request = V3::new(server, params(pairs.iter().copied()));
    let mut headers = request.headers.clone();
    headers.insert("authorization".to_owned(), request.authorization());
    let target = format!("/?{}", canonical_query(&request.query, false));
    exchange(server.address, request.method, &target, &headers, "").await
}

/// Every row of a listing, page by page.
pub(crate) async fn list_all(server: &Server, pairs: &[(&str, &str)]) -> Vec<Value> {
    let mut rows = Vec::new();
    for page in 1.. {
        let number = page.to_string();
        let paged = [pairs, &[("CurrentPage", &number), ("PageSize", "100")]].concat();
        let new = list(server, &paged).await.rows();
        if new.is_empty() {
            break;
        }
        rows.extend(new);
    }
    rows
}

/// An unsigned request to `/_world`.
pub(crate) async fn world(server: &Server, method: &str, path: &str) -> Answer {
    exchange(server.address, method, &format!("/_world/{path}"), &BTreeMap::new(), "").await.unwrap()
}

/// One request over a connection of its own, read to the end. A body shorter than its
/// `Content-Length` is handed out as far as it came.
async fn exchange(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &BTreeMap<String, String>,
    body: &str,
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    let mut request = format!("{method} {target} HTTP/1.1\r\n");
    if !headers.contains_key("host") {
        request.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}
