//! The client's reading of replies (AC-CON-06, AC-CON-07, AC-CON-10 to AC-CON-13, AC-CON-18, AC-DTLS-13, AC-MTU-11).

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use reference_cstp::compress::Compression;
use reference_cstp::connect::{ConnectError, ConnectReply, InnerAddress};
use reference_cstp::http::Response;
use reference_cstp::session::{Rekey, RekeyMethod};

use crate::{response, response_over_wire};

const LEAST: [(&str, &str); 2] = [("X-CSTP-Address", "10.1.2.3"), ("X-CSTP-MTU", "1390")];

/// Reads the least reply with some headers more.
fn read(more: &[(&str, &str)]) -> ConnectReply {
    tried(more).unwrap()
}

fn tried(more: &[(&str, &str)]) -> Result<ConnectReply, ConnectError> {
    ConnectReply::parse(&response(&[&LEAST[..], more].concat()))
}

fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn nets(list: &[&str]) -> Vec<IpNet> {
    list.iter().map(|net| net.parse().unwrap()).collect()
}

fn inner(list: &[&str]) -> Vec<InnerAddress> {
    nets(list).into_iter().map(InnerAddress::from).collect()
}

/// AC-CON-10: nothing of a repeated header is lost, and the order stays.
#[test]
fn repeated_headers_are_all_kept_in_order() {
    let reply = read(&[
        ("X-CSTP-DNS", "10.0.0.2"),
        ("X-CSTP-DNS-IP6", "2001:db8::53"),
        ("X-CSTP-DNS", "10.0.0.1"),
        ("X-CSTP-DNS", "10.0.0.3"),
        ("X-CSTP-DNS", "10.0.0.4"),
        ("X-CSTP-NBNS", "10.0.0.9"),
        ("X-CSTP-Split-DNS", "b.example"),
        ("X-CSTP-Split-DNS", "a.example, c.example"),
        ("X-CSTP-Default-Domain", "inside.example other.example"),
        ("X-CSTP-Split-Include", "10.0.0.0/255.0.0.0"),
        ("X-CSTP-Split-Include-IP6", "2001:db8:1::/48"),
        ("X-CSTP-Split-Include", "172.16.0.0/12"),
        ("X-CSTP-Split-Include", "192.0.2.1"),
        ("X-CSTP-Split-Exclude", "10.9.0.0/16"),
        ("X-CSTP-Split-Exclude-IP6", "2001:db8:1:2::/64"),
    ]);
    assert_eq!(reply.dns, ips(&["10.0.0.2", "2001:db8::53", "10.0.0.1", "10.0.0.3", "10.0.0.4"]));
    assert_eq!(reply.nbns, ips(&["10.0.0.9"]));
    assert_eq!(reply.split_dns, ["b.example", "a.example", "c.example"]);
    assert_eq!(reply.default_domain, ["inside.example", "other.example"]);
    assert_eq!(reply.include, nets(&["10.0.0.0/8", "2001:db8:1::/48", "172.16.0.0/12", "192.0.2.1/32"]));
    assert_eq!(reply.exclude, nets(&["10.9.0.0/16", "2001:db8:1:2::/64"]));
    assert!(reply.notes.is_empty());
}

/// Bits of a host are cleared; what is no network is left out; both are noted, and the rest stays.
#[test]
fn odd_routes_are_mended_or_skipped() {
    let reply = read(&[
        ("X-CSTP-Split-Include", "10.1.2.3/8"),
        ("X-CSTP-Split-Include", "10.0.0.0/255.0.255.0"),
        ("X-CSTP-Split-Include", "nonsense"),
        ("X-CSTP-Split-Include", "10.0.0.0/33"),
        ("X-CSTP-Split-Include", "192.0.2.0/24"),
        ("X-CSTP-DNS", "resolver.example"),
    ]);
    assert_eq!(reply.include, nets(&["10.0.0.0/8", "192.0.2.0/24"]));
    assert_eq!((reply.dns.len(), reply.notes.len()), (0, 5));
}

/// Both spellings of IPv6, alone and together, and the masks of IPv4.
#[test]
fn addresses_come_in_several_spellings() {
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let table: &[Row<'_>] = &[
        (&[], &["10.1.2.3/32"]),
        (&[("X-CSTP-Netmask", "255.255.255.0")], &["10.1.2.3/24"]),
        (&[("X-CSTP-Netmask", "255.0.255.0")], &["10.1.2.3/32"]),
        (&[("X-CSTP-Address-IP6", "2001:db8::5/64")], &["10.1.2.3/32", "2001:db8::5/64"]),
        (&[("X-CSTP-Address", "2001:db8::5"), ("X-CSTP-Netmask", "2001:db8::/48")], &["10.1.2.3/32", "2001:db8::5/48"]),
        (&[("X-CSTP-Address", "2001:db8::5")], &["10.1.2.3/32", "2001:db8::5/128"]),
        (
            &[("X-CSTP-Address", "2001:db8::5"), ("X-CSTP-Address-IP6", "2001:db8::5/127")],
            &["10.1.2.3/32", "2001:db8::5/127"],
        ),
        (
            &[("X-CSTP-Netmask", "255.255.255.0"), ("X-CSTP-Address", "10.9.9.9"), ("X-CSTP-Netmask", "255.255.0.0")],
            &["10.1.2.3/24", "10.9.9.9/16"],
        ),
    ];
    for (headers, expected) in table {
        assert_eq!(read(headers).addresses, inner(expected), "{headers:?}");
    }
}

/// AC-CON-12.
#[test]
fn none_and_zero_switch_a_time_off() {
    for (value, time) in [("none", None), ("0", None), ("45", Some(Duration::from_secs(45))), ("soon", None)] {
        let names = ["DPD", "Keepalive", "Idle-Timeout", "Session-Timeout", "Lease-Duration", "Disconnected-Timeout"];
        let headers: Vec<_> = names.map(|name| (format!("X-CSTP-{name}"), value)).into();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let reply = read(&headers);
        let times = [reply.dpd, reply.keepalive, reply.idle_timeout, reply.session_timeout, reply.lease_duration];
        assert_eq!((times, reply.disconnected_timeout), ([time; 5], time), "{value}");
    }
}

/// AC-CON-13.
#[test]
fn the_session_ends_with_the_least_of_its_times() {
    let headers = [
        ("X-CSTP-Session-Timeout", "900"),
        ("X-CSTP-Session-Timeout-Remaining", "300"),
        ("X-CSTP-Lease-Duration", "600"),
    ];
    assert_eq!(read(&headers).ends_after(), Some(Duration::from_secs(300)));
    assert_eq!(read(&headers[..1]).ends_after(), Some(Duration::from_secs(900)));
    assert_eq!(read(&[("X-CSTP-Lease-Duration", "none")]).ends_after(), None);
}

#[test]
fn keys_are_renewed_only_with_time_and_method() {
    let rekey = |time: &str, method: &str| read(&[("X-CSTP-Rekey-Time", time), ("X-CSTP-Rekey-Method", method)]).rekey;
    let after = Duration::from_secs(3600);
    assert_eq!(rekey("3600", "ssl"), Some(Rekey { after, method: RekeyMethod::Ssl }));
    assert_eq!(rekey("3600", "new-tunnel"), Some(Rekey { after, method: RekeyMethod::NewTunnel }));
    assert_eq!((rekey("3600", "none"), rekey("0", "ssl"), rekey("3600", "magic")), (None, None, None));
}

/// AC-CON-11: fifty headers that nobody knows; names in another case are known.
#[test]
fn unknown_headers_are_kept_and_change_nothing() {
    let names: Vec<String> = (0..50).map(|at| format!("X-CSTP-Future-{at}")).collect();
    let mut headers: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    headers.extend([("Server", "x"), ("x-cstp-dpd", "30"), ("X-Cstp-Mtu", "1400"), ("X-DTLS-Future", "2")]);
    let reply = read(&headers);
    assert_eq!(reply.unknown.len(), 51);
    assert_eq!(reply.unknown[0], ("X-CSTP-Future-0".into(), "1".into()));
    assert_eq!((reply.dpd, reply.cstp_mtu, reply.dtls), (Some(Duration::from_secs(30)), Some(1400), None));
}

/// AC-CON-18: a thousand routes and a banner of 12 kB, through the reader of HTTP.
#[test]
fn long_replies_do_not_break() {
    let routes: Vec<String> = (0..1500).map(|at| format!("10.{}.{}.0/255.255.255.0", at / 256, at % 256)).collect();
    let banner = "%41".repeat(4000);
    let mut headers = LEAST.to_vec();
    headers.extend(routes.iter().map(|route| ("X-CSTP-Split-Include", route.as_str())));
    headers.push(("X-CSTP-Banner", &banner));
    let response = response(&headers);
    assert!(response.to_bytes().len() > 64 * 1024);
    let mut reader = reference_cstp::http::ResponseReader::new(reference_cstp::http::Limits {
        head: 256 * 1024,
        ..reference_cstp::http::Limits::default()
    });
    reader.expect(reference_cstp::http::Expect::ConnectReply);
    reader.push(&response.to_bytes());
    let reply = ConnectReply::parse(&reader.next().unwrap().unwrap()).unwrap();
    assert_eq!((reply.include.len(), reply.banner.map(|banner| banner.len())), (1500, Some(4000)));
}

#[test]
fn a_banner_is_decoded() {
    let reply = read(&[("X-CSTP-Banner", "Welcome%20%C3%A4%0A100%")]);
    assert_eq!(reply.banner.as_deref(), Some("Welcome \u{e4}\n100%"));
}

/// AC-MTU-11, and sizes that no packet has.
#[test]
fn a_reply_without_a_size_is_an_error() {
    let address = ("X-CSTP-Address", "10.1.2.3");
    for headers in [&[address][..], &[address, ("X-CSTP-MTU", "0")], &[address, ("X-CSTP-MTU", "99999")]] {
        assert_eq!(ConnectReply::parse(&response(headers)), Err(ConnectError::NoMtu));
    }
    let reply = ConnectReply::parse(&response(&[address, ("X-DTLS-MTU", "1380")])).unwrap();
    assert_eq!(reply.largest_mtu(), Some(1380));
    assert_eq!(ConnectReply::parse(&response(&[("X-CSTP-MTU", "1400")])), Err(ConnectError::NoAddress));
}

/// AC-DTLS-13.
#[test]
fn ids_that_are_no_ids_are_errors() {
    let good = "ab".repeat(32);
    assert_eq!(read(&[("X-DTLS-Session-ID", &good)]).dtls.unwrap().session_id, Some([0xab; 32]));
    for bad in ["", "ab", &good[2..], &format!("{good}ab"), &"g".repeat(64), &"\u{e4}".repeat(64)] {
        let length = bad.chars().count();
        assert_eq!(tried(&[("X-DTLS-Session-ID", bad)]), Err(ConnectError::SessionId(length)), "{bad}");
    }
    assert_eq!(read(&[("X-DTLS-App-ID", "0102")]).dtls.unwrap().app_id, Some(vec![1, 2]));
    for bad in ["", "1", "xy", &"ab".repeat(33)] {
        assert_eq!(tried(&[("X-DTLS-App-ID", bad)]), Err(ConnectError::AppId(bad.len())), "{bad}");
    }
}

#[test]
fn encodings_that_nobody_knows_are_errors() {
    assert_eq!(read(&[("X-CSTP-Content-Encoding", "lzs")]).content_encoding, Compression::Lzs);
    assert_eq!(tried(&[("X-CSTP-Content-Encoding", "deflate")]), Err(ConnectError::Encoding("deflate".into())));
    assert_eq!(tried(&[("X-DTLS-Content-Encoding", "brotli")]), Err(ConnectError::Encoding("brotli".into())));
}

/// AC-CON-06, AC-CON-07.
#[test]
fn each_refusal_says_why() {
    let status = |status: u16, headers: &[(&str, &str)]| {
        let mut response = Response::new(status, "Because");
        for (name, value) in headers {
            response.headers.push(name, value);
        }
        response.headers.push("Content-Length", "0");
        ConnectReply::parse(&response_over_wire(&response))
    };
    assert_eq!(status(401, &[]), Err(ConnectError::CookieRefused));
    assert_eq!(
        status(503, &[("X-Reason", "no address left")]),
        Err(ConnectError::Unavailable { reason: "no address left".into() })
    );
    assert_eq!(status(503, &[]), Err(ConnectError::Unavailable { reason: "Because".into() }));
    assert_eq!(status(302, &LEAST), Err(ConnectError::Refused { status: 302, reason: "Because".into() }));
}

/// AC-CON-17.
#[test]
fn the_xml_behind_the_login_is_kept_and_never_shown() {
    let reply = read(&[("X-CSTP-Post-Auth-XML", "<session-token>s3cret</session-token>")]);
    assert!(reply.post_auth_xml.as_ref().is_some_and(|xml| xml.0.contains("s3cret")));
    assert!(!format!("{reply:?}").contains("s3cret"));
}
