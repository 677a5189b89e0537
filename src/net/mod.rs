//! Serving HTTP on sockets: bind, accept, bound, drain. Knows nothing of what is served.

mod serve;
mod write_limit;

pub use serve::{Bounds, serve};

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A socket could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; {}", advice(source))]
pub struct BindError {
    address: String,
    source: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "stop what listens there, or choose another address",
        ErrorKind::AddrNotAvailable => "choose an address of this machine",
        ErrorKind::PermissionDenied => "choose a port from 1024 on, or allow this program lower ones",
        _ => "choose another address",
    }
}

/// A bound socket that nobody serves yet.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    local: SocketAddr,
}

impl Listener {
    /// Listens on `address`: `HOST:PORT`, or `:PORT` for every address of the machine, IPv6 and
    /// IPv4. Port 0 takes a free port, which [`Self::local_addr`] tells.
    ///
    /// # Errors
    /// If the name does not resolve, the port is taken or not allowed.
    pub async fn bind(address: &str) -> Result<Self, BindError> {
        let attempt = async {
            let socket = match address.strip_prefix(':') {
                Some(port) => match TcpListener::bind(format!("[::]:{port}")).await {
                    Ok(socket) => socket,
                    Err(error) if is_refusal(&error) => return Err(error),
                    // A machine without IPv6.
                    Err(_) => TcpListener::bind(format!("0.0.0.0:{port}")).await?,
                },
                None => TcpListener::bind(address).await?,
            };
            let local = socket.local_addr()?;
            Ok(Self { socket, local })
        };
        attempt.await.map_err(|source| BindError { address: address.to_owned(), source })
    }

    /// The address really listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// Whether the port itself can't be had, of whatever family.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_bound_port_is_told() {
        let listener = Listener::bind("127.0.0.1:0").await.unwrap();
        assert_ne!(listener.local_addr().port(), 0);
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_that_names_it() {
        let first = Listener::bind("127.0.0.1:0").await.unwrap();
        let address = first.local_addr().to_string();
        let error = Listener::bind(&address).await.unwrap_err();
        let expected =
            format!("cannot listen on {address}; stop what listens there, or choose another address");
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_in_one_family_is_taken() {
        use socket2::{Domain, Socket, Type};
        let taken = Socket::new(Domain::IPV6, Type::STREAM, None).expect("this test needs IPv6");
        taken.set_only_v6(true).unwrap();
        taken.bind(&SocketAddr::from(([0_u16; 8], 0)).into()).expect("this test needs IPv6");
        taken.listen(1).unwrap();
        let port = taken.local_addr().unwrap().as_socket().unwrap().port();
        let error = Listener::bind(&format!(":{port}")).await.unwrap_err();
        assert!(error.to_string().contains("stop what listens there"), "{error}");
    }

    #[tokio::test]
    async fn the_advice_fits_the_cause() {
        let error = Listener::bind("203.0.113.9:0").await.unwrap_err();
        assert_eq!(error.to_string(), "cannot listen on 203.0.113.9:0; choose an address of this machine");
    }
}
