//! Compressed answers, put together of parts, read by other people's programs.

mod support;

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::Arc;

use agentless_exporter::clock::{Clock, UnixMillis};
use agentless_exporter::lifecycle::Supervisor;
use agentless_exporter::meters::Meters;
use agentless_exporter::model::SourceStatus;
use agentless_exporter::net::Listener;
use agentless_exporter::snapshot::Published;
use agentless_exporter::web::{Parts, Web};
use agentless_exporter::web_config::Live;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::{http, tools};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What is asked for, in both formats.
const PATHS: [&str; 4] = [
    "/metrics",
    "/metrics?name[]=agentless_scan_tasks_finished_total&name[]=agentless_exporter_source_info",
    "/metrics?name[]=no_such_name",
    "/?refresh=off",
];

#[test]
fn python_reads_what_comes_uncompressed() {
    let server = Server::start();
    for path in PATHS {
        for format in [("Accept", "text/plain"), http::OPENMETRICS] {
            let plain = server.ask(path, format);
            let packed = server.ask_bytes(path, format);
            let output = tools::feed(tools::python("gunzip.py"), &STANDARD.encode(packed));
            assert_unpacked(path, &output, &plain);
        }
    }
}

#[test]
fn curl_reads_what_comes_uncompressed() {
    let server = Server::start();
    for path in PATHS {
        for format in [("Accept", "text/plain"), http::OPENMETRICS] {
            let plain = server.ask(path, format);
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--show-error", "--globoff", "--compressed", "--noproxy", "*"])
                .args(["--header", &format!("{}: {}", format.0, format.1)])
                .arg(format!("http://{}{path}", server.address));
            assert_unpacked(path, &tools::feed(curl, ""), &plain);
        }
    }
}

fn assert_unpacked(path: &str, output: &Output, plain: &str) {
    assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lasting(&String::from_utf8_lossy(&output.stdout)), lasting(plain), "{path}");
}

/// Without the lines that differ from one answer to the next when more than a second lies between.
fn lasting(text: &str) -> String {
    let differs = |line: &str| line.starts_with("process_") || line.contains("http_requests_total{");
    text.split_inclusive('\n').filter(|line| !differs(line)).collect()
}

/// A service of one source, with a clock that stands still.
struct Server {
    address: SocketAddr,
    _published: watch::Sender<Arc<Published>>,
    _runtime: Runtime,
}

impl Server {
    fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime can be built");
        let entered = runtime.enter();
        let (published, source) =
            watch::channel(Arc::new(Published::unpolled(SourceStatus::unpolled("pröd"))));
        let (clock, _hand) = Clock::manual(UnixMillis::new(1_795_489_445_000).expect("after 1970"));
        let shutdown = CancellationToken::new();
        let parts = Parts {
            sources: watch::channel(Arc::new(vec![source])).1,
            meters: Meters::new(),
            health: Supervisor::new(shutdown.clone()).health(),
            clock,
            shutdown,
            reloads: None,
            web_config: Live::new(None),
        };
        let web = Web::new("/metrics", parts).expect("the path is free");
        let listener = runtime.block_on(Listener::bind("127.0.0.1:0")).expect("a port is free");
        let address = listener.local_addr().expect("it listens by TCP");
        runtime.spawn(web.serve(listener));
        drop(entered);
        Self { address, _published: published, _runtime: runtime }
    }

    fn ask(&self, path: &str, format: (&str, &str)) -> String {
        http::ask("GET", self.address, path, &[format]).expect("an answer").body
    }

    fn ask_bytes(&self, path: &str, format: (&str, &str)) -> Vec<u8> {
        let gzip = ("Accept-Encoding", "gzip");
        http::ask_bytes(self.address, path, &[format, gzip]).expect("an answer")
    }
}
