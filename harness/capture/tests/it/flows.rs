use std::net::Ipv4Addr;

use interop_capture::{FlowTable, Summary};
use interop_evidence::{Micros, OuterFlow};

use crate::frames::*;

fn observe(table: &mut FlowTable, wire: &str, number: u64, frame: &[u8]) {
    table.observe(wire, Micros(number * 1000), number, &Summary::of_ethernet(frame), frame);
}

#[test]
fn a_flow_knows_its_first_and_last_frame() {
    let mut table = FlowTable::new();
    let frame = ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, b"x"));
    for number in [3, 8, 11] {
        observe(&mut table, "isp", number, &frame);
    }
    let expected = OuterFlow {
        wire: "isp".to_owned(),
        from: CLIENT.into(),
        to: GATEWAY.into(),
        protocol: "udp".to_owned(),
        port: Some(443),
        source_port: Some(4000),
        names: Vec::new(),
        frames: 3,
        first: Micros(3000),
        last: Micros(11_000),
        first_frame: 3,
    };
    assert_eq!(table.into_flows(), [expected]);
}

#[test]
fn wires_ways_ports_and_protocols_are_kept_apart() {
    let mut table = FlowTable::new();
    let frames = [
        ("a", ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, b"x"))),
        ("b", ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, b"x"))),
        ("a", ip4(GATEWAY, CLIENT, UDP, &udp(443, 4000, b"x"))),
        ("a", ip4(CLIENT, GATEWAY, UDP, &udp(4001, 443, b"x"))),
        ("a", ip4(CLIENT, GATEWAY, TCP, &tcp(4000, 443, 0, 0, b"x"))),
        ("a", ip6(CLIENT6, GATEWAY6, ICMPV6, &icmp(128, 1, 1, b"x"))),
        ("a", ip4(CLIENT, GATEWAY, 47, b"gre")),
    ];
    for (number, (wire, frame)) in (1..).zip(&frames) {
        observe(&mut table, wire, number, frame);
    }
    let seen: Vec<_> = table.flows().map(|flow| (&*flow.wire, &*flow.protocol, flow.source_port, flow.port)).collect();
    let expected = [
        ("a", "udp", Some(4000), Some(443)),
        ("b", "udp", Some(4000), Some(443)),
        ("a", "udp", Some(443), Some(4000)),
        ("a", "udp", Some(4001), Some(443)),
        ("a", "tcp", Some(4000), Some(443)),
        ("a", "icmpv6", None, None),
        ("a", "47", None, None),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn names_are_those_of_queries() {
    let mut table = FlowTable::new();
    for name in ["www.example.org", "intra.example.org", "www.example.org"] {
        observe(&mut table, "a", 1, &ip4(CLIENT, GATEWAY, UDP, &udp(4000, 53, &dns_query(name))));
    }
    let query = dns_query("over.tcp");
    let segment = [&[0, u8::try_from(query.len()).unwrap()][..], &query].concat();
    observe(&mut table, "a", 2, &ip4(CLIENT, GATEWAY, TCP, &tcp(4000, 53, 1, 1, &segment)));
    observe(&mut table, "a", 3, &ip4(CLIENT, GATEWAY, UDP, &udp(4000, 443, &dns_query("not.dns"))));
    let names: Vec<_> = table.flows().map(|flow| flow.names.join(" ")).collect();
    assert_eq!(names, ["www.example.org intra.example.org", "over.tcp", ""]);
}

#[test]
fn housekeeping_is_no_flow() {
    let mut table = FlowTable::new();
    observe(&mut table, "a", 1, &ip6(CLIENT6, GATEWAY6, ICMPV6, &icmp(135, 0, 0, &[0; 16])));
    observe(&mut table, "a", 2, &ethernet(0x0806, &[0; 28]));
    assert_eq!(table.flows().count(), 0);
}

#[test]
fn later_fragments_belong_to_the_flow_of_the_first() {
    let mut table = FlowTable::new();
    observe(&mut table, "a", 1, &ip4_fragment(CLIENT, GATEWAY, UDP, 7, 0, true, &udp(1, 2, &[0; 40])));
    observe(&mut table, "a", 2, &ip4_fragment(CLIENT, GATEWAY, UDP, 7, 6, false, &[0; 40]));
    // Of this one nobody saw the first.
    observe(&mut table, "a", 3, &ip4_fragment(CLIENT, GATEWAY, UDP, 8, 6, false, &[0; 40]));
    let seen: Vec<_> = table.flows().map(|flow| (flow.port, flow.frames)).collect();
    assert_eq!(seen, [(Some(2), 2), (None, 1)]);
}

#[test]
fn identifiers_of_fragments_come_round_again() {
    let first = |id, port| ip4_fragment(CLIENT, GATEWAY, UDP, id, 0, true, &udp(1, port, &[0; 40]));
    let second = ip4_fragment(CLIENT, GATEWAY, UDP, 7, 6, false, &[0; 40]);
    let mut table = FlowTable::new();
    for frame in [&first(7, 50), &first(7, 60), &second] {
        observe(&mut table, "a", 1, frame);
    }
    let seen: Vec<_> = table.flows().map(|flow| (flow.port, flow.frames)).collect();
    assert_eq!(seen, [(Some(50), 1), (Some(60), 2)]);
    // Many others later, the packet is forgotten.
    for id in 100..164 {
        observe(&mut table, "a", 1, &first(id, 60));
    }
    observe(&mut table, "a", 1, &second);
    assert_eq!(table.flows().last().map(|flow| flow.port), Some(None));
}

#[test]
fn names_are_bounded() {
    let mut table = FlowTable::new();
    for number in 0..100 {
        let query = dns_query(&format!("host{number}.example.org"));
        observe(&mut table, "a", 1, &ip4(CLIENT, GATEWAY, UDP, &udp(4000, 53, &query)));
    }
    let flow = &table.into_flows()[0];
    assert_eq!((flow.names.len(), flow.frames), (64, 100));
}

#[test]
fn too_many_flows_are_counted_and_not_kept() {
    let mut table = FlowTable::new();
    for number in 0..5000_u16 {
        let from = Ipv4Addr::from(0x0a00_0000 + u32::from(number));
        observe(&mut table, "a", number.into(), &ip4(from, GATEWAY, UDP, &udp(1, 2, b"x")));
    }
    assert_eq!((table.flows().count(), table.overflow()), (FlowTable::MOST_FLOWS, 5000 - 4096));
    // Those that are known go on.
    let known = ip4(Ipv4Addr::new(10, 0, 0, 5), GATEWAY, UDP, &udp(1, 2, b"x"));
    observe(&mut table, "a", 6000, &known);
    assert_eq!(table.overflow(), 5000 - 4096);
    assert_eq!(table.flows().nth(5).map(|flow| flow.frames), Some(2));
}
