//! The service over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, ClockHand};
use crate::exposition::Format;
use crate::lifecycle::Supervisor;
use crate::meters::Meters;
use crate::model::FailureReason;
use crate::net::Listener;
use crate::page::samples::{failed, good, now, waiting};
use crate::snapshot::Published;
use crate::web_config::Live;

use super::{Parts, Readers, ReloadRequest, Web};

/// A service on a port of its own, and the hands that move what it sees.
struct Running {
    address: SocketAddr,
    published: Vec<watch::Sender<Arc<Published>>>,
    sources: watch::Sender<Arc<Readers>>,
    reloads: mpsc::Receiver<ReloadRequest>,
    hand: ClockHand,
    supervisor: Supervisor,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

impl Running {
    async fn start(sources: impl IntoIterator<Item = Published>) -> Self {
        Self::start_at("/metrics", sources).await
    }

    async fn start_at(telemetry_path: &str, sources: impl IntoIterator<Item = Published>) -> Self {
        let (published, receivers) =
            sources.into_iter().map(|source| watch::channel(Arc::new(source))).unzip();
        let (clock, hand) = Clock::manual(now());
        let shutdown = CancellationToken::new();
        let supervisor = Supervisor::new(shutdown.clone());
        let sources = watch::Sender::new(Arc::new(receivers));
        let (ask, reloads) = mpsc::channel(1);
        let parts = Parts {
            sources: sources.subscribe(),
            web_config: Live::new(None),
            reloads: (telemetry_path != "/no-reload").then_some(ask),
            meters: Meters::new(),
            health: supervisor.health(),
            clock,
            shutdown: shutdown.clone(),
        };
        let web = Web::new(telemetry_path, parts).unwrap();
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(web.serve(listener));
        Self { address, published, sources, reloads, hand, supervisor, shutdown, served }
    }

    async fn ask(&self, method: &str, path: &str) -> Answer {
        self.ask_with(method, path, "").await
    }

    /// The same with `headers`, each of which ends in CRLF.
    async fn ask_with(&self, method: &str, path: &str, headers: &str) -> Answer {
        Self::ask_at(self.address, method, path, headers).await
    }

    /// One request on a connection of its own.
    async fn ask_at(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        Answer::read(&mut stream).await
    }
}

/// An answer, read to the end of its connection.
struct Answer {
    status: u16,
    head: String,
    body: String,
    /// Of the body in bytes, which are no text when compressed.
    length: usize,
}

impl Answer {
    async fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("an answer in time").unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a whole head");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = bytes.windows(4).position(|end| end == b"\r\n\r\n").map(|end| bytes.len() - end - 4);
        Self { status, head: head.to_owned(), body: body.to_owned(), length: length.unwrap() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

#[tokio::test]
async fn the_exposition_comes_in_the_format_asked_for() {
    let web = Running::start([good("a")]).await;
    let answer = web.ask("GET", "/metrics").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some(Format::Text.content_type())));
    assert!(answer.body.contains("agentless_exporter_source_up{source=\"a\"} 1\n"), "{}", answer.body);
    assert!(!answer.body.contains("# EOF"));

    let accept = "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n";
    let answer = web.ask_with("GET", "/metrics?name=x", accept).await;
    let expected = (200, Some(Format::OpenMetrics.content_type()));
    assert_eq!((answer.status, answer.header("content-type")), expected);
    assert!(answer.body.ends_with("\n# EOF\n"));
}

#[tokio::test]
async fn head_answers_the_header_of_get_and_no_body() {
    let web = Running::start([good("a")]).await;
    for path in ["/metrics", "/", "/-/healthy", "/-/ready"] {
        let (get, head) = (web.ask("GET", path).await, web.ask("HEAD", path).await);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert!(head.header("content-length").is_some(), "{path}: {}", head.head);
        assert!(!get.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn head_tells_the_length_of_get_in_each_encoding() {
    let web = Running::start([good("a")]).await;
    for path in ["/metrics", "/metrics?name[]=agentless_scan_tasks", "/", "/?refresh=off"] {
        for accept in ["", "Accept-Encoding: gzip\r\n"] {
            let (get, head) =
                (web.ask_with("GET", path, accept).await, web.ask_with("HEAD", path, accept).await);
            assert_eq!(head.header("content-length"), Some(get.length.to_string().as_str()), "{path}");
            for header in ["content-length", "content-type", "content-encoding", "vary"] {
                assert_eq!(head.header(header), get.header(header), "{header} of {path}");
            }
            let encoding = (!accept.is_empty()).then_some("gzip");
            assert_eq!(get.header("content-encoding"), encoding, "{path}");
        }
    }
}

#[tokio::test]
async fn what_depends_on_a_header_says_so() {
    let web = Running::start([good("a")]).await;
    for (path, vary) in [
        ("/metrics", Some("Accept, Accept-Encoding")),
        ("/", Some("Accept-Encoding")),
        ("/-/ready", None),
        ("/x", None),
    ] {
        assert_eq!(web.ask("GET", path).await.header("vary"), vary, "{path}");
    }
}

#[tokio::test]
async fn named_families_come_alone() {
    let web = Running::start([good("a")]).await;
    let path = "/metrics?name[]=agentless_exporter_source_up&name%5B%5D=no_such_name";
    let answer = web.ask("GET", path).await;
    let [help, kind, up] = answer.body.lines().collect::<Vec<_>>()[..] else { panic!("{}", answer.body) };
    assert!(help.starts_with("# HELP agentless_exporter_source_up "), "{help}");
    assert_eq!(kind, "# TYPE agentless_exporter_source_up gauge");
    assert_eq!(up, "agentless_exporter_source_up{source=\"a\"} 1");
    let answer = web.ask("GET", "/metrics?name[]=no_such_name").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    let accept = "Accept: application/openmetrics-text\r\n";
    let answer = web.ask_with("GET", "/metrics?name[]=no_such_name", accept).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "# EOF\n"));
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let web = Running::start([good("a")]).await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let answer = web.ask(method, "/metrics").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
        assert_eq!(answer.body, "method not allowed\n");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
}

#[tokio::test]
async fn an_unknown_path_is_not_found_by_any_method() {
    let web = Running::start_at("/probe", [good("a")]).await;
    for (method, path) in [("GET", "/metrics"), ("GET", "/probe/"), ("POST", "/x?y=/"), ("GET", "/-/x")] {
        let answer = web.ask(method, path).await;
        assert_eq!((answer.status, answer.body.as_str()), (404, "not found\n"), "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    assert_eq!(web.ask("GET", "/probe").await.status, 200);
}

#[tokio::test]
async fn requests_are_counted_under_fixed_paths() {
    let web = Running::start_at("/probe", [good("a")]).await;
    web.ask("GET", "/probe?x=1").await;
    web.ask("GET", "/some/guess").await;
    web.ask("POST", "/").await;
    // The meters of an answer are up to a second old.
    web.hand.advance(Duration::from_secs(1));
    let body = web.ask("GET", "/probe").await.body;
    for series in [
        "{path=\"/metrics\",code=\"200\"} 1",
        "{path=\"other\",code=\"404\"} 1",
        "{path=\"/\",code=\"405\"} 1",
        "{path=\"/\",code=\"200\"} 0",
        "{path=\"/-/healthy\",code=\"200\"} 0",
        "{path=\"/-/ready\",code=\"200\"} 0",
        "{path=\"/-/reload\",code=\"200\"} 0",
    ] {
        let line = format!("agentless_exporter_http_requests_total{series}\n");
        assert!(body.contains(&line), "{line} is missing in {body}");
    }
    assert!(!body.contains("guess"));
}

#[tokio::test]
async fn gauges_about_scans_leave_when_the_snapshot_is_stale_and_come_back() {
    let web = Running::start([good("a")]).await;
    let scans = |body: &str| body.contains("agentless_scan_tasks{");
    assert!(scans(&web.ask("GET", "/metrics").await.body));

    // The snapshot is a minute old, and stale after 15.
    web.hand.advance(Duration::from_secs(14 * 60) - Duration::from_millis(1));
    assert!(scans(&web.ask("GET", "/metrics").await.body));
    web.hand.advance(Duration::from_millis(1));
    let body = web.ask("GET", "/metrics").await.body;
    assert!(!scans(&body), "{body}");
    assert!(body.contains("agentless_exporter_source_up{source=\"a\"} 0\n"), "{body}");
    assert!(body.contains("agentless_exporter_last_poll_success_timestamp_seconds{source=\"a\"} "), "{body}");

    web.published[0].send_modify(|published| {
        let mut newer = Published::clone(published);
        Arc::make_mut(newer.snapshot.as_mut().unwrap()).as_of = now().plus(Duration::from_secs(14 * 60));
        *published = Arc::new(newer);
    });
    assert!(scans(&web.ask("GET", "/metrics").await.body));
}

#[tokio::test]
async fn readiness_follows_what_is_published_and_holds() {
    let web = Running::start([waiting("a"), waiting("b")]).await;
    let answer = web.ask("GET", "/-/ready").await;
    assert_eq!(answer.status, 503);
    web.published[0].send_replace(Arc::new(good("a")));
    assert_eq!(web.ask("GET", "/-/ready").await.status, 503);
    web.published[1].send_replace(Arc::new(failed("b", FailureReason::Auth)));
    let answer = web.ask("GET", "/-/ready").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ready\na: polled\nb: failed:auth\n"));
    web.hand.advance(Duration::from_secs(86_400));
    assert_eq!(web.ask("GET", "/-/ready").await.status, 200);
}

#[tokio::test]
async fn a_dead_task_is_unhealthy() {
    let mut web = Running::start([good("a")]).await;
    let answer = web.ask("GET", "/-/healthy").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "healthy\n"));
    web.supervisor.spawn("short", async {});
    web.supervisor.run().await;
    assert_eq!(web.ask("GET", "/-/healthy").await.status, 503);
}

#[tokio::test]
async fn requests_under_way_are_answered_while_draining_and_told_not_ready() {
    let web = Running::start([good("a")]).await;
    assert_eq!(web.ask("GET", "/-/ready").await.status, 200);
    let mut clients = Vec::new();
    for path in ["/-/ready", "/metrics"] {
        let mut stream = TcpStream::connect(web.address).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\n").as_bytes()).await.unwrap();
        clients.push(stream);
    }
    // Both are accepted once a connection made after them is answered.
    web.ask("GET", "/-/healthy").await;
    web.shutdown.cancel();
    // Draining has begun once nobody listens any more.
    while TcpStream::connect(web.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let mut answers = Vec::new();
    for mut stream in clients {
        stream.write_all(b"Host: x\r\n\r\n").await.unwrap();
        answers.push(Answer::read(&mut stream).await);
    }
    assert_eq!(answers[0].status, 503);
    assert_eq!(answers[0].body, "not ready: shutting down\na: polled\n");
    assert_eq!(answers[1].status, 200);
    assert!(answers[1].body.contains("agentless_scan_tasks{"));
    tokio::time::timeout(Duration::from_secs(20), web.served).await.expect("serving ends").unwrap();
}

#[tokio::test]
async fn the_page_forbids_the_browser_everything_but_its_style() {
    let web = Running::start([good("<b>")]).await;
    let answer = web.ask("GET", "/").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.body.contains("&#60;b&#62;"), "{}", answer.body);
}

#[tokio::test]
async fn the_page_refreshes_itself_unless_told_not_to() {
    let mut source = good("a");
    source.status.interval = Duration::from_secs(12);
    let web = Running::start([source]).await;
    for (path, refresh) in [
        ("/", Some("12")),
        ("/?", Some("12")),
        ("/?refresh=on&x=refresh=off", Some("12")),
        ("/?refresh=off", None),
        ("/?a=b&refresh=off", None),
    ] {
        let answer = web.ask("GET", path).await;
        assert_eq!((answer.status, answer.header("refresh")), (200, refresh), "{path}");
        assert_eq!(answer.body.contains("./?refresh=off"), refresh.is_some(), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert_eq!(web.ask("HEAD", "/").await.header("refresh"), Some("12"));
    assert_eq!(web.ask("GET", "/-/ready").await.header("refresh"), None);
}

#[tokio::test]
async fn a_reload_answers_with_what_came_of_it_and_is_counted() {
    let mut web = Running::start([good("a")]).await;
    for (outcome, status) in [(Ok("changed: a"), 200), (Err("2 mistakes:\n  one\n  two"), 500)] {
        let reloads = &mut web.reloads;
        let ask = Running::ask_at(web.address, "POST", "/-/reload", "");
        let reload = async {
            let answer = reloads.recv().await.unwrap();
            answer.send(outcome.map(str::to_owned).map_err(str::to_owned)).unwrap();
        };
        let (answer, ()) = tokio::join!(ask, reload);
        let told = outcome.unwrap_or_else(|reasons| reasons);
        assert_eq!((answer.status, answer.body), (status, format!("{told}\n")));
        assert!(answer.head.to_ascii_lowercase().contains("content-type: text/plain; charset=utf-8"));
    }
    let body = web.ask("GET", "/metrics").await.body;
    for code in ["200", "500"] {
        let line =
            format!("agentless_exporter_http_requests_total{{path=\"/-/reload\",code=\"{code}\"}} 1\n");
        assert!(body.contains(&line), "{line} is missing in {body}");
    }
}

#[tokio::test]
async fn a_reload_is_for_posts_that_no_other_site_sent() {
    let mut web = Running::start([good("a")]).await;
    for method in ["GET", "HEAD", "PUT", "DELETE"] {
        let answer = web.ask(method, "/-/reload").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    let answer = web.ask_with("POST", "/-/reload", "Origin: http://evil.example\r\n").await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("Origin"), "{}", answer.body);
    assert!(web.reloads.try_recv().is_err(), "nothing was asked for");
    web.reloads.close();
    assert_eq!(web.ask("POST", "/-/reload").await.status, 503);
}

#[tokio::test]
async fn without_leave_a_reload_is_refused_with_the_flag_to_set() {
    let web = Running::start_at("/no-reload", [good("a")]).await;
    let answer = web.ask("POST", "/-/reload").await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("--web.enable-lifecycle"), "{}", answer.body);
    assert_eq!(web.ask("GET", "/-/reload").await.status, 405);
}

#[tokio::test]
async fn sources_come_and_go_and_readiness_once_given_stays() {
    let web = Running::start([good("a")]).await;
    assert_eq!(web.ask("GET", "/-/ready").await.status, 200);
    let (_new, reader) = watch::channel(Arc::new(waiting("b")));
    web.sources.send_replace(Arc::new(vec![reader]));
    let answer = web.ask("GET", "/-/ready").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ready\nb: waiting\n"));
    let body = web.ask("GET", "/metrics").await.body;
    assert!(body.contains("agentless_exporter_source_up{source=\"b\"} 0\n"), "{body}");
    assert!(!body.contains("source=\"a\""), "{body}");
}
