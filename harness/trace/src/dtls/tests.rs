//! Whole sessions of OpenConnect, ocserv and the reference pair, as captured, in every family of handshakes.

use interop_evidence::View;
use proptest::prelude::*;

use super::DtlsFlow;
use crate::Keys;
use crate::found::{FlowDecoder, Found, Moment, Piece, Way};
use crate::testing::{directed, line, say};

/// `PSK-NEGOTIATE`: OpenConnect with OpenSSL, and the reference server.
const PSK: &str = include_str!("fixtures/psk.txt");
/// Cisco's names of DTLS 1.2: the reference client, and ocserv, whose key log has a secret that is not in use.
const CISCO: &str = include_str!("fixtures/cisco12.txt");
/// OpenConnect's names of DTLS 1.2: OpenConnect and ocserv.
const OPENCONNECT: &str = include_str!("fixtures/openconnect12.txt");
/// DTLS 0.9: OpenConnect and ocserv.
const LEGACY: &str = include_str!("fixtures/legacy.txt");

/// The keys of a capture: lines of a key log, and what CONNECT named.
fn keys(fixture: &str) -> Keys {
    let mut keys = Keys::new();
    for line in fixture.lines() {
        if let Some(log) = line.strip_prefix("log ") {
            assert_eq!(keys.add_log(log), 0);
        } else if let Some((id, master)) = line.strip_prefix("named ").and_then(|line| line.split_once(' ')) {
            keys.name_dtls_session(&hex::decode(id).unwrap(), &hex::decode(master).unwrap());
        }
    }
    keys
}

fn decode(datagrams: &[(Way, Vec<u8>)], mut keys: Keys) -> Vec<Found> {
    let mut flow = DtlsFlow::default();
    let mut out = Vec::new();
    for (number, (way, bytes)) in datagrams.iter().enumerate() {
        let moment = Moment { frame: u64::try_from(number).unwrap(), ..Moment::default() };
        flow.feed(&Piece { moment, way: *way, bytes }, &mut keys, &mut out);
    }
    out
}

fn lines(found: &[Found], view: View) -> Vec<String> {
    found.iter().filter(|found| found.view == view).map(line).collect()
}

fn outer(found: &[Found]) -> Vec<String> {
    lines(found, View::OuterFlow)
}

fn inside(found: &[Found]) -> Vec<String> {
    lines(found, View::ConnectHeaders)
}

#[test]
fn a_session_with_a_psk() {
    let found = decode(&directed(PSK), keys(PSK));
    assert_eq!(
        outer(&found)[..9],
        [
            "> DTLS ClientHello 1.2 app-id=app-id",
            "< DTLS ServerHello 1.2 TLS_PSK_WITH_AES_256_GCM_SHA384",
            "< DTLS ServerHelloDone",
            "> DTLS ClientKeyExchange psk=psk",
            "> DTLS ChangeCipherSpec",
            "> DTLS encrypted handshake message",
            "< DTLS ChangeCipherSpec",
            "< DTLS encrypted handshake message",
            "> DTLS application data 25",
        ]
    );
    assert_eq!(
        inside(&found),
        [
            "> DTLS Finished",
            "< DTLS Finished",
            "> CSTP over DTLS DPD-RESP",
            "> CSTP over DTLS DPD-RESP",
            "> CSTP over DTLS data 60",
            "< CSTP over DTLS data 64",
            "> CSTP over DTLS data 52",
            "< DTLS alert warning close_notify",
        ]
    );
}

/// A NAT gives a flow another port in mid-session.
#[test]
fn a_session_that_goes_on_elsewhere_is_opened_with_its_keys() {
    for fixture in [PSK, CISCO, OPENCONNECT, LEGACY] {
        let all = directed(fixture);
        let is_data = |(_, bytes): &&(Way, Vec<u8>)| bytes[0] == 23;
        let data: Vec<(Way, Vec<u8>)> = all.iter().filter(is_data).cloned().collect();
        let mut keys = keys(fixture);
        let mut other = |datagrams: &[(Way, Vec<u8>)]| {
            let (mut flow, mut out) = (DtlsFlow::default(), Vec::new());
            for (way, bytes) in datagrams {
                flow.feed(&Piece { moment: Moment::default(), way: *way, bytes }, &mut keys, &mut out);
            }
            (outer(&out), inside(&out))
        };
        assert_eq!(other(&data).1, [""; 0], "before it is known");
        let (_, whole) = other(&all);
        let (seen, opened) = other(&data);
        assert_eq!(seen.len(), data.len());
        assert_eq!(opened.len(), data.len());
        assert!(opened.iter().all(|line| whole.contains(line)), "{opened:?}");
    }
}

#[test]
fn resumed_with_the_names_of_cisco() {
    let found = decode(&directed(CISCO), keys(CISCO));
    assert_eq!(
        outer(&found),
        [
            "> DTLS ClientHello 1.2 session-id=session-id",
            "< DTLS ServerHello 1.2 TLS_RSA_WITH_AES_256_GCM_SHA384 session-id=session-id resumed",
            "< DTLS ChangeCipherSpec",
            "< DTLS encrypted handshake message",
            "> DTLS ChangeCipherSpec",
            "> DTLS encrypted handshake message",
            "> DTLS application data 85",
            "< DTLS application data 85",
            "> DTLS application data 77",
            "< DTLS application data 277",
            "> DTLS application data 77",
            "> DTLS encrypted alert",
        ]
    );
    assert_eq!(
        inside(&found),
        [
            "< DTLS Finished",
            "> DTLS Finished",
            "> CSTP over DTLS data 60",
            "< CSTP over DTLS data 60",
            "> CSTP over DTLS data 52",
            "< CSTP over DTLS data 252",
            "> CSTP over DTLS data 52",
            "> DTLS alert warning close_notify",
        ]
    );
}

#[test]
fn resumed_with_the_names_of_openconnect() {
    let found = decode(&directed(OPENCONNECT), keys(OPENCONNECT));
    assert_eq!(
        outer(&found),
        [
            "> DTLS ClientHello 1.2 session-id=session-id",
            "< DTLS ServerHello 1.2 TLS_RSA_WITH_AES_256_GCM_SHA384 session-id=session-id resumed",
            "< DTLS ChangeCipherSpec",
            "< DTLS encrypted handshake message",
            "> DTLS ChangeCipherSpec",
            "> DTLS encrypted handshake message",
            "< DTLS application data 101",
            "< DTLS application data 101",
            "< DTLS application data 141",
            "< DTLS application data 77",
            "< DTLS application data 277",
            "> DTLS application data 77",
        ]
    );
    assert_eq!(
        inside(&found),
        [
            "< DTLS Finished",
            "> DTLS Finished",
            "< CSTP over DTLS data 76",
            "< CSTP over DTLS data 76",
            "< CSTP over DTLS data 116",
            "< CSTP over DTLS data 52",
            "< CSTP over DTLS data 252",
            "> CSTP over DTLS data 52",
        ]
    );
}

#[test]
fn dtls_0_9() {
    let found = decode(&directed(LEGACY), keys(LEGACY));
    assert_eq!(
        outer(&found),
        [
            "> DTLS ClientHello 0.9 session-id=session-id",
            "< DTLS ServerHello 0.9 TLS_RSA_WITH_AES_256_CBC_SHA session-id=session-id resumed",
            "< DTLS ChangeCipherSpec",
            "< DTLS encrypted handshake message",
            "> DTLS ChangeCipherSpec",
            "> DTLS encrypted handshake message",
            "> DTLS application data 112",
            "< DTLS application data 112",
            "> DTLS application data 96",
            "< DTLS application data 96",
            "< DTLS application data 96",
            "> DTLS application data 96",
        ]
    );
    assert_eq!(
        inside(&found),
        [
            "< DTLS Finished",
            "> DTLS Finished",
            "> CSTP over DTLS data 60",
            "< CSTP over DTLS data 60",
            "> CSTP over DTLS data 52",
            "< CSTP over DTLS data 52",
            "< CSTP over DTLS data 52",
            "> CSTP over DTLS data 52",
        ]
    );
}

#[test]
fn keys_change_nothing_on_the_outside() {
    for fixture in [PSK, CISCO, OPENCONNECT, LEGACY] {
        let datagrams = directed(fixture);
        let blind = decode(&datagrams, Keys::new());
        assert_eq!(inside(&blind), [""; 0]);
        assert_eq!(outer(&blind), outer(&decode(&datagrams, keys(fixture))));
    }
}

#[test]
fn every_flow_is_known_by_any_of_its_directed() {
    for (_, bytes) in [PSK, CISCO, OPENCONNECT, LEGACY].into_iter().flat_map(directed) {
        assert!(DtlsFlow::looks_like(&bytes));
        assert!(!DtlsFlow::looks_like(&bytes[..bytes.len() - 1]));
    }
}

#[test]
fn what_the_network_doubles_is_again() {
    for fixture in [PSK, CISCO, OPENCONNECT, LEGACY] {
        let once = directed(fixture);
        let twice: Vec<_> = once.iter().flat_map(|datagram| [datagram.clone(), datagram.clone()]).collect();
        let found = decode(&twice, keys(fixture));
        let (first, second): (Vec<_>, Vec<_>) = found.iter().partition(|found| !found.again);
        let say = |found: &[&Found]| -> Vec<String> { found.iter().map(|found| say(&found.words)).collect() };
        assert_eq!(say(&first), say(&second));
        assert_eq!(first.len(), decode(&once, keys(fixture)).len());
        assert!(second.iter().all(|found| found.moment.frame % 2 == 1));
    }
}

/// A client that hears nothing sends its flight once more, with new record numbers.
#[test]
fn a_flight_that_is_sent_once_more() {
    let mut datagrams = directed(PSK);
    let hello = 0;
    let mut late = datagrams[hello].clone();
    late.1[10] = 7;
    datagrams.insert(1, late);
    let flight = 3;
    let mut late = datagrams[flight].clone();
    // ClientKeyExchange, ChangeCipherSpec and Finished, 30, 14 and 61 bytes.
    late.1[10] = 9;
    late.1[30 + 10] = 9;
    late.1[30 + 14 + 10] = 9;
    datagrams.insert(flight + 1, late);
    let found = outer(&decode(&datagrams, keys(PSK)));
    assert_eq!(
        found.iter().filter(|line| line.ends_with(" again")).collect::<Vec<_>>(),
        [
            "> DTLS ClientHello 1.2 app-id=app-id again",
            "> DTLS ClientKeyExchange psk=psk again",
            "> DTLS ChangeCipherSpec again",
            "> DTLS encrypted handshake message again",
        ]
    );
}

#[test]
fn a_new_session_between_the_same_ends() {
    // The second client uses the ports of the first one, and packets of the first session come in between.
    let mut all = directed(PSK);
    let old = all[5].clone();
    let mut second = directed(CISCO);
    second.insert(2, old);
    all.extend(second);
    let mut both = keys(CISCO);
    PSK.lines().filter_map(|line| line.strip_prefix("log ")).for_each(|log| assert_eq!(both.add_log(log), 0));
    let found = decode(&all, both);
    let mut expected = inside(&decode(&directed(PSK), keys(PSK)));
    let again = format!("{} again", expected[2]);
    expected.push(again);
    expected.extend(inside(&decode(&directed(CISCO), keys(CISCO))));
    assert_eq!(inside(&found), expected);
    assert_eq!(outer(&found).iter().filter(|line| line.contains("ClientHello")).count(), 2);
}

#[test]
fn a_hello_in_fragments_and_one_with_a_cookie() {
    let (_, hello) = directed(PSK).remove(0);
    let body = &hello[25..];
    let fragment = |number: u8, message: u8, offset: usize, part: &[u8], length: usize| {
        let head = |number: usize| u32::try_from(number).unwrap().to_be_bytes()[1..].to_vec();
        let mut handshake = [vec![1], head(length), vec![0, message], head(offset), head(part.len())].concat();
        handshake.extend_from_slice(part);
        let size = u16::try_from(handshake.len()).unwrap().to_be_bytes();
        [[0x16, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, number].as_slice(), &size, &handshake].concat()
    };
    // Version, random, session id, and then a cookie instead of none.
    let mut answer = body.to_vec();
    answer.splice(67..68, [2, 0xaa, 0xbb]);
    let verify = hex::decode("16feff000000000000000000110300000500000000000000".to_owned() + "05fefd02aabb").unwrap();
    let datagrams = [
        (Way::Forth, fragment(0, 0, 0, &body[..50], body.len())),
        (Way::Forth, fragment(1, 0, 50, &body[50..], body.len())),
        (Way::Back, verify),
        (Way::Forth, fragment(2, 1, 60, &answer[60..], answer.len())),
        (Way::Forth, fragment(3, 1, 0, &answer[..70], answer.len())),
    ];
    assert_eq!(
        outer(&decode(&datagrams, Keys::new())),
        [
            "> DTLS ClientHello 1.2 app-id=app-id",
            "< DTLS HelloVerifyRequest",
            "> DTLS ClientHello 1.2 app-id=app-id cookie",
        ]
    );
}

#[test]
fn what_is_not_read() {
    let datagrams: Vec<(Way, Vec<u8>)> = [
        "15feff00000000000000010002022a",
        "15feff00000000000000020002ff63",
        "19fefd00010000000000010a0b0c0010",
        "2f0001000a0102030405060708090a",
        "17fefd00010000000000010010aabb",
        "deadbeef",
        "16feff000000000000000300041000000a",
    ]
    .map(|hex| (Way::Forth, hex::decode(hex).unwrap()))
    .into();
    assert_eq!(
        outer(&decode(&datagrams, Keys::new())),
        [
            "> DTLS alert fatal bad_certificate",
            "> DTLS alert level 255 99",
            "> DTLS record with a connection id 16",
            "> DTLS 1.3 record 15",
            "> DTLS record that is malformed 15",
            "> DTLS record that is malformed 4",
            "> DTLS handshake message that is malformed",
        ]
    );
}

fn fixtures() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![PSK, CISCO, OPENCONNECT, LEGACY])
}

/// Which datagram, which byte of it, and what it becomes.
fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, prop::sample::Index, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index, u8)>(), 0..8)
}

proptest! {
    #[test]
    fn any_directed(all in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 0..20)) {
        let datagrams: Vec<_> =
            all.into_iter().map(|(back, bytes)| (if back { Way::Back } else { Way::Forth }, bytes)).collect();
        datagrams.iter().for_each(|(_, bytes)| { DtlsFlow::looks_like(bytes); });
        decode(&datagrams, Keys::new());
    }

    #[test]
    fn broken_sessions(
        fixture in fixtures(),
        changes in changes(),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut all = directed(fixture);
        for (datagram, place, value) in changes {
            let bytes = &mut datagram.get_mut(&mut all).1;
            *place.get_mut(bytes) = value;
        }
        for (one, other) in swaps {
            let length = all.len();
            all.swap(one.index(length), other.index(length));
        }
        let last = cut.get_mut(&mut all);
        last.1.truncate(last.1.len() / 2);
        let opened = decode(&all, keys(fixture));
        prop_assert_eq!(outer(&opened), outer(&decode(&all, Keys::new())));
    }
}
