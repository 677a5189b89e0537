//! Who gets a connection, and of what kind.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::start;
use super::support::exposition::Exposition;
use super::support::http;
use super::support::tls::{Authority, Client, WebConfig};

const VERSIONS: [(&rustls::SupportedProtocolVersion, ProtocolVersion); 2] =
    [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)];

/// Requests to the path `/refused` that got as far as to be answered.
fn answered(client: &Client, address: SocketAddr) -> f64 {
    let shown = Exposition::parse(&client.get(address, "/metrics").body).unwrap();
    shown.sum_of("agentless_exporter_http_requests_total", &[("path", "other")])
}

#[test]
fn who_trusts_the_certificate_connects_by_either_version_and_nobody_else() {
    let (authority, stranger) = (Authority::named("ours"), Authority::named("a stranger"));
    let web_config = WebConfig::with_tls(&authority.server(), &[], "");
    let (_simulator, exporter) = start(&web_config, &[]);
    let address = exporter.address;
    for (version, expected) in VERSIONS {
        let client = Client::with(&authority, None, &[version]);
        let mut connection = client.connect(address).unwrap();
        assert_eq!(connection.conn.protocol_version(), Some(expected));
        assert_eq!(http::exchange(&mut connection, "GET", "/-/healthy", &[]).unwrap().status, 200);
        assert_eq!(http::exchange(&mut connection, "GET", "/metrics", &[]).unwrap().status, 200);

        let refused = Client::with(&stranger, None, &[version]).connect(address).map(drop).unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
        let refused = client.connect_to("elsewhere.example", address).map(drop).unwrap_err();
        assert!(refused.contains("not valid for name"), "{refused}");
    }
    let clear = http::ask("GET", address, "/refused", &[]).unwrap();
    assert_eq!((clear.status, clear.body.contains("to an HTTPS server")), (400, true), "{clear:?}");
    assert_eq!(answered(&Client::of(&authority), address), 0.0);
    let log = exporter.process.output().stderr;
    assert!(!log.contains("level=warn") && !log.contains("level=error"), "{log}");
}

#[test]
fn only_a_certificate_of_the_client_ca_with_an_allowed_name_opens_and_no_other_is_answered() {
    let (authority, stranger) = (Authority::named("ours"), Authority::named("a stranger"));
    let tls = [
        "client_auth_type: RequireAndVerifyClientCert",
        "client_ca_file: clients.crt",
        "client_allowed_sans: [other.example, prometheus.example]",
    ];
    let web_config = WebConfig::with_tls(&authority.server(), &tls, "");
    let clients = Authority::named("clients");
    web_config.write("clients.crt", &clients.certificate);
    let (_simulator, exporter) = start(&web_config, &["--log.level=debug"]);
    let address = exporter.address;
    let good = clients.sign(&["prometheus.example"]);
    for (version, _) in VERSIONS {
        let client = Client::with(&authority, Some(&good), &[version]);
        assert_eq!(client.get(address, "/metrics").status, 200);
        let wrong = [
            ("none", None),
            ("of another CA", Some(stranger.sign(&["prometheus.example"]))),
            ("of the CA of the server", Some(authority.sign(&["prometheus.example"]))),
            ("for another name", Some(clients.sign(&["grafana.example", "prometheus.example.org"]))),
            ("for no name", Some(clients.sign(&[]))),
        ];
        for (which, own) in wrong {
            let refused = Client::with(&authority, own.as_ref(), &[version]);
            for path in ["/refused", "/-/healthy"] {
                let reason = refused.ask(address, "GET", path, &[]).map(drop).unwrap_err();
                // With TLS 1.3 the request is under way already, and must not cost the client the reason.
                assert!(reason.to_lowercase().contains("alert"), "{which}: {reason}");
            }
        }
    }
    assert_eq!(answered(&Client::with(&authority, Some(&good), ALL_VERSIONS), address), 0.0);
    let log = exporter.process.output().stderr;
    assert_eq!(log.matches("a TLS handshake failed").count(), 20, "{log}");
}

#[test]
fn versions_that_are_not_wanted_are_refused() {
    let authority = Authority::named("ours");
    for (bound, wanted, refused) in
        [("min_version: TLS13", &TLS13, &TLS12), ("max_version: TLS12", &TLS12, &TLS13)]
    {
        let web_config = WebConfig::with_tls(&authority.server(), &[bound], "");
        let (_simulator, exporter) = start(&web_config, &[]);
        let by = |version| Client::with(&authority, None, &[version]);
        assert_eq!(by(wanted).get(exporter.address, "/-/healthy").status, 200);
        let refused = by(refused).connect(exporter.address).map(drop).unwrap_err();
        assert!(refused.contains("ProtocolVersion"), "{refused}");
    }
}

#[test]
fn http2_is_spoken_with_who_offers_it_unless_it_is_off() {
    let authority = Authority::named("ours");
    let mut client = (*Client::of(&authority).0).clone();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let connector = TlsConnector::from(std::sync::Arc::new(client));
    let connect = async |address: SocketAddr| {
        let stream = TcpStream::connect(address).await.unwrap();
        connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let pair = authority.server();

    let web_config = WebConfig::with_tls(&pair, &[], "");
    let (_simulator, exporter) = start(&web_config, &[]);
    runtime.block_on(async {
        let stream = connect(exporter.address).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut requests, connection) =
            http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let get = |path: &str| {
            Request::get(format!("https://localhost{path}")).body(Empty::<Bytes>::new()).unwrap()
        };
        // Side by side, as streams of one connection.
        let both =
            tokio::join!(requests.send_request(get("/metrics")), requests.clone().send_request(get("/")));
        for (answer, end) in [(both.0.unwrap(), ""), (both.1.unwrap(), "</html>")] {
            assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
            let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.len(), length);
            assert!(String::from_utf8_lossy(&body).trim_end().ends_with(end));
        }
    });

    let web_config = WebConfig::with_tls(&pair, &[], "http_server_config: {http2: false}\n");
    let (_simulator, exporter) = start(&web_config, &[]);
    runtime.block_on(async {
        let stream = connect(exporter.address).await;
        assert_ne!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    });
    assert_eq!(Client::of(&authority).get(exporter.address, "/-/healthy").status, 200);
}
