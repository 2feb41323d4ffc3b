//! Numbered flows over the loopback interface.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use interop_services::{Clock, EchoServer, FlowSpec, NumberedFlow, NumberedPacket, sockets};
use tokio::net::UdpSocket;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
const INTERVAL: Duration = Duration::from_millis(5);
const LINGER: Duration = Duration::from_secs(5);

fn start(target: SocketAddr) -> NumberedFlow {
    let spec = FlowSpec { name: "voice".into(), flow: 7, target, interval: INTERVAL, size: 160 };
    NumberedFlow::start(sockets::udp(ANY).unwrap(), spec, Clock::start()).unwrap()
}

/// Returns when this many packets were sent.
async fn sent(flow: &NumberedFlow, packets: usize) {
    while flow.records().len() < packets {
        tokio::time::sleep(INTERVAL).await;
    }
}

#[tokio::test]
async fn every_packet_comes_back() {
    let udp = sockets::udp(LOOPBACK).unwrap();
    let target = udp.local_addr().unwrap();
    let server = EchoServer::start(vec![udp], vec![]).unwrap();
    let flow = start(target);
    sent(&flow, 40).await;
    let report = flow.stop(LINGER).await;
    let summary = &report.summary;
    assert_eq!(summary.sent as usize, report.records.len());
    // How long an echo may take is the machine's business here; what an outage is has tests of its own, with made-up times.
    assert_eq!((summary.echoed, summary.duplicated, summary.reordered), (summary.sent, 0, 0));
    assert_eq!(u64::from(summary.sent), server.counters().packets);
    assert_eq!((report.send_errors, report.last_error), (0, None));
    for (seq, record) in (0..).zip(&report.records) {
        assert_eq!(record.seq, seq);
        assert!(record.echoed.unwrap() >= record.sent);
    }
}

#[tokio::test]
async fn a_stalled_sender_neither_bursts_nor_shows_an_outage() {
    let udp = sockets::udp(LOOPBACK).unwrap();
    let target = udp.local_addr().unwrap();
    let _server = EchoServer::start(vec![udp], vec![]).unwrap();
    let flow = start(target);
    sent(&flow, 10).await;
    std::thread::sleep(INTERVAL * 30); // holds up the whole runtime
    sent(&flow, 20).await;
    let report = flow.stop(LINGER).await;
    assert_eq!(report.summary.echoed, report.summary.sent);
    assert!(
        u128::from(report.summary.outage_ms) < (INTERVAL * 20).as_millis(),
        "the stall counts: {:?}",
        report.summary
    );
    let gaps: Vec<Duration> = report.records.windows(2).map(|pair| pair[1].sent.since(pair[0].sent)).collect();
    let stall = gaps.iter().position(|gap| *gap >= INTERVAL * 25).unwrap();
    let after: Duration = gaps[stall + 1..].iter().take(5).sum();
    assert!(after >= INTERVAL * 3, "five packets within {after:?} after the stall");
}

/// An echo service that loses 10 to 19, doubles 3, and holds 5 back until 6 has gone.
async fn unreliable(socket: UdpSocket) {
    let mut held = None;
    let mut buffer = [0; 2048];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let packet = buffer[..length].to_vec();
        assert_eq!(length, 160);
        match NumberedPacket::parse(&packet).unwrap().seq {
            10..20 => continue,
            5 => {
                held = Some(packet);
                continue;
            }
            3 => {
                socket.send_to(&packet, from).await.unwrap();
            }
            _ => {}
        }
        socket.send_to(&packet, from).await.unwrap();
        if let Some(held) = held.take() {
            socket.send_to(&held, from).await.unwrap();
        }
    }
}

#[tokio::test]
async fn losses_duplicates_and_reordering_are_seen() {
    let socket = UdpSocket::bind(LOOPBACK).await.unwrap();
    let flow = start(socket.local_addr().unwrap());
    tokio::spawn(unreliable(socket));
    sent(&flow, 40).await;
    let report = flow.stop(LINGER).await;
    let summary = &report.summary;
    assert_eq!((summary.sent - summary.echoed, summary.duplicated, summary.reordered), (10, 1, 1));
    assert!(summary.outage_ms >= 40, "{summary:?}");
    assert_eq!(summary.outage_at, report.records[10].sent);
}

#[tokio::test]
async fn a_packet_that_cannot_be_sent_is_lost_and_the_flow_goes_on() {
    let flow = start(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 7));
    sent(&flow, 10).await;
    let report = flow.stop(Duration::ZERO).await;
    assert!(report.summary.sent >= 10 && report.summary.echoed == 0);
    assert_eq!(report.send_errors, report.summary.sent);
    assert!(report.last_error.unwrap().contains("Address family not supported"));
    assert!(report.summary.outage_ms >= 30, "{:?}", report.summary);
}

#[tokio::test]
async fn an_interval_of_zero_is_refused() {
    let spec = FlowSpec { name: "x".into(), flow: 1, target: LOOPBACK, interval: Duration::ZERO, size: 100 };
    assert!(NumberedFlow::start(sockets::udp(ANY).unwrap(), spec, Clock::start()).is_err());
}
