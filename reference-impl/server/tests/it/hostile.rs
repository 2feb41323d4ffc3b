//! Clients that take what they can leave the server serving others.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::common::{
    client::{self, Client, Wire},
    server::{Ground, PATIENCE, Parts, Server},
};

const LIMITS: &str =
    "limits: {request-timeout: 2s, login-timeout: 6s, connections: 40, connections-per-address: 30, attempts: 0}\n";

fn start(ground: &Ground) -> Server {
    ground.start(&Parts { more: LIMITS, ..Parts::default() })
}

fn somebody_else_is_served(ground: &Ground, server: &Server) {
    let began = Instant::now();
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    assert_eq!(client.log_in("alice", "secret").status, 200);
    assert_eq!(client.tunnel(&[]).status, 200);
    assert!(began.elapsed() < PATIENCE);
}

/// Reads until the server closes; what it said.
fn until_closed(wire: &mut dyn Wire) -> String {
    let began = Instant::now();
    let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match wire.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => said.extend_from_slice(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the connection was not closed")
            }
            Err(_) => break,
        }
        assert!(began.elapsed() < PATIENCE);
    }
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn health_probes_are_harmless_and_silent() {
    let ground = Ground::new();
    let server = start(&ground);
    let before = server.lines();
    for _ in 0..200 {
        drop(TcpStream::connect(("127.0.0.1", server.port)).unwrap());
    }
    somebody_else_is_served(&ground, &server);
    let news = server.lines().split_off(before.len());
    assert!(news.iter().all(|line| !line.starts_with("tls-failed") && !line.starts_with("warning")), "{news:#?}");
}

#[test]
fn a_slow_drip_is_closed_and_does_not_hold_up_others() {
    let ground = Ground::new();
    let server = start(&ground);
    let mut drip = Client::connect(server.port, &ground.path("ca.pem"));
    let began = Instant::now();
    let (mut closed, mut served) = (false, false);
    for byte in b"POST / HTTP/1.1\r\nHost: vpn.test\r\nX-Pad: 0000000000000000000000000".iter().cycle() {
        // The write that meets a closed connection fails.
        if drip.wire.write_all(&[*byte]).and_then(|()| drip.wire.flush()).is_err() {
            closed = true;
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        if began.elapsed() > Duration::from_secs(10) {
            break;
        }
        if !served && began.elapsed() > Duration::from_secs(1) {
            somebody_else_is_served(&ground, &server);
            served = true;
        }
    }
    assert!(closed, "a drip went on for {:?}", began.elapsed());
    assert!(served, "the drip was over before anybody else came");
    server.line("refused: 127.0.0.1");
}

#[test]
fn somebody_who_says_nothing_is_closed() {
    let ground = Ground::new();
    let server = start(&ground);
    // Neither a handshake nor a request.
    let mut silent = client::tcp(server.port);
    let mut after_handshake = Client::connect(server.port, &ground.path("ca.pem"));
    after_handshake.wire.flush().unwrap();
    let mut byte = [0];
    assert_eq!(silent.read(&mut byte).unwrap_or(0), 0);
    somebody_else_is_served(&ground, &server);
    // rustls has sent its last flight with the first write only.
    after_handshake.wire.write_all(b"P").unwrap();
    let said = until_closed(&mut *after_handshake.wire);
    assert!(said.starts_with("HTTP/1.1 408") || said.is_empty(), "{said}");
}

#[test]
fn an_endless_header_is_refused() {
    let ground = Ground::new();
    let server = start(&ground);
    for piece in ["X-Pad: 0000000000000000000000000000000000\r\n", "0000000000000000000000000000000000000000000"] {
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        client.wire.write_all(b"POST / HTTP/1.1\r\n").unwrap();
        for _ in 0..10_000 {
            if client.wire.write_all(piece.as_bytes()).is_err() {
                break;
            }
        }
        let said = until_closed(&mut *client.wire);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 400"), "{said}");
        somebody_else_is_served(&ground, &server);
    }
    server.line("refused: 127.0.0.1");
}

#[test]
fn a_body_of_a_gigabyte_is_refused_when_it_is_announced() {
    let ground = Ground::new();
    let server = start(&ground);
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.wire.write_all(b"POST / HTTP/1.1\r\nHost: vpn.test\r\nContent-Length: 1073741824\r\n\r\n").unwrap();
    let said = until_closed(&mut *client.wire);
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
    somebody_else_is_served(&ground, &server);
}

#[test]
fn odd_requests_are_answered_and_others_served() {
    let ground = Ground::new();
    let server = start(&ground);
    for (request, status) in [
        ("GET /unknown HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
        ("GET /profiles/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "401"),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
        ("nonsense\r\n\r\n", "400"),
        ("CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: x\r\n\r\n", "401"),
        ("CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nHost: x\r\nCookie: webvpn=AAAA\r\n\r\n", "401"),
        ("CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "501"),
    ] {
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        client.wire.write_all(request.as_bytes()).unwrap();
        let said = until_closed(&mut *client.wire);
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {said}");
    }
    let huge = format!("CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nCookie: webvpn={}\r\n\r\n", "A".repeat(10_000));
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.wire.write_all(huge.as_bytes()).unwrap();
    assert!(until_closed(&mut *client.wire).starts_with("HTTP/1.1 401"), "AC-AUTH-43");
    somebody_else_is_served(&ground, &server);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let ground = Ground::new();
    let server = start(&ground);
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    let twice = "GET /1/binaries/update.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /unknown HTTP/1.1\r\nHost: x\r\n\r\n";
    client.wire.write_all(twice.as_bytes()).unwrap();
    let said = until_closed(&mut *client.wire);
    let statuses: Vec<&str> = said.split("HTTP/1.1 ").skip(1).map(|part| &part[..3]).collect();
    assert_eq!(statuses, ["200", "404"]);
}

#[test]
fn one_address_has_a_limit_of_connections() {
    let ground = Ground::new();
    let server = start(&ground);
    let held: Vec<TcpStream> = (0..30).map(|_| client::tcp(server.port)).collect();
    let deadline = Instant::now() + PATIENCE;
    while server.status()["connections"] != 30 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut refused = client::tcp(server.port);
    assert_eq!(refused.read(&mut [0]).unwrap_or(0), 0);
    server.line("too many connections");
    drop(held);
    while server.status()["connections"] != 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    somebody_else_is_served(&ground, &server);
}
