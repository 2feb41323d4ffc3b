//! Frames made by hand, and what is found in them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use interop_capture::{Frame, LinkType};
use interop_evidence::Micros;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::{Flows, Look};
use crate::Keys;
use crate::found::{Flow, Found, Way};
use crate::testing::say;

const FIN: u8 = 0x11;
const SYN: u8 = 0x02;
const SYN_ACK: u8 = 0x12;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

const CLIENT: [u8; 4] = [192, 0, 2, 1];
const GATEWAY: [u8; 4] = [198, 51, 100, 1];

fn be(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_be_bytes()
}

fn ip4(from: [u8; 4], to: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = [&[0x45, 0][..], &be(20 + payload.len()), &[0, 0, 0, 0, 64, protocol, 0, 0], &from, &to];
    [&header.concat(), payload].concat()
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    let kind: [u8; 2] = if packet[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &kind, packet].concat()
}

fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &be(payload.len() + 8), &[0, 0], payload].concat()
}

fn tcp(from: u16, to: u16, sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let numbers = [sequence.to_be_bytes(), acknowledgement.to_be_bytes()].concat();
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &numbers, &[0x50, flags, 0xff, 0xff, 0, 0, 0, 0], payload].concat()
}

/// An item that outlives its frame.
struct Item {
    flow: Arc<Flow>,
    found: Found,
    remark: Option<String>,
}

/// Flows, and how their frames get there.
struct Bench {
    flows: Flows,
    keys: Keys,
    number: u64,
    interface: &'static str,
    link_type: LinkType,
}

impl Bench {
    fn new() -> Self {
        let (flows, keys) = (Flows::default(), Keys::new());
        Self { flows, keys, number: 0, interface: "wan", link_type: LinkType::Ethernet }
    }

    fn tunnel() -> Self {
        Self { interface: "client:tun0", link_type: LinkType::RawIp, ..Self::new() }
    }

    fn items(&mut self, data: Vec<u8>, comment: Option<&str>) -> Vec<Item> {
        self.number += 1;
        let frame = Frame {
            number: self.number,
            interface: self.interface.into(),
            link_type: self.link_type,
            time: Duration::from_millis(self.number),
            from: None,
            data,
            comment: comment.map(str::to_owned),
        };
        let mut items = Vec::new();
        let look = Look::at(&frame);
        self.flows.frame(&frame, look.as_ref(), Micros::from(frame.time), &mut self.keys, &mut |item| {
            let crate::found::Item { flow, found, remark } = item;
            items.push(Item { flow: flow.clone(), found, remark: remark.map(str::to_owned) });
        });
        items
    }

    fn frame(&mut self, data: Vec<u8>) -> Vec<String> {
        self.items(data, None).iter().map(show).collect()
    }

    fn packet(&mut self, packet: &[u8]) -> Vec<String> {
        let frame = if self.link_type == LinkType::Ethernet { ethernet(packet) } else { packet.to_vec() };
        self.frame(frame)
    }

    /// From port 5000 of the client to port 7 of the gateway.
    fn up(&mut self, sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Vec<String> {
        self.packet(&ip4(CLIENT, GATEWAY, 6, &tcp(5000, 7, sequence, acknowledgement, flags, payload)))
    }

    fn down(&mut self, sequence: u32, acknowledgement: u32, flags: u8, payload: &[u8]) -> Vec<String> {
        self.packet(&ip4(GATEWAY, CLIENT, 6, &tcp(7, 5000, sequence, acknowledgement, flags, payload)))
    }
}

/// An item in one line; of its view only whether it is that of a tunnel.
fn show(item: &Item) -> String {
    let (arrow, flow) = (if item.found.way == Way::Forth { '>' } else { '<' }, &item.flow);
    let again = if item.found.again { " again" } else { "" };
    let inner = if item.found.view == interop_evidence::View::InnerFlow { "inner " } else { "" };
    let generation = flow.generation;
    format!("{inner}{:?}#{generation} {arrow} {}{again}", item.found.layer, say(&item.found.words))
}

#[test]
fn a_connection_from_its_first_to_its_last_segment() {
    let mut bench = Bench::new();
    assert_eq!(bench.up(99, 0, SYN, b""), ["Tcp#0 > SYN"]);
    assert_eq!(bench.up(99, 0, SYN, b""), ["Tcp#0 > SYN again"]);
    assert_eq!(bench.down(499, 100, SYN_ACK, b""), ["Tcp#0 < SYN ACK"]);
    assert_eq!(bench.down(499, 100, SYN_ACK, b""), ["Tcp#0 < SYN ACK again"]);
    assert_eq!(bench.up(100, 500, ACK, b""), [""; 0]);
    assert_eq!(bench.up(105, 500, ACK, b"fghij"), [""; 0]);
    // Too few bytes to tell what they are until the hole is filled.
    assert_eq!(bench.up(100, 500, ACK, b"abcde"), ["Tcp#0 > data 10"]);
    assert_eq!(bench.up(100, 500, ACK, b"abcdefghijkl"), ["Tcp#0 > data 2", "Tcp#0 > TCP retransmission again"]);
    assert_eq!(bench.up(105, 500, ACK, b"fghij"), ["Tcp#0 > TCP retransmission again"]);
    assert_eq!(bench.up(111, 500, ACK, b"\0"), [""; 0], "a keepalive");
    assert_eq!(bench.down(500, 112, FIN, b"bye"), ["Tcp#0 < data 3", "Tcp#0 < FIN"]);
    assert_eq!(bench.down(500, 112, FIN, b"bye"), ["Tcp#0 < TCP retransmission again", "Tcp#0 < FIN again"]);
    assert_eq!(bench.up(112, 504, FIN, b""), ["Tcp#0 > FIN"]);
    assert_eq!(bench.down(504, 113, ACK, b""), [""; 0]);
    assert_eq!(bench.up(7000, 0, SYN, b""), ["Tcp#1 > SYN"]);
    assert_eq!(bench.down(0, 7001, RST | ACK, b"no"), ["Tcp#1 < RST"]);
    assert_eq!(bench.down(0, 7001, RST | ACK, b"no"), ["Tcp#1 < RST again"]);
    assert_eq!(bench.up(7000, 0, SYN, b""), ["Tcp#1 > SYN again"], "as Windows asks again after a refusal");
    assert_eq!(bench.flows.notes(), [""; 0]);
}

#[test]
fn the_middle_of_a_connection_is_of_the_higher_port() {
    let mut bench = Bench::new();
    assert_eq!(bench.down(900, 100, ACK, b"some data"), ["Tcp#0 < data 9"]);
    assert_eq!(bench.up(100, 909, ACK, b"more data"), ["Tcp#0 > data 9"]);
    // A connection whose SYN is not in the capture.
    let mut bench = Bench::new();
    assert_eq!(bench.packet(&ip4(GATEWAY, CLIENT, 6, &tcp(6000, 50, 7, 0, SYN_ACK, b""))), ["Tcp#0 < SYN ACK"]);
    // UDP: from a well-known port means back.
    assert_eq!(bench.packet(&ip4(GATEWAY, CLIENT, 17, &udp(443, 4000, b"x"))), ["Udp#0 < data 1"]);
    assert_eq!(bench.packet(&ip4(GATEWAY, CLIENT, 17, &udp(4001, 4000, b"x"))), ["Udp#0 > data 1"]);
}

#[test]
fn what_was_not_captured_is_a_gap() {
    let mut bench = Bench::new();
    bench.up(99, 0, SYN, b"");
    let whole = ethernet(&ip4(CLIENT, GATEWAY, 6, &tcp(5000, 7, 100, 0, ACK, &[b'x'; 1000])));
    assert_eq!(bench.frame(whole[..100].to_vec()), ["Tcp#0 > data 46"]);
    assert_eq!(bench.up(1100, 0, ACK, b"the next one"), ["Tcp#0 > data 12"]);
    assert_eq!(bench.up(1122, 0, ACK, b"behind a hole"), [""; 0]);
    assert_eq!(bench.down(1, 1135, ACK, b""), ["Tcp#0 > data 13"]);
    assert_eq!(bench.frame(whole[..40].to_vec()), [""; 0]);
    assert_eq!(bench.frame(whole[..20].to_vec()), [""; 0]);
    let notes = [
        "2 packets left out: headers that are cut off or wrong, the first in frame 6",
        "1 TCP segment captured only in part: 954 bytes are missing, the first in frame 2",
        "frame 5 of wan: 10 bytes of TCP from 192.0.2.1:5000 to 198.51.100.1:7 are missing before it",
    ];
    assert_eq!(bench.flows.notes(), notes);
    let datagram = ethernet(&ip4(CLIENT, GATEWAY, 17, &udp(5000, 7, &[b'x'; 1000])));
    assert_eq!(bench.frame(datagram[..60].to_vec()), ["Udp#0 > data 1000"]);
}

#[test]
fn padding_is_no_payload() {
    let mut bench = Bench::new();
    let mut frame = ethernet(&ip4(CLIENT, GATEWAY, 6, &tcp(5000, 7, 99, 0, SYN, b"")));
    frame.resize(60, 0);
    assert_eq!(bench.frame(frame), ["Tcp#0 > SYN"]);
    assert_eq!(bench.up(100, 0, ACK, b"next in order"), ["Tcp#0 > data 13"]);
}

#[test]
fn fragments_of_ipv4_and_ipv6() {
    let mut bench = Bench::new();
    let datagram = udp(5000, 7, &[b'x'; 1000]);
    let mut first = ip4(CLIENT, GATEWAY, 17, &datagram[..504]);
    first[6] = 0x20;
    let mut second = ip4(CLIENT, GATEWAY, 17, &datagram[504..]);
    second[7] = 63;
    assert_eq!(bench.packet(&second), [""; 0]);
    let items = bench.items(ethernet(&first), Some("dropped: queue full"));
    assert_eq!(items.iter().map(show).collect::<Vec<_>>(), ["Udp#0 > data 1000"]);
    assert_eq!(items[0].remark.as_deref(), Some("dropped: queue full"));
    assert_eq!(items[0].found.moment.frame, 2);

    let addresses = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[2]].concat();
    let mut piece = |position: u16, part: &[u8]| {
        let head = [&[0x60, 0, 0, 0][..], &be(part.len() + 8), &[44, 64], &addresses].concat();
        bench.packet(&[&head, &[17, 0][..], &position.to_be_bytes(), &[0, 0, 0, 9], part].concat())
    };
    assert_eq!(piece(1, &datagram[..504]), [""; 0]);
    assert_eq!(piece(504, &datagram[504..]), ["Udp#0 > data 1000"]);
    assert_eq!(piece(1, &datagram[..504]), [""; 0]);
    assert_eq!(
        bench.flows.notes(),
        ["frame 5: a fragmented packet from 2001:db8::1 to 2001:db8::2 was never completed: 504 bytes of it were seen"]
    );
}

#[test]
fn what_is_in_a_tunnel_has_its_own_view_but_for_dns() {
    let mut bench = Bench::tunnel();
    assert_eq!(bench.up(99, 0, SYN, b""), ["inner Tcp#0 > SYN"]);
    assert_eq!(bench.up(100, 0, ACK, b"GET /sink?seed=1 HTTP/1.1\r\n\r\n"), ["inner Http#0 > HTTP GET /sink"]);
    assert_eq!(bench.up(129, 0, ACK, b"the body"), ["inner Tcp#0 > data 8"]);
    let client_hello = hex::decode("16030100c8010000c40303").unwrap();
    let inside = ip4(CLIENT, GATEWAY, 6, &tcp(5001, 443, 1, 0, ACK, &client_hello));
    assert_eq!(bench.packet(&inside), ["inner Tls#0 > TLS 11"]);
    let query = [&[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], b"\x03www\x04test\0\0\x01\0\x01"].concat();
    let items = bench.items(ip4(CLIENT, GATEWAY, 17, &udp(5000, 53, &query)), None);
    assert_eq!(items.iter().map(|item| item.found.view).collect::<Vec<_>>(), [interop_evidence::View::Dns]);
}

#[test]
fn a_stream_is_told_by_its_first_bytes_even_if_they_come_one_by_one() {
    let client_hello = hex::decode("16030100c8010000c40303").unwrap();
    let is_tls = |lines: &[String]| lines.iter().all(|line| !line.contains("data"));
    let mut bench = Bench::new();
    bench.up(99, 0, SYN, b"");
    for (at, byte) in (100..).zip(&client_hello) {
        let lines = bench.up(at, 0, ACK, &[*byte]);
        assert!(is_tls(&lines), "{lines:?}");
    }
    // Behind other words: a proxy, `STARTTLS`.
    let mut bench = Bench::new();
    bench.up(99, 0, SYN, b"");
    assert_eq!(bench.up(100, 0, ACK, b"STARTTLS\r\n"), ["Tcp#0 > data 10"]);
    let lines = bench.up(110, 0, ACK, &client_hello);
    assert!(is_tls(&lines), "{lines:?}");
    // What ends early is told all the same.
    let mut bench = Bench::new();
    bench.up(99, 0, SYN, b"");
    assert_eq!(bench.up(100, 0, ACK, b"few"), [""; 0]);
    assert_eq!(bench.down(1, 103, FIN, b""), ["Tcp#0 > data 3", "Tcp#0 < FIN"]);
}

#[test]
fn packets_that_stand_for_themselves() {
    let mut bench = Bench::new();
    let of = |kind: u8| [kind, 0, 0, 0, 0, 7, 0, 1, 1, 2, 3, 4];
    let mut icmp = |from, to, kind| {
        let items = bench.items(ethernet(&ip4(from, to, 1, &of(kind))), None);
        let item = items.into_iter().next().expect("a line");
        (item.flow.ends[0], item.found.way)
    };
    let client = IpAddr::from(CLIENT);
    assert_eq!(icmp(GATEWAY, CLIENT, 0), (client, Way::Back), "a reply that came first");
    assert_eq!(icmp(CLIENT, GATEWAY, 8), (client, Way::Forth));
    assert_eq!(icmp(GATEWAY, CLIENT, 3), (client, Way::Back), "an error");
    assert_eq!(bench.packet(&ip4(CLIENT, GATEWAY, 50, &[0; 30])), ["Ip#0 > IP protocol 50 30"]);
    assert_eq!(bench.packet(&ip4(CLIENT, [224, 0, 0, 22], 2, &[0x22; 16])), ["Arp#0 > multicast membership"]);
    let arp = hex::decode("000108000604000102005e000301c0000264000000000000c0000201").unwrap();
    let arp = [&[0xff; 6][..], &[2, 0, 0x5e, 0, 3, 1, 8, 6], &arp].concat();
    assert_eq!(bench.frame(arp), ["Arp#0 > who has 192.0.2.1"]);
    bench.link_type = LinkType::Other(127);
    assert_eq!(bench.frame(vec![0; 99]), [""; 0]);
    assert_eq!(bench.flows.notes(), ["link type 127 (802.11) is not understood: 1 frame left out"]);
}

/// One of each kind of frame.
fn zoo() -> Vec<Vec<u8>> {
    let syn = tcp(5000, 443, 99, 0, SYN, b"");
    let data = tcp(5000, 443, 100, 1, ACK, &hex::decode("16030100c8010000c40303").unwrap());
    let mut fragment = ip4(CLIENT, GATEWAY, 17, &[0; 64]);
    fragment[6] = 0x20;
    let addresses = [[0xfe; 16], [0x20; 16]].concat();
    let six = |next: u8, payload: &[u8]| {
        [&[0x60, 0, 0, 0][..], &be(payload.len()), &[next, 64], &addresses, payload].concat()
    };
    let mut zoo: Vec<Vec<u8>> = [
        ip4(CLIENT, GATEWAY, 6, &syn),
        ip4(CLIENT, GATEWAY, 6, &data),
        ip4(GATEWAY, CLIENT, 6, &tcp(443, 5000, 7, 111, FIN, b"HTTP/1.1 200 OK\r\n")),
        ip4(CLIENT, GATEWAY, 17, &udp(5000, 53, &[0; 40])),
        ip4(CLIENT, GATEWAY, 17, &udp(5000, 1194, &[0x38; 40])),
        ip4(CLIENT, GATEWAY, 17, &udp(5000, 443, &hex::decode("16fefd0000000000000000003f01").unwrap())),
        ip4(CLIENT, GATEWAY, 1, &[&[3, 1, 0, 0, 0, 0, 0, 0][..], &ip4(GATEWAY, CLIENT, 17, &[0; 8])].concat()),
        fragment,
        six(6, &data),
        six(58, &[&[135, 0, 0, 0][..], &[0; 32]].concat()),
        six(44, &[&[17, 0, 0, 1, 0, 0, 0, 7][..], &[0; 40]].concat()),
        six(60, &[&[44, 0, 1, 4, 0, 0, 0, 0][..], &[17, 0, 0, 1, 0, 0, 0, 7], &[0; 40]].concat()),
    ]
    .iter()
    .map(|packet| ethernet(packet))
    .collect();
    zoo.push([&[0; 12][..], &[8, 6], &hex::decode("000108000604000102005e000301c0000264").unwrap()].concat());
    zoo
}

#[test]
fn no_input_makes_it_panic() {
    const SEED: u64 = 4711;
    println!("seed {SEED}");
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let link_types =
        [LinkType::Ethernet, LinkType::RawIp, LinkType::Other(113), LinkType::Other(276), LinkType::Other(0)];
    let zoo = zoo();
    let (mut bench, mut found) = (Bench::new(), 0);
    for round in 0..20_000 {
        let mut frame = zoo[round % zoo.len()].clone();
        for _ in 0..random.next_u32() % 4 {
            let at = random.next_u32() as usize % (frame.len() + 1);
            match random.next_u32() % 5 {
                0 => frame.truncate(at),
                1 => frame.extend_from_within(at..),
                2 => frame.iter_mut().skip(at).take(2).for_each(|byte| *byte = 0xff),
                _ => frame.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (random.next_u32() % 8)),
            }
        }
        bench.link_type = link_types[(random.next_u32() as usize % 20).saturating_sub(15)];
        found += bench.items(frame, None).len();
    }
    // Else the mutations would be too rough to get anywhere.
    assert!(found > 5000, "only {found}");
    assert!(!bench.flows.notes().is_empty());
}
