//! What can be listened on, as it is written.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

/// Most bytes of the path of a unix socket: the kernel keeps 108 for it, one of them for its end.
const MOST_PATH_BYTES: usize = 107;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A port of every address of the machine, written `:PORT`.
    Every(u16),
    /// A port of a host name or IP address, written `HOST:PORT`; `[::1]:PORT` for IPv6.
    Host {
        /// The name or IP address, without brackets.
        host: String,
        /// The port; 0 for a free one.
        port: u16,
    },
    /// A unix socket, written `unix:PATH`.
    Unix(PathBuf),
}

/// A text that is no [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is none of the forms.
    #[error("expected HOST:PORT, :PORT for every address of the machine, or unix:PATH")]
    Form,
    /// A port alone.
    #[error("expected a colon before the port; did you mean :{0}?")]
    OnlyPort(u16),
    /// A host name or IPv4 address alone.
    #[error("expected a port after the host; did you mean {0}:9982?")]
    OnlyHost(String),
    /// What follows the last colon is no port.
    #[error("expected a port from 0 to 65535 after the last colon")]
    Port,
    /// Colons of an IPv6 address can't be told from the one before the port.
    #[error("expected brackets around an IPv6 address, as in [::1]:9982")]
    Brackets,
    /// A path that depends on where the program was started.
    #[error("expected an absolute path of a socket after unix:, as in unix:/run/agentless-exporter/web.sock")]
    Path,
    /// A path that no socket can have.
    #[error(
        "expected a path of at most {MOST_PATH_BYTES} bytes after unix:, which is the most that a socket can have"
    )]
    LongPath,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return unix(path);
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| without_colon(text))?;
        if host.contains(':') && !host.starts_with('[') && text.parse::<Ipv6Addr>().is_ok() {
            return Err(AddressError::Brackets);
        }
        // `+80` is a number to the standard library.
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| is_number).ok_or(AddressError::Port)?;
        if host.is_empty() {
            return Ok(Self::Every(port));
        }
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inside) => Some(inside).filter(|inside| inside.parse::<Ipv6Addr>().is_ok()),
            None => Some(host).filter(|host| host.chars().all(of_a_name)),
        };
        Ok(Self::Host { host: host.ok_or(AddressError::Form)?.to_owned(), port })
    }
}

/// What is wrong with a text that has no colon.
fn without_colon(text: &str) -> AddressError {
    match text.parse() {
        Ok(port) if text.bytes().all(|byte| byte.is_ascii_digit()) => AddressError::OnlyPort(port),
        _ if !text.is_empty() && text.chars().all(of_a_name) => AddressError::OnlyHost(text.to_owned()),
        _ => AddressError::Form,
    }
}

fn of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

fn unix(path: &str) -> Result<Address, AddressError> {
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err(AddressError::Path);
    }
    if path.len() > MOST_PATH_BYTES {
        return Err(AddressError::LongPath);
    }
    Ok(Address::Unix(path.into()))
}

/// As it is written.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(port) => write!(f, ":{port}"),
            Self::Host { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Host { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_good_is_shown_as_it_was_written() {
        for good in
            [":9982", ":0", "127.0.0.1:80", "localhost:80", "[::1]:9982", "unix:/run/x", "a-b_c.d:65535"]
        {
            assert_eq!(good.parse::<Address>().map(|address| address.to_string()), Ok(good.to_owned()));
        }
    }

    #[test]
    fn a_mistake_is_told_by_what_is_wrong() {
        use AddressError::{Brackets, Form, LongPath, OnlyHost, OnlyPort, Path, Port};
        let long = format!("unix:/{}", "x".repeat(107));
        for (bad, wrong) in [
            ("", Form),
            ("9982", OnlyPort(9982)),
            ("localhost", OnlyHost("localhost".to_owned())),
            ("+80", Form),
            ("/run/x", Form),
            (":", Port),
            (":70000", Port),
            (":+80", Port),
            ("localhost:http", Port),
            ("::1", Brackets),
            ("::1:80", Brackets),
            ("[::1]", Port),
            ("[::x]:80", Form),
            ("a b:80", Form),
            ("http://a:80", Form),
            (":0:0", Form),
            ("unix:", Path),
            ("unix:run/x", Path),
            ("unix:/run/", Path),
            ("unix:/run/\0x", Path),
            (long.as_str(), LongPath),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(wrong), "{bad:?}");
        }
        assert!(long[..long.len() - 1].parse::<Address>().is_ok());
    }
}
