//! Both servers, on the same runtime.

use std::convert::Infallible;
use std::io::{BufRead as _, stdin};
use std::sync::Arc;
use std::time::Duration;

use agentless_exporter::clock::Clock;
use agentless_exporter::lifecycle::Supervisor;
use agentless_exporter::meters::Meters;
use agentless_exporter::net::Listener;
use agentless_exporter::snapshot::Published;
use agentless_exporter::web::{Parts, Web};
use agentless_exporter::web_config::Live;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::state;

/// Serves until stdin ends.
pub(crate) fn run(server: &str, args: &[String]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut obey: Box<dyn FnMut(&str)> = match server {
        "exporter" => runtime.block_on(exporter(args[0].parse().expect("a size"), args[1] == "running")),
        _ => {
            runtime.block_on(bare(std::fs::read(&args[0]).expect("a body").into(), args[1] == "gzip"));
            Box::new(|_| panic!("it takes no orders"))
        }
    };
    for order in stdin().lock().lines() {
        obey(&order.expect("orders are text"));
        println!("done");
    }
}

/// The exporter with faked sources, on a port that it tells. Its clock runs, or stands until an order
/// moves it on by a second: `second`, and `poll`, which also publishes another snapshot.
async fn exporter(size: usize, running: bool) -> Box<dyn FnMut(&str)> {
    let (clock, hand) = Clock::manual(Clock::system().now());
    let clock = if running { Clock::system() } else { clock };
    let meters = Meters::new();
    let sources = state::of_size(size, &meters, clock.now());
    let (senders, sources): (Vec<_>, Vec<_>) = sources.into_iter().map(watch::channel).unzip();
    let shutdown = CancellationToken::new();
    let health = Supervisor::new(shutdown.clone()).health();
    let sources = watch::channel(Arc::new(sources)).1;
    let parts =
        Parts { sources, meters, health, clock, shutdown, reloads: None, web_config: Live::new(None) };
    let web = Web::new("/metrics", parts).expect("a free path");
    let listener = Listener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("{}", listener.local_addr().expect("it listens by TCP"));
    tokio::spawn(web.serve(listener));
    Box::new(move |order| {
        hand.advance(Duration::from_secs(1));
        if order == "poll" {
            senders.iter().for_each(publish_anew);
        }
    })
}

fn publish_anew(source: &watch::Sender<Arc<Published>>) {
    source.send_modify(|published| {
        let mut next = Published::clone(published);
        next.snapshot = next.snapshot.map(|snapshot| Arc::new((*snapshot).clone()));
        *published = Arc::new(next);
    });
}

/// hyper that answers everything with `body`, on a port that it tells.
async fn bare(body: Bytes, is_packed: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    println!("{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("connections can be accepted");
            stream.set_nodelay(true).expect("it is a socket");
            let body = body.clone();
            let service = service_fn(move |_| {
                let mut response = Response::new(Full::new(body.clone()));
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
                if is_packed {
                    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                }
                async move { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(async move {
                // The client goes away when it has what it wants.
                let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
}
