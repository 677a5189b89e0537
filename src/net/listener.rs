//! Bound sockets.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::task::{Context, Poll};

use socket2::{Domain, SockRef, Socket as RawSocket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio_util::either::Either;

use super::address::{Address, AddressError};
use super::unix::{self, PathError, SocketFile};

/// Most connections that wait in the kernel to be accepted.
const BACKLOG: i32 = 1024;

/// Most bytes of an answer that the kernel takes ahead of the client, who may never read them; its own bound
/// is some megabytes a connection.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 * 1024;

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; {advice}")]
pub struct BindError {
    address: String,
    advice: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl BindError {
    fn of_path(address: &Address, error: PathError) -> Self {
        let advice = error.to_string();
        let (PathError::Live(source)
        | PathError::NoSocket(source)
        | PathError::NoFolder(source)
        | PathError::Forbidden(source)
        | PathError::Other(source)) = error;
        Self { address: address.to_string(), advice, source: source.into() }
    }
}

impl BindError {
    /// Advises of a port that was taken by one of `before`, which are addresses of the same program.
    fn after(self, before: &Listener) -> Self {
        let is_taken = self.source.downcast_ref().map(io::Error::kind) == Some(ErrorKind::AddrInUse);
        let port = match self.address.parse() {
            Ok(Address::Every(port) | Address::Host { port, .. }) => Some(port),
            _ => None,
        };
        let is_same = |local: &Local| matches!(local, Local::Tcp(address) if Some(address.port()) == port);
        if !is_taken || !before.addresses().iter().any(is_same) {
            return self;
        }
        let advice = "another --web.listen-address has the same port; leave one of them out".to_owned();
        Self { advice, ..self }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "stop what listens there, or choose another address",
        ErrorKind::AddrNotAvailable => "choose an address of this machine",
        ErrorKind::PermissionDenied => "choose a port from 1024 on, or allow this program lower ones",
        _ => "choose another address",
    }
}

/// Where a socket really listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Local {
    /// IP address and port.
    Tcp(SocketAddr),
    /// The path of a unix socket; `@` if it has none.
    Unix(PathBuf),
}

/// As it is written in the configuration.
impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// One that came by TCP.
    Tcp(SocketAddr),
    /// One that came by a unix socket; those have no addresses.
    Unix,
}

impl Peer {
    /// Whether it is on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix => true,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

/// A connection, before anything is known of what it speaks.
pub(super) type Stream = Either<TcpStream, UnixStream>;

/// Bound sockets that nobody serves yet.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<Socket>,
    /// Which is asked first for the next connection, so that none starves the others.
    turn: usize,
}

#[derive(Debug)]
struct Socket {
    kind: Kind,
    local: Local,
    /// Kept for its end.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens on `address`, written as [`Address`] reads it. A name listens on every address that it
    /// stands for and that this machine has. Port 0 takes a free port, which [`Self::addresses`] tells.
    ///
    /// # Errors
    /// If it is no address, the name does not resolve, the port is taken or not allowed, or the path of a
    /// unix socket has another process or another file.
    pub async fn bind(address: &str) -> Result<Self, BindError> {
        let parsed = address.parse().map_err(|error: AddressError| BindError {
            address: address.to_owned(),
            advice: "choose another address".to_owned(),
            source: error.into(),
        })?;
        let sockets = match &parsed {
            Address::Unix(path) => {
                let (listener, file) =
                    unix::listen(path).await.map_err(|error| BindError::of_path(&parsed, error))?;
                let local = Local::Unix(path.clone());
                Ok(vec![Socket { kind: Kind::Unix(listener), local, _file: Some(file) }])
            }
            Address::Every(port) => every(*port).map(|socket| vec![socket]),
            Address::Host { host, port } => resolved(host, *port).await,
        };
        let sockets = sockets.map_err(|source| BindError {
            address: address.to_owned(),
            advice: advice(&source).to_owned(),
            source: source.into(),
        })?;
        Ok(Self { sockets, turn: 0 })
    }

    /// Listens on every one of `addresses`.
    ///
    /// # Errors
    /// As [`Self::bind`], of the first that can't be listened on.
    pub async fn bind_all(addresses: &[String]) -> Result<Self, BindError> {
        let mut all = Self { sockets: Vec::new(), turn: 0 };
        for address in addresses {
            let bound = Self::bind(address).await.map_err(|error| error.after(&all));
            all.sockets.append(&mut bound?.sockets);
        }
        Ok(all)
    }

    /// The sockets of another process, which already listen.
    pub(super) fn of_passed(
        tcp: Vec<std::net::TcpListener>,
        unix: Vec<std::os::unix::net::UnixListener>,
    ) -> io::Result<Self> {
        let mut sockets = Vec::new();
        for socket in tcp {
            socket.set_nonblocking(true)?;
            sockets.push(Socket::tcp(TcpListener::from_std(socket)?)?);
        }
        for socket in unix {
            socket.set_nonblocking(true)?;
            let address = socket.local_addr()?;
            let local = Local::Unix(address.as_pathname().map_or_else(|| "@".into(), PathBuf::from));
            // Its file belongs to who made it.
            sockets.push(Socket { kind: Kind::Unix(UnixListener::from_std(socket)?), local, _file: None });
        }
        Ok(Self { sockets, turn: 0 })
    }

    /// The addresses really listened on.
    pub fn addresses(&self) -> Vec<Local> {
        self.sockets.iter().map(|socket| socket.local.clone()).collect()
    }

    /// The first of its TCP addresses, if it has any.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.sockets.iter().find_map(|socket| match socket.local {
            Local::Tcp(address) => Some(address),
            Local::Unix(_) => None,
        })
    }

    /// The next connection, or why a socket gave none.
    pub(super) async fn accept(&mut self) -> Result<(Stream, Peer), (Local, io::Error)> {
        std::future::poll_fn(|context| self.poll_accept(context)).await
    }

    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Result<(Stream, Peer), (Local, io::Error)>> {
        let count = self.sockets.len();
        for step in 0..count {
            let index = (self.turn + step) % count;
            let socket = &self.sockets[index];
            if let Poll::Ready(accepted) = socket.poll_accept(context) {
                self.turn = index + 1;
                return Poll::Ready(accepted.map_err(|error| (socket.local.clone(), error)));
            }
        }
        Poll::Pending
    }
}

impl Socket {
    fn tcp(listener: TcpListener) -> io::Result<Self> {
        let local = Local::Tcp(listener.local_addr()?);
        Ok(Self { kind: Kind::Tcp(listener), local, _file: None })
    }

    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        match &self.kind {
            Kind::Tcp(listener) => listener.poll_accept(context).map_ok(|(stream, peer)| {
                // Small answers: waiting to fill a segment would only add latency.
                let _kept_default = stream.set_nodelay(true);
                #[cfg(target_os = "linux")]
                let _kept_default = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
                (Either::Left(stream), Peer::Tcp(peer))
            }),
            Kind::Unix(listener) => {
                listener.poll_accept(context).map_ok(|(stream, _)| (Either::Right(stream), Peer::Unix))
            }
        }
    }
}

/// One socket for both families, whatever the system's default is for IPv6 ones.
fn every(port: u16) -> io::Result<Socket> {
    match tcp((Ipv6Addr::UNSPECIFIED, port).into(), true) {
        Err(error) if matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied) => {
            Err(error)
        }
        // A machine without IPv6.
        Err(_) => tcp((Ipv4Addr::UNSPECIFIED, port).into(), false),
        bound => bound,
    }
}

async fn resolved(host: &str, mut port: u16) -> io::Result<Vec<Socket>> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in tokio::net::lookup_host((host, port)).await? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let mut sockets = Vec::new();
    let mut missing = io::Error::from(ErrorKind::AddrNotAvailable);
    for mut address in addresses {
        address.set_port(port);
        match tcp(address, false) {
            Ok(socket) => {
                if let Local::Tcp(address) = socket.local {
                    // The free port that the first took is that of all.
                    port = address.port();
                }
                sockets.push(socket);
            }
            // A name may stand for ::1 on a machine without IPv6.
            Err(error) if is_missing(&error) => missing = error,
            Err(error) => return Err(error),
        }
    }
    if sockets.is_empty() { Err(missing) } else { Ok(sockets) }
}

/// Whether the machine does not have the address, or its family.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn tcp(address: SocketAddr, both_families: bool) -> io::Result<Socket> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, None)?;
    // The port of a process that has just ended is free.
    socket.set_reuse_address(true)?;
    if both_families {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Socket::tcp(TcpListener::from_std(socket.into())?)
}

/// Whether `socket` waits for connections.
pub(super) fn listens(socket: &impl std::os::fd::AsFd) -> bool {
    SockRef::from(socket).is_listener().unwrap_or(false)
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
