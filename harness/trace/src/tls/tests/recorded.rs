//! Connections that were captured.

use interop_evidence::View;

use super::*;

fn openconnect_tls13() -> Conversation {
    Conversation::of(include_str!("../fixtures/openconnect-ocserv-1.3.txt"))
}

fn openconnect_tls12() -> Conversation {
    Conversation::of(include_str!("../fixtures/openconnect-ocserv-1.2.txt"))
}

fn all() -> [Conversation; 4] {
    [openconnect_tls13(), openconnect_tls12(), key_update(), renegotiation()]
}

fn key_update() -> Conversation {
    Conversation::of(include_str!("../fixtures/key-update.txt"))
}

fn renegotiation() -> Conversation {
    Conversation::of(include_str!("../fixtures/renegotiation.txt"))
}

#[test]
fn tls_1_3_is_read_without_keys() {
    let expected = [
        "> TLS ClientHello 1.3 sni=vpn.example.test",
        "< TLS ServerHello 1.3 TLS_AES_256_GCM_SHA384",
        "< TLS ChangeCipherSpec",
        "< TLS application data 29",
        "< TLS application data 954",
        "< TLS application data 97",
        "< TLS application data 69",
        "> TLS ChangeCipherSpec",
        "> TLS application data 69",
        "> TLS application data 988",
        "< TLS application data 504",
        "> TLS application data 992",
        "< TLS application data 518",
        "> TLS application data 1060",
        "< TLS application data 684",
        "> TLS application data 1150",
        "< TLS application data 954",
        "> TLS application data 43",
    ];
    assert_eq!(lines(&openconnect_tls13().without_keys(), View::OuterFlow), expected);
}

#[test]
fn tls_1_3_is_opened() {
    let expected = [
        "< TLS EncryptedExtensions",
        "< TLS Certificate vpn.example.test, vpn-interop intermediate",
        "< TLS CertificateVerify",
        "< TLS Finished",
        "> TLS Finished",
    ];
    assert_eq!(lines(&openconnect_tls13().with_keys(), View::ConnectHeaders), expected);
}

#[test]
fn tls_1_2_is_read_without_keys() {
    let expected = [
        "> TLS ClientHello 1.2 sni=vpn.example.test",
        "< TLS ServerHello 1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "< TLS Certificate vpn.example.test, vpn-interop intermediate",
        "< TLS ServerKeyExchange",
        "< TLS ServerHelloDone",
        "> TLS ClientKeyExchange",
        "> TLS ChangeCipherSpec",
        "> TLS encrypted handshake message",
        "< TLS ChangeCipherSpec",
        "< TLS encrypted handshake message",
        "> TLS application data 995",
        "< TLS application data 511",
        "> TLS application data 999",
        "< TLS application data 525",
        "> TLS application data 1067",
        "< TLS application data 691",
        "> TLS application data 845",
        "< TLS application data 980",
        "< TLS application data 108",
        "> TLS application data 50",
    ];
    assert_eq!(lines(&openconnect_tls12().without_keys(), View::OuterFlow), expected);
}

#[test]
fn tls_1_2_is_opened() {
    let expected = ["> TLS Finished", "< TLS Finished"];
    assert_eq!(lines(&openconnect_tls12().with_keys(), View::ConnectHeaders), expected);
}

#[test]
fn keys_are_updated() {
    let expected = [
        "< TLS EncryptedExtensions",
        "< TLS Certificate vpn.example.test",
        "< TLS CertificateVerify",
        "< TLS Finished",
        "> TLS Finished",
        "< TLS NewSessionTicket",
        "< TLS NewSessionTicket",
        "> TLS KeyUpdate update_requested",
        "< TLS KeyUpdate",
        "> TLS KeyUpdate",
        "> TLS alert warning close_notify",
        "< TLS alert warning close_notify",
    ];
    assert_eq!(lines(&key_update().with_keys(), View::ConnectHeaders), expected);
}

#[test]
fn a_renegotiation_is_followed() {
    let conversation = renegotiation();
    let expected = [
        "> TLS ClientHello 1.2 sni=vpn.example.test",
        "< TLS ServerHello 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "< TLS Certificate vpn.example.test",
        "< TLS ServerKeyExchange",
        "< TLS ServerHelloDone",
        "> TLS ClientKeyExchange",
        "> TLS ChangeCipherSpec",
        "> TLS encrypted handshake message",
        "< TLS NewSessionTicket",
        "< TLS ChangeCipherSpec",
        "< TLS encrypted handshake message",
        "> TLS application data 80",
        "< TLS application data 64",
        "> TLS encrypted handshake message",
        "< TLS encrypted handshake message",
        "< TLS encrypted handshake message",
        "< TLS encrypted handshake message",
        "< TLS encrypted handshake message",
        "> TLS encrypted handshake message",
        "> TLS ChangeCipherSpec",
        "> TLS encrypted handshake message",
        "< TLS encrypted handshake message",
        "< TLS ChangeCipherSpec",
        "< TLS encrypted handshake message",
        "< TLS application data 64",
        "> TLS application data 80",
        "< TLS application data 64",
        "> TLS encrypted alert",
        "< TLS encrypted alert",
    ];
    assert_eq!(lines(&conversation.with_keys(), View::OuterFlow), expected);
    let expected = [
        "> TLS Finished",
        "< TLS Finished",
        "> TLS ClientHello 1.2 sni=vpn.example.test",
        "< TLS ServerHello 1.2 TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "< TLS Certificate vpn.example.test",
        "< TLS ServerKeyExchange",
        "< TLS ServerHelloDone",
        "> TLS ClientKeyExchange",
        "> TLS Finished",
        "< TLS NewSessionTicket",
        "< TLS Finished",
        "> TLS alert warning close_notify",
        "< TLS alert warning close_notify",
    ];
    assert_eq!(lines(&conversation.with_keys(), View::ConnectHeaders), expected);
}

#[test]
fn what_is_seen_outside_is_the_same_with_and_without_keys() {
    for conversation in all() {
        let (with, without) = (conversation.with_keys(), conversation.without_keys());
        assert_eq!(lines(&with, View::OuterFlow), lines(&without, View::OuterFlow));
        assert!(lines(&without, View::ConnectHeaders).is_empty());
        assert!(lines(&with, View::ConnectHeaders).len() >= 2);
    }
}

#[test]
fn any_pieces_give_the_same() {
    for conversation in all() {
        let whole = conversation.with_keys();
        for most in [1, 2, 3, 5, 7, 64, 1000] {
            assert_eq!(conversation.decode(&mut conversation.keys(), most), whole, "{most}");
        }
    }
}

/// Lines that remain when one piece is missing.
fn with_a_gap(conversation: &Conversation, lost: usize) -> Vec<Found> {
    let (mut stream, mut keys, mut out) = (TlsStream::default(), conversation.keys(), Vec::new());
    for (number, (way, bytes)) in conversation.pieces.iter().enumerate() {
        if number == lost {
            stream.gap(*way, u64::try_from(bytes.len()).unwrap());
        } else {
            stream.feed(&Piece { moment: Moment::default(), way: *way, bytes }, &mut keys, &mut out);
        }
    }
    out
}

const CLOSED: [&str; 2] = ["> TLS alert warning close_notify", "< TLS alert warning close_notify"];

#[test]
fn records_behind_a_gap_are_opened() {
    // Of each: a piece of application data.
    for (conversation, lost) in [(key_update(), 5), (renegotiation(), 4), (renegotiation(), 11)] {
        let found = with_a_gap(&conversation, lost);
        let opened = lines(&found, View::ConnectHeaders);
        assert_eq!(opened[opened.len() - 2..], CLOSED, "{opened:#?}");
        assert_eq!(lines(&found, View::OuterFlow).len() + 1, lines(&conversation.with_keys(), View::OuterFlow).len());
    }
}

#[test]
fn finished_may_be_in_a_gap() {
    // What the client sends last in its handshake: in TLS 1.2 with its ChangeCipherSpec.
    for (conversation, lost) in [(key_update(), 2), (renegotiation(), 2)] {
        let opened = lines(&with_a_gap(&conversation, lost), View::ConnectHeaders);
        assert_eq!(opened[opened.len() - 2..], CLOSED, "{opened:#?}");
        let all = lines(&conversation.with_keys(), View::ConnectHeaders);
        assert_eq!(opened.len() + 1, all.len());
    }
}

#[test]
fn an_update_of_keys_in_a_gap_ends_the_opening() {
    let opened = lines(&with_a_gap(&key_update(), 8), View::ConnectHeaders);
    assert!(opened.contains(&"< TLS records cannot be opened: wrong key or lost records".to_owned()), "{opened:#?}");
}

#[test]
fn a_session_goes_on_with_a_ticket() {
    let conversation = Conversation::of(include_str!("../fixtures/ticket.txt"));
    let expected = [
        "> TLS ClientHello 1.2 sni=vpn.example.test ticket",
        "< TLS ServerHello 1.2 TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 resumed",
        "< TLS ChangeCipherSpec",
        "< TLS encrypted handshake message",
        "> TLS ChangeCipherSpec",
        "> TLS encrypted handshake message",
        "> TLS application data 43",
        "< TLS application data 30",
        "> TLS encrypted alert",
        "< TLS encrypted alert",
    ];
    assert_eq!(lines(&conversation.with_keys(), View::OuterFlow), expected);
    let expected = ["< TLS Finished", "> TLS Finished", CLOSED[0], CLOSED[1]];
    assert_eq!(lines(&conversation.with_keys(), View::ConnectHeaders), expected);
}

/// Early data has keys of its own, which are not looked for; what follows is opened.
#[test]
fn early_data_is_passed_over() {
    let conversation = Conversation::of(include_str!("../fixtures/early-data.txt"));
    let outer = lines(&conversation.with_keys(), View::OuterFlow);
    let expected = [
        "> TLS ClientHello 1.3 sni=vpn.example.test psk",
        "> TLS ChangeCipherSpec",
        "> TLS application data 28",
        "< TLS ServerHello 1.3 TLS_AES_256_GCM_SHA384 resumed",
    ];
    assert_eq!(outer[..4], expected);
    let expected = ["< TLS EncryptedExtensions", "< TLS Finished", "> TLS Finished"];
    assert_eq!(lines(&conversation.with_keys(), View::ConnectHeaders)[..3], expected);
}

#[test]
fn an_alert_in_the_clear_is_read() {
    let mut conversation = openconnect_tls12();
    conversation.pieces.truncate(1);
    conversation.pieces.push((Way::Back, vec![21, 3, 3, 0, 2, 2, 40]));
    conversation.pieces.push((Way::Back, vec![21, 3, 3, 0, 2, 2, 99]));
    conversation.pieces.push((Way::Back, b"HTTP/1.1 400 Bad Request".to_vec()));
    let expected = [
        "> TLS ClientHello 1.2 sni=vpn.example.test",
        "< TLS alert fatal handshake_failure",
        "< TLS alert fatal 99",
        "< TLS stream goes on with something that is no record",
    ];
    assert_eq!(lines(&conversation.with_keys(), View::OuterFlow), expected);
}

#[test]
fn a_wrong_key_is_said_once_for_each_direction() {
    for mut conversation in [openconnect_tls13(), openconnect_tls12()] {
        // Another digit at the end of each secret.
        conversation.key_log = conversation.key_log.lines().fold(String::new(), |log, line| {
            let (start, last) = line.split_at(line.len() - 1);
            log + start + if last == "0" { "1\n" } else { "0\n" }
        });
        let found = conversation.with_keys();
        let mut complaints = lines(&found, View::ConnectHeaders);
        complaints.sort();
        let text = "TLS records cannot be opened: wrong key or lost records";
        assert_eq!(complaints, [format!("< {text}"), format!("> {text}")]);
        assert_eq!(lines(&found, View::OuterFlow), lines(&conversation.without_keys(), View::OuterFlow));
    }
}

#[test]
fn a_capture_that_begins_in_the_middle_shows_records() {
    let mut conversation = openconnect_tls12();
    conversation.pieces.drain(..6);
    let found = conversation.with_keys();
    assert!(lines(&found, View::OuterFlow).iter().all(|line| !line.contains("ClientHello")));
    assert_eq!(lines(&found, View::OuterFlow).last().unwrap(), "> TLS application data 50");
    assert!(lines(&found, View::ConnectHeaders).is_empty());
}
