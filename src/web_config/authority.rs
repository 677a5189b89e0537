//! A certificate authority for tests, and handshakes in memory.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{CipherSuite, ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate and its key, as PEM.
pub(super) struct Pair {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Signs certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) certificate: String,
}

impl Authority {
    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate with these subject alternative names, for servers and clients.
    pub(super) fn sign(&self, names: impl IntoIterator<Item = SanType>) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(names).signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// One for `localhost`.
    pub(super) fn localhost(&self) -> Pair {
        self.sign([dns("localhost")])
    }
}

/// A certificate that signed itself; `usage` is what it may be used for.
pub(super) fn self_signed(usage: ExtendedKeyUsagePurpose) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = leaf([dns("itself")]);
    params.extended_key_usages = vec![usage];
    Pair { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn leaf(names: impl IntoIterator<Item = SanType>) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = names.into_iter().collect();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

pub(super) fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// Writes a pair as `NAME.crt` and `NAME.key`.
pub(super) fn write(folder: &Path, name: &str, pair: &Pair) {
    std::fs::write(folder.join(format!("{name}.crt")), &pair.certificate).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), &pair.key).unwrap();
}

/// A client that trusts `authority` and has the certificate `own`.
pub(super) fn client(authority: &Authority, own: Option<&Pair>) -> ClientConfig {
    client_of(rustls::crypto::ring::default_provider(), rustls::ALL_VERSIONS, authority, own)
}

pub(super) fn client_of(
    provider: CryptoProvider,
    versions: &[&'static rustls::SupportedProtocolVersion],
    authority: &Authority,
    own: Option<&Pair>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.certificate.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(pair) => {
            let chain = vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()];
            let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

/// What a handshake came to.
#[derive(Debug, PartialEq)]
pub(super) struct Shaken {
    pub(super) version: ProtocolVersion,
    pub(super) suite: CipherSuite,
    pub(super) alpn: Option<Vec<u8>>,
    pub(super) kind: HandshakeKind,
    /// Serial number of the server's certificate, or what else tells it from another.
    pub(super) certificate: Vec<u8>,
}

/// Both ends of a connection.
pub(super) type Connection =
    (tokio_rustls::server::TlsStream<DuplexStream>, tokio_rustls::client::TlsStream<DuplexStream>);

/// Connects, and sends a byte each way: with TLS 1.3 a client learns only then that it is refused.
pub(super) async fn connect(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
) -> Result<Connection, String> {
    let (here, there) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from("localhost").unwrap();
    let accepting = TlsAcceptor::from(server).accept(here);
    let (accepted, connected) = tokio::join!(accepting, TlsConnector::from(client).connect(name, there));
    let mut accepted = accepted.map_err(|error| format!("server: {error}"))?;
    let mut connected = connected.map_err(|error| format!("client: {error}"))?;
    echo(&mut accepted, &mut connected).await?;
    Ok((accepted, connected))
}

/// Sends a byte each way.
pub(super) async fn echo(
    accepted: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
    connected: &mut (impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin),
) -> Result<(), String> {
    let exchange = async {
        accepted.write_all(b"x").await?;
        accepted.flush().await?;
        connected.read_u8().await?;
        connected.write_all(b"y").await?;
        connected.flush().await?;
        accepted.read_u8().await
    };
    exchange.await.map(drop).map_err(|error| error.to_string())
}

/// Connects and tells what came of it.
pub(super) async fn shake(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> Result<Shaken, String> {
    let (_accepted, connected) = connect(Arc::clone(server), Arc::clone(client)).await?;
    let (_, state) = connected.get_ref();
    Ok(Shaken {
        version: state.protocol_version().unwrap(),
        suite: state.negotiated_cipher_suite().unwrap().suite(),
        alpn: state.alpn_protocol().map(<[u8]>::to_vec),
        kind: state.handshake_kind().unwrap(),
        certificate: state.peer_certificates().unwrap()[0].to_vec(),
    })
}
