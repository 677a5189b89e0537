//! A tap on the wire between a client and a server: hands all bytes on and keeps those of requests.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What went over the wire so far. Its threads end with the connections, at the latest with the test.
pub(crate) struct Tap {
    /// Where clients connect instead.
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    /// A tap in front of `server`.
    pub(crate) fn on(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the port is bound");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) else { continue };
                let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
                    continue;
                };
                let kept = Arc::clone(&kept);
                thread::spawn(move || hand_on(from_client, server, Some(&kept)));
                thread::spawn(move || hand_on(from_server, client, None));
            }
        });
        Self { address, requests }
    }

    /// Every signature that was sent, as it was written.
    pub(crate) fn signatures(&self) -> Vec<String> {
        let bytes = self.requests.lock().expect("threads of the tap don't panic").clone();
        let text = String::from_utf8_lossy(&bytes);
        let after = text.split("Signature=").skip(1);
        let ends = |c: char| c == '&' || c.is_whitespace();
        after.map(|rest| rest.split(ends).next().unwrap_or_default().to_owned()).collect()
    }
}

/// Hands on what comes `from` one side `to` the other until it ends, and keeps it.
pub(super) fn hand_on(mut from: TcpStream, mut to: TcpStream, kept: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if let Some(kept) = kept {
            kept.lock().expect("threads of the tap don't panic").extend_from_slice(&buffer[..length]);
        }
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    // The other side may have closed already.
    let _closed = to.shutdown(Shutdown::Write);
}
