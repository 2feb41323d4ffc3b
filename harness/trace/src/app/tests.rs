//! Whole conversations, as they were captured and opened with their keys.

use interop_evidence::{Layer, View};
use proptest::prelude::*;

use super::Application;
use super::clear::ClearHttp;
use super::variable::{shown, values};
use crate::Keys;
use crate::found::{FlowDecoder, Found, Moment, Piece, Way};

/// Messages of a fixture: a line says who speaks, heads have no carriage returns, those of bodies are written out.
fn messages(fixture: &str) -> Vec<(Way, Vec<u8>)> {
    let mut messages = Vec::new();
    for part in fixture.split("==== ").skip(1) {
        let (who, text) = part.split_once('\n').unwrap();
        let (head, body) = text.strip_suffix('\n').unwrap().split_once("\n\n").unwrap();
        let way = if who == "client" { Way::Forth } else { Way::Back };
        let head = head.replace('\n', "\r\n");
        messages.push((way, format!("{head}\r\n\r\n{}", body.replace("\\r\n", "\r\n")).into_bytes()));
    }
    messages
}

fn ocserv() -> Vec<(Way, Vec<u8>)> {
    messages(include_str!("fixtures/ocserv.txt"))
}

fn asa() -> Vec<(Way, Vec<u8>)> {
    messages(include_str!("fixtures/asa.txt"))
}

/// What was found in records that are messages cut to this size.
fn read(messages: &[(Way, Vec<u8>)], size: usize, keys: &mut Keys) -> Vec<Found> {
    let mut application = Application::default();
    let mut found = Vec::new();
    for (way, bytes) in messages {
        for bytes in bytes.chunks(size) {
            application.record(&Piece { moment: Moment::default(), way: *way, bytes }, keys, &mut found);
        }
    }
    found
}

fn text(found: &[Found]) -> String {
    let line =
        |found: &Found| format!("{}{}\n", if found.way == Way::Forth { "> " } else { "< " }, shown(&found.words));
    found.iter().map(line).collect()
}

#[test]
fn openconnect_and_ocserv() {
    let found = read(&ocserv(), usize::MAX, &mut Keys::new());
    assert!(found.iter().all(|found| found.view == View::ConnectHeaders && found.layer == Layer::Http && !found.again));
    insta::assert_snapshot!(text(&found));
}

#[test]
fn anyconnect_and_asa() {
    let found = read(&asa(), usize::MAX, &mut Keys::new());
    insta::assert_snapshot!(text(&found));
}

#[test]
fn nothing_secret_is_shown() {
    for messages in [ocserv(), asa()] {
        let text = text(&read(&messages, usize::MAX, &mut Keys::new()));
        for secret in ["of-the-lab", "AJQshR1v", "cUVsAdPC", "Dwt1egfd", "F3A612F9", "ACE9FF5F", "5797b761677c0209"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
}

#[test]
fn how_records_are_cut_makes_no_difference() {
    for messages in [ocserv(), asa()] {
        let whole = text(&read(&messages, usize::MAX, &mut Keys::new()));
        for size in [1, 2, 3, 7, 100, 1000] {
            assert_eq!(text(&read(&messages, size, &mut Keys::new())), whole, "{size}");
        }
    }
}

#[test]
fn a_granted_connect_names_the_dtls_session() {
    let mut keys = Keys::new();
    let found = read(&asa(), usize::MAX, &mut keys);
    let named = |kind: &str| {
        let values = found.iter().flat_map(|found| values(&found.words));
        values.filter(|(known, _)| *known == kind).map(|(_, value)| value).collect::<Vec<_>>()
    };
    let [master, session] = [named("dtls-master").remove(0), named("app-id").remove(0)];
    assert_eq!((master.len(), session.len()), (48, 32));
    assert_eq!(keys.resume_dtls(&session, &[7; 32]), Some(master));
    // The token is the cookie: one name for both.
    assert!(named("cookie").iter().filter(|cookie| cookie.starts_with(b"cUVsAdPC")).count() == 3);
}

/// What a conversation of these messages says.
fn said(messages: &[(Way, &str)]) -> String {
    let messages: Vec<_> = messages.iter().map(|(way, text)| (*way, text.as_bytes().to_vec())).collect();
    text(&read(&messages, usize::MAX, &mut Keys::new()))
}

#[test]
fn bodies_end_where_they_should() {
    let get = (Way::Forth, "GET / HTTP/1.1\r\n\r\nHEAD / HTTP/1.1\r\n\r\nGET /b HTTP/1.0\r\n\r\n");
    let replies = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n\
        HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.0 404\r\nContent-Type: text/html\r\n\r\n<html>";
    insta::assert_snapshot!(said(&[get, (Way::Back, replies)]), @r#"
    > HTTP GET /
    > HTTP HEAD /
    > HTTP GET /b HTTP/1.0
    < HTTP 100 Continue
    < HTTP 204 No Content
    < HTTP 200 OK
    < HTTP   Content-Length: 5
    < HTTP 404 HTTP/1.0
    < HTTP   Content-Type: text/html
    < HTTP   (the body ends with the connection)
    "#);
    let chunks = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n\
        3;x=y\r\nabc\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n";
    insta::assert_snapshot!(said(&[(Way::Back, chunks)]), @r#"
    < HTTP 200 OK
    < HTTP   Content-Type: a/b
    < HTTP   Transfer-Encoding: chunked
    < HTTP   trailer X-Sum: 1
    < HTTP   body a/b (13 bytes)
    < HTTP 304 Not Modified
    "#);
}

#[test]
fn a_document_without_an_end_is_read_when_it_is_whole() {
    let head = "HTTP/1.0 200 OK\r\nContent-Type: text/xml\r\n\r\n<config-auth type=\"complete\"><auth id=\"success\"/>";
    let found = said(&[(Way::Back, head), (Way::Back, "</config-auth>\n")]);
    assert!(found.ends_with("< XML complete\n< XML   auth id=success\n"), "{found}");
}

#[test]
fn forms_show_names_and_hide_secrets() {
    let post = "POST /+webvpn+/index.html HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
        Content-Length: 64\r\n\r\ngroup_list=The+staff&username=alice&password=a%20b%26&secondary=";
    let found = said(&[(Way::Forth, post)]);
    assert!(
        found.ends_with("> HTTP   form group_list=\"The staff\" username=alice password=(hidden) secondary=\"\"\n"),
        "{found}"
    );
}

#[test]
fn a_refused_connect_opens_no_tunnel() {
    let connect = (Way::Forth, "CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\nX-DTLS-Master-Secret: 00\r\n\r\n");
    let refused = (Way::Back, "HTTP/1.1 401 Unauthorized\r\nX-Reason: cookie\r\nContent-Length: 0\r\n\r\n");
    let found = said(&[connect, refused, (Way::Forth, "GET / HTTP/1.1\r\n\r\n")]);
    assert!(found.ends_with("< HTTP   Content-Length: 0\n> HTTP GET /\n"), "{found}");
}

#[test]
fn what_is_not_http_says_so_once() {
    let found = said(&[(Way::Forth, "\u{1}\u{2}"), (Way::Forth, "more"), (Way::Forth, "GET / HTTP/1.1\r\n\r\n")]);
    assert_eq!(found, "> not HTTP (2 bytes)\n> HTTP GET /\n");
    for (broken, what) in [
        ("HTTP/1.1 abc\r\n\r\n", "a start line"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "the size of a chunk"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "the size of a chunk"),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "Content-Length"),
    ] {
        let found = said(&[(Way::Back, broken)]);
        assert!(found.ends_with(&format!("HTTP broken: {what}\n")), "{found}");
    }
    let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(100_000));
    assert!(said(&[(Way::Forth, &long)]).contains("a head above"));
}

fn clear(pieces: &[(Way, &str)], gap: Option<(usize, Way, u64)>) -> Vec<Found> {
    let mut http = ClearHttp::new(View::OuterFlow);
    let mut found = Vec::new();
    for (index, (way, bytes)) in pieces.iter().enumerate() {
        if let Some((at, way, bytes)) = gap
            && at == index
        {
            http.gap(way, bytes);
        }
        let piece = Piece { moment: Moment::default(), way: *way, bytes: bytes.as_bytes() };
        http.feed(&piece, &mut Keys::new(), &mut found);
    }
    found
}

#[test]
fn http_without_tls_is_seen_from_outside() {
    assert!(ClearHttp::looks_like(b"CONNECT vpn") && ClearHttp::looks_like(b"HTTP/1.1 200"));
    assert!(!ClearHttp::looks_like(b"\x16\x03\x01\0\0") && !ClearHttp::looks_like(b"GETS "));
    let found = clear(
        &[
            (Way::Forth, "CONNECT vpn.example.test:443 HTTP/1.1\r\n\r\n"),
            (Way::Back, "HTTP/1.1 200 Connection established\r\n\r\n"),
            (Way::Forth, "SSH-2.0-x\r\n"),
            (Way::Back, "SSH-2.0-y\r\n"),
        ],
        None,
    );
    assert!(found.iter().all(|found| found.view == View::OuterFlow));
    insta::assert_snapshot!(text(&found), @r#"
    > HTTP CONNECT vpn.example.test:443
    < HTTP 200 Connection established
    > tunnel of another kind (11 bytes)
    "#);
}

#[test]
fn a_gap_in_a_body_is_counted() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<config-auth>";
    let rest = "x".repeat(87);
    let pieces = [(Way::Back, head), (Way::Back, &rest), (Way::Back, "HTTP/1.1 204 No Content\r\n\r\n")];
    let lines = text(&clear(&pieces, Some((1, Way::Back, 900))));
    assert!(lines.ends_with("< HTTP   body text/xml, not whole (1000 bytes)\n< HTTP 204 No Content\n"), "{lines}");
    // Beyond the body, it begins again where a message begins.
    let lines = text(&clear(&pieces, Some((1, Way::Back, 5000))));
    assert!(lines.ends_with("Content-Length: 1000\n< HTTP 204 No Content\n"), "{lines}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn changed_conversations_are_read_to_their_end(
        from_asa: bool,
        size in 1..2000_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut messages = if from_asa { asa() } else { ocserv() };
        for (message, byte, value) in changes {
            let (_, bytes) = message.get_mut(&mut messages);
            *byte.get_mut(bytes) = value;
        }
        for found in read(&messages, size, &mut Keys::new()) {
            let line = shown(&found.words);
            prop_assert!(!line.contains(char::is_control) && line.len() < 64 * 1024, "{line}");
        }
    }

    #[test]
    fn any_bytes_are_read(pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..9)) {
        let messages: Vec<_> =
            pieces.into_iter().map(|(forth, bytes)| (if forth { Way::Forth } else { Way::Back }, bytes)).collect();
        read(&messages, usize::MAX, &mut Keys::new());
    }
}
