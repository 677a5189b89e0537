//! The address of a product's API.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

/// Scheme, host and port of an API. It has no path, no query and no user.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    root: Url,
    host: String,
}

/// Text that is no endpoint. The text is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL, or one without a host or with the port 0.
    #[error("expected https://HOST or https://HOST:PORT")]
    NotAUrl,
    /// Another scheme than `https` and `http`.
    #[error("expected the scheme https")]
    Scheme,
    /// `http` to another machine.
    #[error("http:// is for loopback only; use https://, or set allow_http: true to send in the clear")]
    PlainHttp,
    /// A user or a password.
    #[error("an endpoint holds no user or password; access keys belong into credentials")]
    User,
    /// A path, a query or a fragment.
    #[error("expected nothing after the host and the port")]
    Path,
}

impl Endpoint {
    /// Reads `https://HOST[:PORT]`; also `http://` to loopback, or anywhere with `allow_http`.
    ///
    /// # Errors
    /// If `text` is anything else.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, EndpointError> {
        let root = Url::parse(text.trim()).map_err(|_| EndpointError::NotAUrl)?;
        let name = match root.host_str() {
            Some(name) if !name.is_empty() && root.port() != Some(0) => name,
            _ => return Err(EndpointError::NotAUrl),
        };
        match root.scheme() {
            "https" => {}
            "http" if allow_http || is_loopback(name) => {}
            "http" => return Err(EndpointError::PlainHttp),
            _ => return Err(EndpointError::Scheme),
        }
        if !root.username().is_empty() || root.password().is_some() {
            return Err(EndpointError::User);
        }
        if root.path() != "/" || root.query().is_some() || root.fragment().is_some() {
            return Err(EndpointError::Path);
        }
        let host = match root.port() {
            Some(port) => format!("{name}:{port}"),
            None => name.to_owned(),
        };
        Ok(Self { root, host })
    }

    /// `HOST`, or `HOST:PORT` where the port is not the scheme's own: for display, and what the
    /// header `host` holds and the signature covers.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The URL of a request with `query`, which is encoded already.
    pub fn url(&self, query: Option<&str>) -> Url {
        let mut url = self.root.clone();
        url.set_query(query);
        url
    }
}

/// As it was read, without what goes without saying.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.root.scheme(), self.host)
    }
}

/// Shows the host; there is nothing more to show.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Result<String, EndpointError> {
        Endpoint::parse(text, false).map(|endpoint| endpoint.host().to_owned())
    }

    #[test]
    fn the_host_is_written_as_the_header_host_has_it() {
        assert_eq!(host("https://tds.cn-shanghai.aliyuncs.com").unwrap(), "tds.cn-shanghai.aliyuncs.com");
        assert_eq!(host("https://Example.COM:443/").unwrap(), "example.com");
        assert_eq!(host("https://example.com:8443").unwrap(), "example.com:8443");
        assert_eq!(host("http://[::1]:8642").unwrap(), "[::1]:8642");
        assert_eq!(host("http://127.0.0.1:8642").unwrap(), "127.0.0.1:8642");
        assert_eq!(host("http://localhost:1").unwrap(), "localhost:1");
        assert_eq!(host("http://127.1").unwrap(), "127.0.0.1");
        let shown = Endpoint::parse("https://Example.COM:443/", false).unwrap().to_string();
        assert_eq!(shown, "https://example.com");
    }

    #[test]
    fn plain_http_leaves_the_machine_only_when_allowed() {
        assert_eq!(host("http://example.com"), Err(EndpointError::PlainHttp));
        assert_eq!(host("http://localhost.example.com"), Err(EndpointError::PlainHttp));
        assert!(Endpoint::parse("http://example.com", true).is_ok());
    }

    #[test]
    fn anything_but_a_bare_address_is_refused() {
        assert_eq!(host("tds.aliyuncs.com"), Err(EndpointError::NotAUrl));
        for text in ["", "https://", "https://1.2.3.456", "https://a:0", "https://a:99999", "https://a b"] {
            assert_eq!(host(text), Err(EndpointError::NotAUrl), "{text}");
        }
        assert_eq!(host("ftp://example.com"), Err(EndpointError::Scheme));
        assert_eq!(host("https://me:hunter2@example.com"), Err(EndpointError::User));
        assert_eq!(host("https://example.com/api"), Err(EndpointError::Path));
        assert_eq!(host("https://example.com?x=1"), Err(EndpointError::Path));
    }
}
