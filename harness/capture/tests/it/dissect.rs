use interop_capture::{Arp, Echo, Fragment, Ip, LinkType, Network, Summary, Transport};

use crate::frames::*;

fn ip(summary: &Summary) -> &Ip {
    summary.ip().expect("an IP packet")
}

#[test]
fn udp_over_both_families() {
    let frame = ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, b"hello"));
    let summary = Summary::of_ethernet(&frame);
    let expected = Ip {
        source: CLIENT.into(),
        destination: GATEWAY.into(),
        protocol: 17,
        fragment: None,
        transport: Transport::Udp { source: 4000, destination: 443, length: 5 },
    };
    assert_eq!(ip(&summary), &expected);
    assert_eq!(summary.payload(&frame), b"hello");

    let frame = ip6(CLIENT6, GATEWAY6, UDP, &udp(4000, 443, b"hello"));
    let summary = Summary::of_ethernet(&frame);
    assert_eq!(ip(&summary), &Ip { source: CLIENT6.into(), destination: GATEWAY6.into(), ..expected });
    assert_eq!(summary.payload(&frame), b"hello");
}

#[test]
fn tcp_with_numbers_and_flags() {
    let frame = ip4(GATEWAY, CLIENT, TCP, &tcp(443, 4000, 0x0102_0304, 7, b"data"));
    let summary = Summary::of_ethernet(&frame);
    let transport =
        Transport::Tcp { source: 443, destination: 4000, sequence: 0x0102_0304, acknowledgement: 7, flags: 0x18 };
    assert_eq!(ip(&summary).transport, transport);
    assert_eq!(ip(&summary).transport.ports(), Some((443, 4000)));
    assert_eq!(summary.payload(&frame), b"data");
}

#[test]
fn ethernet_padding_is_no_payload() {
    let mut frame = ip4(CLIENT, GATEWAY, TCP, &tcp(1, 2, 0, 0, b""));
    frame.resize(60, 0);
    assert_eq!(Summary::of_ethernet(&frame).payload(&frame), b"");
    let mut frame = ip4(CLIENT, GATEWAY, UDP, &udp(1, 2, b"x"));
    frame.resize(60, 0);
    assert_eq!(Summary::of_ethernet(&frame).payload(&frame), b"x");
}

#[test]
fn udp_may_be_shorter_than_its_packet() {
    let frame = ip4(CLIENT, GATEWAY, UDP, &[&udp(1, 2, b"short")[..], b"rest"].concat());
    let summary = Summary::of_ethernet(&frame);
    assert_eq!(ip(&summary).transport, Transport::Udp { source: 1, destination: 2, length: 5 });
    assert_eq!(summary.payload(&frame), b"short");
}

#[test]
fn echoes_of_both_families() {
    let frame = ip4(CLIENT, GATEWAY, ICMP, &icmp(8, 77, 3, b"ping"));
    let summary = Summary::of_ethernet(&frame);
    let echo = Echo { is_reply: false, id: 77, sequence: 3 };
    assert_eq!(ip(&summary).transport, Transport::Icmp { kind: 8, code: 0, echo: Some(echo) });
    assert_eq!(summary.payload(&frame), b"ping");
    let frame = ip6(GATEWAY6, CLIENT6, ICMPV6, &icmp(129, 77, 3, b"pong"));
    let echo = Echo { is_reply: true, ..echo };
    let summary = Summary::of_ethernet(&frame);
    assert_eq!(ip(&summary).transport, Transport::Icmpv6 { kind: 129, code: 0, echo: Some(echo) });
    assert!(!summary.is_housekeeping());
    // Type 8 is an echo for IPv4 only, and an unreachable port is none.
    let summary = Summary::of_ethernet(&ip6(GATEWAY6, CLIENT6, ICMPV6, &icmp(8, 77, 3, b"")));
    assert_eq!(ip(&summary).transport.echo(), None);
    let summary = Summary::of_ethernet(&ip4(CLIENT, GATEWAY, ICMP, &icmp(3, 0, 0, &[0; 28])));
    assert_eq!(ip(&summary).transport, Transport::Icmp { kind: 3, code: 0, echo: None });
}

#[test]
fn neighbours_keep_house() {
    for kind in [133, 134, 135, 136, 137, 143] {
        let frame = ip6(CLIENT6, GATEWAY6, ICMPV6, &icmp(kind, 0, 0, &[0; 16]));
        assert!(Summary::of_ethernet(&frame).is_housekeeping(), "type {kind}");
    }
    let arp = [&[0, 1, 8, 0, 6, 4, 0, 2][..], &[0; 6], &CLIENT.octets(), &[0; 6], &GATEWAY.octets()].concat();
    let summary = Summary::of_ethernet(&ethernet(0x0806, &arp));
    assert_eq!(summary.network, Network::Arp(Arp { operation: 2, sender: CLIENT, target: GATEWAY }));
    assert!(summary.is_housekeeping());
}

#[test]
fn fragments_say_where_they_belong() {
    let first = ip4_fragment(CLIENT, GATEWAY, UDP, 9, 0, true, &udp(5, 6, &[0; 800])[..480]);
    let summary = Summary::of_ethernet(&first);
    assert_eq!(ip(&summary).fragment, Some(Fragment { id: 9, offset: 0, more: true }));
    assert_eq!(ip(&summary).transport, Transport::Udp { source: 5, destination: 6, length: 800 });
    assert_eq!(summary.payload(&first).len(), 472);

    let second = ip4_fragment(CLIENT, GATEWAY, UDP, 9, 60, false, &[0; 328]);
    let summary = Summary::of_ethernet(&second);
    assert_eq!(ip(&summary).fragment, Some(Fragment { id: 9, offset: 480, more: false }));
    assert_eq!(ip(&summary).transport, Transport::Other);
    assert_eq!(summary.payload(&second).len(), 328);
}

#[test]
fn fragments_of_ipv6() {
    let header = |offset: u8, more: u8| [UDP, 0, 0, offset << 3 | more, 0, 0, 0, 9];
    let first = ip6(CLIENT6, GATEWAY6, IPV6_FRAGMENT, &[&header(0, 1)[..], &udp(5, 6, &[0; 32])].concat());
    let summary = Summary::of_ethernet(&first);
    assert_eq!(ip(&summary).fragment, Some(Fragment { id: 9, offset: 0, more: true }));
    assert_eq!((ip(&summary).protocol, ip(&summary).transport.ports()), (17, Some((5, 6))));
    let second = ip6(CLIENT6, GATEWAY6, IPV6_FRAGMENT, &[&header(5, 0)[..], &[0; 16]].concat());
    let summary = Summary::of_ethernet(&second);
    assert_eq!(ip(&summary).fragment, Some(Fragment { id: 9, offset: 40, more: false }));
    assert_eq!(ip(&summary).transport, Transport::Other);
    // An atomic fragment is whole.
    let atomic = ip6(CLIENT6, GATEWAY6, IPV6_FRAGMENT, &[&header(0, 0)[..], &udp(5, 6, b"x")].concat());
    let summary = Summary::of_ethernet(&atomic);
    assert_eq!((ip(&summary).fragment, ip(&summary).transport.ports()), (None, Some((5, 6))));
}

#[test]
fn headers_in_between_are_skipped() {
    let options = [&[UDP, 0, 1, 4, 0, 0, 0, 0][..], &udp(1, 2, b"options")].concat();
    let frame = ip6(CLIENT6, GATEWAY6, 0, &options);
    let summary = Summary::of_ethernet(&frame);
    assert_eq!(ip(&summary).transport.ports(), Some((1, 2)));
    assert_eq!(summary.payload(&frame), b"options");
    let tagged = ethernet(0x8100, &[&[0, 5][..], &ip4(CLIENT, GATEWAY, UDP, &udp(1, 2, b"tagged"))[12..]].concat());
    let summary = Summary::of_ethernet(&tagged);
    assert_eq!(ip(&summary).transport.ports(), Some((1, 2)));
    assert_eq!(summary.payload(&tagged), b"tagged");
}

#[test]
fn tunnels_have_no_ethernet_header() {
    for frame in [ip4(CLIENT, GATEWAY, UDP, &udp(1, 2, b"tun")), ip6(CLIENT6, GATEWAY6, UDP, &udp(1, 2, b"tun"))] {
        let summary = Summary::of(LinkType::RawIp, &frame[14..]);
        assert_eq!(ip(&summary).transport.ports(), Some((1, 2)));
        assert_eq!(summary.payload(&frame[14..]), b"tun");
        assert_eq!(summary.network, Summary::of(LinkType::Ethernet, &frame).network);
        assert_eq!(Summary::of(LinkType::Other(113), &frame).network, Network::Other { ether_type: None });
    }
}

#[test]
fn short_frames_lose_what_is_missing() {
    let frame = ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, b"hello"));
    for length in 0..frame.len() {
        let cut = &frame[..length];
        let summary = Summary::of_ethernet(cut);
        assert_eq!(summary.ip().is_some(), length >= 34, "cut at {length}");
        let ports = summary.ip().and_then(|ip| ip.transport.ports());
        assert_eq!(ports, (length >= 42).then_some((4000, 443)), "cut at {length}");
        assert!(cut.ends_with(summary.payload(cut)));
    }
    let unknown = Summary::of_ethernet(&ethernet(0x88cc, b"lldp"));
    assert_eq!(unknown.network, Network::Other { ether_type: Some(0x88cc) });
}
