//! Many and slow clients in front of one server: each scrape on a new connection is answered meanwhile.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use agentless_exporter::net::{Bounds, Listener, Peer, in_the_clear, serve};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::{Request, Response};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What no scrape may take; a tenth of it is aimed at.
const BOUND: Duration = Duration::from_secs(1);

/// A scrape of an account with many targets.
static EXPOSITION: [u8; 1024 * 1024] = [b'#'; 1024 * 1024];
/// More than the buffers of a connection on loopback hold.
static BIG: [u8; 32 * 1024 * 1024] = [0; 32 * 1024 * 1024];

async fn answer(request: Request<Incoming>, _: Peer) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = if request.uri().path() == "/big" { &BIG[..] } else { &EXPOSITION[..] };
    Ok(Response::new(Full::new(Bytes::from_static(body))))
}

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    served: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
            .expect("up to the hard limit");
        let listener = Listener::bind("127.0.0.1:0").await.expect("loopback works");
        let address = listener.local_addr().expect("loopback works");
        let shutdown = CancellationToken::new();
        let bounds = Bounds { grace: Duration::from_millis(100), ..Bounds::default() };
        let served = tokio::spawn(serve(listener, bounds, in_the_clear(), shutdown.clone(), answer));
        Self { address, shutdown, served }
    }

    async fn scrape(&self) -> Duration {
        let start = Instant::now();
        let mut client = TcpStream::connect(self.address).await.expect("loopback works");
        client
            .write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .expect("loopback works");
        let mut got = Vec::new();
        client.read_to_end(&mut got).await.expect("the scrape is not cut off");
        assert!(got.len() > EXPOSITION.len() && got.starts_with(b"HTTP/1.1 200"), "{} bytes", got.len());
        start.elapsed()
    }

    /// Opens connections that send `first`, and scrapes again and again meanwhile and for a while after.
    async fn besiege(what: &str, clients: usize, first: &'static [u8]) {
        // One siege at a time: each measures.
        static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _alone = ALONE.lock().await;
        let server = Self::start().await;
        let address = server.address;
        let siege = tokio::spawn(async move {
            let mut open = Vec::with_capacity(clients);
            for _ in 0..clients {
                let socket = TcpSocket::new_v4().expect("loopback works");
                // Who reads slowly wants no more to come than that.
                socket.set_recv_buffer_size(4096).expect("loopback works");
                let mut client = socket.connect(address).await.expect("loopback works");
                client.write_all(first).await.expect("loopback works");
                open.push(client);
            }
            // Those that still can send another byte now and then.
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_millis(50)).await;
                for client in open.iter_mut().filter(|_| !first.is_empty()) {
                    let _closed = client.try_write(b"x");
                }
            }
            open
        });
        let (mut worst, mut scrapes) = (Duration::ZERO, 0);
        while !siege.is_finished() || scrapes < 20 {
            let took = server.scrape().await;
            assert!(took < BOUND, "{what}: a scrape took {took:?}");
            (worst, scrapes) = (worst.max(took), scrapes + 1);
        }
        #[expect(clippy::print_stdout, reason = "a measurement")]
        {
            println!("{what}: {scrapes} scrapes, the worst took {worst:?}");
        }
        drop(siege.await.expect("loopback works"));
        server.shutdown.cancel();
        server.served.await.expect("loopback works");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_idle_connections_delay_no_scrape() {
    Server::besiege("2,000 idle connections", 2000, b"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_slow_headers_delay_no_scrape() {
    Server::besiege("600 slow headers", 600, b"GET /metrics HTTP/1.1\r\nx: y").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_hundred_slow_readers_of_a_big_answer_delay_no_scrape() {
    Server::besiege("600 slow readers", 600, b"GET /big HTTP/1.1\r\nhost: a\r\n\r\n").await;
}
