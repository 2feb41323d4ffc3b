//! Frames made by hand, without the crate that dissects them, and without checksums.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
pub(crate) const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
pub(crate) const CLIENT6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);
pub(crate) const GATEWAY6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 1);

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const IPV6_FRAGMENT: u8 = 44;
pub(crate) const ICMPV6: u8 = 58;

fn length(bytes: &[u8], more: usize) -> [u8; 2] {
    u16::try_from(bytes.len() + more).expect("a short packet").to_be_bytes()
}

pub(crate) fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    [&addresses[..], &ether_type.to_be_bytes(), payload].concat()
}

/// An Ethernet frame with an IPv4 packet.
pub(crate) fn ip4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ip4_fragment(from, to, protocol, 0, 0, false, payload)
}

/// The same for a fragment; `offset` in units of eight bytes.
pub(crate) fn ip4_fragment(
    from: Ipv4Addr,
    to: Ipv4Addr,
    protocol: u8,
    id: u16,
    offset: u16,
    more: bool,
    payload: &[u8],
) -> Vec<u8> {
    let position = offset | if more { 0x2000 } else { 0 };
    let header = [
        &[0x45, 0][..],
        &length(payload, 20),
        &id.to_be_bytes(),
        &position.to_be_bytes(),
        &[64, protocol, 0, 0],
        &from.octets(),
        &to.octets(),
    ];
    ethernet(0x0800, &[&header.concat()[..], payload].concat())
}

/// An Ethernet frame with an IPv6 packet.
pub(crate) fn ip6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = [&[0x60, 0, 0, 0][..], &length(payload, 0), &[protocol, 64], &from.octets(), &to.octets()];
    ethernet(0x86dd, &[&header.concat()[..], payload].concat())
}

pub(crate) fn udp(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &length(payload, 8), &[0, 0], payload].concat()
}

/// A segment with `ACK` and `PSH`.
pub(crate) fn tcp(from: u16, to: u16, sequence: u32, acknowledgement: u32, payload: &[u8]) -> Vec<u8> {
    let rest = [0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0];
    let numbers = [sequence.to_be_bytes(), acknowledgement.to_be_bytes()].concat();
    [&from.to_be_bytes()[..], &to.to_be_bytes(), &numbers, &rest, payload].concat()
}

/// An ICMP or ICMPv6 message whose second half of the header is that of an echo.
pub(crate) fn icmp(kind: u8, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0][..], &id.to_be_bytes(), &sequence.to_be_bytes(), payload].concat()
}

/// A record of DTLS with `length` bytes behind its header.
pub(crate) fn dtls(content_type: u8, version: u16, epoch: u16, length: u16) -> Vec<u8> {
    let header = [&[content_type][..], &version.to_be_bytes(), &epoch.to_be_bytes(), &[0; 6], &length.to_be_bytes()];
    [&header.concat()[..], &vec![0xee; length.into()]].concat()
}

/// A record of TLS 1.2 with `length` bytes behind its header.
pub(crate) fn tls(content_type: u8, length: u16) -> Vec<u8> {
    [&[content_type, 3, 3][..], &length.to_be_bytes(), &vec![0xee; length.into()]].concat()
}

/// An OpenVPN packet with this opcode, key 0, and `length` bytes in all.
pub(crate) fn openvpn(opcode: u8, length: usize) -> Vec<u8> {
    let mut packet = vec![0xee; length];
    packet[0] = opcode << 3;
    packet
}

/// The same as it goes over TCP.
pub(crate) fn openvpn_tcp(opcode: u8, length: usize) -> Vec<u8> {
    let packet = openvpn(opcode, length);
    [&super::frames::length(&packet, 0)[..], &packet].concat()
}

/// A query for the address of `name`.
pub(crate) fn dns_query(name: &str) -> Vec<u8> {
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("a short label"));
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    query
}

/// One of each kind of frame.
pub(crate) fn zoo() -> Vec<Vec<u8>> {
    let fragment_header = [UDP, 0, 0, 1, 0, 0, 0, 7];
    let fragment6 = [&fragment_header[..], &udp(443, 9, &[1; 40])].concat();
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[0; 6], &[10, 0, 0, 1], &[0; 6], &[10, 0, 0, 2]].concat();
    vec![
        ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, &dtls(23, 0xfefd, 1, 100))),
        ip4(CLIENT, GATEWAY, TCP, &tcp(4000, 443, 1, 2, &tls(23, 100))),
        ip4(CLIENT, GATEWAY, TCP, &tcp(4000, 1194, 1, 2, &openvpn_tcp(9, 100))),
        ip4(CLIENT, GATEWAY, UDP, &udp(4000, 1194, &openvpn(6, 100))),
        ip4(CLIENT, GATEWAY, UDP, &udp(4000, 53, &dns_query("www.example.org"))),
        ip4(CLIENT, GATEWAY, ICMP, &icmp(8, 1, 2, &[0; 56])),
        ip4_fragment(CLIENT, GATEWAY, UDP, 7, 0, true, &udp(443, 9, &[1; 40])),
        ip4_fragment(CLIENT, GATEWAY, UDP, 7, 6, false, &[1; 40]),
        ip6(CLIENT6, GATEWAY6, UDP, &udp(4000, 443, &dtls(23, 0x0100, 1, 100))),
        ip6(CLIENT6, GATEWAY6, TCP, &tcp(4000, 443, 1, 2, &tls(22, 100))),
        ip6(CLIENT6, GATEWAY6, ICMPV6, &icmp(128, 1, 2, &[0; 56])),
        ip6(CLIENT6, GATEWAY6, ICMPV6, &icmp(135, 0, 0, &[0; 16])),
        ip6(CLIENT6, GATEWAY6, IPV6_FRAGMENT, &fragment6),
        ip6(CLIENT6, GATEWAY6, 0, &[&[UDP, 0, 1, 4, 0, 0, 0, 0][..], &udp(1, 2, b"options")].concat()),
        ethernet(0x8100, &[&[0, 5][..], &ip4(CLIENT, GATEWAY, UDP, &udp(1, 2, b"tagged"))[12..]].concat()),
        ethernet(0x0806, &arp),
        ethernet(0x88cc, b"lldp"),
    ]
}
