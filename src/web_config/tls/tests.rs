use std::net::IpAddr;

use rcgen::{ExtendedKeyUsagePurpose, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, HandshakeKind, NamedGroup, ProtocolVersion, version};
use tempfile::TempDir;

use super::super::authority::{self, Authority, Pair, Shaken, client, client_of, dns, shake};
use super::super::load;
use super::*;

/// A folder with the files of a web config.
struct Place {
    folder: TempDir,
    authority: Authority,
}

impl Place {
    /// Has the certificate of `localhost`, and the CA of clients as `ca.crt`.
    fn new() -> Self {
        let place =
            Self { folder: tempfile::tempdir().unwrap(), authority: Authority::named("of this place") };
        authority::write(place.folder.path(), "server", &place.authority.localhost());
        std::fs::write(place.folder.path().join("ca.crt"), &place.authority.certificate).unwrap();
        place
    }

    /// The server of `tls_server_config` with these further lines, and of the whole lines after it.
    fn server_with(&self, tls: &[&str], rest: &str) -> Arc<ServerConfig> {
        let lines: String = tls.iter().map(|line| format!("  {line}\n")).collect();
        let text =
            format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{lines}{rest}");
        let file = self.folder.path().join("web.yml");
        std::fs::write(&file, text).unwrap();
        let loaded = load(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        loaded.settings().tls.clone().expect("TLS is on")
    }

    fn server(&self, tls: &[&str]) -> Arc<ServerConfig> {
        self.server_with(tls, "")
    }

    fn client(&self, own: Option<&Pair>) -> Arc<ClientConfig> {
        Arc::new(client(&self.authority, own))
    }
}

async fn passes(server: &Arc<ServerConfig>, client: &Arc<ClientConfig>) -> bool {
    shake(server, client).await.is_ok()
}

#[tokio::test]
async fn without_further_keys_both_versions_and_http_2_are_spoken() {
    let place = Place::new();
    let server = place.server(&[]);
    for (version, protocol) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let mut client = client_of(ring::default_provider(), &[version], &place.authority, None);
        client.alpn_protocols = vec![b"http/1.1".to_vec(), b"h2".to_vec()];
        let Shaken { version, alpn, .. } = shake(&server, &Arc::new(client)).await.unwrap();
        assert_eq!((version, alpn.as_deref()), (protocol, Some(&b"h2"[..])));
    }
}

#[tokio::test]
async fn without_http_2_it_is_not_offered() {
    let place = Place::new();
    let server = place.server_with(&[], "http_server_config: {http2: false}\n");
    let mut client = client(&place.authority, None);
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    assert_eq!(shake(&server, &Arc::new(client)).await.unwrap().alpn.as_deref(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn versions_out_of_bounds_are_refused() {
    let place = Place::new();
    for (line, passing) in [("max_version: TLS12", [true, false]), ("min_version: TLS13", [false, true])] {
        let server = place.server(&[line]);
        for (version, passing) in [&version::TLS12, &version::TLS13].into_iter().zip(passing) {
            let client = client_of(ring::default_provider(), &[version], &place.authority, None);
            assert_eq!(passes(&server, &Arc::new(client)).await, passing, "{line} {version:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_the_certificate_is_not_served() {
    let place = Place::new();
    let client = client(&Authority::named("another"), None);
    let error = shake(&place.server(&[]), &Arc::new(client)).await.unwrap_err();
    assert!(error.contains("UnknownCA") || error.contains("UnknownIssuer"), "{error}");
}

#[tokio::test]
async fn suites_are_those_listed_and_those_of_tls_1_3() {
    let place = Place::new();
    let listed =
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]";
    let (first, second) = (
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    );
    let with = |suites: &[CipherSuite]| {
        let mut provider = ring::default_provider();
        let all = std::mem::take(&mut provider.cipher_suites);
        let find = |id: &CipherSuite| *all.iter().find(|suite| suite.suite() == *id).unwrap();
        provider.cipher_suites = suites.iter().map(find).collect();
        Arc::new(client_of(provider, &[&version::TLS12], &place.authority, None))
    };
    let server = place.server(&[listed]);
    assert_eq!(shake(&server, &with(&[second, first])).await.unwrap().suite, first, "in the server's order");
    let chacha = CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    assert!(!passes(&server, &with(&[chacha])).await);
    let server = place.server(&[listed, "prefer_server_cipher_suites: false"]);
    assert_eq!(shake(&server, &with(&[second, first])).await.unwrap().suite, second, "in the client's order");
    let any_of_1_3 = client_of(ring::default_provider(), &[&version::TLS13], &place.authority, None);
    assert!(passes(&server, &Arc::new(any_of_1_3)).await);
}

#[tokio::test]
async fn only_tls_1_3_is_left_when_only_its_suites_are_listed() {
    let place = Place::new();
    let server = place
        .server_with(&["cipher_suites: [TLS_AES_128_GCM_SHA256]"], "http_server_config: {http2: false}\n");
    for (version, passing) in [(&version::TLS12, false), (&version::TLS13, true)] {
        let client = client_of(ring::default_provider(), &[version], &place.authority, None);
        assert_eq!(passes(&server, &Arc::new(client)).await, passing);
    }
}

#[tokio::test]
async fn curves_are_those_listed() {
    let place = Place::new();
    let server = place.server(&["curve_preferences: [CurveP384]"]);
    for (curve, passing) in [(NamedGroup::secp384r1, true), (NamedGroup::X25519, false)] {
        let mut provider = ring::default_provider();
        provider.kx_groups.retain(|group| group.name() == curve);
        let client = client_of(provider, rustls::ALL_VERSIONS, &place.authority, None);
        assert_eq!(passes(&server, &Arc::new(client)).await, passing, "{curve:?}");
    }
}

#[tokio::test]
async fn each_client_auth_type_lets_in_whom_it_says() {
    let place = Place::new();
    let known = place.authority.sign([dns("prometheus")]);
    let unknown = Authority::named("another").sign([dns("prometheus")]);
    // Without a certificate, with one of another CA, with one of the CA.
    for (word, passing) in [
        ("NoClientCert", [true, true, true]),
        ("RequestClientCert", [true, true, true]),
        ("RequireAnyClientCert", [false, true, true]),
        ("RequireClientCert", [false, true, true]),
        ("VerifyClientCertIfGiven", [true, false, true]),
        ("RequireAndVerifyClientCert", [false, false, true]),
    ] {
        let ca = if word == "NoClientCert" { "" } else { "client_ca_file: ca.crt" };
        let server = place.server(&[&format!("client_auth_type: {word}"), ca]);
        for (own, passing) in [None, Some(&unknown), Some(&known)].into_iter().zip(passing) {
            for version in rustls::ALL_VERSIONS {
                let client = client_of(ring::default_provider(), &[version], &place.authority, own);
                assert_eq!(passes(&server, &Arc::new(client)).await, passing, "{word} {version:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused_even_where_none_is_verified() {
    let place = Place::new();
    let (certificate, stranger) =
        (place.authority.sign([dns("prometheus")]), place.authority.sign([dns("x")]));
    let server = place.server(&["client_auth_type: RequireAnyClientCert"]);
    let provider = ring::default_provider();
    let key = PrivateKeyDer::from_pem_slice(stranger.key.as_bytes()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(certificate.certificate.as_bytes()).unwrap()];
    let mut client = client(&place.authority, None);
    client.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, key)));
    let error = shake(&place.server(&["client_auth_type: RequireAnyClientCert"]), &Arc::new(client))
        .await
        .unwrap_err();
    assert!(error.contains("BadSignature"), "{error}");
    assert!(passes(&server, &place.client(Some(&certificate))).await);
}

#[tokio::test]
async fn only_allowed_names_of_any_sort_pass() {
    let place = Place::new();
    let uri = |uri: &str| SanType::URI(uri.try_into().unwrap());
    let mail = |name: &str| SanType::Rfc822Name(name.try_into().unwrap());
    let ip = |text: &str| SanType::IpAddress(text.parse::<IpAddr>().unwrap());
    for word in ["RequireAndVerifyClientCert", "RequireAnyClientCert"] {
        let server = place.server(&[
            &format!("client_auth_type: {word}"),
            "client_ca_file: ca.crt",
            "client_allowed_sans: [prometheus, ops@example.org, 192.0.2.7, '2001:db8::7', 192.0.2.9, 'spiffe://x/y']",
        ]);
        for (name, passing) in [
            (dns("prometheus"), true),
            (dns("prometheus.example.org"), false),
            (dns("Prometheus"), false),
            (mail("ops@example.org"), true),
            (mail("dev@example.org"), false),
            (ip("192.0.2.7"), true),
            (ip("192.0.2.8"), false),
            (ip("2001:db8:0:0::7"), true),
            (ip("::ffff:192.0.2.9"), true),
            (uri("spiffe://x/y"), true),
            (uri("spiffe://x/y/z"), false),
        ] {
            let told = format!("{word} {name:?}");
            let own = place.authority.sign([dns("something-else"), name]);
            assert_eq!(passes(&server, &place.client(Some(&own))).await, passing, "{told}");
        }
        assert!(!passes(&server, &place.client(Some(&place.authority.sign([])))).await, "{word}");
    }
}

#[tokio::test]
async fn a_listed_certificate_that_signed_itself_is_let_in_if_it_is_for_clients() {
    for (usage, passing) in
        [(ExtendedKeyUsagePurpose::ClientAuth, true), (ExtendedKeyUsagePurpose::ServerAuth, false)]
    {
        let place = Place::new();
        let (listed, other) =
            (authority::self_signed(usage), authority::self_signed(ExtendedKeyUsagePurpose::ClientAuth));
        std::fs::write(place.folder.path().join("ca.crt"), &listed.certificate).unwrap();
        let server =
            place.server(&["client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.crt"]);
        assert_eq!(passes(&server, &place.client(Some(&listed))).await, passing);
        assert!(!passes(&server, &place.client(Some(&other))).await);
    }
}

#[tokio::test]
async fn sessions_are_resumed_only_where_no_certificate_is_asked_for() {
    let place = Place::new();
    let own = place.authority.sign([dns("prometheus")]);
    for (lines, kind) in [
        (&[][..], HandshakeKind::Resumed),
        (&["client_auth_type: RequireAndVerifyClientCert", "client_ca_file: ca.crt"], HandshakeKind::Full),
    ] {
        let server = place.server(lines);
        for version in rustls::ALL_VERSIONS {
            let client =
                Arc::new(client_of(ring::default_provider(), &[version], &place.authority, Some(&own)));
            assert_eq!(shake(&server, &client).await.unwrap().kind, HandshakeKind::Full);
            assert_eq!(shake(&server, &client).await.unwrap().kind, kind, "{lines:?} {version:?}");
        }
    }
}

#[test]
fn names_that_are_refused_are_told_to_who_looks_for_a_fault() {
    let place = Place::new();
    let server = place.server(&[
        "client_auth_type: RequireAndVerifyClientCert",
        "client_ca_file: ca.crt",
        "client_allowed_sans: [prometheus]",
    ]);
    let client = place.client(Some(&place.authority.sign([dns("grafana"), dns("tests")])));
    let told = crate::logging::told_from(tracing::Level::DEBUG, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(!runtime.block_on(passes(&server, &client)));
    });
    let is_told = |line: &String| line.contains("none of the names") && line.contains("grafana, tests");
    assert!(told.iter().any(is_told), "{told:?}");
}
