//! Certificates that change while clients come and go.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::support::http;
use super::support::programs::Exporter;
use super::support::tls::{Authority, Client, Connection, Pair, WebConfig};
use super::support::wait_for;
use super::{start, until_ready};

/// Files are looked at every second, and read once they have been the same twice; the machine may be busy.
const SECONDS: Duration = Duration::from_secs(10);

const MISTAKES: &str = "the web config has mistakes; what was read before stays in force";

/// The certificate that a new connection is shown.
fn shown(client: &Client, address: SocketAddr) -> Vec<u8> {
    let connection = client.connect(address).unwrap();
    connection.conn.peer_certificates().unwrap()[0].to_vec()
}

fn until_shown(client: &Client, address: SocketAddr, pair: &Pair) {
    wait_for("a new connection to see the new certificate", SECONDS, || {
        if shown(client, address) == pair.der().to_vec() { Ok(()) } else { Err("the old one".to_owned()) }
    });
}

/// Scrapes, on `kept` and on new connections, while `change` is made; none may fail.
fn while_scraped(client: &Client, exporter: &Exporter, kept: &mut Connection, change: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let address = exporter.address;
    thread::scope(|scope| {
        let scraped = scope.spawn(|| {
            let mut scrapes = 0;
            while !done.load(Ordering::Relaxed) || scrapes == 0 {
                assert_eq!(http::exchange(kept, "GET", "/metrics", &[]).unwrap().status, 200);
                assert_eq!(client.get(address, "/metrics").status, 200);
                scrapes += 1;
            }
        });
        let ends = Ends(&done);
        change();
        drop(ends);
        scraped.join().unwrap();
    });
}

/// Tells the other thread to end, also if this one panics.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_certificate_written_anew_is_shown_within_seconds_and_no_request_fails_meanwhile() {
    let authority = Authority::named("ours");
    let (first, second) = (authority.server(), authority.server());
    let web_config = WebConfig::with_tls(&first, &[], "");
    let (_simulator, exporter) = start(&web_config, &[]);
    let client = Client::of(&authority);
    let mut kept = client.connect(exporter.address).unwrap();
    assert_eq!(shown(&client, exporter.address), first.der().to_vec());
    while_scraped(&client, &exporter, &mut kept, || {
        second.write(web_config.folder(), "server");
        until_shown(&client, exporter.address, &second);
    });
    let log = exporter.process.output().stderr;
    assert_eq!(log.matches("the web config or a file of it has changed and is in force").count(), 1, "{log}");
    assert!(!log.contains(MISTAKES), "{log}");
}

#[test]
fn a_secret_of_kubernetes_that_is_swapped_is_shown_within_seconds_and_no_request_fails_meanwhile() {
    let authority = Authority::named("ours");
    let web_config =
        WebConfig::new("tls_server_config: {cert_file: secret/tls.crt, key_file: secret/tls.key}\n");
    let mount = web_config.folder().join("secret");
    fs::create_dir(&mount).unwrap();
    let first = authority.server();
    project(&mount, "..2026_01", &first);
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), mount.join(name)).unwrap();
    }
    let (_simulator, exporter) = start(&web_config, &[]);
    let client = Client::of(&authority);
    let mut kept = client.connect(exporter.address).unwrap();
    assert_eq!(shown(&client, exporter.address), first.der().to_vec());
    for generation in ["..2026_02", "..2026_03"] {
        let pair = authority.server();
        while_scraped(&client, &exporter, &mut kept, || {
            project(&mount, generation, &pair);
            until_shown(&client, exporter.address, &pair);
        });
    }
    let log = exporter.process.output().stderr;
    assert!(!log.contains(MISTAKES), "{log}");
}

/// Puts `pair` where the links of `mount` lead, as the kubelet does: a new folder, a link to it that takes
/// the place of the old one, and the old folder is gone.
fn project(mount: &Path, generation: &str, pair: &Pair) {
    let old = fs::read_link(mount.join("..data"));
    fs::create_dir(mount.join(generation)).unwrap();
    pair.write(&mount.join(generation), "tls");
    symlink(generation, mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    if let Ok(old) = old {
        fs::remove_dir_all(mount.join(old)).unwrap();
    }
}

#[test]
fn a_broken_file_leaves_the_old_certificate_and_is_told_once_and_on_the_page_until_it_is_mended() {
    let authority = Authority::named("ours");
    let (first, second) = (authority.server(), authority.server());
    let web_config = WebConfig::with_tls(&first, &[], "");
    let (_simulator, exporter) = start(&web_config, &[]);
    let client = Client::of(&authority);
    until_ready(&client, &exporter);
    let mut kept = client.connect(exporter.address).unwrap();
    let page = || client.get(exporter.address, "/?refresh=off").body;
    let trouble = "The web config file has mistakes";
    assert!(!page().contains(trouble));

    let half = &first.certificate[..first.certificate.len() / 2];
    while_scraped(&client, &exporter, &mut kept, || {
        web_config.write("server.crt", half);
        wait_for("the log to tell of it", SECONDS, || {
            let log = exporter.process.output().stderr;
            if log.contains(MISTAKES) { Ok(()) } else { Err(log) }
        });
        assert_eq!(shown(&client, exporter.address), first.der().to_vec());
        wait_for("the page to tell of it", SECONDS, || {
            if page().contains(trouble) { Ok(()) } else { Err(page()) }
        });
        // Some looks more, at each of which it is still broken.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(3) {
            assert_eq!(shown(&client, exporter.address), first.der().to_vec());
        }
    });
    let log = exporter.process.output().stderr;
    assert_eq!(log.matches(MISTAKES).count(), 1, "{log}");
    let line = log.lines().find(|line| line.contains(MISTAKES)).unwrap();
    assert!(line.contains("cert_file") && line.contains("level=warn"), "{line}");

    while_scraped(&client, &exporter, &mut kept, || {
        second.write(web_config.folder(), "server");
        until_shown(&client, exporter.address, &second);
    });
    wait_for(
        "the page to be content",
        SECONDS,
        || if page().contains(trouble) { Err(page()) } else { Ok(()) },
    );
    let log = exporter.process.output().stderr;
    assert_eq!(log.matches("the web config is good again and in force").count(), 1, "{log}");
    assert_eq!(log.matches(MISTAKES).count(), 1, "{log}");
}
