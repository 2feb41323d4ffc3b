//! ICMP for IPv4 (RFC 792) and IPv6 (RFC 4443, 4861, 3810) in words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::words::Words;

/// The lower end of the ports that systems give to clients: such a port differs from run to run.
const EPHEMERAL: u16 = 32_768;

/// Extension headers of IPv6 that are stepped over: hop-by-hop, routing, destination options (RFC 8200, section 4.1).
const EXTENSIONS: [u8; 3] = [0, 43, 60];
const FRAGMENT: u8 = 44;
const MOST_EXTENSIONS: usize = 8;

/// What a message says; `rest` is what follows type, code and checksum.
pub(crate) fn icmp(v6: bool, kind: u8, code: u8, rest: &[u8]) -> Words {
    let (head, body) = rest.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    if v6 { icmpv6(kind, code, *head, body) } else { icmpv4(kind, code, *head, body) }
}

fn icmpv4(kind: u8, code: u8, head: [u8; 4], body: &[u8]) -> Words {
    let text = match (kind, code) {
        (0, _) => "echo reply",
        (3, 4) => {
            let mtu = u16::from_be_bytes([head[2], head[3]]);
            return Words::new(format!("ICMP fragmentation needed MTU {mtu}{}", about(body)));
        }
        (3, _) => {
            let text = unreachable(code).map_or_else(|| format!("unreachable code {code}"), str::to_owned);
            return Words::new(format!("ICMP {text}{}", about(body)));
        }
        (4, _) => return Words::new(format!("ICMP source quench{}", about(body))),
        (5, _) => {
            let words = Words::new(format!("ICMP redirect{} to ", about(body)));
            return words.address(IpAddr::V4(Ipv4Addr::from(head)));
        }
        (8, _) => "echo request",
        (9, _) => "router advertisement",
        (10, _) => "router solicitation",
        (11, 0) => return Words::new(format!("ICMP time exceeded in transit{}", about(body))),
        (11, 1) => return Words::new(format!("ICMP time exceeded in reassembly{}", about(body))),
        (12, _) => return Words::new(format!("ICMP parameter problem at {}{}", head[0], about(body))),
        (13, _) => "timestamp request",
        (14, _) => "timestamp reply",
        _ => return Words::new(format!("ICMP type {kind} code {code}")),
    };
    Words::new(format!("ICMP {text}"))
}

/// Codes of destination unreachable (RFC 792, RFC 1122, RFC 1812).
const fn unreachable(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "net unreachable",
        1 => "host unreachable",
        2 => "protocol unreachable",
        3 => "port unreachable",
        5 => "source route failed",
        6 => "net unknown",
        7 => "host unknown",
        8 => "source host isolated",
        9 => "net prohibited",
        10 => "host prohibited",
        11 => "net unreachable for this type of service",
        12 => "host unreachable for this type of service",
        13 => "administratively prohibited",
        14 => "host precedence violation",
        15 => "precedence cutoff",
        _ => return None,
    })
}

fn icmpv6(kind: u8, code: u8, head: [u8; 4], body: &[u8]) -> Words {
    let text = match (kind, code) {
        (1, _) => {
            let text = unreachable_v6(code).map_or_else(|| format!("unreachable code {code}"), str::to_owned);
            return Words::new(format!("ICMPv6 {text}{}", about(body)));
        }
        (2, _) => {
            let mtu = u32::from_be_bytes(head);
            return Words::new(format!("ICMPv6 packet too big MTU {mtu}{}", about(body)));
        }
        (3, 0) => return Words::new(format!("ICMPv6 time exceeded in transit{}", about(body))),
        (3, 1) => return Words::new(format!("ICMPv6 time exceeded in reassembly{}", about(body))),
        (4, _) => {
            let at = u32::from_be_bytes(head);
            return Words::new(format!("ICMPv6 parameter problem at {at}{}", about(body)));
        }
        (128, _) => "echo request",
        (129, _) => "echo reply",
        (130, _) => "multicast listener query",
        (131, _) => "multicast listener report",
        (132, _) => "multicast listener done",
        (133, _) => "router solicitation",
        (134, _) => "router advertisement",
        (135, _) => return target("ICMPv6 neighbour solicitation", " for ", body),
        (136, _) => return target("ICMPv6 neighbour advertisement", " of ", body),
        (137, _) => return target("ICMPv6 redirect", " to ", body),
        (143, _) => "multicast listener report v2",
        _ => return Words::new(format!("ICMPv6 type {kind} code {code}")),
    };
    Words::new(format!("ICMPv6 {text}"))
}

/// RFC 4443, section 3.1.
const fn unreachable_v6(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "no route",
        1 => "administratively prohibited",
        2 => "beyond scope of source address",
        3 => "address unreachable",
        4 => "port unreachable",
        5 => "source address failed policy",
        6 => "route rejected",
        _ => return None,
    })
}

/// The target address of neighbour discovery follows the first four bytes (RFC 4861, sections 4.3 to 4.5).
fn target(text: &'static str, link: &'static str, body: &[u8]) -> Words {
    match body.first_chunk::<16>() {
        Some(address) => Words::new(text).text(link).address(IpAddr::V6(Ipv6Addr::from(*address))),
        None => Words::new(text),
    }
}

/// What the packet that caused an error carried: ` UDP/443`. The port is the one that names the service.
fn about(packet: &[u8]) -> String {
    let Some((protocol, payload)) = inner(packet) else { return String::new() };
    let name = match protocol {
        1 => return " ICMP".into(),
        6 => "TCP",
        17 => "UDP",
        58 => return " ICMPv6".into(),
        other => return format!(" IP/{other}"),
    };
    let Some(&[a, b, c, d]) = payload.and_then(<[u8]>::first_chunk::<4>) else { return format!(" {name}") };
    let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    match (source < EPHEMERAL, destination < EPHEMERAL) {
        (_, true) => format!(" {name}/{destination}"),
        (true, false) => format!(" {name} from {source}"),
        (false, false) => format!(" {name}"),
    }
}

/// Protocol and payload of an IP packet, which may be cut off; no payload for a fragment without the beginning.
fn inner(packet: &[u8]) -> Option<(u8, Option<&[u8]>)> {
    let first = *packet.first()?;
    if first >> 4 == 4 {
        let fragment = u16::from_be_bytes([*packet.get(6)?, *packet.get(7)?]) & 0x1fff;
        let payload = packet.get(usize::from(first & 0x0f).max(5) * 4..).filter(|_| fragment == 0);
        return Some((*packet.get(9)?, payload));
    }
    if first >> 4 != 6 {
        return None;
    }
    let mut protocol = *packet.get(6)?;
    let mut rest = packet.get(40..)?;
    for _ in 0..MOST_EXTENSIONS {
        let length = match protocol {
            FRAGMENT if u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]) & 0xfff8 != 0 => {
                return Some((*rest.first()?, None));
            }
            FRAGMENT => 8,
            _ if EXTENSIONS.contains(&protocol) => (usize::from(*rest.get(1)?) + 1) * 8,
            _ => break,
        };
        protocol = *rest.first()?;
        rest = rest.get(length..).unwrap_or_default();
    }
    Some((protocol, Some(rest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An IPv4 packet to port 443 of UDP, as a router quotes it.
    const TO_443: &str = "450000710000400040114d56c00002026433640a8c3b01bb005d0000";

    fn say(v6: bool, kind: u8, code: u8, rest: &str) -> Words {
        icmp(v6, kind, code, &hex::decode(rest).unwrap())
    }

    #[test]
    fn unreachable_ports_and_hosts() {
        let quoted = format!("00000000{TO_443}");
        assert_eq!(say(false, 3, 3, &quoted), "ICMP port unreachable UDP/443".into());
        assert_eq!(say(false, 3, 1, &quoted), "ICMP host unreachable UDP/443".into());
        assert_eq!(say(false, 3, 13, &quoted), "ICMP administratively prohibited UDP/443".into());
        assert_eq!(say(false, 3, 77, &quoted), "ICMP unreachable code 77 UDP/443".into());
        assert_eq!(say(false, 11, 0, &quoted), "ICMP time exceeded in transit UDP/443".into());
        // The client's port is gone.
        let back = quoted.replace("8c3b01bb", "01bb8c3b");
        assert_eq!(say(false, 3, 3, &back), "ICMP port unreachable UDP from 443".into());
        // A later fragment has no ports.
        let fragment = quoted.replace("00004000", "00000010");
        assert_eq!(say(false, 11, 1, &fragment), "ICMP time exceeded in reassembly UDP".into());
        assert_eq!(say(false, 3, 3, "00000000"), "ICMP port unreachable".into());
    }

    #[test]
    fn the_mtu_of_the_path() {
        let needed = format!("00000500{TO_443}");
        assert_eq!(say(false, 3, 4, &needed), "ICMP fragmentation needed MTU 1280 UDP/443".into());
        let source = "20010db8000000000000000000000001";
        let packet = format!("6000000000100640{source}{source}d43101bb00000000");
        assert_eq!(say(true, 2, 0, &format!("00000578{packet}")), "ICMPv6 packet too big MTU 1400 TCP/443".into());
        assert_eq!(say(true, 1, 4, &format!("00000000{packet}")), "ICMPv6 port unreachable TCP/443".into());
        // With a fragment header: the first fragment, and one after it.
        let head = format!("6000000000182c40{source}{source}");
        let first = format!("00000578{head}1100000100000001d43101bb00000000");
        assert_eq!(say(true, 2, 0, &first), "ICMPv6 packet too big MTU 1400 UDP/443".into());
        let later = format!("00000578{head}1100001000000001d43101bb00000000");
        assert_eq!(say(true, 2, 0, &later), "ICMPv6 packet too big MTU 1400 UDP".into());
    }

    #[test]
    fn questions_and_neighbours() {
        assert_eq!(say(false, 8, 0, "12340001"), "ICMP echo request".into());
        assert_eq!(say(false, 0, 0, "12340001"), "ICMP echo reply".into());
        assert_eq!(say(true, 128, 0, "12340001"), "ICMPv6 echo request".into());
        assert_eq!(say(true, 143, 0, "00000001"), "ICMPv6 multicast listener report v2".into());
        assert_eq!(say(true, 133, 0, "00000000"), "ICMPv6 router solicitation".into());
        assert_eq!(
            say(true, 135, 0, "00000000fe800000000000000000000000000001"),
            Words::new("ICMPv6 neighbour solicitation").text(" for ").address("fe80::1".parse().unwrap())
        );
        assert_eq!(say(true, 135, 0, "00000000fe80"), "ICMPv6 neighbour solicitation".into());
        assert_eq!(say(false, 5, 1, "c0000201"), Words::new("ICMP redirect to ").address("192.0.2.1".parse().unwrap()));
        assert_eq!(say(true, 200, 1, ""), "ICMPv6 type 200 code 1".into());
    }

    proptest! {
        #[test]
        fn any_bytes(
            v6: bool,
            kind: u8,
            code: u8,
            mut rest in prop::collection::vec(any::<u8>(), 0..120),
            version: u8,
        ) {
            if let Some(byte) = rest.get_mut(4) {
                *byte = version % 3 * 0x20 + (*byte & 0x0f) + 0x20;
            }
            prop_assert!(!icmp(v6, kind, code, &rest).0.is_empty());
        }
    }
}
