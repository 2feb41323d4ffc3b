use interop_capture::{Family, MarkerCounts, MarkerWatch, Summary, Way};
use interop_evidence::{Carrier, Carriers};

use crate::frames::*;

fn observe(watch: &mut MarkerWatch, way: Way, frame: &[u8]) {
    watch.observe(way, &Summary::of_ethernet(frame), frame);
}

fn dtls_frame(record: u16) -> Vec<u8> {
    ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, &dtls(23, 0xfefd, 1, record - 13)))
}

fn of(counts: &[(Carrier, u32)]) -> Carriers {
    counts.iter().copied().collect()
}

#[test]
fn only_marker_sizes_count() {
    let mut watch = MarkerWatch::new(Family::Anyconnect, [443]);
    watch.arm(1000..=1200);
    for length in [60, 999, 1000, 1200, 1201, 1400] {
        observe(&mut watch, Way::ToServer, &dtls_frame(length));
    }
    assert_eq!(watch.read(), MarkerCounts { to_server: of(&[(Carrier::Dtls, 2)]), to_client: of(&[]) });
}

#[test]
fn only_between_arm_and_read() {
    let mut watch = MarkerWatch::new(Family::Anyconnect, [443]);
    observe(&mut watch, Way::ToServer, &dtls_frame(1100));
    assert!(!watch.is_armed());
    watch.arm(1000..=1200);
    assert!(watch.is_armed());
    observe(&mut watch, Way::ToClient, &dtls_frame(1100));
    assert_eq!(watch.read().to_client, of(&[(Carrier::Dtls, 1)]));
    observe(&mut watch, Way::ToClient, &dtls_frame(1100));
    assert_eq!(watch.read(), MarkerCounts::default());
    watch.arm(1000..=1200);
    observe(&mut watch, Way::ToServer, &dtls_frame(1100));
    watch.arm(1000..=1200);
    assert_eq!(watch.read(), MarkerCounts::default());
}

#[test]
fn ways_and_carriers_are_kept_apart() {
    let mut watch = MarkerWatch::new(Family::Anyconnect, [443]);
    watch.arm(1000..=1200);
    observe(&mut watch, Way::ToServer, &dtls_frame(1100));
    let segment = tcp(443, 4000, 1, 1, &tls(23, 1100));
    observe(&mut watch, Way::ToClient, &ip6(GATEWAY6, CLIENT6, TCP, &segment));
    observe(&mut watch, Way::ToClient, &ip4(GATEWAY, CLIENT, TCP, &segment));
    let echo = ip4(CLIENT, GATEWAY, ICMP, &icmp(8, 1, 1, &[0; 1000]));
    observe(&mut watch, Way::ToServer, &echo);
    let counts = watch.read();
    assert_eq!(counts.to_server, of(&[(Carrier::Dtls, 1), (Carrier::Clear, 1)]));
    assert_eq!(counts.to_client, of(&[(Carrier::Tls, 2)]));
}

#[test]
fn a_segment_may_hold_more_than_the_marker() {
    let mut watch = MarkerWatch::new(Family::Anyconnect, [443]);
    watch.arm(1000..=1100);
    for (record, counted) in [(980, 0), (1000, 1), (1440, 2)] {
        observe(&mut watch, Way::ToServer, &ip4(CLIENT, GATEWAY, TCP, &tcp(4000, 443, 1, 1, &tls(23, record))));
        assert_eq!(watch.clone().read().to_server.get(&Carrier::Tls).copied().unwrap_or(0), counted);
    }
}

#[test]
fn openvpn_markers() {
    let mut watch = MarkerWatch::new(Family::Openvpn, [1194]);
    watch.arm(1000..=1200);
    observe(&mut watch, Way::ToServer, &ip6(CLIENT6, GATEWAY6, UDP, &udp(4000, 1194, &openvpn(9, 1050))));
    observe(&mut watch, Way::ToServer, &ip4(CLIENT, GATEWAY, UDP, &udp(4000, 1194, &openvpn(4, 1050))));
    observe(&mut watch, Way::ToClient, &ip4(GATEWAY, CLIENT, TCP, &tcp(1194, 4000, 1, 1, &openvpn_tcp(6, 1050))));
    let counts = watch.read();
    assert_eq!(counts.to_server, of(&[(Carrier::OpenvpnUdp, 1)]));
    assert_eq!(counts.to_client, of(&[(Carrier::OpenvpnTcp, 1)]));
}

#[test]
fn a_fragmented_marker_counts_once() {
    let datagram = udp(4000, 443, &dtls(23, 0xfefd, 1, 1087));
    let mut watch = MarkerWatch::new(Family::Anyconnect, [443]);
    watch.arm(1000..=1200);
    observe(&mut watch, Way::ToServer, &ip4_fragment(CLIENT, GATEWAY, UDP, 1, 0, true, &datagram[..560]));
    observe(&mut watch, Way::ToServer, &ip4_fragment(CLIENT, GATEWAY, UDP, 1, 70, false, &datagram[560..]));
    assert_eq!(watch.read().to_server, of(&[(Carrier::Dtls, 1)]));
}
