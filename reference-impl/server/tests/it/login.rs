//! From the login to the tunnel and back, against the program itself.

use std::{fs, os::unix::fs::PermissionsExt, time::SystemTime};

use crate::common::{
    client::Client,
    server::{Ground, Parts},
};
use reference_cstp::frame::{Disconnect, PacketType, reason};

fn text(response: &reference_cstp::http::Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

#[test]
fn a_password_leads_to_a_tunnel_and_a_disconnect_ends_it() {
    let ground = Ground::new();
    let server = ground.start(&Parts { more: "session: {dpd: 33}\nbanner: Be nice\n", ..Parts::default() });
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    let complete = client.log_in("alice", "secret");
    assert_eq!(complete.status, 200);
    assert!(text(&complete).contains("Be nice"), "{}", text(&complete));
    server.line("login: user alice (group none)");
    let cookie = client.cookie("webvpn").unwrap();

    let reply = client.tunnel(&[("X-CSTP-Full-IPv6-Capability", "true"), ("X-CSTP-Base-MTU", "1400")]);
    assert_eq!((reply.status, reply.reason.as_str()), (200, "CONNECTED"));
    for (name, value) in [
        ("X-CSTP-Address", "10.9.0.2"),
        ("X-CSTP-Netmask", "255.255.255.0"),
        ("X-CSTP-Address-IP6", "fd00:9::2/64"),
        ("X-CSTP-DNS", "10.9.0.1"),
        ("X-CSTP-Base-MTU", "1400"),
        ("X-CSTP-DPD", "33"),
    ] {
        assert_eq!(reply.headers.get(name), Some(value), "{name}");
    }
    assert_eq!(reply.headers.get("X-DTLS-Port"), None, "AC-DTLS-32");
    assert!(reply.headers.get("X-CSTP-Content-Encoding").is_none(), "AC-CMP-01");
    server.line("connected: alice 10.9.0.2 fd00:9::2 dtls=none");

    client.frame(PacketType::DpdRequest, b"1234");
    assert_eq!(client.next_frame(), Some((PacketType::DpdResponse, b"1234".to_vec())));
    let status = server.status();
    assert_eq!(status["sessions"][0]["user"], "alice");
    assert_eq!(status["sessions"][0]["address4"], "10.9.0.2");
    assert_eq!(status["sessions"][0]["state"], "connected");

    let bye = Disconnect { reason: Some(reason::USER), text: "bye".to_owned() };
    client.frame(PacketType::Disconnect, &bye.to_payload());
    server.line("disconnected: alice reason=client 0xb0 (bye)");
    assert_eq!(server.status()["sessions"].as_array().unwrap().len(), 0, "AC-CSTP-06");
    let mut again = Client::connect(server.port, &ground.path("ca.pem"));
    again.cookies.push(("webvpn".to_owned(), cookie.clone()));
    assert_eq!(again.tunnel(&[]).status, 401);
    assert!(!server.lines().join("\n").contains(&cookie), "AC-SEC-02: no cookie in the log");
}

#[test]
fn a_reconnect_keeps_addresses_and_replaces_the_old_channel() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let mut first = Client::connect(server.port, &ground.path("ca.pem"));
    first.log_in("alice", "secret");
    assert_eq!(first.tunnel(&[]).headers.get("X-CSTP-Address"), Some("10.9.0.2"));

    let mut second = Client::connect(server.port, &ground.path("ca.pem"));
    second.cookies.clone_from(&first.cookies);
    let reply = second.tunnel(&[]);
    assert_eq!((reply.status, reply.headers.get("X-CSTP-Address")), (200, Some("10.9.0.2")));
    server.line("reconnected: alice 10.9.0.2");
    while first.next_frame().is_some() {}
    second.frame(PacketType::DpdRequest, b"x");
    assert_eq!(second.next_frame().map(|frame| frame.0), Some(PacketType::DpdResponse));

    // The connection breaks; the cookie stays good.
    let cookies = second.cookies.clone();
    drop(second);
    server.line("connection-lost: alice");
    assert_eq!(server.status()["sessions"][0]["state"], "lost");
    let mut third = Client::connect(server.port, &ground.path("ca.pem"));
    third.cookies.clone_from(&cookies);
    assert_eq!(third.tunnel(&[]).headers.get("X-CSTP-Address"), Some("10.9.0.2"));

    // So it does after a DISCONNECT that says "reconnecting" (AC-CSTP-07).
    third.frame(PacketType::Disconnect, &[reason::RECONNECTING]);
    server.line("disconnected: alice reason=client 0x91");
    let mut fourth = Client::connect(server.port, &ground.path("ca.pem"));
    fourth.cookies = cookies;
    assert_eq!(fourth.tunnel(&[]).headers.get("X-CSTP-Address"), Some("10.9.0.2"));
}

#[test]
fn a_client_that_goes_and_comes_back_at_once_is_never_lost() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.log_in("alice", "secret");
    let cookies = client.cookies.clone();
    assert_eq!(client.tunnel(&[]).status, 200);
    for round in 0..20 {
        let mut next = Client::connect(server.port, &ground.path("ca.pem"));
        next.cookies.clone_from(&cookies);
        if round % 2 == 0 {
            client.frame(PacketType::Disconnect, &[reason::RECONNECTING]);
        }
        drop(client);
        assert_eq!(next.tunnel(&[]).status, 200);
        // Behind the answer to a probe there is no news about the old connection any more that the server has not got.
        next.frame(PacketType::DpdRequest, b"x");
        assert_eq!(next.next_frame().map(|frame| frame.0), Some(PacketType::DpdResponse), "round {round}");
        client = next;
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(2);
    while std::time::Instant::now() < deadline {
        assert_eq!(server.status()["sessions"][0]["state"], "connected", "{:?}", server.lines());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_login_may_span_connections_and_goes_on_after_a_wrong_password() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let mut cookies = Vec::new();
    let steps: [&[(&str, &str)]; 5] =
        [&[], &[("username", "alice")], &[("password", "wrong")], &[("username", "alice")], &[("password", "secret")]];
    let statuses = steps.map(|fields| {
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        client.cookies.clone_from(&cookies);
        let response = if fields.is_empty() { client.init(None) } else { client.answer(fields, None) };
        cookies.clone_from(&client.cookies);
        response.status
    });
    assert_eq!(statuses, [200, 200, 401, 200, 200]);
    server.line("auth-failed: user alice from 127.0.0.1: unknown user or wrong password");
    server.line("login: user alice");
}

#[test]
fn too_many_failures_ban_for_a_while() {
    let ground = Ground::new();
    let server = ground.start(&Parts { more: "limits: {attempts: 2, ban: 2s}\n", ..Parts::default() });
    let status = |password: &str| {
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        let response = client.init(None);
        if response.status != 200 {
            return response.status;
        }
        client.answer(&[("username", "alice"), ("password", password)], None).status
    };
    assert_eq!([status("x"), status("y")], [401, 401]);
    server.line("banned: 127.0.0.1 for 2 s");
    assert_eq!(status("secret"), 401, "the right password does not help now");
    let deadline = std::time::Instant::now() + crate::common::server::PATIENCE;
    while status("secret") != 200 {
        assert!(std::time::Instant::now() < deadline, "the ban does not end");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn a_full_pool_is_told_to_the_client_and_in_the_log() {
    let ground = Ground::new();
    let server = ground.start(&Parts { network: "  ipv4: 10.9.0.0/30\n", ..Parts::default() });
    let mut alice = Client::connect(server.port, &ground.path("ca.pem"));
    alice.log_in("alice", "secret");
    assert_eq!(alice.tunnel(&[]).status, 200);
    let mut bob = Client::connect(server.port, &ground.path("ca.pem"));
    bob.log_in("bob", "secret");
    let reply = bob.tunnel(&[]);
    assert_eq!((reply.status, reply.headers.get("X-Reason")), (503, Some("no address is free")));
    server.line("pool-exhausted: no address for bob");
    server.event("\"pool-exhausted\"");
}

#[test]
fn groups_are_chosen_and_have_rights_and_pools() {
    let ground = Ground::new();
    let server = ground.start(&Parts {
        more: "groups:\n- {name: staff, label: 'All & staff', routes: [192.0.2.0/24]}\n\
               - {name: guests, pool: {ipv4: 10.10.0.0/24}, users: [alice]}\n",
        ..Parts::default()
    });
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    let form = text(&client.init(None));
    assert!(form.contains("All &amp; staff") && form.contains("guests"), "{form}");
    let fields = [("username", "alice"), ("password", "secret")];
    assert_eq!(client.answer(&fields, Some("guests")).status, 200);
    assert_eq!(client.tunnel(&[]).headers.get("X-CSTP-Address"), Some("10.10.0.2"));
    server.line("login: user alice (group guests)");

    // The users file lists bob for staff only, and the group lists alice only.
    let bob = |group: &str| {
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        client.init(Some(group));
        let status = client.answer(&[("username", "bob"), ("password", "secret")], Some(group)).status;
        (status, client)
    };
    assert_eq!(bob("guests").0, 401);
    server.line("auth-failed: user bob from 127.0.0.1: the user may not use the group guests");
    // A client that names no group gets one that its user may use.
    let mut silent = Client::connect(server.port, &ground.path("ca.pem"));
    assert_eq!(silent.log_in("bob", "secret").status, 200);
    server.line("login: user bob (group staff)");
    let (status, mut client) = bob("All &amp; staff");
    assert_eq!(status, 200, "AC-AUTH-17: by its label");
    let reply = client.tunnel(&[]);
    assert_eq!(reply.headers.get("X-CSTP-Address"), Some("10.9.0.2"));
    assert_eq!(reply.headers.get_all("X-CSTP-Split-Include").collect::<Vec<_>>(), ["192.0.2.0/255.255.255.0"]);
}

#[test]
fn a_one_time_code_is_asked_for_and_good_once() {
    let ground = Ground::new();
    fs::write(ground.path("otp"), "HOTP/T30 alice - 3132333435363738393031323334353637383930\n").unwrap();
    let auth = "  methods: [password, otp]\n  users: users\n  otp: otp\n";
    let server = ground.start(&Parts { auth, ..Parts::default() });
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let totp = totp_rs::Builder::new().with_secret(b"12345678901234567890".to_vec()).build_noncompliant();
    let code = totp.generate(unix).to_string();
    let status = || {
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        let challenge = client.log_in("alice", "secret");
        assert!(text(&challenge).contains("one-time code"), "{}", text(&challenge));
        assert!(client.cookie("webvpn").is_none());
        client.answer(&[("secondary_password", code.as_str())], None).status
    };
    assert_eq!([status(), status()], [200, 401]);
}

#[test]
fn a_restart_sends_clients_away_to_come_back() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.log_in("alice", "secret");
    assert_eq!(client.tunnel(&[]).status, 200);
    // What changed in the meantime is in use afterwards.
    let config = fs::read_to_string(ground.path("server.yaml")).unwrap() + "banner: new words\n";
    fs::write(ground.path("server.yaml"), config).unwrap();
    let restarted = server.control("restart");
    assert!(restarted.status.success(), "{}", String::from_utf8_lossy(&restarted.stderr));
    let (kind, payload) = client.next_frame().unwrap();
    assert_eq!((kind, Disconnect::parse(&payload).reason), (PacketType::Disconnect, Some(reason::RECONNECTING)));
    server.line("disconnected: alice reason=restart");
    let mut again = Client::connect(server.port, &ground.path("ca.pem"));
    again.cookies.clone_from(&client.cookies);
    let reply = again.tunnel(&[]);
    assert_eq!((reply.status, reply.headers.get("X-CSTP-Address")), (200, Some("10.9.0.2")));
    assert_eq!(reply.headers.get("X-CSTP-Banner"), Some("new%20words"));

    fs::write(ground.path("server.yaml"), "tls: 5\n").unwrap();
    let refused = server.control("restart");
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("server.yaml:1:6"));
}

#[test]
fn a_stop_says_goodbye_and_leaves_nothing() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let mode = fs::metadata(ground.path("control")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.log_in("alice", "secret");
    client.tunnel(&[]);
    let stopped = server.control("stop");
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    let farewell = client.next_frame().map(|frame| frame.0);
    assert!(matches!(farewell, Some(PacketType::Terminate | PacketType::Disconnect)), "{farewell:?}");
    server.line("disconnected: alice reason=server stop");
    server.line("stopped: by stop");
    assert_eq!(server.end(), Some(0));
    assert!(!ground.path("control").exists());
}

#[test]
fn a_client_that_offers_psk_gets_it() {
    let ground = Ground::new();
    let server = ground.start(&Parts::default());
    let mut client = Client::connect(server.port, &ground.path("ca.pem"));
    client.log_in("alice", "secret");
    let reply = client.tunnel(&[("X-DTLS-CipherSuite", "OC-DTLS1_2-AES256-GCM:PSK-NEGOTIATE")]);
    assert_eq!(reply.headers.get("X-DTLS-CipherSuite"), Some("PSK-NEGOTIATE"));
    assert_eq!(reply.headers.get("X-DTLS-App-ID").map(str::len), Some(64));
    let port = reply.headers.get("X-DTLS-Port").and_then(|port| port.parse().ok());
    assert_eq!((port.is_some(), port), (true, server.udp_port));
    server.line("dtls=psk");
}

#[test]
fn the_announced_profile_needs_the_cookie_and_may_be_missing_on_purpose() {
    for (missing, status) in [("false", 200), ("true", 404)] {
        let ground = Ground::new();
        fs::write(ground.path("p.xml"), "<AnyConnectProfile/>").unwrap();
        let more = if missing == "true" {
            "client-profile: {path: p.xml, missing: true}\nprofile: asa\n"
        } else {
            "client-profile: {path: p.xml}\nprofile: asa\n"
        };
        let server = ground.start(&Parts { more, ..Parts::default() });
        let mut stranger = Client::connect(server.port, &ground.path("ca.pem"));
        let request = stranger.request("GET", "/profiles/p.xml", "");
        assert_eq!(stranger.send(&request).status, 401);

        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        let form = text(&client.init(None));
        let opaque = &form[form.find("<opaque").unwrap()..form.find("</opaque>").unwrap() + 9];
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><config-auth client=\"vpn\" type=\"auth-reply\">{opaque}<auth>\
             <username>alice</username><password>secret</password></auth></config-auth>"
        );
        let complete = text(&client.post("/auth", &body));
        assert!(complete.contains("<session-token>") && complete.contains("/profiles/p.xml"), "{complete}");
        let token = complete.split("<session-token>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        client.cookies.push(("webvpn".to_owned(), token));
        let request = client.request("GET", "/profiles/p.xml", "");
        assert_eq!(client.send(&request).status, status);
        server.line(&format!("profile: /profiles/p.xml status={status}"));
    }
}
