//! Both sides together: what a server writes is what a client reads, and what follows from it.

use std::time::Duration;

use ipnet::IpNet;
use reference_cstp::compress::Compression;
use reference_cstp::connect::{
    AddressTypes, AnyconnectOnly, ConnectReply, ConnectRequest, DtlsReply, Elided, Family, InnerAddress, NoDtls, Suite,
    negotiate,
};
use reference_cstp::profile::{ClientProfile, ServerProfile};
use reference_cstp::session::{MtuPlan, Rekey, RekeyMethod, RetrySchedule, Role, Timers};

use crate::{client, dtls_reply, full_request, least_reply, response, response_over_wire, server, text};

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// A reply with everything in it.
fn full_reply(suite: &Suite) -> ConnectReply {
    let rekey = Rekey { after: Duration::from_secs(86_400), method: RekeyMethod::Ssl };
    ConnectReply {
        hostname: Some("laptop".into()),
        addresses: vec![net("10.1.2.3/24").into(), net("2001:db8::5/64").into()],
        dns: vec!["10.0.0.2".parse().unwrap(), "2001:db8::53".parse().unwrap()],
        nbns: vec!["10.0.0.9".parse().unwrap()],
        default_domain: vec!["inside.example".into()],
        split_dns: vec!["b.example".into(), "a.example".into()],
        include: vec![net("10.0.0.0/8"), net("2001:db8:1::/48"), net("172.16.0.0/12")],
        exclude: vec![net("10.9.0.0/16")],
        tunnel_all_dns: Some(false),
        client_bypass: Some(true),
        proxy_pac: Some("http://inside.example/proxy.pac".into()),
        banner: Some("Welcome, \u{e4}\nuser".into()),
        base_mtu: Some(1500),
        cstp_mtu: Some(1390),
        dpd: secs(90),
        keepalive: secs(3600),
        idle_timeout: secs(1200),
        session_timeout: secs(7200),
        session_remaining: secs(7000),
        rekey: Some(rekey),
        content_encoding: Compression::Lzs,
        dtls: Some(DtlsReply {
            keepalive: secs(3600),
            rekey: Some(rekey),
            content_encoding: Compression::OcLz4,
            ..dtls_reply(suite)
        }),
        ..ConnectReply::default()
    }
}

fn everything(profile: &ClientProfile) -> ConnectRequest {
    let mut request = full_request(profile);
    request.user_agent = Some(profile.user_agent.clone());
    request.accept_encoding = vec![Compression::Lzs];
    request.dtls_accept_encoding = vec![Compression::OcLz4];
    request
}

fn over_wire(reply: &ConnectReply, profile: &ServerProfile, request: &ConnectRequest) -> ConnectReply {
    ConnectReply::parse(&response_over_wire(&reply.to_response(profile, request))).unwrap()
}

#[test]
fn ocserv_writes_its_headers_in_its_order() {
    let suite = Suite::named("PSK-NEGOTIATE", false).unwrap();
    let lines = text(&full_reply(suite).to_response(&server("ocserv"), &everything(&client("openconnect"))).to_bytes());
    let expected = [
        "HTTP/1.1 200 CONNECTED",
        "X-CSTP-Version: 1",
        "X-CSTP-Server-Name: ocserv 1.3.0",
        "X-CSTP-Hostname: laptop",
        "X-CSTP-DPD: 90",
        "X-CSTP-Default-Domain: inside.example",
        "X-CSTP-Address: 10.1.2.3",
        "X-CSTP-Netmask: 255.255.255.0",
        "X-CSTP-Address-IP6: 2001:db8::5/64",
        "X-CSTP-DNS: 10.0.0.2",
        "X-CSTP-DNS: 2001:db8::53",
        "X-CSTP-NBNS: 10.0.0.9",
        "X-CSTP-Split-DNS: b.example",
        "X-CSTP-Split-DNS: a.example",
        "X-CSTP-Split-Include: 10.0.0.0/255.0.0.0",
        "X-CSTP-Split-Include-IP6: 2001:db8:1::/48",
        "X-CSTP-Split-Include: 172.16.0.0/255.240.0.0",
        "X-CSTP-Tunnel-All-DNS: false",
        "X-CSTP-Client-Bypass-Protocol: true",
        "X-CSTP-Split-Exclude: 10.9.0.0/255.255.0.0",
        "X-CSTP-Keepalive: 3600",
        "X-CSTP-Idle-Timeout: 1200",
        "X-CSTP-Smartcard-Removal-Disconnect: true",
        "X-CSTP-Rekey-Time: 86400",
        "X-CSTP-Rekey-Method: ssl",
        "X-CSTP-MSIE-Proxy-Pac-URL: http://inside.example/proxy.pac",
        "X-CSTP-Session-Timeout: 7200",
        "X-CSTP-Session-Timeout-Remaining: 7000",
        "X-CSTP-Disconnected-Timeout: none",
        "X-CSTP-Keep: true",
        "X-CSTP-TCP-Keepalive: true",
        "X-CSTP-License: accept",
        "X-DTLS-DPD: 30",
        "X-DTLS-Port: 443",
        "X-DTLS-Rekey-Time: 86400",
        "X-DTLS-Rekey-Method: ssl",
        "X-DTLS-Keepalive: 3600",
        "X-DTLS-App-ID: cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "X-DTLS-CipherSuite: PSK-NEGOTIATE",
        "X-CSTP-Base-MTU: 1500",
        "X-CSTP-MTU: 1390",
        "X-CSTP-Banner: Welcome%2C%20%C3%A4%0Auser",
        "X-DTLS-Content-Encoding: oc-lz4",
        "X-CSTP-Content-Encoding: lzs",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn asa_says_none_where_nothing_is_set() {
    let lines = text(&least_reply().to_response(&server("asa"), &ConnectRequest::new("c")).to_bytes());
    let expected = [
        "HTTP/1.1 200 OK",
        "X-CSTP-Version: 1",
        "X-CSTP-Protocol: Copyright (c) 2004 Cisco Systems, Inc.",
        "X-CSTP-Address: 10.1.2.3",
        "X-CSTP-Netmask: 255.255.255.0",
        "X-CSTP-Session-Timeout: none",
        "X-CSTP-Session-Timeout-Remaining: none",
        "X-CSTP-Idle-Timeout: none",
        "X-CSTP-Disconnected-Timeout: none",
        "X-CSTP-Keep: true",
        "X-CSTP-Tunnel-All-DNS: false",
        "X-CSTP-Rekey-Method: none",
        "X-CSTP-DPD: 0",
        "X-CSTP-Keepalive: 0",
        "X-CSTP-MSIE-Proxy-Lockdown: false",
        "X-CSTP-Smartcard-Removal-Disconnect: true",
        "X-CSTP-MTU: 1390",
        "X-CSTP-Routing-Filtering-Ignore: false",
        "X-CSTP-Quarantine: false",
        "X-CSTP-Disable-Always-On-VPN: false",
        "X-CSTP-Client-Bypass-Protocol: false",
        "X-CSTP-TCP-Keepalive: false",
    ];
    assert_eq!(lines, expected);
}

/// AC-CON-08, AC-CON-10: every field arrives, for every pair of profiles and every suite that the pair can agree on.
#[test]
fn every_field_arrives_between_every_pair() {
    for (client_name, server_name) in
        ClientProfile::names().flat_map(|one| ServerProfile::names().map(move |other| (one, other)))
    {
        let (from, to) = (server(server_name), client(client_name));
        let request = everything(&to);
        for family in Family::ALL {
            let Some(suite) = negotiate(&request.dtls_ciphers, &request.dtls12_ciphers, true, &[*family]) else {
                continue;
            };
            let mut sent = full_reply(suite);
            let read = over_wire(&sent, &from, &request);
            // What the profiles say of themselves, and what ocserv keeps to itself.
            sent.server_name = from.server_name.clone();
            sent.anyconnect = AnyconnectOnly { ..read.anyconnect.clone() };
            if server_name == "ocserv" && *family == Family::Psk {
                sent.dtls.as_mut().unwrap().mtu = None;
            }
            assert_eq!(read, sent, "{client_name} {server_name} {family}");
            assert!(read.anyconnect.keep.is_some() && read.notes.is_empty());
            let plan = read.dtls_plan(&request).unwrap();
            assert_eq!((plan.suite, plan.port, plan.compression), (suite, 443, Compression::OcLz4));
        }
    }
}

/// AC-CON-09: families that were not asked for are absent, with their routes and resolvers.
#[test]
fn a_family_that_was_not_asked_for_is_absent() {
    let suite = Suite::named("PSK-NEGOTIATE", false).unwrap();
    for (types, is_ipv4) in
        [(AddressTypes { v4: true, v6: false }, true), (AddressTypes { v4: false, v6: true }, false)]
    {
        let mut request = everything(&client("openconnect"));
        request.address_types = types;
        let read = over_wire(&full_reply(suite), &server("ocserv"), &request);
        assert!(read.addresses.len() == 1 && read.addresses[0].addr.is_ipv4() == is_ipv4);
        assert!(read.dns.len() == 1 && read.dns[0].is_ipv4() == is_ipv4);
        assert!(!read.include.is_empty() && read.include.iter().all(|net| net.addr().is_ipv4() == is_ipv4));
    }
}

/// Without the capability the address comes in the old spelling, and nothing else of IPv6.
#[test]
fn a_client_without_full_ipv6_gets_the_address_in_the_old_spelling() {
    let mut request = everything(&client("openconnect"));
    request.full_ipv6 = false;
    let response = full_reply(Suite::named("PSK-NEGOTIATE", false).unwrap()).to_response(&server("ocserv"), &request);
    assert_eq!(response.headers.get("X-CSTP-Address-IP6"), None);
    assert_eq!(response.headers.get_all("X-CSTP-Address").collect::<Vec<_>>(), ["10.1.2.3", "2001:db8::5"]);
    assert_eq!(response.headers.get_all("X-CSTP-Netmask").collect::<Vec<_>>(), ["255.255.255.0", "2001:db8::5/64"]);
    let read = ConnectReply::parse(&response).unwrap();
    assert_eq!(read.addresses[1], InnerAddress::from(net("2001:db8::5/64")));
    assert!(read.dns.iter().all(|dns| dns.is_ipv4()) && read.include.iter().all(|net| net.addr().is_ipv4()));
}

/// AC-MTU-09: below 1280 bytes there is no IPv6, and IPv4 is whole.
#[test]
fn small_packets_carry_no_ipv6() {
    let request = everything(&client("openconnect"));
    let mut reply =
        ConnectReply { cstp_mtu: Some(1200), dtls: None, ..full_reply(Suite::named("PSK-NEGOTIATE", false).unwrap()) };
    let read = over_wire(&reply, &server("ocserv"), &request);
    assert_eq!((read.addresses.len(), read.dns.len(), read.include.len()), (1, 1, 2));
    reply.cstp_mtu = Some(1280);
    assert_eq!(over_wire(&reply, &server("ocserv"), &request).addresses.len(), 2);
    assert_eq!(reply.addresses_for(1279).count(), 1);
}

/// The resolvers' header depends on who asks.
#[test]
fn ipv6_resolvers_have_a_header_of_their_own_for_some() {
    let suite = Suite::named("AES256-SHA", false).unwrap();
    for (server_name, client_name, own) in
        [("ocserv", "openconnect", false), ("ocserv", "anyconnect-desktop", true), ("asa", "openconnect", true)]
    {
        let response = full_reply(suite).to_response(&server(server_name), &everything(&client(client_name)));
        assert_eq!(response.headers.get("X-CSTP-DNS-IP6").is_some(), own, "{server_name} {client_name}");
    }
}

/// AC-CON-14, AC-CON-21, AC-RKY-07.
#[test]
fn what_newer_clients_choke_on_is_not_sent() {
    let mut reply = ConnectReply { lease_duration: secs(1_209_600), ..least_reply() };
    reply.rekey = Some(Rekey { after: Duration::from_secs(u64::MAX), method: RekeyMethod::NewTunnel });
    let response = reply.to_response(&server("ocserv"), &ConnectRequest::new("c"));
    assert_eq!(response.headers.get("X-CSTP-Lease-Duration"), None);
    assert_eq!(response.headers.get("X-CSTP-Rekey-Time"), Some("2147483647"));
    reply.rekey = None;
    for name in ServerProfile::names() {
        let response = reply.to_response(&server(name), &ConnectRequest::new("c"));
        assert_eq!(
            (response.headers.get("X-CSTP-Rekey-Method"), response.headers.get("X-CSTP-Rekey-Time")),
            (Some("none"), None)
        );
    }
}

/// AC-CMP-01, AC-CON-22: an encoding needs both sides, each channel for itself.
#[test]
fn encodings_need_both_sides() {
    let suite = Suite::named("PSK-NEGOTIATE", false).unwrap();
    let mut request = everything(&client("openconnect"));
    request.accept_encoding = vec![Compression::OcLz4];
    let read = over_wire(&full_reply(suite), &server("ocserv"), &request);
    assert_eq!(read.content_encoding, Compression::None);
    assert_eq!(read.dtls.unwrap().content_encoding, Compression::OcLz4);
    let read = over_wire(&least_reply(), &server("ocserv"), &everything(&client("openconnect")));
    assert_eq!(read.content_encoding, Compression::None);
}

/// AC-DTLS-32: no offer, no headers.
#[test]
fn a_client_that_offers_no_dtls_hears_nothing_of_it() {
    let reply = full_reply(Suite::named("PSK-NEGOTIATE", false).unwrap());
    for name in ServerProfile::names() {
        let response = reply.to_response(&server(name), &ConnectRequest::new("c"));
        assert!(!response.headers.iter().any(|(name, _)| name.starts_with("X-DTLS")));
    }
}

/// AC-DTLS-11, AC-DTLS-12, AC-DTLS-30, AC-DTLS-31: what the client makes of the headers; none of it is an error of the reply.
#[test]
fn the_client_uses_only_what_it_offered() {
    let request = full_request(&client("openconnect"));
    let id = "ab".repeat(32);
    let read = |headers: &[(&str, &str)]| {
        let least = [("X-CSTP-Address", "10.1.2.3"), ("X-CSTP-MTU", "1390")];
        ConnectReply::parse(&response(&[&least[..], headers].concat())).unwrap().dtls_plan(&request)
    };
    let suite = |headers: &[(&str, &str)]| read(headers).map(|plan| (plan.suite.family, plan.suite.code, plan.port));
    let port = ("X-DTLS-Port", "4433");
    let session = ("X-DTLS-Session-ID", id.as_str());
    assert_eq!(suite(&[session, port, ("X-DTLS-CipherSuite", "AES256-SHA")]), Ok((Family::Legacy, Some(0x35), 4433)));
    assert_eq!(
        suite(&[session, port, ("X-DTLS12-CipherSuite", "AES256-GCM-SHA384")]),
        Ok((Family::Cisco12, Some(0x9d), 4433))
    );
    assert_eq!(
        suite(&[session, port, ("X-DTLS-CipherSuite", "OC-DTLS1_2-AES128-GCM")]),
        Ok((Family::Openconnect12, Some(0x9c), 4433))
    );
    assert_eq!(
        suite(&[("X-DTLS-App-ID", "0a"), port, ("X-DTLS-CipherSuite", "PSK-NEGOTIATE")]),
        Ok((Family::Psk, None, 4433))
    );
    let plan = read(&[("X-DTLS-App-ID", "0a0b"), port, ("X-DTLS-CipherSuite", "PSK-NEGOTIATE")]).unwrap();
    assert_eq!(plan.session_id, [10, 11]);

    let unoffered = "ECDHE-ECDSA-AES256-GCM-SHA384";
    let refused = |name: &str| Err(NoDtls::SuiteNotOffered(name.into()));
    assert_eq!(suite(&[session, port, ("X-DTLS12-CipherSuite", unoffered)]), refused(unoffered));
    assert_eq!(suite(&[session, port, ("X-DTLS12-CipherSuite", "AES256-SHA")]), refused("AES256-SHA"));
    assert_eq!(suite(&[session, port, ("X-DTLS-CipherSuite", "DES-CBC3-SHA")]), refused("DES-CBC3-SHA"));
    assert_eq!(suite(&[]), Err(NoDtls::NotOffered));
    assert_eq!(suite(&[session, port]), Err(NoDtls::NoSuite));
    assert_eq!(suite(&[port, ("X-DTLS-CipherSuite", "AES256-SHA")]), Err(NoDtls::NoSessionId));
    assert_eq!(suite(&[("X-DTLS-App-ID", "0a"), port, ("X-DTLS-CipherSuite", "AES256-SHA")]), Err(NoDtls::NoSessionId));
    assert_eq!(suite(&[session, ("X-DTLS-Port", "0"), ("X-DTLS-CipherSuite", "AES256-SHA")]), Err(NoDtls::NoPort));
    let least = response(&[("X-CSTP-Address", "10.1.2.3"), ("X-CSTP-MTU", "1390")]);
    let reply = ConnectReply::parse(&least).unwrap();
    assert_eq!(reply.dtls_plan(&ConnectRequest::new("c")), Err(NoDtls::NotAsked));
}

/// AC-MTU-01: OpenConnect takes the larger size, AnyConnect that of DTLS and then that of TLS.
#[test]
fn each_client_has_its_rule_for_the_size() {
    let sized = |cstp: Option<u16>, dtls: Option<u16>| ConnectReply {
        cstp_mtu: cstp,
        dtls: Some(DtlsReply { mtu: dtls, ..DtlsReply::default() }),
        ..least_reply()
    };
    let plan = |name: &str, cstp, dtls, with_dtls| sized(cstp, dtls).mtu_plan(&client(name), with_dtls);
    let of = |tls, dtls, probe| MtuPlan { tls, dtls, probe, floor: 576 };
    assert_eq!(plan("openconnect", Some(1367), Some(1390), true), of(1390, None, true));
    assert_eq!(plan("openconnect", Some(1400), Some(1390), true), of(1400, None, true));
    assert_eq!(plan("openconnect", None, Some(1390), false), of(1390, None, false));
    assert_eq!(plan("anyconnect-desktop", Some(1367), Some(1390), true), of(1367, Some(1390), false));
    assert_eq!(plan("anyconnect-desktop", Some(1367), Some(1390), false), of(1367, None, false));
    assert_eq!(plan("anyconnect-desktop", None, Some(1390), true), of(1390, Some(1390), false));
    let reply = full_reply(Suite::named("PSK-NEGOTIATE", false).unwrap());
    assert_eq!(reply.mtu_plan(&client("openconnect"), true).floor, 1280, "with IPv6 inside");
}

#[test]
fn both_sides_make_their_session_from_the_reply() {
    let reply = full_reply(Suite::named("PSK-NEGOTIATE", false).unwrap());
    let config = reply.client_session(&client("openconnect"), true);
    assert_eq!(config.role, Role::Client);
    assert_eq!(
        (config.tls, config.dtls),
        (Timers { dpd: secs(90), keepalive: secs(3600) }, Timers { dpd: secs(30), keepalive: secs(3600) })
    );
    assert_eq!(config.dtls_policy.map(|policy| policy.schedule), Some(RetrySchedule::openconnect()));
    assert_eq!((config.rekey, config.dtls_rekey), (reply.rekey, reply.rekey));
    assert_eq!((config.idle_timeout, config.session_timeout), (None, None));
    let config = reply.client_session(&client("anyconnect-desktop"), true);
    assert_eq!(config.dtls_policy.map(|policy| policy.schedule), Some(RetrySchedule::anyconnect()));
    let config = reply.client_session(&client("openconnect"), false);
    assert_eq!((config.dtls_policy, config.dtls, config.mtu.probe), (None, Timers::default(), false));

    let config = reply.server_session();
    assert_eq!(config.role, Role::Server);
    assert_eq!(
        (config.tls, config.dtls),
        (Timers { dpd: secs(90), keepalive: None }, Timers { dpd: secs(30), keepalive: None })
    );
    assert_eq!((config.idle_timeout, config.session_timeout), (secs(1200), secs(7000)));
    assert_eq!(config.mtu, MtuPlan { tls: 1390, dtls: Some(1400), probe: true, floor: 1280 });
}

/// AC-CON-17 on the way out: a value cannot start another header.
#[test]
fn no_value_starts_another_header() {
    let reply = ConnectReply {
        post_auth_xml: Some(Elided("<a>\r\nX-CSTP-Split-Include: 0.0.0.0/0\r\n\r\n</a>".into())),
        default_domain: vec!["x\r\nX-CSTP-DNS: 6.6.6.6".into()],
        unknown: vec![("X-Odd\r\nX-CSTP-NBNS".into(), "6.6.6.6".into())],
        ..least_reply()
    };
    let read = over_wire(&reply, &server("asa"), &ConnectRequest::new("c"));
    assert!(read.include.is_empty() && read.dns.is_empty() && read.nbns.is_empty());
}
