//! Services and their probes over the loopback interface.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use interop_services::{
    Call, Clock, DnsServer, DnsType, EchoServer, HttpServer, MAX_BYTES, Override, Transport, Zone, dns_query, download,
    sockets, upload,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

fn dns_server() -> (DnsServer, SocketAddr, SocketAddr) {
    let udp = sockets::udp(LOOPBACK).unwrap();
    let tcp = sockets::tcp_listener(LOOPBACK).unwrap();
    let addresses = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
    let zone: Zone =
        [("intranet.example", vec!["10.9.0.2".parse().unwrap(), "2001:db8::2".parse().unwrap()])].into_iter().collect();
    let server = DnsServer::start(vec![udp], vec![tcp], zone, Clock::start()).unwrap();
    (server, addresses.0, addresses.1)
}

async fn ask(server: SocketAddr, name: &str, kind: DnsType, timeout: Duration) -> (String, Vec<String>) {
    let answer = dns_query(sockets::udp(ANY).unwrap(), server, name, kind, timeout).await.unwrap();
    assert_eq!((answer.name.as_str(), answer.resolver), (name, Some(server.ip())));
    (answer.code, answer.addresses.iter().map(IpAddr::to_string).collect())
}

#[tokio::test]
async fn dns_answers_and_lies() {
    let (server, udp, _) = dns_server();
    let no = Vec::<String>::new;
    assert_eq!(ask(udp, "intranet.example", DnsType::A, LONG).await, ("NOERROR".into(), vec!["10.9.0.2".into()]));
    assert_eq!(
        ask(udp, "Intranet.Example.", DnsType::Aaaa, LONG).await,
        ("NOERROR".into(), vec!["2001:db8::2".into()])
    );
    assert_eq!(ask(udp, "other.example", DnsType::A, LONG).await, ("NXDOMAIN".into(), no()));
    server.alter("intranet.example", Override::Addresses(vec!["192.0.2.66".parse().unwrap()]));
    assert_eq!(ask(udp, "intranet.example", DnsType::A, LONG).await, ("NOERROR".into(), vec!["192.0.2.66".into()]));
    server.alter("*", Override::ServFail);
    assert_eq!(ask(udp, "other.example", DnsType::A, LONG).await, ("SERVFAIL".into(), no()));
    server.alter("intranet.example", Override::Drop);
    assert_eq!(ask(udp, "intranet.example", DnsType::A, SHORT).await, ("TIMEOUT".into(), no()));
    server.restore("intranet.example.");
    server.restore("*");
    assert_eq!(ask(udp, "intranet.example", DnsType::A, LONG).await.0, "NOERROR");

    assert_eq!(server.altered("intranet.example"), 3, "one false address, two questions dropped");
    assert_eq!(server.altered("*"), 1);
    let log = server.queries();
    assert_eq!(log.len(), 8);
    assert_eq!((log[1].name.as_str(), log[1].kind.as_str()), ("intranet.example", "AAAA"));
    assert_eq!((log[0].from.ip(), log[0].transport), (LOOPBACK.ip(), Transport::Udp));
}

#[tokio::test]
async fn dns_answers_over_tcp() {
    let (server, udp, tcp) = dns_server();
    // The question for intranet.example as it stands on the wire.
    let question = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x08intranet\x07example\x00\x00\x01\x00\x01";
    let mut stream = TcpStream::connect(tcp).await.unwrap();
    for _ in 0..2 {
        stream.write_u16(u16::try_from(question.len()).unwrap()).await.unwrap();
        stream.write_all(question).await.unwrap();
        let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut answer).await.unwrap();
        assert!(answer.ends_with(&[0, 4, 10, 9, 0, 2]), "{answer:02x?}");
    }
    assert_eq!(server.queries()[1].transport, Transport::Tcp);
    drop(server);
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0, "connections end with the server");
    assert_eq!(ask(udp, "intranet.example", DnsType::A, SHORT).await.0, "TIMEOUT");
}

#[tokio::test]
async fn dns_asks_twice_and_says_when_it_cannot_ask() {
    let deaf = sockets::udp(LOOPBACK).unwrap();
    let address = deaf.local_addr().unwrap();
    assert_eq!(ask(address, "intranet.example", DnsType::A, SHORT).await.0, "TIMEOUT");
    let mut buffer = [0; 512];
    let questions = std::iter::from_fn(|| deaf.recv_from(&mut buffer).ok()).count();
    assert_eq!(questions, 2);
    let other_family = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 53);
    assert_eq!(ask(other_family, "intranet.example", DnsType::A, SHORT).await.0, "UNREACHABLE");
    let query = dns_query(sockets::udp(ANY).unwrap(), address, "not..a..name", DnsType::A, SHORT).await;
    assert_eq!(query.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

fn call(target: SocketAddr, deadline: Duration) -> Call {
    let socket = sockets::tcp_client(target.ip()).unwrap();
    Call { socket, target, host: "www.example".into(), deadline, clock: Clock::start() }
}

fn http_server() -> (HttpServer, SocketAddr) {
    let listener = sockets::tcp_listener(LOOPBACK).unwrap();
    let address = listener.local_addr().unwrap();
    (HttpServer::start(vec![listener], "inside").unwrap(), address)
}

#[tokio::test]
async fn transfers_are_whole_and_verified() {
    let (server, address) = http_server();
    for bytes in [0, 1, 65_536, 1_000_001] {
        let down = download(call(address, LONG), bytes, 42).await;
        assert_eq!((down.received, down.hash_matches, down.error), (bytes, true, None));
        assert_eq!(down.what, format!("/bytes/{bytes}?seed=42"));
        let up = upload(call(address, LONG), bytes, 42).await;
        assert_eq!((up.received, up.hash_matches, up.error), (bytes, true, None));
    }
    let counters = server.counters();
    assert_eq!((counters.connections, counters.requests, counters.sunk), (8, 8, 1_065_538));
}

/// Sends a raw request and gives back the whole answer.
async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn http_answers_politely_and_within_bounds() {
    let (server, address) = http_server();
    let ask =
        async |path: &str| raw(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    assert!(ask("/hello").await.ends_with("\r\n\r\nhello from inside\n"));
    assert!(ask("/").await.starts_with("HTTP/1.1 404"));
    assert!(ask(&format!("/bytes/{}", MAX_BYTES + 1)).await.starts_with("HTTP/1.1 400"));
    assert!(ask("/bytes/-1").await.starts_with("HTTP/1.1 400"));
    assert!(ask("/bytes/1?seed=x").await.starts_with("HTTP/1.1 400"));
    assert!(ask("/bytes/3").await.contains("content-length: 3\r\n"));
    let long = "x".repeat(100_000);
    assert!(ask(&format!("/{long}")).await.starts_with("HTTP/1.1 4"), "a long path");
    assert!(ask(&format!("/hello HTTP/1.1\r\nX: {long}")).await.starts_with("HTTP/1.1 431"), "a long header");
    assert!(!raw(address, "rubbish\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    drop(server);
    assert!(TcpStream::connect(address).await.is_err(), "the server ends with its handle");
}

/// A server that answers every request with `head` and `body`, and then falls silent.
async fn liar(head: &'static str, body: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind(LOOPBACK).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            if !head.is_empty() {
                assert_ne!(stream.read(&mut [0; 1024]).await.unwrap(), 0);
            }
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body).await.unwrap();
            streams.push(stream);
        }
    });
    address
}

#[tokio::test]
async fn a_transfer_that_goes_wrong_says_how() {
    let fetch = async |address| download(call(address, SHORT), 10, 0).await;
    let half = fetch(liar("HTTP/1.1 200 OK\r\nX-SHA256: 00\r\nContent-Length: 10\r\n\r\n", b"12345").await).await;
    assert_eq!((half.received, half.hash_matches), (5, false));
    assert_eq!(half.error.as_deref(), Some("stalled: 5 of 10 bytes received within 200ms, nothing in the last 0.2 s"));
    assert!((200..5000).contains(&half.duration_ms), "{}", half.duration_ms);

    let wrong = fetch(liar("HTTP/1.1 200 OK\r\nX-SHA256: 00\r\nContent-Length: 10\r\n\r\n", b"1234567890").await).await;
    assert_eq!((wrong.received, wrong.hash_matches, wrong.error), (10, false, None));

    let longer =
        fetch(liar("HTTP/1.1 200 OK\r\nX-SHA256: 00\r\nContent-Length: 11\r\n\r\n", b"12345678901").await).await;
    assert_eq!((longer.received, longer.error.as_deref()), (0, Some("the answer's length is Some(11), not 10")));

    let missing = fetch(liar("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"").await).await;
    assert_eq!(missing.error.as_deref(), Some("the answer is 404 Not Found"));

    let silent = fetch(liar("", b"").await).await;
    assert_eq!(silent.error.as_deref(), Some("connected, but nothing received within 200ms"));

    let deaf = upload(call(liar("", b"").await, SHORT), 12_000_000, 1).await;
    assert_eq!((deaf.received, deaf.hash_matches), (0, false));
    let error = deaf.error.unwrap();
    assert!(error.starts_with("stalled: ") && error.contains("of 12000000 bytes handed over"), "{error}");

    let closed = sockets::tcp_listener(LOOPBACK).unwrap().local_addr().unwrap();
    let error = fetch(closed).await.error.unwrap();
    assert!(error.starts_with("no connection: Connection refused"), "{error}");
}

#[tokio::test]
async fn echo_gives_back_what_it_gets() {
    for ip in [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)] {
        let (Ok(udp), Ok(tcp)) = (sockets::udp((ip, 0).into()), sockets::tcp_listener((ip, 0).into())) else {
            eprintln!("SKIPPED: no {ip} here");
            continue;
        };
        let (udp_address, tcp_address) = (udp.local_addr().unwrap(), tcp.local_addr().unwrap());
        let server = EchoServer::start(vec![udp], vec![tcp]).unwrap();

        let socket = tokio::net::UdpSocket::bind((ip, 0)).await.unwrap();
        socket.send_to(b"hello", udp_address).await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(socket.recv_from(&mut buffer).await.unwrap(), (5, udp_address));
        assert_eq!(&buffer[..5], b"hello");

        let mut stream = TcpStream::connect(tcp_address).await.unwrap();
        stream.write_all(&[7; 100_000]).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut back = Vec::new();
        stream.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, vec![7; 100_000]);
        let counters = server.counters();
        assert_eq!((counters.packets, counters.connections, counters.bytes), (1, 1, 100_000));
    }
}

/// The engine spawns probes.
#[test]
fn probes_can_move_between_threads() {
    fn assert_send<T: Send>(_: impl FnOnce(Call, Call, std::net::UdpSocket) -> T) {}
    assert_send(|down, up, socket| async move {
        download(down, 1, 0).await;
        upload(up, 1, 0).await;
        let _ = dns_query(socket, LOOPBACK, "x", DnsType::A, SHORT).await;
    });
}
