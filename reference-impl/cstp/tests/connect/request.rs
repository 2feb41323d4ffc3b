//! The request: exact headers of each profile, and the server's reading (AC-CON-01 to AC-CON-05, AC-CON-19, AC-CON-22, AC-MTU-02).

use reference_cstp::compress::Compression;
use reference_cstp::connect::{AddressTypes, ConnectError, ConnectRequest};
use reference_cstp::http::Request;
use reference_cstp::profile::ClientProfile;

use crate::{client, full_request, request_over_wire, text};

const SECRET: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F";

fn read(headers: &[(&str, &str)]) -> ConnectRequest {
    let mut request = Request::new("CONNECT", "/CSCOSSLC/tunnel");
    request.headers.push("Cookie", "webvpn=c");
    for (name, value) in headers {
        request.headers.push(name, value);
    }
    ConnectRequest::parse(&request).unwrap()
}

/// AC-CON-01, AC-CON-02, AC-DTLS-01: name by name as OpenConnect sends it.
#[test]
fn openconnect_sends_its_headers_in_its_order() {
    let profile = client("openconnect");
    let mut request = full_request(&profile);
    request.accept_encoding = vec![Compression::OcLz4, Compression::Lzs];
    request.dtls_accept_encoding = vec![Compression::OcLz4];
    request.wishes = vec!["10.1.2.3".parse().unwrap(), "2001:db8::5".parse().unwrap()];
    let expected = [
        "CONNECT /CSCOSSLC/tunnel HTTP/1.1",
        "Host: vpn.example:8443",
        "User-Agent: Open AnyConnect VPN Agent v9.12",
        "Cookie: webvpn=c00kie+/=",
        "X-CSTP-Version: 1",
        "X-CSTP-Hostname: laptop",
        "X-CSTP-Accept-Encoding: oc-lz4,lzs",
        "X-CSTP-Base-MTU: 1500",
        "X-CSTP-MTU: 1390",
        "X-CSTP-Address-Type: IPv6,IPv4",
        "X-CSTP-Address: 10.1.2.3",
        "X-CSTP-Address: 2001:db8::5",
        "X-CSTP-Full-IPv6-Capability: true",
        &format!("X-DTLS-Master-Secret: {SECRET}"),
        "X-DTLS-CipherSuite: PSK-NEGOTIATE:OC-DTLS1_2-AES256-GCM:OC-DTLS1_2-AES128-GCM:DHE-RSA-AES256-SHA:DHE-RSA-AES128-SHA:AES256-SHA:AES128-SHA",
        "X-DTLS12-CipherSuite: ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-GCM-SHA256",
        "X-DTLS-Accept-Encoding: oc-lz4",
    ];
    assert_eq!(text(&request.to_request(&profile, "vpn.example:8443").to_bytes()), expected);
}

#[test]
fn a_phone_says_what_it_is() {
    let profile = client("anyconnect-ios");
    let mut request = full_request(&profile);
    request.local = Some("192.0.2.7".parse().unwrap());
    request.remote = Some("2001:db8::1".parse().unwrap());
    let lines = text(&request.to_request(&profile, "h").to_bytes());
    let place =
        |line: &str| lines.iter().position(|found| found == line).unwrap_or_else(|| panic!("{line} in {lines:#?}"));
    let order = [
        place("X-AnyConnect-Identifier-Platform: apple-ios"),
        place("X-AnyConnect-Identifier-DeviceType: iPhone12,1"),
        place("X-CSTP-MTU: 1390"),
        place("X-CSTP-Local-Address-IP4: 192.0.2.7"),
        place("X-CSTP-Remote-Address-IP6: 2001:db8::1"),
        place("X-CSTP-License: mobile"),
        place(&format!("X-DTLS-Master-Secret: {SECRET}")),
        place("X-DTLS-Header-Pad-Length: 0"),
        place("X-CSTP-Protocol: Copyright (c) 2004 Cisco Systems, Inc."),
    ];
    assert!(order.is_sorted(), "{lines:#?}");
    let read = ConnectRequest::parse(&request.to_request(&profile, "h")).unwrap();
    assert!(read.is_mobile() && read.mobile["X-AnyConnect-Identifier-PlatformVersion"] == "15.4");
}

/// AC-KA-06: what makes a client a mobile one.
#[test]
fn mobile_clients_are_told_by_their_headers() {
    for name in ClientProfile::names() {
        let profile = client(name);
        let read = ConnectRequest::parse(&full_request(&profile).to_request(&profile, "h")).unwrap();
        assert_eq!(read.is_mobile(), name.ends_with("ios") || name.ends_with("android"), "{name}");
        assert_eq!(
            read.is_anyconnect(),
            name.contains("desktop") || name.contains("ios") || name.contains("android"),
            "{name}"
        );
    }
    assert!(read(&[("X-CSTP-License", "mobile")]).is_mobile());
    assert!(!read(&[("User-Agent", "AnyConnect-compatible OpenConnect VPN Agent v9.21")]).is_anyconnect());
}

/// What was written is read back, whatever the profile; the order of the wishes stays.
#[test]
fn every_profile_is_read_back() {
    for name in ClientProfile::names() {
        let profile = client(name);
        let mut request = full_request(&profile);
        request.accept_encoding = vec![Compression::Lzs];
        request.dtls_accept_encoding = vec![Compression::Lzs, Compression::OcLz4];
        request.wishes = vec!["10.1.2.3".parse().unwrap()];
        let read = ConnectRequest::parse(&request_over_wire(&request.to_request(&profile, "h"))).unwrap();
        request.user_agent = Some(profile.user_agent.clone());
        request.mobile = read.mobile.clone();
        assert_eq!(read, request, "{name}");
    }
}

#[test]
fn without_dtls_no_header_of_it_is_sent() {
    for name in ClientProfile::names() {
        let lines = text(&ConnectRequest::new("c").to_request(&client(name), "h").to_bytes());
        let dtls: Vec<_> =
            lines.iter().filter(|line| line.starts_with("X-DTLS") && !line.contains("Pad-Length")).collect();
        assert!(dtls.is_empty(), "{name}: {dtls:?}");
    }
}

/// AC-CON-03: everything but the cookie is optional; without a type both families are meant.
#[test]
fn the_least_request_is_accepted() {
    let read = read(&[]);
    assert_eq!((read.address_types, read.full_ipv6, read.base_mtu), (AddressTypes::BOTH, false, None));
    assert!(!read.offers_dtls() && !read.is_mobile());
}

/// AC-CON-04, AC-CON-05.
#[test]
fn target_method_and_cookie_are_judged() {
    let parse = |method: &str, target: &str, cookie: &str| {
        let mut request = Request::new(method, target);
        request.headers.push("cookie", cookie);
        ConnectRequest::parse(&request).map(|read| read.cookie)
    };
    assert_eq!(parse("CONNECT", "/CSCOSSLC/tunnel", "webvpn=x"), Ok("x".into()));
    assert_eq!(parse("CONNECT", "CSCOSSLC/tunnel", "a=b; webvpn=x; c=d"), Ok("x".into()));
    assert_eq!(parse("CONNECT", "/CSCOSSLC/tunnel", "webvpncontext=x"), Err(ConnectError::NoCookie));
    assert_eq!(parse("CONNECT", "/other", "webvpn=x"), Err(ConnectError::Target("/other".into())));
    assert_eq!(parse("POST", "/CSCOSSLC/tunnel", "webvpn=x"), Err(ConnectError::Method("POST".into())));
    let long = format!("webvpn={}", "x".repeat(5000));
    assert_eq!(parse("CONNECT", "/CSCOSSLC/tunnel", &long), Err(ConnectError::NoCookie));
}

/// AC-CON-05: the answers, each with the end of the connection.
#[test]
fn a_refusal_has_its_status() {
    let reason = "license used up".to_owned();
    for (error, status) in [
        (ConnectError::NoCookie, 401),
        (ConnectError::CookieRefused, 401),
        (ConnectError::Unavailable { reason }, 503),
        (ConnectError::Target("/".into()), 404),
        (ConnectError::Method("GET".into()), 405),
    ] {
        let response = error.to_response();
        assert_eq!((response.status, response.closes()), (status, true));
        assert_eq!(response.headers.get("X-Reason"), (status == 503).then_some("license used up"));
    }
}

/// AC-MTU-02.
#[test]
fn senseless_sizes_are_ignored() {
    for value in ["0", "1", "500", "65535", "-1", "", "x", "799", "99999999999999999999"] {
        let read = read(&[("X-CSTP-Base-MTU", value)]);
        assert_eq!((read.base_mtu, read.notes.is_empty()), (None, false), "{value}");
    }
    assert_eq!(read(&[("X-CSTP-Base-MTU", "1280")]).base_mtu, Some(1280));
}

/// AC-CON-19, AC-CON-22: host names lose their domain, lists may have blanks, unknown words go.
#[test]
fn names_and_lists_are_read_leniently() {
    let read = read(&[
        ("x-cstp-hostname", "mac.local"),
        ("X-Cstp-Accept-Encoding", "lzs, oc-lz4 ,deflate"),
        ("X-DTLS-Accept-Encoding", "LZS"),
        ("X-CSTP-Address-Type", "IPv4"),
        ("X-DTLS-CipherSuite", "A: :B"),
        ("X-DTLS-Master-Secret", "00"),
        ("X-CSTP-Address", "10.1.2.3"),
        ("X-CSTP-Address", "elsewhere"),
    ]);
    assert_eq!(read.hostname.as_deref(), Some("mac"));
    assert_eq!(read.accept_encoding, [Compression::Lzs, Compression::OcLz4]);
    assert_eq!(read.dtls_accept_encoding, [Compression::Lzs]);
    assert_eq!(read.address_types, AddressTypes { v4: true, v6: false });
    assert_eq!(read.dtls_ciphers, ["A", "B"]);
    assert_eq!((read.master_secret, read.wishes.len(), read.notes.len()), (None, 1, 2));
    assert_eq!(crate::request::read(&[("X-CSTP-Hostname", "<script>")]).hostname, None);
}

#[test]
fn secrets_are_not_shown() {
    let request = full_request(&client("openconnect"));
    let shown = format!("{request:?}");
    assert!(
        !shown.contains("c00kie") && !shown.contains("17, 18") && shown.contains("has_master_secret: true"),
        "{shown}"
    );
}
