//! Split DNS from end to end: a client, the forwarder, and two stub resolvers, all on loopback.

#![expect(clippy::unwrap_used, reason = "a test program: a panic is its failure")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use reference_tunnel::net::{Forwarder, NetError, SplitDns};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

const LIMIT: Duration = Duration::from_secs(10);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A port that is free for both: the one that UDP is given may be taken by somebody's TCP.
async fn one_port() -> (UdpSocket, TcpListener) {
    for _ in 0..50 {
        let udp = UdpSocket::bind(LOOPBACK).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for UDP and TCP");
}

/// A resolver that answers every query with its own number in place of an address.
async fn stub(number: u8) -> SocketAddr {
    let (udp, tcp) = one_port().await;
    let address = udp.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, client)) = udp.recv_from(&mut buffer).await {
            let answer = answer(&buffer[..length], number);
            // What is not the answer to this query must not reach the client.
            let mut other_id = answer.clone();
            other_id[0] ^= 0xff;
            let mut other_name = answer.clone();
            other_name[13] ^= 1;
            for message in [other_id, other_name, buffer[..length].to_vec(), vec![0; 5], answer] {
                udp.send_to(&message, client).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut query = vec![0; usize::from(length)];
            stream.read_exact(&mut query).await.unwrap();
            let mut answer = answer(&query, number);
            answer.resize(40_000, number);
            stream.write_u16(40_000).await.unwrap();
            stream.write_all(&answer).await.unwrap();
        }
    });
    address
}

fn query(id: u16, name: &str) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}

fn answer(query: &[u8], number: u8) -> Vec<u8> {
    let mut message = query.to_vec();
    message[2] |= 0x80;
    message[7] = 1;
    message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, number, number, number, number]);
    message
}

async fn ask(client: &UdpSocket, forwarder: &Forwarder, message: &[u8]) -> Vec<u8> {
    client.send_to(message, forwarder.address()).await.unwrap();
    let mut buffer = [0; 2048];
    let (length, from) = tokio::time::timeout(LIMIT, client.recv_from(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(from, forwarder.address());
    buffer[..length].to_vec()
}

async fn ask_tcp(stream: &mut TcpStream, message: &[u8]) -> Vec<u8> {
    stream.write_u16(message.len() as u16).await.unwrap();
    stream.write_all(message).await.unwrap();
    let length = tokio::time::timeout(LIMIT, stream.read_u16()).await.unwrap().unwrap();
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

fn start(tunnel: Vec<SocketAddr>, others: Vec<SocketAddr>, patience: Duration) -> Forwarder {
    let suffixes = vec!["corp.example".to_owned(), "*.lab.example".to_owned()];
    Forwarder::start(&[LOOPBACK], SplitDns { suffixes, tunnel, others, patience }).unwrap()
}

#[tokio::test]
async fn each_name_goes_to_its_resolver() {
    let forwarder = start(vec![stub(1).await], vec![stub(2).await], LIMIT);
    let client = UdpSocket::bind(LOOPBACK).await.unwrap();
    for (id, name, number) in [
        (1, "www.corp.example", 1),
        (2, "www.example.org", 2),
        (3, "CORP.example", 1),
        (4, "notcorp.example", 2),
        (5, "h.lab.example", 1),
    ] {
        let query = query(id, name);
        assert_eq!(ask(&client, &forwarder, &query).await, answer(&query, number), "{name}");
    }
}

#[tokio::test]
async fn connections_carry_several_long_answers() {
    let forwarder = start(vec![stub(1).await], vec![stub(2).await], LIMIT);
    let mut stream = TcpStream::connect(forwarder.address()).await.unwrap();
    for (name, number) in [("a.corp.example", 1), ("a.example", 2), ("b.corp.example", 1)] {
        let answer = ask_tcp(&mut stream, &query(9, name)).await;
        assert_eq!((answer.len(), answer.last()), (40_000, Some(&number)), "{name}");
    }
}

#[tokio::test]
async fn a_silent_resolver_is_passed_over_and_none_is_a_failure() {
    // Bound and never read from.
    let silent = UdpSocket::bind(LOOPBACK).await.unwrap();
    let quiet = silent.local_addr().unwrap();
    let forwarder = start(vec![quiet, stub(1).await], vec![quiet], Duration::from_millis(100));
    let client = UdpSocket::bind(LOOPBACK).await.unwrap();
    let inside = query(1, "corp.example");
    assert_eq!(ask(&client, &forwarder, &inside).await, answer(&inside, 1));
    let outside = ask(&client, &forwarder, &query(2, "example.org")).await;
    assert_eq!(outside[..4], [0, 2, 0x81, 0x82], "SERVFAIL");
}

#[tokio::test]
async fn without_other_resolvers_only_the_suffixes_are_answered() {
    let forwarder = start(vec![stub(1).await], Vec::new(), LIMIT);
    let client = UdpSocket::bind(LOOPBACK).await.unwrap();
    assert_eq!(ask(&client, &forwarder, &query(1, "example.org")).await[3] & 0x0f, 2);
}

#[tokio::test]
async fn damaged_queries_are_dropped_and_the_next_one_is_answered() {
    let forwarder = start(vec![stub(1).await], vec![stub(2).await], LIMIT);
    let client = UdpSocket::bind(LOOPBACK).await.unwrap();
    let good = query(7, "corp.example");
    let mut pointer = good.clone();
    pointer[12] = 0xc0;
    for message in [&b""[..], b"x", &good[..good.len() - 1], &pointer] {
        client.send_to(message, forwarder.address()).await.unwrap();
    }
    assert_eq!(ask(&client, &forwarder, &good).await, answer(&good, 1));
    let mut stream = TcpStream::connect(forwarder.address()).await.unwrap();
    stream.write_u16(4).await.unwrap();
    stream.write_all(b"abcd").await.unwrap();
    let end = tokio::time::timeout(LIMIT, stream.read_u8()).await.unwrap();
    assert!(end.is_err(), "the connection ends");
}

#[tokio::test]
async fn the_next_address_is_taken_and_freed_at_the_end() {
    let taken = UdpSocket::bind(LOOPBACK).await.unwrap();
    let busy = taken.local_addr().unwrap();
    let config = SplitDns { suffixes: Vec::new(), tunnel: Vec::new(), others: Vec::new(), patience: LIMIT };
    let error = Forwarder::start(&[busy], config.clone()).unwrap_err();
    assert!(matches!(&error, NetError::NoForwarderAddress { tried, .. } if *tried == busy.to_string()), "{error}");
    let forwarder = Forwarder::start(&[busy, LOOPBACK], config.clone()).unwrap();
    let address = forwarder.address();
    assert_ne!(address, busy);
    drop(forwarder);
    let begin = std::time::Instant::now();
    while Forwarder::start(&[address], config.clone()).is_err() {
        assert!(begin.elapsed() < LIMIT, "{address} is still taken");
        tokio::task::yield_now().await;
    }
}
