//! What the headers of IP say beyond what a summary has: lengths, and where a fragment's payload begins.

use std::net::IpAddr;

/// Length of a header of IPv4 without options, and of one of IPv6.
const V4_HEADER: usize = 20;
const V6_HEADER: usize = 40;
/// Extension headers that are walked through at most.
const MOST_EXTENSIONS: usize = 16;

/// Length of a packet as its header has it; more than `packet` holds if it was cut off, less if padding follows. `None`
/// for what is no IP packet.
pub(super) fn length(packet: &[u8]) -> Option<usize> {
    match packet.first()? >> 4 {
        4 if packet.len() >= V4_HEADER => {
            let header = usize::from(packet.first()? & 0xf) * 4;
            let total = usize::from(word(packet, 2)?);
            // Zero where the network card was to cut a larger packet into several.
            Some(if total < header { packet.len() } else { total })
        }
        6 if packet.len() >= V6_HEADER => match usize::from(word(packet, 4)?) {
            0 => Some(packet.len()),
            payload => Some(V6_HEADER + payload),
        },
        _ => None,
    }
}

/// Where the payload of a fragment begins to which its offset refers, and the protocol of that payload.
pub(super) fn fragment_payload(packet: &[u8]) -> Option<(usize, u8)> {
    if packet.first()? >> 4 == 4 {
        return Some((usize::from(packet.first()? & 0xf) * 4, *packet.get(9)?));
    }
    let (mut at, mut kind) = (V6_HEADER, *packet.get(6)?);
    for _ in 0..MOST_EXTENSIONS {
        let (next, units) = (*packet.get(at)?, usize::from(*packet.get(at + 1)?));
        // RFC 8200, section 4; RFC 4302, section 2.2 for the authentication header.
        at += match kind {
            0 | 43 | 60 => (units + 1) * 8,
            51 => (units + 2) * 4,
            44 => return Some((at + 8, next)),
            _ => return None,
        };
        kind = next;
    }
    None
}

/// A packet with this payload, for the dissector. Its header leaves the length open, since a packet that was put together
/// may be longer than the field can say.
pub(super) fn packet(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(V6_HEADER + payload.len());
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            packet.extend_from_slice(&[0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0]);
            packet.extend_from_slice(&source.octets());
            packet.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            packet.extend_from_slice(&[0x60, 0, 0, 0, 0, 0, protocol, 64]);
            packet.extend_from_slice(&octets(source));
            packet.extend_from_slice(&octets(destination));
        }
    }
    packet.extend_from_slice(payload);
    packet
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(test)]
mod tests {
    use interop_capture::{Summary, Transport};

    use super::*;

    #[test]
    fn a_built_packet_is_understood_whatever_its_length() {
        let udp = [&[0, 53, 0, 99, 0, 0, 0, 0][..], &[7; 70_000]].concat();
        for (source, destination) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
            let built = packet(source, destination, 17, &udp);
            assert_eq!(length(&built), Some(built.len()));
            let summary = Summary::of_ip(&built);
            let ip = summary.ip().expect("an IP packet");
            assert_eq!((ip.source, ip.destination, ip.protocol), (source, destination, 17));
            assert!(matches!(ip.transport, Transport::Udp { source: 53, destination: 99, .. }));
            assert_eq!(summary.payload(&built).len(), 70_000);
        }
    }

    #[test]
    fn lengths_are_those_of_the_header() {
        let mut v4 = packet("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap(), 6, &[0; 26]);
        v4[3] = 40;
        assert_eq!(length(&v4), Some(40));
        assert_eq!(length(&v4[..30]), Some(40));
        assert_eq!(length(&v4[..19]), None);
        let mut v6 = packet("::1".parse().unwrap(), "::2".parse().unwrap(), 6, &[]);
        v6[4] = 2;
        assert_eq!(length(&v6), Some(552));
        assert_eq!(length(b"\x75 something else that is long enough"), None);
        assert_eq!(length(b""), None);
    }

    #[test]
    fn the_payload_of_a_fragment_begins_behind_its_header() {
        // Destination options of sixteen bytes, then the fragment header, then UDP.
        let extensions = [&[44, 1][..], &[0; 14], &[17, 0, 0, 1, 0, 0, 0, 7]].concat();
        let packet = packet("::1".parse().unwrap(), "::2".parse().unwrap(), 60, &extensions);
        assert_eq!(fragment_payload(&packet), Some((64, 17)));
        assert_eq!(fragment_payload(&packet[..57]), None);
        let endless = super::packet("::1".parse().unwrap(), "::2".parse().unwrap(), 60, &[60, 0].repeat(2000));
        assert_eq!(fragment_payload(&endless), None);
    }
}
