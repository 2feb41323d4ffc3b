//! What the server shows and asks in the handshake, over both libraries.

use std::{fs, time::SystemTime};

use crate::common::{
    client::{Client, over_openssl, version, with_certificate},
    pki::{Authority, common_name},
    server::{Ground, Parts, Server, program},
};
use openssl::ssl::{SslVerifyMode, SslVersion};
use reference_cstp::http::Response;

fn with_clients() -> Ground {
    let ground = Ground::new();
    let folder = ground.folder.path();
    ground.authority.issue(folder, "alice", 7, &[("CN", "alice"), ("UID", "al")], &[]);
    ground.authority.issue(folder, "bob", 8, &[("CN", "bob")], &[]);
    ground.authority.revoke(folder, &[8]);
    ground
}

const CERTIFICATE: &str = "  methods: [certificate]\n";

fn tls(backend: &str, rest: &str) -> &'static str {
    // A configuration lives as long as its test.
    format!("  backend: {backend}\n  client-ca: ca.pem\n{rest}").leak()
}

fn login(ground: &Ground, server: &Server, stem: &str) -> Result<u16, String> {
    let folder = ground.folder.path();
    let stream = over_openssl(server.port, &ground.path("ca.pem"), with_certificate(folder, stem))?;
    let mut client = Client::over(stream);
    let request = client.request("GET", "/", "");
    use std::io::Write;
    client.wire.write_all(&request.to_bytes()).map_err(|error| error.to_string())?;
    let mut first = [0; 12];
    use std::io::Read;
    // With TLS 1.3 a rejected certificate is told with the first read.
    client.wire.read_exact(&mut first).map_err(|error| error.to_string())?;
    let status = String::from_utf8_lossy(&first)[9..].parse().unwrap();
    Ok(status)
}

#[test]
fn a_certificate_is_a_login_and_a_revoked_one_is_not() {
    for backend in ["rustls", "openssl"] {
        let ground = with_clients();
        let server = ground.start(&Parts {
            tls: tls(backend, "  client-certificate: required\n  crl: crl.pem\n"),
            auth: CERTIFICATE,
            ..Parts::default()
        });
        assert_eq!(login(&ground, &server, "alice"), Ok(200), "{backend}");
        server.line("login: user alice");
        assert!(login(&ground, &server, "bob").is_err(), "{backend}");
        let line = server.line("cert-rejected");
        assert!(line.ends_with("revoked"), "{backend}: {line}");
        server.event("\"cert-rejected\"");
    }
}

#[test]
fn the_mutant_accepts_what_is_revoked() {
    for backend in ["rustls", "openssl"] {
        let ground = with_clients();
        let config = ground.config(&Parts {
            tls: tls(backend, "  client-certificate: required\n  crl: crl.pem\n"),
            auth: CERTIFICATE,
            ..Parts::default()
        });
        let server = Server::start(&config, &["--mutant", "ignores-crl", "--i-know-this-is-broken"]);
        assert_eq!(login(&ground, &server, "bob"), Ok(200), "{backend}");
    }
}

#[test]
fn a_new_revocation_list_is_in_use_after_sighup() {
    let ground = with_clients();
    let server = ground.start(&Parts {
        tls: tls("rustls", "  client-certificate: required\n  crl: crl.pem\n"),
        auth: CERTIFICATE,
        ..Parts::default()
    });
    assert_eq!(login(&ground, &server, "alice"), Ok(200));
    ground.authority.revoke(ground.folder.path(), &[7]);
    server.signal("HUP");
    server.line("reloaded: by signal");
    assert!(login(&ground, &server, "alice").is_err());
    assert_eq!(login(&ground, &server, "bob"), Ok(200));
    // A file that cannot be used changes nothing.
    fs::write(ground.path("crl.pem"), "no list").unwrap();
    server.signal("HUP");
    server.line("reload-failed: read revocation list");
    assert!(login(&ground, &server, "alice").is_err());
}

#[test]
fn an_outdated_revocation_list_is_in_use_and_told_about() {
    for backend in ["rustls", "openssl"] {
        let ground = with_clients();
        let folder = ground.folder.path();
        ground.authority.revoke_long_ago(folder, &[8]);
        let parts = Parts {
            tls: tls(backend, "  client-certificate: required\n  crl: crl.pem\n"),
            auth: CERTIFICATE,
            ..Parts::default()
        };
        let server = ground.start(&parts);
        let warnings = |server: &Server| {
            server.lines().iter().filter(|line| line.contains("of CN=Test Authority is outdated since ")).count()
        };
        server.line("warning: the revocation list ");
        assert_eq!(warnings(&server), 1, "{backend}: {:?}", server.lines());
        assert_eq!(login(&ground, &server, "alice"), Ok(200), "{backend}: nobody is locked out");
        assert!(login(&ground, &server, "bob").is_err(), "{backend}: what is on it stays revoked");
        server.signal("HUP");
        server.line("reloaded: by signal");
        assert_eq!(warnings(&server), 2, "{backend}: {:?}", server.lines());
        let checked = program().args(["check", "--config"]).arg(ground.path("server.yaml")).output().unwrap();
        assert!(String::from_utf8_lossy(&checked.stdout).contains("  warning: the revocation list "));
        drop(server);
        ground.authority.revoke(folder, &[8]);
        let fresh = ground.start(&parts);
        assert_eq!(warnings(&fresh), 0, "{backend}: {:?}", fresh.lines());
    }
}

/// A code that is good now, and the file of the server that says so for alice.
fn code(ground: &Ground) -> String {
    let secret = b"12345678901234567890";
    fs::write(ground.path("otp"), format!("HOTP/T30 alice - {}\n", hex::encode(secret))).unwrap();
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    totp_rs::Builder::new().with_secret(secret.to_vec()).build_noncompliant().generate(unix).to_string()
}

#[test]
fn a_code_behind_a_certificate_is_a_challenge_of_its_own() {
    let ground = with_clients();
    let code = code(&ground);
    let open = |server: &Server, stem: &str| {
        let shown = with_certificate(ground.folder.path(), stem);
        Client::over(over_openssl(server.port, &ground.path("ca.pem"), shown).unwrap())
    };
    let asks_for_the_code = |response: &Response| {
        let body = String::from_utf8_lossy(&response.body).into_owned();
        body.contains("name=\"secondary_password\" label=\"One-time code:\"") && !body.contains("username")
    };
    let auth = "  methods: [certificate, otp]\n  otp: otp\n";
    let server = ground.start(&Parts { tls: tls("rustls", ""), auth, ..Parts::default() });
    let mut alice = open(&server, "alice");
    assert!(asks_for_the_code(&alice.init(None)), "no name, no password");
    assert_eq!(alice.answer(&[("secondary_password", "000000")], None).status, 401);
    let mut alice = open(&server, "alice");
    assert!(asks_for_the_code(&alice.init(None)));
    assert_eq!(alice.answer(&[("secondary_password", &code)], None).status, 200);
    server.line("login: user alice (group none)");
    let mut bob = open(&server, "bob");
    bob.init(None);
    assert_eq!(bob.answer(&[("secondary_password", &code)], None).status, 401, "the code is that of alice");
    server.line("auth-failed: user bob from 127.0.0.1: no one-time secret of this user, or a code that is wrong");

    drop(server);
    let auth = "  methods: [certificate, password, otp]\n  users: users\n  otp: otp\n";
    let server = ground.start(&Parts { tls: tls("rustls", ""), auth, ..Parts::default() });
    let mut alice = open(&server, "alice");
    let form = alice.init(None);
    assert!(String::from_utf8_lossy(&form.body).contains("name=\"username\""));
    let challenge = alice.answer(&[("username", "alice"), ("password", "secret")], None);
    assert!(asks_for_the_code(&challenge) && alice.cookie("webvpn").is_none());
    assert_eq!(alice.answer(&[("secondary_password", &code)], None).status, 200);
}

#[test]
fn a_certificate_without_a_form_leads_to_a_group_that_its_user_may_use() {
    let ground = with_clients();
    let server = ground.start(&Parts {
        tls: tls("rustls", ""),
        auth: CERTIFICATE,
        more: "groups: [{name: guests, users: [bob]}, {name: staff, users: [alice]}, {name: all}]\n",
        ..Parts::default()
    });
    assert_eq!(login(&ground, &server, "alice"), Ok(200));
    server.line("login: user alice (group staff)");
    assert_eq!(login(&ground, &server, "bob"), Ok(200));
    server.line("login: user bob (group guests)");
}

#[test]
fn other_authorities_and_missing_certificates_are_told_apart() {
    for backend in ["rustls", "openssl"] {
        let ground = with_clients();
        let other = Authority::new("Somebody else");
        other.issue(ground.folder.path(), "mallory", 9, &[("CN", "alice")], &[]);
        let server = ground.start(&Parts {
            tls: tls(backend, "  client-certificate: required\n"),
            auth: CERTIFICATE,
            ..Parts::default()
        });
        assert!(login(&ground, &server, "mallory").is_err(), "{backend}");
        server.line("certificate unknown authority");
        let stream = over_openssl(server.port, &ground.path("ca.pem"), |_| {});
        if let Ok(stream) = stream {
            use std::io::Read;
            let mut stream = stream;
            assert!(stream.read(&mut [0]).unwrap_or(0) == 0, "{backend}");
        }
        server.line("certificate missing");
    }
}

#[test]
fn the_request_for_a_certificate_names_the_authorities() {
    for backend in ["rustls", "openssl"] {
        let ground = with_clients();
        let server = ground.start(&Parts {
            tls: tls(backend, "  client-certificate: optional\n"),
            auth: "  methods: [password]\n  users: users\n",
            ..Parts::default()
        });
        let output = std::process::Command::new("openssl")
            .args(["s_client", "-connect", &format!("127.0.0.1:{}", server.port), "-tls1_2", "-servername", "vpn.test"])
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let names = text.split("Acceptable client certificate CA names").nth(1).unwrap_or_default();
        assert!(names.contains("Test Authority"), "{backend} AC-TLS-12: {text}");
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        assert_eq!(client.log_in("alice", "secret").status, 200, "{backend}: a client without one goes on to the form");
    }
}

#[test]
fn certificate_and_password_have_to_belong_to_one_user() {
    let ground = with_clients();
    let server = ground.start(&Parts {
        tls: tls("rustls", ""),
        auth: "  methods: [certificate, password]\n  users: users\n",
        ..Parts::default()
    });
    let status = |user: &str| {
        let folder = ground.folder.path();
        let stream = over_openssl(server.port, &ground.path("ca.pem"), with_certificate(folder, "alice")).unwrap();
        let mut client = Client::over(stream);
        client.init(None);
        client.answer(&[("username", user), ("password", "secret")], None).status
    };
    assert_eq!([status("alice"), status("bob")], [200, 401], "AC-AUTH-25");
}

#[test]
fn the_user_name_comes_from_where_it_was_said_to() {
    let ground = with_clients();
    let server = ground.start(&Parts {
        tls: tls("rustls", ""),
        auth: "  methods: [certificate]\n  username-from: uid\n",
        ..Parts::default()
    });
    assert_eq!(login(&ground, &server, "alice"), Ok(200));
    server.line("login: user al ");
    assert_eq!(login(&ground, &server, "bob"), Ok(401), "no user id in it");
    server.line("cert-rejected: 127.0.0.1");
}

#[test]
fn certificates_are_shown_by_name_with_a_default() {
    for backend in ["rustls", "openssl"] {
        let ground = Ground::new();
        let folder = ground.folder.path();
        ground.authority.issue(folder, "other", 101, &[("CN", "other.test")], &["other.test", "*.wild.test"]);
        let config = ground.config(&Parts { tls: format!("  backend: {backend}\n").leak(), ..Parts::default() });
        let text = fs::read_to_string(&config).unwrap();
        let both = "[{chain: server.pem, key: server.key}, {chain: other.pem, key: other.key}]";
        fs::write(&config, text.replace("[{chain: server.pem, key: server.key}]", both)).unwrap();
        let server = Server::start(&config, &[]);
        for (sni, shown) in [
            (None, "vpn.test"),
            (Some("vpn.test"), "vpn.test"),
            (Some("other.test"), "other.test"),
            (Some("a.wild.test"), "other.test"),
            (Some("unknown.test"), "vpn.test"),
        ] {
            let mut builder = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls_client()).unwrap();
            builder.set_verify(SslVerifyMode::NONE);
            let mut connection = builder.build().configure().unwrap().verify_hostname(false);
            connection.set_use_server_name_indication(sni.is_some());
            let stream = connection.connect(sni.unwrap_or_default(), crate::common::client::tcp(server.port)).unwrap();
            let certificate = stream.ssl().peer_certificate().unwrap();
            assert_eq!(common_name(&certificate), shown, "{backend} {sni:?} AC-TLS-04");
        }
    }
}

#[test]
fn versions_are_those_of_the_configuration() {
    let ground = Ground::new();
    let reaches =
        |server: &Server, which: SslVersion| over_openssl(server.port, &ground.path("ca.pem"), version(which)).is_ok();
    let all = [SslVersion::TLS1, SslVersion::TLS1_1, SslVersion::TLS1_2, SslVersion::TLS1_3];
    for (range, expected) in [
        ("", [false, false, true, true]),
        ("  min-version: \"1.0\"\n", [true, true, true, true]),
        ("  min-version: \"1.0\"\n  max-version: \"1.1\"\n", [true, true, false, false]),
        ("  min-version: \"1.3\"\n", [false, false, false, true]),
        ("  max-version: \"1.2\"\n", [false, false, true, false]),
        ("  backend: openssl\n  min-version: \"1.2\"\n  max-version: \"1.2\"\n", [false, false, true, false]),
    ] {
        let server = ground.start(&Parts { tls: range, ..Parts::default() });
        assert_eq!(all.map(|which| reaches(&server, which)), expected, "{range}");
    }
}

#[test]
fn old_versions_carry_a_tunnel() {
    let ground = Ground::new();
    let server = ground.start(&Parts { tls: "  min-version: \"1.0\"\n", ..Parts::default() });
    let stream = over_openssl(server.port, &ground.path("ca.pem"), version(SslVersion::TLS1)).unwrap();
    let mut client = Client::over(stream);
    assert_eq!(client.log_in("alice", "secret").status, 200);
    assert_eq!(client.tunnel(&[]).status, 200);
    client.frame(reference_cstp::frame::PacketType::DpdRequest, b"old");
    assert_eq!(client.next_frame().map(|frame| frame.1), Some(b"old".to_vec()));
    server.line("TLSv1 ");
}

#[test]
fn keys_are_logged_where_asked_for() {
    for (backend, label) in [("rustls", "CLIENT_TRAFFIC_SECRET_0 "), ("openssl", "CLIENT_TRAFFIC_SECRET_0 ")] {
        let ground = Ground::new();
        let tls = format!("  backend: {backend}\n  key-log: keys.log\n").leak();
        let server = ground.start(&Parts { tls, ..Parts::default() });
        let mut client = Client::connect(server.port, &ground.path("ca.pem"));
        client.log_in("alice", "secret");
        assert!(fs::read_to_string(ground.path("keys.log")).unwrap().contains(label), "{backend}");
    }
}
