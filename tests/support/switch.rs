//! An address that is now one server's, now another's, now nobody's, while its clients run on.

use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use super::tap::hand_on;

/// Hands connections on to a server that can be exchanged. Its threads end with the connections,
/// at the latest with the test.
pub(crate) struct Switch {
    /// Where clients connect.
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    acceptor: Option<thread::JoinHandle<()>>,
}

struct State {
    /// Who answers; `None` if nobody listens.
    server: Option<SocketAddr>,
    open: Vec<TcpStream>,
}

impl Switch {
    /// A switch that leads to `server`.
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((own_ip(), 0)).expect("a free port");
        let address = listener.local_addr().expect("the port is bound");
        let state = Arc::new(Mutex::new(State { server: Some(server), open: Vec::new() }));
        let acceptor = Some(accept(listener, Arc::clone(&state)));
        Self { address, state, acceptor }
    }

    /// Breaks every connection; new ones are handed on to `server`.
    pub(crate) fn turn_to(&mut self, server: SocketAddr) {
        lock(&self.state).turn(Some(server));
        if self.acceptor.is_none() {
            // Nobody else gets this port: the address is this switch's own.
            let listener = TcpListener::bind(self.address).expect("the port is still free");
            self.acceptor = Some(accept(listener, Arc::clone(&self.state)));
        }
    }

    /// Breaks every connection; new ones are refused.
    pub(crate) fn turn_off(&mut self) {
        lock(&self.state).turn(None);
        if let Some(acceptor) = self.acceptor.take() {
            // It waits for a connection, and sees at the next one that it is to end.
            let woken = TcpStream::connect(self.address);
            acceptor.join().expect("the thread does not panic");
            drop(woken);
        }
    }
}

impl State {
    fn turn(&mut self, server: Option<SocketAddr>) {
        self.server = server;
        for stream in self.open.drain(..) {
            // It may have ended already.
            let _ended = stream.shutdown(Shutdown::Both);
        }
    }
}

/// An address of this machine alone that no other switch has, here or in a test that runs beside
/// this one: all of 127.0.0.0/8 is loopback.
fn own_ip() -> IpAddr {
    static NEXT: AtomicU8 = AtomicU8::new(2);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(127, high.max(1), low, NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn accept(listener: TcpListener, state: Arc<Mutex<State>>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for client in listener.incoming() {
            // Held until the connection is noted, so that none outlives a turn.
            let mut state = lock(&state);
            let Some(server) = state.server else { return };
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
            let clones = || {
                Ok::<_, std::io::Error>([
                    client.try_clone()?,
                    server.try_clone()?,
                    client.try_clone()?,
                    server.try_clone()?,
                ])
            };
            let Ok([from_client, from_server, kept_client, kept_server]) = clones() else { continue };
            state.open.extend([kept_client, kept_server]);
            drop(state);
            thread::spawn(move || hand_on(from_client, server, None));
            thread::spawn(move || hand_on(from_server, client, None));
        }
    })
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("threads of the switch don't panic")
}
