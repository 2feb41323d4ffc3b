//! How neighbours keep house: ARP, neighbour and router discovery, multicast membership. All of it has the layer
//! [`Layer::Arp`], whatever carries it, so that it is easily left out.

use std::net::{IpAddr, Ipv6Addr};

use interop_capture::{Arp, Ip, Network, Summary, Transport};
use interop_evidence::Layer;

use crate::found::Protocol;
use crate::words::Words;

/// `ether_type` of ARP behind addresses that nobody looks at.
const ETHERNET: [u8; 14] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x06];
/// Internet Group Management Protocol.
pub(super) const IGMP: u8 = 2;

/// A line about a packet that stands for itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) protocol: Protocol,
    pub(super) from: IpAddr,
    pub(super) to: IpAddr,
    /// Whether it answers the other end.
    pub(super) is_reply: bool,
    pub(super) layer: Layer,
    pub(super) words: Words,
}

/// What an ARP packet says, without its link layer.
pub(super) fn arp(packet: &[u8]) -> Option<Line> {
    // The dissector wants an Ethernet frame, and a cooked capture has none.
    let frame = [&ETHERNET[..], packet.get(..packet.len().min(64))?].concat();
    let Network::Arp(Arp { operation, sender, target }) = Summary::of_ethernet(&frame).network else { return None };
    let (from, to) = (sender.into(), target.into());
    // RFC 826: the sender's hardware address follows the operation.
    let words = match operation {
        1 => Words::new("who has ").address(to),
        2 => is_at(from, packet.get(8..14)),
        number => Words::new(format!("ARP operation {number}")),
    };
    Some(Line { protocol: Protocol::Arp, from, to, is_reply: operation == 2, layer: Layer::Arp, words })
}

/// What an IP packet says that only keeps house; `rest` follows type, code and checksum.
pub(super) fn icmpv6(ip: &Ip, rest: &[u8]) -> Option<Line> {
    let Transport::Icmpv6 { kind, .. } = ip.transport else { return None };
    let (from, to) = (ip.source, ip.destination);
    let target = || Some(IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(rest.get(4..20)?).ok()?)));
    let plain = |words: &'static str| {
        Some(Line { protocol: Protocol::Icmp, from, to, is_reply: false, layer: Layer::Arp, words: words.into() })
    };
    // RFC 2710, RFC 4861, RFC 9777 (type 143).
    match kind {
        130 => plain("multicast listener query"),
        131 | 143 => plain("multicast listener report"),
        132 => plain("multicast listener done"),
        133 => plain("router solicitation"),
        134 => plain("router advertisement"),
        135 => {
            let target = target()?;
            let words = Words::new("who has ").address(target);
            Some(Line { protocol: Protocol::Arp, from, to: target, is_reply: false, layer: Layer::Arp, words })
        }
        136 => {
            let target = target()?;
            // Option 2, the link-layer address of the target, comes first if it is there (RFC 4861, section 4.6.1).
            let hardware = rest.get(20..28).and_then(|option| option.strip_prefix(&[2, 1]));
            Some(Line {
                protocol: Protocol::Arp,
                from: target,
                to,
                is_reply: true,
                layer: Layer::Arp,
                words: is_at(target, hardware),
            })
        }
        137 => plain("redirect"),
        _ => None,
    }
}

/// What an IGMP packet says.
pub(super) fn igmp(ip: &Ip) -> Line {
    let (from, to) = (ip.source, ip.destination);
    Line {
        protocol: Protocol::Ip(IGMP),
        from,
        to,
        is_reply: false,
        layer: Layer::Arp,
        words: "multicast membership".into(),
    }
}

fn is_at(address: IpAddr, hardware: Option<&[u8]>) -> Words {
    let words = Words::default().address(address).text(" is at");
    match hardware {
        Some(hardware) => words.text(" ").random("mac", hardware),
        None => words.text(" its own address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_resolution() {
        // From a capture of the lab.
        let mut packet =
            hex::decode("0001080006040001 02005e000301 c0000264 000000000000 c0000201".replace(' ', "")).unwrap();
        let [client, router]: [IpAddr; 2] = [[192, 0, 2, 100].into(), [192, 0, 2, 1].into()];
        let expected = Line {
            protocol: Protocol::Arp,
            from: client,
            to: router,
            is_reply: false,
            layer: Layer::Arp,
            words: Words::new("who has ").address(router),
        };
        assert_eq!(arp(&packet), Some(expected));
        packet[7] = 2;
        let words = Words::default().address(client).text(" is at").text(" ").random("mac", &packet[8..14]);
        assert_eq!(arp(&packet).map(|line| (line.words, line.is_reply)), Some((words, true)));
        assert_eq!(arp(&packet[..27]), None);
        packet[4] = 8;
        assert_eq!(arp(&packet), None);
    }

    #[test]
    fn neighbour_discovery() {
        let mut ip = Ip {
            source: "fe80::1".parse().unwrap(),
            destination: "ff02::1:ff00:2".parse().unwrap(),
            protocol: 58,
            fragment: None,
            transport: Transport::Icmpv6 { kind: 135, code: 0, echo: None },
        };
        let target: Ipv6Addr = "fe80::2".parse().unwrap();
        let rest = [&[0; 4][..], &target.octets(), &[2, 1, 2, 0, 0x5e, 0, 1, 2]].concat();
        let question = icmpv6(&ip, &rest).unwrap();
        assert_eq!((question.from, question.to, question.is_reply), (ip.source, target.into(), false));
        assert_eq!(icmpv6(&ip, &rest[..19]), None);
        (ip.source, ip.destination) = (target.into(), ip.source);
        ip.transport = Transport::Icmpv6 { kind: 136, code: 0, echo: None };
        let answer = icmpv6(&ip, &rest).unwrap();
        assert_eq!((answer.from, answer.to, answer.is_reply), (question.to, question.from, true));
        assert!(format!("{:?}", answer.words).contains("mac"));
        let bare = icmpv6(&ip, &rest[..20]).unwrap();
        assert!(!format!("{:?}", bare.words).contains("mac"));
    }
}
