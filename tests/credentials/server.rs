//! A server that expects requests in order and plays their answers.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use super::transport::MEANT;

/// Exchanges of `http.json` are played one after the other, each on a connection of its own.
pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    played: usize,
    expected: usize,
    wrong: Vec<String>,
}

impl Server {
    /// Plays `exchanges`, each `{"ask": {…}, "answer": {…}}`.
    pub(crate) fn start(exchanges: &[Value]) -> Self {
        let exchanges = exchanges.to_vec();
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(State { expected: exchanges.len(), ..State::default() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = Request::read(&stream) else { continue };
                let next = shared.lock().expect("nobody panics with it").played;
                let wrong = match exchanges.get(next) {
                    Some(exchange) => request.differs_from(&exchange["ask"]),
                    None => Some("was not expected".to_owned()),
                };
                let mut state = shared.lock().expect("nobody panics with it");
                state.played += 1;
                if let Some(wrong) = wrong {
                    state.wrong.push(format!("{request:?} {wrong}"));
                }
                drop(state);
                answer(stream, exchanges.get(next).map_or(&Value::Null, |exchange| &exchange["answer"]));
            }
        });
        Self { address, state }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Checks that what was expected was asked, and nothing else.
    pub(crate) fn finish(&self, case: &Path) {
        let state = self.state.lock().expect("nobody panics with it");
        assert!(state.wrong.is_empty(), "{}: {}", case.display(), state.wrong.join("\n"));
        assert_eq!(state.played, state.expected, "{}: requests", case.display());
    }
}

/// Answers, or says nothing where the answer is `null` or `{"silent": true}` and closes only when
/// the other side does.
fn answer(mut stream: TcpStream, answer: &Value) {
    let status = answer["status"].as_u64().unwrap_or(200);
    let body = match &answer["body"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        json => json.to_string(),
    };
    if answer["silent"] == true || answer.is_null() {
        thread::spawn(move || stream.read_to_end(&mut Vec::new()));
        return;
    }
    if answer["reset"] == true {
        return;
    }
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    let more = answer["headers"].as_object().into_iter().flatten();
    let more: String =
        more.map(|(name, value)| format!("{name}: {}\r\n", value.as_str().unwrap_or_default())).collect();
    // The other side may have given up.
    let _sent = stream.write_all(format!("{head}{more}\r\n{body}").as_bytes());
}

#[derive(Debug)]
struct Request {
    method: String,
    host: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    form: BTreeMap<String, String>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let host = headers.get(MEANT).cloned().unwrap_or_default();
        let (path, query) = (path.to_owned(), pairs(query));
        let form = pairs(&String::from_utf8(body).ok()?);
        Some(Self { method, host, path, query, headers, form })
    }

    /// In what it differs from `ask`. What `ask` leaves out of headers may be there; `*` stands
    /// for any value.
    fn differs_from(&self, ask: &Value) -> Option<String> {
        let text = |name: &str| ask[name].as_str().unwrap_or_default();
        for (name, came) in [("method", &self.method), ("host", &self.host), ("path", &self.path)] {
            if text(name) != came {
                return Some(format!("has another {name} than {}", text(name)));
            }
        }
        let map = |name: &str| -> BTreeMap<String, String> {
            let pairs = ask[name].as_object().into_iter().flatten();
            pairs.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
        };
        for (name, came, is_whole) in
            [("query", &self.query, true), ("form", &self.form, true), ("headers", &self.headers, false)]
        {
            let expected = map(name);
            let fits = |(key, value): (&String, &String)| {
                came.get(key).is_some_and(|came| value == "*" || came == value)
            };
            if !expected.iter().all(fits) || (is_whole && came.len() != expected.len()) {
                return Some(format!("has another {name} than {expected:?}"));
            }
        }
        let never = map("without");
        never
            .keys()
            .find(|name| self.headers.contains_key(*name))
            .map(|name| format!("has the header {name}"))
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            pair.split_once('=').map_or((decode(pair), String::new()), |(n, v)| (decode(n), decode(v)))
        })
        .collect()
}
