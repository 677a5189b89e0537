//! The end of the process, while it is scraped by TLS.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::support::programs::Exporter;
use super::support::tls::{Authority, Client, Connection, WebConfig};
use super::support::{http, wait_for};
use super::{SOON, start, until_ready};

/// Below the grace time of what is under way.
const AT_ONCE: Duration = Duration::from_secs(3);

fn serving() -> (super::Simulator, Exporter, Client) {
    let authority = Authority::named("ours");
    let (simulator, exporter) = start(&WebConfig::with_tls(&authority.server(), &[], ""), &[]);
    let client = Client::of(&authority);
    until_ready(&client, &exporter);
    (simulator, exporter, client)
}

/// A connection on which the server has read the first half of a request.
fn begun(client: &Client, address: SocketAddr, path: &str) -> Connection {
    let mut connection = client.connect(address).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nHost: localhost\r\n").unwrap();
    connection.flush().unwrap();
    wait_for("the server to read it", SOON, || {
        let unread = unread(&connection.sock);
        if unread == Some(0) { Ok(()) } else { Err(format!("{unread:?}")) }
    });
    connection
}

/// Bytes of `stream` that have arrived at the other end on this machine and were not read there.
fn unread(stream: &TcpStream) -> Option<u64> {
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let (here, there) = (port(stream.local_addr().ok()?), port(stream.peer_addr().ok()?));
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let fields = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let other_end = fields.into_iter().find(|fields| {
        fields.get(1).is_some_and(|at| at.ends_with(&there))
            && fields.get(2).is_some_and(|of| of.ends_with(&here))
    })?;
    u64::from_str_radix(other_end.get(4)?.split_once(':')?.1, 16).ok()
}

fn until_draining(exporter: &Exporter) {
    wait_for("draining to begin", SOON, || {
        let log = exporter.process.output().stderr;
        if log.contains("draining") { Ok(()) } else { Err(log) }
    });
}

#[test]
fn what_is_under_way_is_finished_ready_says_no_and_the_end_is_good() {
    let (_simulator, exporter, client) = serving();
    let address = exporter.address;
    let mut scrape = begun(&client, address, "/metrics");
    let mut ready = begun(&client, address, "/-/ready");
    let mut idle = client.connect(address).unwrap();
    assert_eq!(http::exchange(&mut idle, "GET", "/-/ready", &[]).unwrap().status, 200);
    exporter.process.terminate();
    until_draining(&exporter);

    let closed = http::receive(&mut idle, "GET").map(drop).unwrap_err();
    assert!(closed.starts_with(http::NOTHING_CAME), "{closed}");
    wait_for("new connections to be refused", SOON, || match TcpStream::connect(address) {
        Ok(_) => Err("it still listens".to_owned()),
        Err(_) => Ok(()),
    });
    let finish = |connection: &mut Connection| {
        connection.write_all(b"\r\n").unwrap();
        let answer = http::receive(connection, "GET").unwrap().text();
        assert_eq!(answer.header("Connection"), Some("close"), "{answer:?}");
        answer
    };
    let answer = finish(&mut ready);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.starts_with("not ready: shutting down\n"), "{answer:?}");
    let answer = finish(&mut scrape);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("agentless_scan_tasks{"), "{answer:?}");
    let (status, output) = exporter.process.wait(AT_ONCE);
    assert_eq!(status.code(), Some(0), "{output:?}");
}

#[test]
fn no_scrape_of_many_is_cut_off_by_the_end() {
    let (_simulator, exporter, client) = serving();
    let address = exporter.address;
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..8 {
            let (tell, client) = (tell.clone(), &client);
            scope.spawn(move || {
                let mut connection = client.connect(address).unwrap();
                let end = loop {
                    match http::exchange(&mut connection, "GET", "/metrics", &[]) {
                        Ok(answer) => assert_eq!(answer.status, 200),
                        Err(end) => break end,
                    }
                    // Whoever counts may have ended by a panic.
                    let _nobody_counts = tell.send(());
                };
                assert!(end.starts_with(http::NOTHING_CAME), "{end}");
            });
        }
        for _ in 0..40 {
            told.recv_timeout(SOON).expect("scrapes are answered");
        }
        exporter.process.terminate();
    });
    let (status, output) = exporter.process.wait(AT_ONCE);
    assert_eq!(status.code(), Some(0), "{output:?}");
    assert!(!output.stderr.contains("are cut off"), "{output:?}");
}

#[test]
fn a_second_signal_ends_it_at_once_whatever_is_under_way() {
    let (_simulator, mut exporter, client) = serving();
    let _under_way = begun(&client, exporter.address, "/metrics");
    exporter.process.terminate();
    until_draining(&exporter);
    assert!(exporter.process.is_running(), "it did not wait for the request under way");
    exporter.process.terminate();
    let (status, output) = exporter.process.wait(AT_ONCE);
    assert_eq!(status.code(), Some(1), "{output:?}");
    assert!(output.stderr.contains("ended at once by a second signal"), "{output:?}");
}
