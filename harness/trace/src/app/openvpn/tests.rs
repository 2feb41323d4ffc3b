//! A session of OpenVPN 2.6.14 as captured, and what becomes of it over TCP, behind `tls-auth` and `tls-crypt`.

use interop_evidence::{Layer, View};
use proptest::prelude::*;

use super::Openvpn;
use crate::Keys;
use crate::found::{FlowDecoder, Found, Moment, Piece, Way};
use crate::testing::{directed, line};

/// Datagrams of the client (`>`) and of the server (`<`).
const PLAIN: &str = include_str!("fixtures/plain.txt");

type Datagram = (Way, Vec<u8>);

fn datagrams() -> Vec<Datagram> {
    directed(PLAIN)
}

fn decode(tcp: bool, datagrams: &[Datagram]) -> Vec<Found> {
    let mut flow = Openvpn::new(tcp);
    let mut out = Vec::new();
    for (way, bytes) in datagrams {
        flow.feed(&Piece { moment: Moment::default(), way: *way, bytes }, &mut Keys::new(), &mut out);
    }
    assert!(out.iter().all(|found| found.layer == Layer::Openvpn && found.view == View::OuterFlow));
    out
}

fn lines(found: &[Found]) -> Vec<String> {
    found.iter().map(line).collect()
}

fn of(tcp: bool, datagrams: &[Datagram]) -> Vec<String> {
    lines(&decode(tcp, datagrams))
}

fn hex_lines<const N: usize>(lines: [(Way, String); N]) -> Vec<Datagram> {
    lines.into_iter().map(|(way, hex)| (way, hex::decode(hex).unwrap())).collect()
}

/// The same packets with their length in front.
fn framed(datagrams: &[Datagram]) -> Vec<Datagram> {
    let frame = |bytes: &[u8]| [u16::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), bytes].concat();
    datagrams.iter().map(|(way, bytes)| (*way, frame(bytes))).collect()
}

#[test]
fn a_session() {
    assert_eq!(
        of(false, &datagrams()),
        [
            "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V2 session-id=session-id",
            "< OpenVPN P_CONTROL_HARD_RESET_SERVER_V2 session-id=session-id",
            "> OpenVPN P_CONTROL_V1 302",
            "> OpenVPN TLS ClientHello 1.3",
            "< OpenVPN P_CONTROL_V1 1201",
            "< OpenVPN TLS ServerHello 1.3 TLS_AES_256_GCM_SHA384",
            "< OpenVPN TLS ChangeCipherSpec",
            "< OpenVPN TLS application data 23",
            "< OpenVPN TLS application data 955",
            "< OpenVPN P_CONTROL_V1 146",
            "< OpenVPN TLS application data 97",
            "< OpenVPN TLS application data 69",
            "> OpenVPN P_ACK_V1 25",
            "> OpenVPN P_CONTROL_V1 557",
            "> OpenVPN TLS ChangeCipherSpec",
            "> OpenVPN TLS application data 69",
            "> OpenVPN TLS application data 439",
            "< OpenVPN P_CONTROL_V1 187",
            "< OpenVPN TLS application data 74",
            "< OpenVPN TLS application data 74",
            "< OpenVPN P_CONTROL_V1 229",
            "< OpenVPN TLS application data 195",
            "> OpenVPN P_ACK_V1 33",
            "> OpenVPN P_ACK_V1 33",
            "< OpenVPN P_CONTROL_V1 332",
            "< OpenVPN TLS application data 298",
            "> OpenVPN P_ACK_V1 33",
            "> OpenVPN data 87",
            "< OpenVPN data 83",
            "> OpenVPN P_CONTROL_V1 64",
            "> OpenVPN TLS application data 22",
            "< OpenVPN P_ACK_V1 29",
            "< OpenVPN P_CONTROL_V1 63",
            "< OpenVPN TLS application data 25",
        ]
    );
}

#[test]
fn over_tcp_however_it_is_cut() {
    let expected = of(false, &datagrams());
    let whole = framed(&datagrams());
    assert!(Openvpn::looks_like(&whole[0].1, true));
    assert!(!Openvpn::looks_like(&whole[0].1, false));
    assert_eq!(of(true, &whole), expected);
    let bytewise: Vec<Datagram> =
        whole.iter().flat_map(|(way, bytes)| bytes.iter().map(|byte| (*way, vec![*byte]))).collect();
    assert_eq!(of(true, &bytewise), expected);
}

#[test]
fn after_a_hole_a_stream_goes_on_where_a_segment_begins_with_a_packet() {
    let whole = framed(&datagrams());
    let mut flow = Openvpn::new(true);
    let mut out = Vec::new();
    flow.gap(Way::Back, 100);
    for (way, bytes) in [&[(Way::Back, whole[1].1[3..].to_vec())], whole.as_slice()].concat() {
        flow.feed(&Piece { moment: Moment::default(), way, bytes: &bytes }, &mut Keys::new(), &mut out);
    }
    assert_eq!(lines(&out), of(true, &whole));
    assert_eq!(
        of(true, &[(Way::Forth, vec![0, 0]), (Way::Forth, b"\0\x05other".to_vec()), whole[0].clone()]),
        ["> OpenVPN bytes that are no packet", "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V2 session-id=session-id"]
    );
}

/// A capture that begins when the tunnel is up, with the end of a packet.
#[test]
fn in_the_middle_of_a_stream() {
    let data = |id: u8| format!("480000000000 00{id:02x}{}", "3a".repeat(40)).replace(' ', "");
    let packets = framed(&hex_lines([(Way::Forth, data(7)), (Way::Back, data(9)), (Way::Forth, data(8))]));
    let [first, back, second] = packets.try_into().unwrap();
    assert!(Openvpn::goes_on(&first.1) && !Openvpn::goes_on(&first.1[3..]));
    let both = [first.1.as_slice(), &second.1[..20]].concat();
    let all = [
        (Way::Forth, first.1[3..].to_vec()),
        (Way::Back, back.1[5..].to_vec()),
        (Way::Forth, both),
        (Way::Forth, second.1[20..].to_vec()),
        back.clone(),
    ];
    let mut flow = Openvpn::in_midstream();
    let mut out = Vec::new();
    for (way, bytes) in &all {
        flow.feed(&Piece { moment: Moment::default(), way: *way, bytes }, &mut Keys::new(), &mut out);
    }
    assert_eq!(lines(&out), ["> OpenVPN data 47", "> OpenVPN data 47", "< OpenVPN data 47"]);
    // Nor does a gap end it.
    flow.gap(Way::Back, 10);
    for bytes in [&back.1[5..], &back.1] {
        flow.feed(&Piece { moment: Moment::default(), way: Way::Back, bytes }, &mut Keys::new(), &mut out);
    }
    assert_eq!(lines(&out).len(), 4);
}

#[test]
fn what_comes_twice_is_again() {
    let once = decode(false, &datagrams());
    let twice: Vec<Datagram> = datagrams().into_iter().flat_map(|datagram| [datagram.clone(), datagram]).collect();
    let (first, second): (Vec<Found>, Vec<Found>) = decode(false, &twice).into_iter().partition(|found| !found.again);
    assert_eq!(lines(&first), lines(&once));
    assert_eq!(second.len(), datagrams().len());
}

#[test]
fn out_of_order_the_tls_inside_is_the_same() {
    let tls = |lines: Vec<String>| -> Vec<String> { lines.into_iter().filter(|line| line.contains(" TLS ")).collect() };
    let expected = tls(of(false, &datagrams()));
    let mut swapped = datagrams();
    // The two packets of the server's first flight.
    swapped.swap(3, 4);
    assert_ne!(swapped, datagrams());
    assert_eq!(tls(of(false, &swapped)), expected);
}

const CLIENT: &str = "3400171ccba54733";
const SERVER: &str = "f904741468e18e3c";

#[test]
fn behind_tls_auth() {
    let (hmac, time) = ("5a".repeat(32), "68f00001");
    let all = hex_lines([
        (Way::Forth, format!("38{CLIENT}{hmac}00000001{time}0000000000")),
        (Way::Forth, format!("38{CLIENT}{hmac}00000002{time}0000000000")),
        (Way::Back, format!("40{SERVER}{hmac}00000001{time}0100000000{CLIENT}00000000")),
        (Way::Forth, format!("28{CLIENT}{hmac}00000003{time}0100000000{SERVER}")),
        (Way::Forth, format!("20{CLIENT}{hmac}00000004{time}0000000001150303000202 28").replace(' ', "")),
        (Way::Forth, format!("20{CLIENT}{hmac}00000005{time}000000000115030300020228")),
        (Way::Forth, format!("28{CLIENT}{hmac}00000006{time}0100000000{SERVER}")),
    ]);
    assert!(Openvpn::looks_like(&all[0].1, false));
    assert_eq!(
        of(false, &all),
        [
            "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V2 tls-auth session-id=session-id",
            "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V2 tls-auth session-id=session-id again",
            "< OpenVPN P_CONTROL_HARD_RESET_SERVER_V2 tls-auth session-id=session-id",
            "> OpenVPN P_ACK_V1 61",
            "> OpenVPN P_CONTROL_V1 60",
            "> OpenVPN TLS alert fatal handshake_failure",
            "> OpenVPN P_CONTROL_V1 60 again",
            "> OpenVPN P_ACK_V1 61 again",
        ]
    );
}

#[test]
fn behind_tls_crypt() {
    let (rest, time) = ("5a".repeat(40), "68f00001");
    let all = hex_lines([
        (Way::Forth, format!("38{CLIENT}00000001{time}{rest}")),
        (Way::Forth, format!("38{CLIENT}00000002{time}{rest}")),
        (Way::Back, format!("40{SERVER}00000001{time}{rest}")),
        (Way::Forth, format!("20{CLIENT}00000003{time}{rest}")),
    ]);
    assert!(Openvpn::looks_like(&all[0].1, false));
    assert_eq!(
        of(false, &all),
        [
            "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V2 tls-crypt session-id=session-id",
            "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V2 tls-crypt session-id=session-id again",
            "< OpenVPN P_CONTROL_HARD_RESET_SERVER_V2 tls-crypt session-id=session-id",
            "> OpenVPN P_CONTROL_V1 56",
        ]
    );
    let second = hex_lines([
        (Way::Forth, format!("50{CLIENT}0f000001{time}{rest}{rest}")),
        (Way::Back, format!("40{SERVER}0f000001{time}{rest}")),
        (Way::Forth, format!("58{CLIENT}0f000002{time}{rest}{rest}")),
    ]);
    assert_eq!(
        of(false, &second),
        [
            "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V3 tls-crypt-v2 session-id=session-id",
            "< OpenVPN P_CONTROL_HARD_RESET_SERVER_V2 tls-crypt-v2 session-id=session-id",
            "> OpenVPN P_CONTROL_WKC_V1 96",
        ]
    );
}

#[test]
fn a_key_after_the_first() {
    let mut all = datagrams();
    let alert = "15030300020228";
    all.extend(hex_lines([
        (Way::Back, format!("19{SERVER}0000000000")),
        (Way::Back, format!("19{SERVER}0000000000")),
        (Way::Forth, format!("19{CLIENT}0100000000{SERVER}00000000")),
        (Way::Forth, format!("21{CLIENT}0000000001{alert}")),
        // The key before is still in use.
        (Way::Forth, format!("20{CLIENT}0000000000{alert}")),
        // Nobody has announced this one.
        (Way::Forth, format!("25{CLIENT}0000000001{alert}")),
        // Another session.
        (Way::Forth, format!("21{SERVER}0000000002{alert}")),
    ]));
    let before = of(false, &datagrams()).len();
    assert_eq!(
        of(false, &all)[before..],
        [
            "< OpenVPN P_CONTROL_SOFT_RESET_V1 key 1",
            "< OpenVPN P_CONTROL_SOFT_RESET_V1 key 1 again",
            "> OpenVPN P_CONTROL_SOFT_RESET_V1 key 1",
            "> OpenVPN P_CONTROL_V1 key 1 20",
            "> OpenVPN TLS alert fatal handshake_failure",
            "> OpenVPN P_CONTROL_V1 20 again",
            "> OpenVPN P_CONTROL_V1 key 5 20",
            "> OpenVPN P_CONTROL_V1 key 1 20",
        ]
    );
}

/// OpenVPN 2.6 at both ends: what makes the second key is encrypted with a key of the first.
#[test]
fn a_key_behind_dynamic_tls_crypt() {
    let rest = "5a".repeat(37);
    let mut all = datagrams();
    all.extend(hex_lines([
        (Way::Forth, format!("19{CLIENT}000000016b0244cd{rest}")),
        (Way::Forth, format!("19{CLIENT}000000026b0244cd{rest}")),
        (Way::Back, format!("19{SERVER}000000016b0244cd{rest}")),
        (Way::Forth, format!("21{CLIENT}000000036b0244cd{rest}")),
    ]));
    let before = of(false, &datagrams()).len();
    assert_eq!(
        of(false, &all)[before..],
        [
            "> OpenVPN P_CONTROL_SOFT_RESET_V1 key 1 tls-crypt",
            "> OpenVPN P_CONTROL_SOFT_RESET_V1 key 1 tls-crypt again",
            "< OpenVPN P_CONTROL_SOFT_RESET_V1 key 1 tls-crypt",
            "> OpenVPN P_CONTROL_V1 key 1 53",
        ]
    );
}

#[test]
fn a_client_that_starts_again() {
    let other = "0102030405060708";
    let mut all = datagrams();
    all.extend(hex_lines([
        (Way::Forth, format!("38{other}0000000000")),
        (Way::Back, format!("20{SERVER}0000000001160303")),
        (Way::Back, format!("400908070605040302 0100000000{other}00000000").replace(' ', "")),
        (Way::Forth, format!("20{other}000000000115030300020228")),
    ]));
    let before = of(false, &datagrams()).len();
    assert_eq!(
        of(false, &all)[before..],
        [
            "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V2 session-id=session-id",
            "< OpenVPN P_CONTROL_V1 16",
            "< OpenVPN P_CONTROL_HARD_RESET_SERVER_V2 session-id=session-id",
            "> OpenVPN P_CONTROL_V1 20",
            "> OpenVPN TLS alert fatal handshake_failure",
        ]
    );
}

#[test]
fn other_packets() {
    let all = hex_lines([(Way::Forth, "30aabb".into()), (Way::Forth, "f8aabb".into()), (Way::Forth, "08aabb".into())]);
    assert_eq!(
        of(false, &all),
        ["> OpenVPN data P_DATA_V1 2", "> OpenVPN packet of opcode 31 2", "> OpenVPN P_CONTROL_HARD_RESET_CLIENT_V1 2",]
    );
}

/// Which datagram, which byte of it, and what it becomes.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, prop::sample::Index, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index, u8)>(), 0..8)
}

proptest! {
    #[test]
    fn any_packets(
        tcp: bool,
        all in prop::collection::vec((any::<bool>(), 0u8..13, prop::collection::vec(any::<u8>(), 0..60)), 0..20),
    ) {
        let packet = |(back, opcode, rest): (bool, u8, Vec<u8>)| {
            (if back { Way::Back } else { Way::Forth }, [[opcode << 3].as_slice(), &rest].concat())
        };
        let all: Vec<Datagram> = all.into_iter().map(packet).collect();
        all.iter().for_each(|(_, bytes)| { Openvpn::looks_like(bytes, tcp); });
        decode(tcp, &all);
        decode(true, &framed(&all));
    }

    #[test]
    fn a_broken_session(
        changes in changes(),
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
    ) {
        let mut all = datagrams();
        for (datagram, place, value) in changes {
            *place.get_mut(&mut datagram.get_mut(&mut all).1) = value;
        }
        let length = all.len();
        all.swap(one.index(length), other.index(length));
        decode(false, &all);
        decode(true, &framed(&all));
    }
}
