//! The real transport, with every host of the cloud replaced by one server of this machine.

use std::net::SocketAddr;

use agentless_exporter::env::Env;
use agentless_exporter::rpc::{Config, HttpRequest, HttpResponse, HttpTransport, Transport, TransportError};
use futures_util::future::BoxFuture;

/// The header that tells which host was meant.
pub(crate) const MEANT: &str = "x-meant-host";

pub(crate) struct ToLoopback {
    inner: HttpTransport,
    address: SocketAddr,
}

impl ToLoopback {
    pub(crate) fn new(address: SocketAddr) -> Self {
        let inner = HttpTransport::build(&Config::default(), &Env::default()).expect("it has no settings");
        Self { inner, address }
    }
}

impl Transport for ToLoopback {
    fn send(&self, mut request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        let url = &mut request.url;
        let meant = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
        url.set_scheme("http").expect("http");
        url.set_ip_host(self.address.ip()).expect("a host");
        url.set_port(Some(self.address.port())).expect("a port");
        request.headers.insert(MEANT, meant.parse().expect("a header"));
        self.inner.send(request)
    }
}
