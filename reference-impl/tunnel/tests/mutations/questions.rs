//! Questions to the forwarder of split DNS, over its sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::Duration;

use reference_tunnel::net::{Forwarder, SplitDns};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::dice::Dice;
use crate::harness::{UNGUARDED, quiet};
use crate::mutate::mutate;

const LIMIT: Duration = Duration::from_secs(10);
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn query(name: &str) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        message.push(label.len() as u8);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0]);
    message
}

/// A resolver that answers with changed answers, too, and with the right one at the end.
async fn resolver(seed: u64) -> SocketAddr {
    let udp = UdpSocket::bind(LOOPBACK).await.unwrap();
    let address = udp.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut dice, mut buffer) = (Dice(seed), [0; 65_536]);
        loop {
            let Ok((length, client)) = udp.recv_from(&mut buffer).await else { continue };
            let mut answer = buffer[..length].to_vec();
            answer[2] |= 0x80;
            let others = [(0, answer.clone())];
            let wrong = mutate(&answer, &others, &mut dice);
            // What is too long for a datagram, or whom nobody hears, does not matter.
            let _ = udp.send_to(&wrong[..wrong.len().min(1200)], client).await;
            let _ = udp.send_to(&answer, client).await;
        }
    });
    address
}

/// Asks changed questions by UDP and TCP; an honest one is answered among them.
pub(crate) async fn flood(seed: u64, count: usize) {
    quiet();
    let servers = vec![resolver(seed).await];
    let suffixes = vec!["corp.example".to_owned()];
    let config = SplitDns { suffixes, tunnel: servers.clone(), others: servers, patience: Duration::from_millis(500) };
    let forwarder = Forwarder::start(&[LOOPBACK], config).unwrap();
    let samples = ["www.corp.example", "corp.example", "a.b.example.org", "x"].map(|name| (0, query(name)));
    let mut dice = Dice(seed);
    let good = query("www.corp.example");
    let (hostile, honest) = (UdpSocket::bind(LOOPBACK).await.unwrap(), UdpSocket::bind(LOOPBACK).await.unwrap());
    let mut answered = 0;
    for number in 0..count {
        let (_, sample) = dice.pick(&samples);
        let wrong = mutate(sample, &samples, &mut dice);
        if number % 10 == 0 {
            let mut stream = TcpStream::connect(forwarder.address()).await.unwrap();
            let length = if dice.one_in(2) { wrong.len() as u16 } else { dice.next() as u16 };
            let _ = stream.write_all(&[&length.to_be_bytes()[..], &wrong].concat()).await;
            drop(stream);
        } else {
            let _ = hostile.send_to(&wrong[..wrong.len().min(60_000)], forwarder.address()).await;
        }
        if number % 100 == 0 {
            answered += usize::from(is_answered(&honest, &forwarder, &good).await);
        }
    }
    // Under load a question may be lost; afterwards none is.
    assert!(answered >= count / 200, "{answered} of {} honest questions were answered", count / 100);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(is_answered(&honest, &forwarder, &good).await, "the forwarder does not serve any more");
    let mut stream = TcpStream::connect(forwarder.address()).await.unwrap();
    stream.write_all(&[0, 3, 1, 2, 3]).await.unwrap();
    let end = timeout(LIMIT, stream.read_u8()).await.unwrap();
    assert!(end.is_err(), "a damaged message is answered");
    assert_eq!(UNGUARDED.load(Ordering::SeqCst), 0, "a panic in the forwarder");
}

async fn is_answered(client: &UdpSocket, forwarder: &Forwarder, question: &[u8]) -> bool {
    let mut buffer = [0; 2048];
    for _ in 0..5 {
        client.send_to(question, forwarder.address()).await.unwrap();
        let received = timeout(Duration::from_secs(1), client.recv_from(&mut buffer)).await;
        if let Ok(Ok((length, _))) = received {
            // It has no answers in it, but it is one to this question.
            let right = buffer[..length].starts_with(&[0x12, 0x34, 0x81]) && buffer[3] & 0x0f == 0;
            if right {
                return true;
            }
        }
    }
    false
}
