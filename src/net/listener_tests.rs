//! Addresses, bound.

use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;

use super::*;

/// `listener` gives the connections that are made to each of `addresses`.
async fn answers(mut listener: Listener, addresses: &[SocketAddr]) {
    for address in addresses {
        let client = TcpStream::connect(address).await.unwrap();
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, Peer::Tcp(canonical(client.local_addr().unwrap(), peer)));
    }
}

/// An IPv4 client as a socket for both families sees it.
fn canonical(client: SocketAddr, seen: Peer) -> SocketAddr {
    match (client, seen) {
        (SocketAddr::V4(client), Peer::Tcp(SocketAddr::V6(_))) => {
            (client.ip().to_ipv6_mapped(), client.port()).into()
        }
        _ => client,
    }
}

#[tokio::test]
async fn the_bound_port_is_told() {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert_ne!(address.port(), 0);
    assert_eq!(listener.addresses()[0].to_string(), address.to_string());
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let first = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = first.local_addr().unwrap().to_string();
    let error = Listener::bind(&address).await.unwrap_err();
    let expected = format!("cannot listen on {address}; stop what listens there, or choose another address");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_port_given_twice_is_told_as_such() {
    let taken = Listener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let twice = [format!("127.0.0.1:{port}"), format!("127.0.0.1:{port}")];
    let error = Listener::bind_all(&twice).await.unwrap_err().to_string();
    assert!(
        error.ends_with("; another --web.listen-address has the same port; leave one of them out"),
        "{error}"
    );
}

#[tokio::test]
async fn a_port_that_is_taken_in_one_family_is_taken() {
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
    let error = Listener::bind("unix:/no/such/folder/x").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot listen on unix:/no/such/folder/x; make its folder, or choose another path"
    );
}

#[tokio::test]
async fn a_port_alone_listens_in_both_families() {
    let listener = Listener::bind(":0").await.unwrap();
    assert_eq!(listener.addresses().len(), 1);
    let port = listener.local_addr().unwrap().port();
    let addresses = [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
    answers(listener, &addresses).await;
}

#[tokio::test]
async fn a_name_listens_on_every_address_that_it_stands_for() {
    let stands_for: Vec<_> = tokio::net::lookup_host("localhost:0").await.unwrap().collect();
    let listener = Listener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let bound = listener.addresses();
    for address in &stands_for {
        assert!(bound.contains(&Local::Tcp((address.ip(), port).into())), "{stands_for:?} {bound:?}");
    }
    let addresses: Vec<_> = stands_for.iter().map(|address| (address.ip(), port).into()).collect();
    answers(listener, &addresses).await;
}

#[tokio::test]
async fn several_addresses_of_either_kind_are_one_listener() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.sock");
    let addresses = ["127.0.0.1:0".to_owned(), "[::1]:0".to_owned(), format!("unix:{}", path.display())];
    let mut listener = Listener::bind_all(&addresses).await.unwrap();
    let bound = listener.addresses();
    let [Local::Tcp(four), Local::Tcp(six), Local::Unix(_)] = bound[..] else { panic!("{bound:?}") };
    let _clients = (
        TcpStream::connect(four).await.unwrap(),
        TcpStream::connect(six).await.unwrap(),
        UnixStream::connect(&path).await.unwrap(),
    );
    let mut unix = 0;
    for _ in 0..3 {
        let (_, peer) = listener.accept().await.unwrap();
        assert!(peer.is_local());
        unix += usize::from(peer == Peer::Unix);
    }
    assert_eq!(unix, 1);
    drop(listener);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_flood_at_one_address_does_not_starve_another() {
    let addresses = ["127.0.0.1:0".to_owned(), "127.0.0.1:0".to_owned()];
    let mut listener = Listener::bind_all(&addresses).await.unwrap();
    let bound = listener.addresses();
    let [Local::Tcp(flooded), Local::Tcp(quiet)] = bound[..] else { panic!("{bound:?}") };
    let mut flood = Vec::new();
    for _ in 0..50 {
        flood.push(TcpStream::connect(flooded).await.unwrap());
    }
    let client = TcpStream::connect(quiet).await.unwrap();
    let wanted = Peer::Tcp(client.local_addr().unwrap());
    let first = listener.accept().await.unwrap().1;
    let second = listener.accept().await.unwrap().1;
    assert!(first == wanted || second == wanted, "{first} {second}");
}

#[tokio::test]
async fn a_client_of_another_machine_is_not_local() {
    for (ip, local) in [("127.0.0.1", true), ("::1", true), ("::ffff:127.0.0.1", true), ("192.0.2.1", false)]
    {
        assert_eq!(Peer::Tcp((ip.parse::<std::net::IpAddr>().unwrap(), 1).into()).is_local(), local, "{ip}");
    }
}
