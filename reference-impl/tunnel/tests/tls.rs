//! Channels of both libraries against each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "a test program exports nothing")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{Identity, Library, Only, client, exchange, server};
use openssl::ssl::{Ssl, SslVerifyMode};
use reference_tunnel::tls::{AsyncTls, MAX_PLAINTEXT, Role, TlsChannel, TlsError};

const PAIRS: [(Library, Library); 4] = [
    (Library::Rustls, Library::Rustls),
    (Library::OpenSsl, Library::OpenSsl),
    (Library::Rustls, Library::OpenSsl),
    (Library::OpenSsl, Library::Rustls),
];
const LABEL: &str = "EXPORTER-openconnect-psk";

fn connected(libraries: (Library, Library), version: Only) -> (TlsChannel, TlsChannel) {
    let identity = Identity::new();
    let mut one = client(libraries.0, version, &identity);
    let mut two = server(libraries.1, version, &identity);
    let (to_one, to_two) = exchange(&mut one, &mut two);
    assert!(to_one.is_empty() && to_two.is_empty());
    assert!(!one.is_handshaking() && !two.is_handshaking(), "{libraries:?} {version:?}");
    (one, two)
}

fn all(test: impl Fn((Library, Library), Only, &mut TlsChannel, &mut TlsChannel)) {
    for libraries in PAIRS {
        for version in [Only::Tls12, Only::Tls13] {
            let (mut one, mut two) = connected(libraries, version);
            test(libraries, version, &mut one, &mut two);
        }
    }
}

fn both_ways(one: &mut TlsChannel, two: &mut TlsChannel) {
    one.write_record(&[b"head", b"from one"]).unwrap();
    two.write_record(&[b"from two"]).unwrap();
    let (to_one, to_two) = exchange(one, two);
    assert_eq!((to_one, to_two), (vec![b"from two".to_vec()], vec![b"headfrom one".to_vec()]));
}

/// The lengths of the records in ciphertext, with their content types.
fn records(mut ciphertext: &[u8]) -> Vec<(u8, usize)> {
    let mut all = Vec::new();
    while !ciphertext.is_empty() {
        let length = usize::from(u16::from_be_bytes([ciphertext[3], ciphertext[4]]));
        all.push((ciphertext[0], length));
        ciphertext = &ciphertext[5 + length..];
    }
    all
}

#[test]
fn both_ends_agree_about_the_connection() {
    all(|libraries, version, one, two| {
        let expected = if version == Only::Tls12 { "TLSv1.2" } else { "TLSv1.3" };
        assert_eq!((one.version(), two.version()), (expected, expected), "{libraries:?}");
        assert_eq!(one.suite(), two.suite());
        assert!(one.suite().starts_with("TLS_"), "{}", one.suite());
        assert_eq!(two.sni().as_deref(), Some(common::NAME));
        assert_eq!(one.peer_certificates().len(), 1);
        assert!(two.peer_certificates().is_empty());
    });
}

#[test]
fn the_exporter_gives_both_ends_the_same_32_bytes() {
    all(|libraries, version, one, two| {
        let (first, second) = (one.export(LABEL, 32).unwrap(), two.export(LABEL, 32).unwrap());
        assert_eq!(first, second, "{libraries:?} {version:?}");
        assert!(first.len() == 32 && first.iter().any(|byte| *byte != 0));
        assert_ne!(first, one.export("EXPORTER-other", 32).unwrap());
    });
}

#[test]
fn one_write_is_one_record_and_one_record_one_read() {
    all(|_, _, one, two| {
        let sizes = [1, 8, 1400, MAX_PLAINTEXT];
        let payload = vec![7; MAX_PLAINTEXT];
        for (number, size) in sizes.iter().enumerate() {
            let before = records(one.output()).len();
            one.write_record(&[&payload[..size / 2], &payload[size / 2..*size]]).unwrap();
            assert_eq!(records(one.output()).len(), before + 1, "write {number}");
            assert_eq!(records(one.output()).last().unwrap().0, 0x17);
        }
        let (_, to_two) = exchange(one, two);
        assert_eq!(to_two.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
        assert!(matches!(one.write_record(&[&payload, b"x"]), Err(TlsError::PayloadTooLong(_))));
        assert!(one.output().is_empty());
    });
}

#[test]
fn keys_are_updated_from_both_sides_with_tls_1_3_only() {
    all(|libraries, version, one, two| {
        for round in 0..3 {
            if version == Only::Tls12 {
                assert!(matches!(one.update_keys(), Err(TlsError::Unsupported(_))));
                assert!(matches!(two.update_keys(), Err(TlsError::Unsupported(_))));
                continue;
            }
            one.update_keys().unwrap();
            assert!(!one.output().is_empty(), "{libraries:?} {round}: no message");
            both_ways(one, two);
            two.update_keys().unwrap();
            assert!(!two.output().is_empty(), "{libraries:?} {round}: no message");
            both_ways(one, two);
        }
    });
}

#[test]
fn renegotiation_is_for_openssl_with_tls_1_2_and_from_either_side() {
    all(|libraries, version, one, two| {
        if libraries != (Library::OpenSsl, Library::OpenSsl) || version != Only::Tls12 {
            let on_rustls = if libraries.0 == Library::Rustls { one } else { two };
            if version == Only::Tls13 || libraries.0 == Library::Rustls || libraries.1 == Library::Rustls {
                assert!(matches!(on_rustls.renegotiate(), Err(TlsError::Unsupported(_))));
            }
            return;
        }
        for from_client in [true, false, true] {
            let before = one.export(LABEL, 32).unwrap();
            if from_client {
                one.renegotiate().unwrap()
            } else {
                two.renegotiate().unwrap()
            }
            // Written while the handshake is under way: it waits, or it goes out before the answer.
            one.write_record(&[b"meanwhile"]).unwrap();
            two.write_record(&[b"meanwhile too"]).unwrap();
            let (to_one, to_two) = exchange(one, two);
            assert_eq!((to_one.len(), to_two.len()), (1, 1), "from client: {from_client}");
            assert!(!one.is_renegotiating() && !two.is_renegotiating());
            assert_ne!(before, one.export(LABEL, 32).unwrap(), "no new keys, from client: {from_client}");
            assert_eq!(one.export(LABEL, 32).unwrap(), two.export(LABEL, 32).unwrap());
            both_ways(one, two);
        }
    });
}

#[test]
fn another_certificate_in_a_renegotiation_is_refused() {
    let identities = [Identity::new(), Identity::new()];
    let mut first = common::openssl_server_context(Only::Tls12, &identities[0]);
    let second = common::openssl_server_context(Only::Tls12, &identities[1]).build();
    let handshakes = AtomicUsize::new(0);
    first.set_servername_callback(move |ssl, _| {
        if handshakes.fetch_add(1, Ordering::SeqCst) > 0 {
            ssl.set_ssl_context(&second).unwrap();
        }
        Ok(())
    });
    let mut two = TlsChannel::from_openssl(Ssl::new(&first.build()).unwrap(), Role::Server).unwrap();
    let mut context = common::openssl_client_context(Only::Tls12, &identities[0]);
    // Both would be fine for the library.
    context.set_verify(SslVerifyMode::NONE);
    let mut ssl = Ssl::new(&context.build()).unwrap();
    ssl.set_hostname(common::NAME).unwrap();
    let mut one = TlsChannel::from_openssl(ssl, Role::Client).unwrap();
    exchange(&mut one, &mut two);
    both_ways(&mut one, &mut two);

    one.renegotiate().unwrap();
    let result = (0..10).find_map(|_| {
        two.feed(&one.take_output());
        assert!(!two.next_record(&mut Vec::new()).unwrap());
        one.feed(&two.take_output());
        one.next_record(&mut Vec::new()).err()
    });
    assert!(matches!(result, Some(TlsError::PeerChanged)), "{result:?}");
}

#[test]
fn close_notify_is_seen() {
    all(|_, _, one, two| {
        assert!(!two.peer_closed());
        one.close_notify();
        exchange(one, two);
        assert!(two.peer_closed());
    });
}

#[test]
fn a_corrupted_record_is_an_error_and_an_alert() {
    all(|_, _, one, two| {
        one.write_record(&[b"payload"]).unwrap();
        let mut ciphertext = one.take_output();
        *ciphertext.last_mut().unwrap() ^= 1;
        two.feed(&ciphertext);
        assert!(two.next_record(&mut Vec::new()).is_err());
        assert!(!two.output().is_empty(), "no alert");
    });
}

#[test]
fn nothing_is_written_before_the_handshake() {
    let identity = Identity::new();
    for library in [Library::OpenSsl, Library::Rustls] {
        let mut one = client(library, Only::Tls13, &identity);
        assert!(matches!(one.write_record(&[b"early"]), Err(TlsError::NotReady)));
        one.feed(b"HTTP/1.1 400 Bad Request\r\n");
        assert!(matches!(one.next_record(&mut Vec::new()), Err(TlsError::NotARecord(_))));
    }
}

#[test]
fn another_certificate_than_the_trusted_one_fails_the_handshake() {
    let (identity, other) = (Identity::new(), Identity::new());
    for library in [Library::OpenSsl, Library::Rustls] {
        let mut one = client(library, Only::Tls13, &identity);
        let mut two = server(Library::Rustls, Only::Tls13, &other);
        two.feed(&one.take_output());
        assert!(!two.next_record(&mut Vec::new()).unwrap());
        one.feed(&two.take_output());
        let error = one.next_record(&mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
        assert!(!one.output().is_empty(), "no alert");
    }
}

async fn over_loopback(libraries: (Library, Library)) {
    let identity = Identity::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let mut one = AsyncTls::new(tcp, client(libraries.0, Only::Tls13, &identity));
    let mut two = AsyncTls::new(listener.accept().await.unwrap().0, server(libraries.1, Only::Tls13, &identity));
    let (first, second) = tokio::join!(one.handshake(), two.handshake());
    first.unwrap();
    second.unwrap();

    one.write_all(&vec![1; 40_000]).await.unwrap();
    let mut out = Vec::new();
    while out.len() < 40_000 {
        assert!(two.read(&mut out).await.unwrap() <= MAX_PLAINTEXT);
    }
    assert_eq!(out, vec![1; 40_000]);

    // Two records in one segment: the second one stays in the channel that is handed over.
    one.channel_mut().write_record(&[b"first"]).unwrap();
    one.channel_mut().write_record(&[b"second"]).unwrap();
    one.write_all(b"third").await.unwrap();
    out.clear();
    assert_eq!(two.read(&mut out).await.unwrap(), 5);
    one.close().await.unwrap();
    let (tcp, mut channel) = two.into_parts().unwrap();
    tcp.set_nonblocking(false).unwrap();
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut &tcp, &mut rest).unwrap();
    channel.feed(&rest);
    out.clear();
    while channel.next_record(&mut out).unwrap() {}
    assert_eq!(out, b"secondthird");
    assert!(channel.peer_closed());
}

#[tokio::test]
async fn the_control_phase_hands_over_every_byte() {
    for libraries in PAIRS {
        tokio::time::timeout(Duration::from_secs(10), over_loopback(libraries)).await.unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_closes_during_the_handshake_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    drop(listener.accept().await.unwrap());
    let mut one = AsyncTls::new(tcp, client(Library::Rustls, Only::Tls13, &Identity::new()));
    let error = tokio::time::timeout(Duration::from_secs(5), one.handshake()).await.unwrap().unwrap_err();
    assert!(matches!(error, TlsError::Closed | TlsError::Io(_)), "{error}");
}
