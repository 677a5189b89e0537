//! Certificates made for a test, a web config that names them, and a client that hides nothing.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agentless_exporter::clock::Clock;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

use super::http::{self, Answer};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A certificate and its key, as PEM.
pub(crate) struct Pair {
    /// The certificate.
    pub(crate) certificate: String,
    /// Its key, as PKCS#8.
    pub(crate) key: String,
}

impl Pair {
    /// Writes both as `NAME.crt` and `NAME.key`.
    pub(crate) fn write(&self, folder: &Path, name: &str) {
        write(folder, &format!("{name}.crt"), &self.certificate);
        write(folder, &format!("{name}.key"), &self.key);
    }

    /// The certificate, as a handshake shows it.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("one certificate")
    }
}

/// Signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, as PEM.
    pub(crate) certificate: String,
}

impl Authority {
    /// A new one.
    pub(crate) fn named(name: &str) -> Self {
        let mut params = valid_now(&[]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate of a new ECDSA key for these DNS names and IP addresses, for servers and clients.
    pub(crate) fn sign(&self, names: &[&str]) -> Pair {
        self.sign_key(&KeyPair::generate().expect("a key"), names)
    }

    /// One that this test's server can have.
    pub(crate) fn server(&self) -> Pair {
        self.sign(&["localhost", "127.0.0.1"])
    }

    /// The same of `key`.
    pub(crate) fn sign_key(&self, key: &KeyPair, names: &[&str]) -> Pair {
        let mut params = valid_now(names);
        params.distinguished_name.push(DnType::CommonName, names.first().copied().unwrap_or_default());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(key, &self.issuer).expect("a certificate").pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// From yesterday for 90 days, as public authorities do.
fn valid_now(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    let now = Duration::from_millis(Clock::system().now().as_millis());
    let now = date_time_ymd(1970, 1, 1) + now;
    (params.not_before, params.not_after) = (now - DAY, now + 89 * DAY);
    params
}

/// A web config file in a folder of its own, which goes when this is dropped.
pub(crate) struct WebConfig(tempfile::TempDir);

impl WebConfig {
    /// One that says this.
    pub(crate) fn new(yaml: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        write(folder.path(), "web.yml", yaml);
        Self(folder)
    }

    /// One whose server has the certificate `server.crt`, which is `pair`. Lines of `tls` come below its
    /// `tls_server_config`, `more` at the end.
    pub(crate) fn with_tls(pair: &Pair, tls: &[&str], more: &str) -> Self {
        let lines: String = tls.iter().map(|line| format!("  {line}\n")).collect();
        let files = "  cert_file: server.crt\n  key_file: server.key\n";
        let config = Self::new(&format!("tls_server_config:\n{files}{lines}{more}"));
        pair.write(config.folder(), "server");
        config
    }

    /// Where it is, with what it names.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file beside it.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        write(self.folder(), name, text)
    }

    /// The flag that names it.
    pub(crate) fn flag(&self) -> String {
        format!("--web.config.file={}", self.folder().join("web.yml").display())
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("the folder can be written to");
    path
}

/// An encrypted connection.
pub(crate) type Connection = StreamOwned<ClientConnection, TcpStream>;

/// A client of a server whose certificate is for `localhost`.
#[derive(Clone)]
pub(crate) struct Client(pub(crate) Arc<ClientConfig>);

impl Client {
    /// One that trusts `authority` and speaks both versions.
    pub(crate) fn of(authority: &Authority) -> Self {
        Self::with(authority, None, ALL_VERSIONS)
    }

    /// One that trusts `authority`, shows its `own` certificate and speaks these versions.
    pub(crate) fn with(
        authority: &Authority,
        own: Option<&Pair>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.certificate.as_bytes());
        roots.add(root.expect("one certificate")).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(pair) => {
                let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
                builder.with_client_auth_cert(vec![pair.der()], key).expect("a pair")
            }
        };
        Self(Arc::new(config))
    }

    /// Shakes hands with the server at `address`. With TLS 1.3 it learns only later that it is refused.
    ///
    /// # Errors
    /// If that fails, with the reason.
    pub(crate) fn connect(&self, address: SocketAddr) -> Result<Connection, String> {
        self.connect_to("localhost", address)
    }

    /// The same, for a server that is to have a certificate for `name`.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub(crate) fn connect_to(&self, name: &str, address: SocketAddr) -> Result<Connection, String> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut tls = ClientConnection::new(Arc::clone(&self.0), name).map_err(|error| error.to_string())?;
        let mut stream = http::connect(address)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream).map_err(|error| error.to_string())?;
        }
        Ok(StreamOwned::new(tls, stream))
    }

    /// One request on a connection of its own.
    ///
    /// # Errors
    /// If it is refused, or not answered as HTTP wants.
    pub(crate) fn ask(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, String> {
        let mut connection = self.connect(address)?;
        http::exchange(&mut connection, method, path, headers).map(Answer::text)
    }

    /// GET without more headers, which must be answered.
    pub(crate) fn get(&self, address: SocketAddr, path: &str) -> Answer {
        self.ask(address, "GET", path, &[]).unwrap_or_else(|error| panic!("GET {path} by TLS: {error}"))
    }
}
