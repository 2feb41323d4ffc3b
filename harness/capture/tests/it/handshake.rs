use interop_capture::{HandshakeWatch, Summary, Way};
use interop_evidence::{HandshakeMessage, Micros};

use crate::frames::*;

fn see(watch: &mut HandshakeWatch, way: Way, frame: &[u8]) {
    watch.observe("lan", way, Micros(1), 1, &Summary::of_ethernet(frame), frame);
}

fn up(payload: &[u8], port: u16) -> Vec<u8> {
    ip4(CLIENT, GATEWAY, UDP, &udp(port, 443, payload))
}

fn down(payload: &[u8], port: u16) -> Vec<u8> {
    ip4(GATEWAY, CLIENT, UDP, &udp(443, port, payload))
}

/// A record of DTLS with the first fragment of one handshake message.
fn dtls_handshake(version: u16, kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short message");
    let message = [&[kind, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], body].concat();
    let header = [&[22][..], &version.to_be_bytes(), &[0; 8], &[0, u8::try_from(message.len()).expect("short")]];
    [&header.concat()[..], &message].concat()
}

/// Version, random, session, and what follows.
fn hello(version: u16, session: &[u8], rest: &[u8]) -> Vec<u8> {
    let count = u8::try_from(session.len()).expect("a short session");
    [&version.to_be_bytes()[..], &[7; 32], &[count], session, rest].concat()
}

#[test]
fn a_resumed_dtls_session_is_seen() {
    let mut watch = HandshakeWatch::new([443]);
    let client = dtls_handshake(0x0100, 1, &hello(0x0100, &[0xab; 32], &[0, 0, 2, 0, 0x35]));
    let server = dtls_handshake(0x0100, 2, &hello(0x0100, &[0xab; 32], &[0, 0x35, 0]));
    see(&mut watch, Way::ToServer, &up(&client, 4000));
    see(&mut watch, Way::ToClient, &down(&dtls_handshake(0x0100, 3, &[1, 0, 1, 9]), 4000));
    see(&mut watch, Way::ToClient, &down(&server, 4000));
    for _ in 0..2 {
        see(&mut watch, Way::ToServer, &up(&dtls(23, 0x0100, 1, 50), 4000));
    }
    let messages: Vec<&HandshakeMessage> = watch.seen().iter().map(|seen| &seen.message).collect();
    let session = "ab".repeat(32);
    let client = HandshakeMessage::DtlsClientHello {
        version: 0x0100,
        random: "07".repeat(8),
        session: session.clone(),
        cookie: false,
    };
    let server = HandshakeMessage::DtlsServerHello { version: 0x0100, suite: 0x35, session };
    assert_eq!(messages, [&client, &HandshakeMessage::DtlsHelloVerify, &server, &HandshakeMessage::DtlsData]);
    assert!(watch.seen().iter().all(|seen| seen.client_port == 4000));
}

#[test]
fn a_full_handshake_shows_the_client_s_key() {
    let mut watch = HandshakeWatch::new([443]);
    let key = dtls_handshake(0xfefd, 16, &[0, 3, b'p', b's', b'k']);
    // What follows in the same datagram is no handshake in clear.
    see(&mut watch, Way::ToServer, &up(&[key, dtls(20, 0xfefd, 0, 1), dtls(22, 0xfefd, 1, 40)].concat(), 4001));
    assert_eq!(watch.seen().len(), 1);
    assert_eq!(watch.seen()[0].message, HandshakeMessage::DtlsClientKeyExchange);
}

/// A record of TLS with one handshake message.
fn tls_handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u8::try_from(body.len()).expect("a short message");
    [&[22, 3, 1, 0, length + 4, kind, 0, 0, length][..], body].concat()
}

#[test]
fn tls_sessions_are_counted_once_and_have_their_version() {
    let mut watch = HandshakeWatch::new([443]);
    let client =
        ip4(CLIENT, GATEWAY, TCP, &tcp(5000, 443, 1, 1, &tls_handshake(1, &hello(0x0303, &[], &[0, 2, 0, 5]))));
    let extension = [0x13, 0x01, 0, 0, 6, 0, 43, 0, 2, 3, 4];
    let server = ip4(GATEWAY, CLIENT, TCP, &tcp(443, 5000, 1, 1, &tls_handshake(2, &hello(0x0303, &[], &extension))));
    for _ in 0..2 {
        see(&mut watch, Way::ToServer, &client);
        see(&mut watch, Way::ToClient, &server);
    }
    let messages: Vec<&HandshakeMessage> = watch.seen().iter().map(|seen| &seen.message).collect();
    let server = HandshakeMessage::TlsServerHello { version: 0x0304, suite: 0x1301 };
    assert_eq!(messages, [&HandshakeMessage::TlsClientHello, &server], "a repeated segment is no new session");
    let elsewhere = ip4(CLIENT, GATEWAY, TCP, &tcp(5001, 8443, 1, 1, &tls_handshake(1, &hello(0x0303, &[], &[]))));
    see(&mut watch, Way::ToServer, &elsewhere);
    assert_eq!(watch.seen().len(), 2, "another port is no gateway's");
}

#[test]
fn anything_may_come() {
    let mut watch = HandshakeWatch::new([443, 1194, 4000]);
    for frame in zoo() {
        for end in 0..frame.len() {
            see(&mut watch, Way::ToServer, &frame[..end]);
            see(&mut watch, Way::ToClient, &frame[..end]);
        }
    }
    let client = dtls_handshake(0xfefd, 1, &hello(0xfefd, &[1; 20], &[3, 1, 2, 3]));
    for end in 0..client.len() {
        see(&mut watch, Way::ToServer, &up(&client[..end], 1));
    }
}
