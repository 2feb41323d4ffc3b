use interop_capture::{Family, Summary, classify};
use interop_evidence::Carrier;

use crate::frames::*;

fn carrier(family: Family, frame: &[u8]) -> Option<Carrier> {
    let summary = Summary::of_ethernet(frame);
    classify(&summary, summary.payload(frame), family, &[443, 1194])
}

/// Over UDP to the gateway, in both address families.
fn over_udp(family: Family, port: u16, payload: &[u8]) -> Option<Carrier> {
    let four = carrier(family, &ip4(CLIENT, GATEWAY, UDP, &udp(4000, port, payload)));
    let six = carrier(family, &ip6(CLIENT6, GATEWAY6, UDP, &udp(4000, port, payload)));
    assert_eq!(four, six);
    four
}

/// Over TCP from the gateway, in both address families.
fn over_tcp(family: Family, port: u16, payload: &[u8]) -> Option<Carrier> {
    let four = carrier(family, &ip4(GATEWAY, CLIENT, TCP, &tcp(port, 4000, 1, 1, payload)));
    let six = carrier(family, &ip6(GATEWAY6, CLIENT6, TCP, &tcp(port, 4000, 1, 1, payload)));
    assert_eq!(four, six);
    four
}

#[test]
fn dtls_data_is_known_by_its_record() {
    for version in [0x0100, 0xfeff, 0xfefd] {
        assert_eq!(over_udp(Family::Anyconnect, 443, &dtls(23, version, 1, 100)), Some(Carrier::Dtls));
        assert_eq!(over_udp(Family::Anyconnect, 5555, &dtls(23, version, 1, 100)), Some(Carrier::Dtls));
    }
    let others = [dtls(22, 0xfefd, 1, 100), dtls(23, 0xfefd, 0, 100), dtls(23, 0x0303, 1, 100), dtls(23, 0xfefd, 1, 0)];
    for other in others {
        assert_eq!(over_udp(Family::Anyconnect, 443, &other), None, "{:02x?}", &other[..13]);
    }
    assert_eq!(over_udp(Family::Anyconnect, 443, &dtls(23, 0xfefd, 1, 100)[..12]), None);
    assert_eq!(over_udp(Family::Anyconnect, 443, b""), None);
}

#[test]
fn dtls_data_in_the_first_fragment() {
    let datagram = udp(4000, 443, &dtls(23, 0xfefd, 1, 1000));
    let first = ip4_fragment(CLIENT, GATEWAY, UDP, 1, 0, true, &datagram[..560]);
    let second = ip4_fragment(CLIENT, GATEWAY, UDP, 1, 70, false, &datagram[560..]);
    assert_eq!(carrier(Family::Anyconnect, &first), Some(Carrier::Dtls));
    assert_eq!(carrier(Family::Anyconnect, &second), None);
}

#[test]
fn tls_data_at_the_gateways_port() {
    let data = tls(23, 100);
    assert_eq!(over_tcp(Family::Anyconnect, 443, &data), Some(Carrier::Tls));
    assert_eq!(over_tcp(Family::Anyconnect, 8080, &data), None);
    assert_eq!(over_tcp(Family::Anyconnect, 443, b""), None);
    for other in [20, 21, 22] {
        assert_eq!(over_tcp(Family::Anyconnect, 443, &tls(other, 100)), None, "content type {other}");
    }
}

#[test]
fn tls_data_behind_other_records_or_in_the_middle_of_one() {
    let behind = [tls(20, 1), tls(22, 40), tls(23, 100)].concat();
    assert_eq!(over_tcp(Family::Anyconnect, 443, &behind), Some(Carrier::Tls));
    assert_eq!(over_tcp(Family::Anyconnect, 443, &behind[..50]), None);
    assert_eq!(over_tcp(Family::Anyconnect, 443, &[0xee; 100]), Some(Carrier::Tls));
    // A version in the middle of a record does not make a header.
    assert_eq!(over_tcp(Family::Anyconnect, 443, &[0x99, 3, 3, 0, 200, 1, 2, 3]), Some(Carrier::Tls));
    // The beginning of a long handshake record.
    assert_eq!(over_tcp(Family::Anyconnect, 443, &tls(22, 4000)[..1400]), None);
}

#[test]
fn openvpn_data_over_udp() {
    for opcode in 0..32 {
        let expected = [6, 9].contains(&opcode).then_some(Carrier::OpenvpnUdp);
        assert_eq!(over_udp(Family::Openvpn, 1194, &openvpn(opcode, 100)), expected, "opcode {opcode}");
        assert_eq!(over_udp(Family::Openvpn, 5353, &openvpn(opcode, 100)), None);
    }
    assert_eq!(over_udp(Family::Openvpn, 1194, b""), None);
}

#[test]
fn openvpn_data_over_tcp() {
    for opcode in [6, 9] {
        let data = openvpn_tcp(opcode, 100);
        assert_eq!(over_tcp(Family::Openvpn, 1194, &data), Some(Carrier::OpenvpnTcp));
        let behind = [openvpn_tcp(5, 30), data].concat();
        assert_eq!(over_tcp(Family::Openvpn, 1194, &behind), Some(Carrier::OpenvpnTcp));
    }
    for opcode in [1, 2, 3, 4, 5, 7, 8, 10, 11] {
        assert_eq!(over_tcp(Family::Openvpn, 1194, &openvpn_tcp(opcode, 100)), None, "opcode {opcode}");
    }
    assert_eq!(over_tcp(Family::Openvpn, 1194, &[0xee; 100]), Some(Carrier::OpenvpnTcp));
    // No packet is empty, so this is the middle of one.
    assert_eq!(over_tcp(Family::Openvpn, 1194, &[0, 0, 4 << 3, 1, 2, 3]), Some(Carrier::OpenvpnTcp));
    assert_eq!(over_tcp(Family::Openvpn, 8080, &openvpn_tcp(9, 100)), None);
}

#[test]
fn families_do_not_mix() {
    assert_eq!(over_udp(Family::Openvpn, 443, &dtls(23, 0xfefd, 1, 100)), None);
    assert_eq!(over_udp(Family::Anyconnect, 1194, &openvpn(9, 100)), None);
}

#[test]
fn an_echo_is_clear() {
    for family in [Family::Anyconnect, Family::Openvpn] {
        assert_eq!(carrier(family, &ip4(CLIENT, GATEWAY, ICMP, &icmp(8, 1, 1, b"x"))), Some(Carrier::Clear));
        assert_eq!(carrier(family, &ip6(CLIENT6, GATEWAY6, ICMPV6, &icmp(129, 1, 1, b"x"))), Some(Carrier::Clear));
        assert_eq!(carrier(family, &ip4(CLIENT, GATEWAY, ICMP, &icmp(3, 0, 0, &[0; 28]))), None);
        assert_eq!(carrier(family, &ethernet(0x88cc, b"lldp")), None);
    }
}
