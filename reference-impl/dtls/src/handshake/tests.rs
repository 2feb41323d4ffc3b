//! Tests that need to look inside.

use proptest::prelude::*;

use super::*;
use crate::config::{ClientConfig, Retransmit, Secret, ServerConfig};
use crate::hello::server_hello;
use crate::reassembly::{MAX_HELD, MAX_MESSAGE};

fn client(now: Instant) -> Connection {
    let secret = Secret::Psk { identity: b"psk".to_vec(), key: vec![1; 32] };
    let suites = vec![Suite::PskAes128GcmSha256];
    let (version, retransmit) = (Version::Dtls12, Retransmit::default());
    let config = ClientConfig { version, suites, secret, session_id: vec![3; 32], mtu: 1400, retransmit };
    Connection::client(config, [5; 32], now)
}

fn server(now: Instant) -> Connection {
    let secret = Secret::Psk { identity: Vec::new(), key: vec![1; 32] };
    let suites = vec![Suite::PskAes128GcmSha256];
    let (version, retransmit) = (Version::Dtls12, Retransmit::default());
    let config = ServerConfig { version, suites, secret, session_id: vec![3; 32], mtu: 1400, retransmit };
    Connection::server(config, [6; 32], now)
}

fn plain(kind: u8, sequence: u16, length: usize, body: &[u8]) -> Vec<u8> {
    let head = handshake_header(kind, length, sequence, 0, body.len());
    let length = head.len() + body.len();
    let record = RecordHeader { content: content::HANDSHAKE, version: 0xfefd, epoch: 0, sequence: 1, length };
    [&record.to_bytes()[..], &head, body].concat()
}

fn early(sequence: u64) -> Vec<u8> {
    let length = MAX_EARLY_RECORD;
    let record = RecordHeader { content: content::HANDSHAKE, version: 0xfefd, epoch: 1, sequence, length };
    [&record.to_bytes()[..], &vec![7; length]].concat()
}

/// What a peer that has proved nothing can make a connection keep.
fn bound() -> usize {
    MAX_HELD + 3 * MAX_MESSAGE + MAX_EARLY * (RECORD_HEADER + MAX_EARLY_RECORD)
}

#[test]
fn a_peer_occupies_bounded_memory_before_it_has_proved_anything() {
    let now = Instant::now();
    let mut server = server(now);
    let mut hello = client(now).poll_transmit().unwrap();
    server.receive(&mut hello, now, &mut |_| ()).unwrap();
    let mut client = client(now);
    let body = server_hello(0xfefd, &[6; 32], &[], Suite::PskAes128GcmSha256, false).unwrap();
    client.receive(&mut plain(message::SERVER_HELLO, 0, body.len(), &body), now, &mut |_| ()).unwrap();
    for connection in [&mut client, &mut server] {
        for round in 0..2000u16 {
            for length in [1, 100, MAX_MESSAGE, MAX_MESSAGE + 1, 0xff_ffff] {
                let kind = message::SERVER_KEY_EXCHANGE;
                let mut datagram = plain(kind, round % 20 + 2, length, b"x");
                connection.receive(&mut datagram, now, &mut |_| ()).unwrap();
            }
            connection.receive(&mut early(u64::from(round)), now, &mut |_| ()).unwrap();
            let held = connection.hidden.held() + connection.reassembly.held();
            assert!(held <= bound(), "{held} bytes");
            while connection.poll_transmit().is_some() {}
        }
        assert_eq!(connection.hidden.early.len(), MAX_EARLY);
        assert_eq!(connection.state(), State::Handshaking);
    }
}

/// Makes both sides established.
fn pair(now: Instant) -> [Connection; 2] {
    let (mut client, mut server) = (client(now), server(now));
    for _ in 0..3 {
        while let Some(mut datagram) = client.poll_transmit() {
            server.receive(&mut datagram, now, &mut |_| ()).unwrap();
        }
        while let Some(mut datagram) = server.poll_transmit() {
            client.receive(&mut datagram, now, &mut |_| ()).unwrap();
        }
    }
    assert!(client.is_established() && server.is_established());
    [client, server]
}

fn protected(from: &mut Connection, kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    from.sealer.as_mut().unwrap().seal(kind, &[body], &mut out).unwrap();
    out
}

#[test]
fn renegotiation_is_refused_a_few_times_and_data_go_on() {
    let now = Instant::now();
    let [mut client, mut server] = pair(now);
    let hello_request = handshake_header(message::HELLO_REQUEST, 0, 9, 0, 0);
    let mut refusals = 0;
    for _ in 0..10 {
        let mut datagram = protected(&mut server, content::HANDSHAKE, &hello_request);
        client.receive(&mut datagram, now, &mut |_| ()).unwrap();
        let Some(mut refusal) = client.poll_transmit() else { continue };
        refusals += 1;
        let header = RecordHeader::parse(&refusal).unwrap();
        let opener = server.opener.as_mut().unwrap();
        let alert = opener.open(header, &mut refusal[RECORD_HEADER..]).unwrap();
        assert_eq!((header.content, &*alert), (content::ALERT, &[1, alert::NO_RENEGOTIATION][..]));
    }
    assert_eq!(refusals, MAX_REFUSALS);
    let mut out = Vec::new();
    server.seal(&[b"data"], &mut out).unwrap();
    let mut delivered = 0;
    client.receive(&mut out, now, &mut |_| delivered += 1).unwrap();
    assert_eq!(delivered, 1);
}

#[test]
fn a_protected_fatal_alert_ends_the_connection_without_an_answer() {
    let now = Instant::now();
    let [mut client, mut server] = pair(now);
    server.receive(&mut protected(&mut client, content::ALERT, &[1, 90]), now, &mut |_| ()).unwrap();
    assert!(server.is_established(), "a warning");
    let fatal = server.receive(&mut protected(&mut client, content::ALERT, &[2, 80]), now, &mut |_| ());
    assert_eq!(fatal, Err(DtlsError::PeerAlert(80)));
    assert_eq!((server.state(), server.poll_transmit()), (State::Failed(DtlsError::PeerAlert(80)), None));
}

#[test]
fn only_one_hint_is_taken() {
    let now = Instant::now();
    let mut client = client(now);
    let body = server_hello(0xfefd, &[6; 32], &[], Suite::PskAes128GcmSha256, false).unwrap();
    client.receive(&mut plain(message::SERVER_HELLO, 0, body.len(), &body), now, &mut |_| ()).unwrap();
    let mut hint = plain(message::SERVER_KEY_EXCHANGE, 1, 6, b"\x00\x04hint");
    client.receive(&mut hint, now, &mut |_| ()).unwrap();
    let mut hint = plain(message::SERVER_KEY_EXCHANGE, 2, 6, b"\x00\x04hint");
    let wrong = DtlsError::UnexpectedMessage(message::SERVER_KEY_EXCHANGE);
    assert_eq!(client.receive(&mut hint, now, &mut |_| ()), Err(wrong.clone()));
    assert_eq!(client.state(), State::Failed(wrong));
}

proptest! {
    #[test]
    fn the_client_hello_repeats_itself_with_doubled_waits(first in 1u64..2000, factor in 1u32..20) {
        let now = Instant::now();
        let mut client = client(now);
        let first = std::time::Duration::from_millis(first);
        client.retransmit = Retransmit { first, max: first * factor, give_up: first * 1000 };
        client.flight.started(&client.retransmit, false, now);
        let hello = client.poll_transmit().unwrap();
        let (mut wait, mut due) = (first, now + first);
        for number in 1u8..8 {
            prop_assert_eq!(client.poll_timeout(), Some(due));
            client.on_timeout(due - std::time::Duration::from_micros(1));
            prop_assert_eq!(client.poll_transmit(), None);
            client.on_timeout(due);
            let again = client.poll_transmit().unwrap();
            prop_assert_eq!(&again[RECORD_HEADER..], &hello[RECORD_HEADER..]);
            prop_assert_eq!(again[10], number, "each time another record number");
            wait = (wait * 2).min(first * factor);
            due += wait;
        }
        client.on_timeout(now + first * 1000);
        let expected = State::Failed(DtlsError::TimedOut { undecryptable: 0, peer_alert: None });
        prop_assert_eq!(client.state(), expected);
        prop_assert_eq!(client.poll_timeout(), None);
    }
}
