//! A client that scrapes over one connection, as Prometheus does.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// One kept connection.
pub(crate) struct Client {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Client {
    /// Connects to `address`.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("it is a socket");
        Self { stream, received: Vec::new() }
    }

    /// The body of `/metrics` in that encoding, as it comes.
    pub(crate) fn get(&mut self, encoding: &str) -> Vec<u8> {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: bench\r\nAccept-Encoding: {encoding}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).expect("the server reads");
        self.received.clear();
        let head = self.read_until(|received| position(received, b"\r\n\r\n"));
        let text = String::from_utf8_lossy(&self.received[..head]).to_ascii_lowercase();
        assert!(text.starts_with("http/1.1 200"), "{text}");
        let is_packed = text.contains("content-encoding: gzip");
        assert_eq!(is_packed, encoding == "gzip", "{text}");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
        let start = head + 4;
        let end = match length {
            Some(length) => start + length.parse::<usize>().expect("a length is a number"),
            // Nothing in a body here looks like the end of its chunks.
            None => self.read_until(|received| position(received, b"\r\n0\r\n\r\n")),
        };
        self.read_until(|received| (received.len() >= end).then_some(end));
        self.received[start..end].to_vec()
    }

    fn read_until(&mut self, found: impl Fn(&[u8]) -> Option<usize>) -> usize {
        let mut buffer = [0; 1 << 16];
        loop {
            if let Some(at) = found(&self.received) {
                return at;
            }
            let read = self.stream.read(&mut buffer).expect("the server answers");
            assert_ne!(read, 0, "the server closed the connection");
            self.received.extend_from_slice(&buffer[..read]);
        }
    }
}

fn position(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
