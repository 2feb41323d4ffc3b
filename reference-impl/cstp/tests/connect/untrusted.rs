//! Arbitrary and mutated messages: taken or refused, never more.

use proptest::prelude::*;
use reference_cstp::connect::{Cipher, OuterIp};
use reference_cstp::connect::{ConnectReply, ConnectRequest, Suite, base_mtu_of_path, data_mtu, link_mtu, request_mtu};
use reference_cstp::http::{Headers, Request, Response};
use reference_cstp::profile::{ClientProfile, ServerProfile};

use crate::{client, dtls_reply, full_request, least_reply, server};

/// Every name that occurs in any profile, and a few that do not.
fn names() -> Vec<String> {
    let clients = ClientProfile::names().flat_map(|name| client(name).connect_headers);
    let servers = ServerProfile::names().flat_map(|name| server(name).connect_headers);
    let mut names: Vec<String> = clients.chain(servers).map(|line| line.name).collect();
    names.extend(
        ["X-CSTP-Split-Include-IP6", "X-CSTP-DNS-IP6", "x-cstp-", "X-DTLS", "X-DTLS12-", "Cookie"].map(str::to_owned),
    );
    names
}

fn values() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        "[0-9a-f]{0,70}",
        "[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(/[0-9.]{1,15})?",
        "[0-9a-f:]{0,20}(/[0-9]{0,4})?",
        "(true|false|none|ssl|new-tunnel|lzs|oc-lz4|IPv4|webvpn=x)",
        "[a-zA-Z0-9%,;: .-]{0,40}",
        ".{0,30}",
    ]
}

fn headers() -> impl Strategy<Value = Headers> {
    let field = (prop::sample::select(names()), values());
    proptest::collection::vec(field, 0..60).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #[test]
    fn any_reply_is_read_or_refused(headers in headers()) {
        let mut response = Response::new(200, "OK");
        response.headers = headers;
        response.headers.push("X-CSTP-MTU", "1400");
        response.headers.push("X-CSTP-Address", "10.0.0.1");
        if let Ok(reply) = ConnectReply::parse(&response) {
            prop_assert!(!reply.addresses.is_empty() && reply.notes.len() <= 64);
            prop_assert!(reply.include.iter().chain(&reply.exclude).all(|net| net.trunc() == *net));
            // Whatever was read can be worked with.
            for name in ClientProfile::names() {
                let profile = client(name);
                let session = reply.client_session(&profile, reply.dtls_plan(&full_request(&profile)).is_ok());
                prop_assert!(session.mtu.floor <= session.mtu.tls && session.mtu.tls >= 68);
            }
            for name in ServerProfile::names() {
                ConnectReply::parse(&reply.to_response(&server(name), &full_request(&client("openconnect")))).unwrap();
            }
        }
    }

    #[test]
    fn any_request_is_read_or_refused(headers in headers()) {
        let mut request = Request::new("CONNECT", "/CSCOSSLC/tunnel");
        request.headers = headers;
        request.headers.push("Cookie", "webvpn=c");
        if let Ok(read) = ConnectRequest::parse(&request) {
            prop_assert!(read.base_mtu.is_none_or(|mtu| (800..=16_384).contains(&mtu)));
            prop_assert!(read.notes.len() <= 64 && read.wishes.len() <= 64 && read.dtls_ciphers.len() <= 64);
            let reply = least_reply().to_response(&server("ocserv"), &read);
            prop_assert!(reply.headers.get("X-CSTP-MTU").is_some());
        }
    }

    #[test]
    fn a_mutated_reply_is_read_or_refused(at: prop::sample::Index, place: prop::sample::Index, byte: u8) {
        let mut reply = least_reply();
        reply.dtls = Some(dtls_reply(Suite::named("AES256-GCM-SHA384", true).unwrap()));
        let sent = reply.to_response(&server("asa"), &full_request(&client("anyconnect-desktop")));
        let mut fields: Vec<(String, String)> = sent.headers.iter().map(|(name, value)| (name.into(), value.into())).collect();
        let (_, value) = &mut fields[at.index(sent.headers.len())];
        let mut bytes = value.clone().into_bytes();
        if !bytes.is_empty() {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        *value = String::from_utf8_lossy(&bytes).into_owned();
        let mut mutated = Response::new(200, "OK");
        mutated.headers = fields.into_iter().collect();
        if let Ok(reply) = ConnectReply::parse(&mutated) {
            prop_assert!(reply.largest_mtu().is_some());
        }
    }

    #[test]
    fn sizes_never_overflow(link: u16, base: Option<u16>, path: Option<u16>, v6: bool) {
        let outer = if v6 { OuterIp::V6 } else { OuterIp::V4 };
        for cipher in [Cipher::AesGcm, Cipher::ChaCha20Poly1305, Cipher::AesCbcSha1] {
            prop_assert!(data_mtu(link, outer, cipher) <= link);
        }
        prop_assert!(link_mtu(link, base, path, v6) <= link);
        prop_assert!(request_mtu(base_mtu_of_path(path), outer) >= 1280 - 130);
    }
}
