//! Pings over the loopback interface, where ICMP sockets may be opened.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use interop_services::{Fragmentation, MtuSpec, PingSocket, PingSpec, mtu_search, ping, ping_once, sockets};

const LOCALHOSTS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
const LONG: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(50);

/// An ICMP socket that reaches `target`, or the reason why there is none.
async fn open(target: IpAddr, fragmentation: Fragmentation) -> Option<PingSocket> {
    let socket = sockets::icmp(target, fragmentation).and_then(|socket| PingSocket::new(socket, 0x1001));
    let socket = match socket {
        Ok(socket) => socket,
        Err(error) => {
            eprintln!("SKIPPED: no ICMP socket for {target}: {error}");
            return None;
        }
    };
    match ping_once(&socket, target, 100, socket.next_seq(), LONG).await {
        Ok(Some(_)) => Some(socket),
        other => {
            eprintln!("SKIPPED: {target} does not answer: {other:?}");
            None
        }
    }
}

fn spec(target: IpAddr, size: u32) -> PingSpec {
    PingSpec {
        from: "here".into(),
        to: "localhost".into(),
        target,
        size,
        count: 3,
        interval: Duration::from_millis(1),
        timeout: LONG,
    }
}

#[tokio::test]
async fn localhost_answers() {
    for target in LOCALHOSTS {
        let Some(socket) = open(target, Fragmentation::Allowed).await else { continue };
        for size in [0, 101, 1400, 9000] {
            let result = ping(&socket, &spec(target, size)).await;
            assert_eq!((result.sent, result.received, result.error), (3, 3, None), "{target}, {size} bytes");
            assert!(result.rtt_us.is_some());
        }
    }
}

#[tokio::test]
async fn two_sockets_do_not_steal_replies() {
    let target = LOCALHOSTS[0];
    let Some(one) = open(target, Fragmentation::Allowed).await else { return };
    let two = PingSocket::new(sockets::icmp(target, Fragmentation::Allowed).unwrap(), 0x2002).unwrap();
    let (spec_one, spec_two) = (spec(target, 100), spec(target, 200));
    let (first, second) = tokio::join!(ping(&one, &spec_one), ping(&two, &spec_two));
    assert_eq!((first.received, second.received), (3, 3));
}

#[tokio::test]
async fn a_ping_that_cannot_be_sent_says_why() {
    let Some(socket) = open(LOCALHOSTS[0], Fragmentation::Allowed).await else { return };
    let result = ping(&socket, &spec(LOCALHOSTS[1], 100)).await;
    assert_eq!((result.sent, result.received), (0, 0));
    assert!(result.error.unwrap().contains("Address family not supported"));
}

#[tokio::test]
async fn the_search_finds_the_mtu_of_the_interface() {
    let mtu: u32 = std::fs::read_to_string("/sys/class/net/lo/mtu").unwrap().trim().parse().unwrap();
    for target in LOCALHOSTS {
        let Some(socket) = open(target, Fragmentation::Forbidden).await else { continue };
        let search =
            |high| MtuSpec { to: "localhost".into(), target, low: 100, high, timeout: SHORT, interface_mtu: Some(mtu) };
        let result = mtu_search(&socket, &search(1500)).await.unwrap();
        assert_eq!((result.largest, result.probes, result.interface_mtu), (1500, 2, Some(mtu)));
        let result = mtu_search(&socket, &search(mtu + 1000)).await.unwrap();
        // An IPv4 packet cannot be larger than 65,535 bytes, and the loopback interface takes 65,536.
        let limit = if target.is_ipv4() { mtu.min(65_535) } else { mtu };
        assert_eq!(result.largest, limit, "{target}");
    }
}

/// The engine spawns probes.
#[test]
fn probes_can_move_between_threads() {
    fn assert_send<T: Send>(_: impl FnOnce(PingSocket, PingSpec, MtuSpec) -> T) {}
    assert_send(|socket, ping_spec, mtu_spec| async move {
        ping(&socket, &ping_spec).await;
        let _ = mtu_search(&socket, &mtu_spec).await;
    });
}
