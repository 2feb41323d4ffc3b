//! The program against a scripted gateway on the loopback interface, without a device.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use openssl::ssl::SslVersion;
use support::gateway::{Gateway, Reply, Request, Tunnel, complete, http, tunnel, xml_form};
use support::pki::Leaf;
use support::program::{Outcome, Program};
use support::{gateway_with, sound_gateway};
use tempfile::NamedTempFile;

/// The usual login for every request, and `connect` for CONNECT.
fn login(connect: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> impl Fn(&Request) -> Reply + Send + Sync {
    move |request| match request {
        request if request.is("CONNECT ") => connect(request),
        request if request.is("POST / ") => xml_form(),
        request if request.body.contains("<password>secret</password>") => complete("the-cookie", ""),
        request if request.is("POST ") => http("401 Unauthorized", &[], ""),
        _ => http("404 Not Found", &[], ""),
    }
}

fn keep(_: &Request) -> Reply {
    tunnel("10.9.0.2", &[], Tunnel::Keep)
}

/// Arguments for a gateway, and more.
fn arguments<'a>(url: &'a str, ca: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let usual =
        ["connect", url, "--no-system-trust", "--ca-file", ca, "--no-network", "--user", "alice", "--passwd-on-stdin"];
    usual.into_iter().chain(more.iter().copied()).collect()
}

fn start(gateway: &(Gateway, NamedTempFile), more: &[&str]) -> Program {
    let url = format!("https://localhost:{}/", gateway.0.address.port());
    let resolve = ["--resolve", "localhost:127.0.0.1"];
    let more: Vec<&str> = resolve.into_iter().chain(more.iter().copied()).collect();
    Program::start(&arguments(&url, gateway.1.path().to_str().unwrap(), &more), "secret\n")
}

fn run(gateway: &(Gateway, NamedTempFile), more: &[&str]) -> Outcome {
    start(gateway, more).finish()
}

#[test]
fn a_session_from_login_to_logout() {
    let gateway = sound_gateway(login(keep));
    let events = NamedTempFile::new().unwrap();
    let mut program = start(&gateway, &["--events", events.path().to_str().unwrap(), "--timestamp"]);
    program.wait_for("stage tls-handshake: done TLSv1.3 ");
    program.wait_for("stage user-authentication: done");
    assert!(program.wait_for("connected: ").ends_with("connected: 10.9.0.2 mtu 1400 tls TLSv1.3"));
    program.wait_for("dtls: off ");
    program.wait_for("configured: device none mtu 1400");
    program.signal("USR1");
    program.wait_for("status: transport tls mtu 1400 ");
    program.signal("INT");
    let outcome = program.finish();
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.log.last().unwrap().ends_with(" disconnected: requested"), "{outcome:?}");
    assert!(outcome.log.iter().all(|line| line.starts_with("20") && line.as_bytes()[23] == b'Z'), "{outcome:?}");

    let requests = gateway.0.requests();
    let connect = requests.last().unwrap();
    assert!(connect.is("CONNECT /CSCOSSLC/tunnel HTTP/1.1\r\n"), "{connect:?}");
    assert_eq!(connect.header("Cookie"), Some("webvpn=the-cookie"));
    assert!(connect.header("X-DTLS-CipherSuite").unwrap().starts_with("PSK-NEGOTIATE"));
    assert_eq!(connect.header("X-DTLS-Master-Secret").unwrap().len(), 96);
    assert!(requests[1].body.contains("<opaque is-for=\"sg\"><tunnel-group>staff</tunnel-group>"), "{:?}", requests[1]);
    let bye = gateway.0.wait_for_frame(0x05);
    assert_eq!(bye[0], 0xb0);

    let text = std::fs::read_to_string(events.path()).unwrap();
    let names: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].as_str().unwrap().to_owned())
        .filter(|name| name != "stage")
        .collect();
    assert_eq!(names, ["banner", "connected", "dtls", "configured", "status", "disconnected"], "{text}");
    assert!(!text.contains("the-cookie") && !text.contains("secret"), "{text}");
}

#[test]
fn the_opaque_element_is_lost_by_its_mutant_only() {
    let gateway = sound_gateway(login(keep));
    let mut program = start(&gateway, &["--mutant", "forgets-opaque", "--i-know-this-is-broken"]);
    program.wait_for("warning: this client is broken on purpose: forgets-opaque");
    program.wait_for("connected: ");
    program.signal("TERM");
    assert_eq!(program.finish().code, 0);
    assert!(!gateway.0.requests()[1].body.contains("tunnel-group"));
}

#[test]
fn a_hangup_leaves_without_a_logout() {
    let gateway = sound_gateway(login(keep));
    let mut program = start(&gateway, &[]);
    program.wait_for("configured: ");
    program.signal("HUP");
    assert_eq!(program.finish().code, 0);
    assert!(gateway.0.frames().iter().all(|(kind, _)| *kind != 0x05), "{:?}", gateway.0.frames());
    let mut program = start(&gateway, &["--profile", "anyconnect-desktop"]);
    program.wait_for("configured: ");
    program.signal("HUP");
    assert_eq!(program.finish().code, 0);
    assert_eq!(gateway.0.wait_for_frame(0x05)[0], 0x91);
}

#[test]
fn a_wrong_password_is_exit_3() {
    let gateway =
        sound_gateway(|request| if request.is("POST / ") { xml_form() } else { http("401 Unauthorized", &[], "") });
    let outcome = run(&gateway, &[]);
    assert_eq!(outcome.code, 3, "{outcome:?}");
    assert!(outcome.says("stage user-authentication: failed"), "{outcome:?}");
    assert!(outcome.says("vpn-ref-client: failed to log in: ") && outcome.says("hint: "), "{outcome:?}");
}

#[test]
fn a_cookie_that_is_refused_is_exit_4() {
    let gateway = sound_gateway(login(|_| http("401 Cookie is not acceptable", &["Connection: close"], "")));
    let outcome = run(&gateway, &[]);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(
        outcome.says("failed to open the tunnel: the gateway did not accept the cookie (status 401)"),
        "{outcome:?}"
    );
}

#[test]
fn a_service_that_is_down_tells_its_reason() {
    let gateway = sound_gateway(login(|_| http("503 Service Unavailable", &["X-Reason: No address left"], "")));
    let outcome = run(&gateway, &[]);
    assert_eq!(outcome.code, 4, "{outcome:?}");
    assert!(outcome.says("No address left"), "{outcome:?}");
}

/// The first tunnel ends so, the others are kept.
fn ended_once(end: Tunnel) -> impl Fn(&Request) -> Reply + Send + Sync {
    let count = AtomicUsize::new(0);
    login(move |_| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        tunnel("10.9.0.2", &[], if first { end } else { Tunnel::Keep })
    })
}

#[test]
fn a_disconnect_by_the_gateway_is_exit_8() {
    for (end, words) in [
        (Tunnel::Disconnect(0xb0), "the gateway ended it: reason 0xb0 (session over), maintenance"),
        (Tunnel::Goodbye, "the gateway ended it: no reason"),
        (Tunnel::Terminate, "the gateway ended it: terminated by the peer"),
    ] {
        for profile in ["openconnect", "anyconnect-desktop"] {
            let gateway = sound_gateway(ended_once(end));
            let outcome = run(&gateway, &["--profile", profile]);
            assert_eq!(outcome.code, 8, "{profile} {outcome:?}");
            assert!(outcome.says(words), "{profile} {outcome:?}");
        }
    }
}

#[test]
fn a_disconnect_that_keeps_the_session_brings_anyconnect_back_and_ends_openconnect() {
    for (code, words) in
        [(0x91, "reason 0x91 (connect again), maint"), (0xd1, "reason 0xd1 (pause)"), (0x55, "reason 0x55")]
    {
        let gateway = sound_gateway(ended_once(Tunnel::Disconnect(code)));
        let outcome = run(&gateway, &[]);
        assert_eq!(outcome.code, 8, "{outcome:?}");
        assert!(outcome.says(&format!("the gateway ended it: {words}")), "{outcome:?}");

        let gateway = sound_gateway(ended_once(Tunnel::Disconnect(code)));
        let mut program = start(&gateway, &["--profile", "anyconnect-desktop"]);
        let line = program.wait_for("reconnecting: attempt 1 in 0 s ");
        assert!(line.contains(&format!("(the gateway asks for it: {words}")), "{line}");
        program.wait_for("reconnected: attempt 1");
        program.signal("TERM");
        let outcome = program.finish();
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert_eq!(gateway.0.wait_for_frame(0x05)[0], 0xb0, "the new tunnel is closed in good order");
        let requests = gateway.0.requests();
        let connects: Vec<&Request> = requests.iter().filter(|request| request.is("CONNECT ")).collect();
        assert_eq!(connects.len(), 2);
        assert!(connects.iter().all(|request| request.header("Cookie") == Some("webvpn=the-cookie")), "no new login");
    }
}

#[test]
fn a_gateway_that_always_hangs_up_is_not_called_without_pause() {
    for end in [Tunnel::Drop, Tunnel::Disconnect(0x91)] {
        let gateway = sound_gateway(login(move |_| tunnel("10.9.0.2", &[], end)));
        let outcome = run(&gateway, &["--profile", "anyconnect-desktop", "--reconnect-timeout", "2"]);
        assert_eq!(outcome.code, 7, "{outcome:?}");
        assert!(
            outcome.says("reconnected: attempt 2") && outcome.says("failed to reconnect within 2 s: "),
            "{outcome:?}"
        );
        let connects = gateway.0.requests().iter().filter(|request| request.is("CONNECT ")).count();
        assert_eq!(connects, 3, "the first one, one at once, one after a second");
    }
}

#[test]
fn the_end_of_the_session_is_told() {
    let headers = ["X-CSTP-Session-Timeout: 3600", "X-CSTP-Lease-Duration: 7200"];
    let gateway = sound_gateway(login(move |_| tunnel("10.9.0.2", &headers, Tunnel::Keep)));
    let mut program = start(&gateway, &[]);
    program.wait_for("configured: ");
    program.signal("USR1");
    let line = program.wait_for("status: ");
    assert!(line.contains(" ends in 3600 s ") || line.contains(" ends in 359"), "AC-CON-13: {line}");
    program.signal("INT");
    assert_eq!(program.finish().code, 0);
}

#[test]
fn a_signal_is_heeded_while_a_password_is_waited_for() {
    let gateway = sound_gateway(login(keep));
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("password");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (url, ca) = (format!("127.0.0.1:{}", gateway.0.address.port()), gateway.1.path().to_str().unwrap());
    let usual = ["connect", &url, "--no-system-trust", "--ca-file", ca, "--no-network", "--user", "alice"];
    let arguments: Vec<&str> = usual.into_iter().chain(["--password-file", pipe.to_str().unwrap()]).collect();
    let program = Program::start(&arguments, "");
    // It is open on this side when the program waits for the password, and stays open.
    let writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    program.signal("TERM");
    let outcome = program.finish();
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.says("disconnected: requested") && gateway.0.requests().is_empty(), "{outcome:?}");
    drop(writer);
}

#[test]
fn dtls_that_is_required_and_not_offered_is_exit_5() {
    let gateway = sound_gateway(login(keep));
    let outcome = run(&gateway, &["--require-dtls"]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert_eq!(gateway.0.wait_for_frame(0x05)[0], 0xb0, "the address is given back");
}

#[test]
fn a_suite_that_was_not_offered_does_not_end_the_session() {
    let dtls =
        ["X-DTLS-Session-ID: 0101010101010101010101010101010101010101010101010101010101010101", "X-DTLS-Port: 443"];
    let headers: Vec<&str> = dtls.into_iter().chain(["X-DTLS12-CipherSuite: ECDHE-ECDSA-AES256-GCM-SHA384"]).collect();
    let gateway = sound_gateway(login(move |_| tunnel("10.9.0.2", &headers, Tunnel::Keep)));
    let mut program = start(&gateway, &[]);
    assert!(program.wait_for("dtls: off ").contains("ECDHE-ECDSA-AES256-GCM-SHA384"));
    program.wait_for("configured: ");
    program.signal("INT");
    assert_eq!(program.finish().code, 0);
}

#[test]
fn dtls_that_nobody_answers_is_exit_5_when_it_is_required() {
    // Nobody listens on the discard port of the loopback interface: the handshake fails at once or after its deadline.
    let headers =
        ["X-DTLS-App-ID: 0102030405060708", "X-DTLS-Port: 9", "X-DTLS-CipherSuite: PSK-NEGOTIATE", "X-DTLS-MTU: 1380"];
    let gateway = sound_gateway(login(move |_| tunnel("10.9.0.2", &headers, Tunnel::Keep)));
    let mut program = start(&gateway, &["--require-dtls"]);
    program.wait_for("stage dtls-handshake: begin");
    program.wait_for("dtls: attempt 1");
    program.wait_for("dtls: down ");
    let outcome = program.finish();
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.says("failed to bring up DTLS, which --require-dtls asks for: "), "{outcome:?}");
}

#[test]
fn a_lost_connection_comes_back_with_the_same_cookie() {
    let count = AtomicUsize::new(0);
    let gateway = sound_gateway(login(move |_| {
        let first = count.fetch_add(1, Ordering::Relaxed) == 0;
        tunnel("10.9.0.2", &[], if first { Tunnel::Drop } else { Tunnel::Keep })
    }));
    let mut program = start(&gateway, &[]);
    assert!(program.wait_for("reconnecting: ").contains("reconnecting: attempt 1 in 0 s (closed"));
    program.wait_for("reconnected");
    program.signal("USR2");
    program.wait_for("reconnecting: attempt 1 in 0 s (requested)");
    program.wait_for("reconnected");
    program.signal("INT");
    assert_eq!(program.finish().code, 0);
    let connects: Vec<Request> = gateway.0.requests().into_iter().filter(|request| request.is("CONNECT ")).collect();
    assert_eq!(connects.len(), 3);
    assert!(connects.iter().all(|request| request.header("Cookie") == Some("webvpn=the-cookie")));
    assert_eq!(connects[0].header("X-CSTP-Address"), None);
    assert_eq!(connects[2].header("X-CSTP-Address"), Some("10.9.0.2"));
}

/// Two addresses, one after the other.
fn moving(reconnect: Tunnel) -> impl Fn(&Request) -> Reply + Send + Sync {
    let count = AtomicUsize::new(0);
    login(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => tunnel("10.9.0.2", &[], Tunnel::Drop),
        _ => tunnel("10.9.0.3", &[], reconnect),
    })
}

#[test]
fn a_changed_address_is_told_and_ends_openconnect_only() {
    let gateway = sound_gateway(moving(Tunnel::Keep));
    let outcome = run(&gateway, &[]);
    assert_eq!(outcome.code, 7, "{outcome:?}");
    assert!(outcome.says("address-changed: 10.9.0.2/24 -> 10.9.0.3/24"), "{outcome:?}");

    let gateway = sound_gateway(moving(Tunnel::Keep));
    let mut program = start(&gateway, &["--profile", "anyconnect-desktop"]);
    program.wait_for("address-changed: 10.9.0.2/24 -> 10.9.0.3/24");
    program.wait_for("reconnected");
    program.signal("INT");
    assert_eq!(program.finish().code, 0);
}

#[test]
fn a_reconnect_whose_cookie_is_refused_is_exit_4() {
    let count = AtomicUsize::new(0);
    let gateway = sound_gateway(login(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => tunnel("10.9.0.2", &[], Tunnel::Drop),
        _ => http("401 Unauthorized", &[], ""),
    }));
    let outcome = run(&gateway, &[]);
    assert_eq!(outcome.code, 4, "{outcome:?}");
}

#[test]
fn a_reconnect_that_takes_too_long_is_exit_7() {
    let count = AtomicUsize::new(0);
    let gateway = sound_gateway(login(move |_| match count.fetch_add(1, Ordering::Relaxed) {
        0 => tunnel("10.9.0.2", &[], Tunnel::Drop),
        _ => Reply::Close,
    }));
    let outcome = run(&gateway, &["--reconnect-timeout", "2", "--profile", "anyconnect-desktop"]);
    assert_eq!(outcome.code, 7, "{outcome:?}");
    assert!(outcome.says("reconnecting: attempt 2 in 1 s"), "{outcome:?}");
    assert!(outcome.says("failed to reconnect within 2 s: "), "{outcome:?}");
}

#[test]
fn new_keys_come_with_a_new_tunnel() {
    let headers = ["X-CSTP-Rekey-Time: 1", "X-CSTP-Rekey-Method: new-tunnel"];
    let gateway = sound_gateway(login(move |_| tunnel("10.9.0.2", &headers, Tunnel::Keep)));
    let mut program = start(&gateway, &[]);
    program.wait_for("rekey: new-tunnel begin");
    program.wait_for("rekey: new-tunnel done");
    program.signal("INT");
    let outcome = program.finish();
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(!outcome.says("reconnecting"), "{outcome:?}");
}

#[test]
fn the_login_for_a_shell_prints_the_cookie_and_the_cookie_is_enough() {
    let gateway = sound_gateway(login(keep));
    let outcome = run(&gateway, &["--cookie-only"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let port = gateway.0.address.port();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines[..2], ["COOKIE='the-cookie'", &format!("HOST='localhost:{port}'")]);
    let pin = lines[2].strip_prefix("FINGERPRINT='").and_then(|rest| rest.strip_suffix('\'')).unwrap();
    assert!(pin.starts_with("pin-sha256:"), "{pin}");
    assert!(gateway.0.requests().iter().all(|request| !request.is("CONNECT ")));

    // No authority is trusted: the pin has to do.
    let host = format!("127.0.0.1:{port}");
    let second = ["connect", &host, "--no-system-trust", "--no-network", "--cookie", "-", "--trust", pin];
    let mut program = Program::start(&second, "the-cookie\n");
    program.wait_for("configured: ");
    program.signal("INT");
    assert_eq!(program.finish().code, 0);
    assert_eq!(gateway.0.requests().last().unwrap().header("Cookie"), Some("webvpn=the-cookie"));
}

/// A login that announces a profile, which is there or not.
fn announced(content: Option<&'static str>) -> impl Fn(&Request) -> Reply + Send + Sync {
    const PROFILE: &str = "<config><vpn-profile-manifest><vpn rev=\"1.0\"><file type=\"profile\" service-type=\"user\">\
        <uri>/profiles/staff.xml</uri><hash type=\"sha1\">A9993E364706816ABA3E25717850C26C9CD0D89D</hash>\
        </file></vpn></vpn-profile-manifest></config>";
    move |request| match request {
        request if request.is("CONNECT ") => keep(request),
        request if request.is("POST / ") => xml_form(),
        request if request.is("POST ") => complete("the-cookie", PROFILE),
        request if request.is("GET /profiles/staff.xml ") => match content {
            Some(content) => http("200 OK", &[], content),
            None => http("404 Not Found", &[], ""),
        },
        _ => http("404 Not Found", &[], ""),
    }
}

#[test]
fn a_profile_is_fetched_once_over_a_tls_session_of_its_own() {
    let gateway = sound_gateway(announced(Some("abc")));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    for action in ["profile: downloaded /profiles/staff.xml", "profile: unchanged /profiles/staff.xml"] {
        let mut program = start(&gateway, &["--profile", "anyconnect-desktop", "--profile-dir", path]);
        program.wait_for(action);
        program.wait_for("configured: ");
        program.signal("INT");
        assert_eq!(program.finish().code, 0);
    }
    assert_eq!(std::fs::read(folder.path().join("staff.xml")).unwrap(), b"abc");
    let requests = gateway.0.requests();
    let gets: Vec<&Request> = requests.iter().filter(|request| request.is("GET ")).collect();
    assert_eq!(gets.len(), 1);
    assert!(requests.iter().filter(|request| request.connection == gets[0].connection).count() == 1, "{requests:?}");
}

#[test]
fn a_profile_that_cannot_be_had_ends_anyconnect_and_not_its_mutant() {
    for content in [None, Some("forged")] {
        let gateway = sound_gateway(announced(content));
        let outcome = run(&gateway, &["--profile", "anyconnect-desktop"]);
        assert_eq!(outcome.code, 9, "{outcome:?}");
        assert!(outcome.says("profile: failed /profiles/staff.xml ") && outcome.says("stage downloader: failed"));
    }
    let gateway = sound_gateway(announced(None));
    let mutant = ["--mutant", "ignores-profile-error", "--i-know-this-is-broken", "--profile", "anyconnect-desktop"];
    for more in [&mutant[..], &["--profile", "openconnect"]] {
        let mut program = start(&gateway, more);
        program.wait_for("configured: ");
        program.signal("INT");
        assert_eq!(program.finish().code, 0);
    }
}

#[test]
fn keys_are_logged_for_a_capture() {
    for (backend, label) in [("rustls", "CLIENT_TRAFFIC_SECRET_0 "), ("openssl", "EXPORTER_SECRET ")] {
        let gateway = sound_gateway(login(keep));
        let keys = NamedTempFile::new().unwrap();
        let url = format!("127.0.0.1:{}", gateway.0.address.port());
        let ca = gateway.1.path().to_str().unwrap();
        let variables = [("SSLKEYLOGFILE", keys.path().to_str().unwrap())];
        let arguments = arguments(&url, ca, &["--tls-backend", backend, "--cookie-only"]);
        assert_eq!(Program::start_with(&arguments, "secret\n", &variables).finish().code, 0);
        let text = std::fs::read_to_string(keys.path()).unwrap();
        assert!(text.lines().any(|line| line.starts_with(label)), "{backend}: {text}");
    }
}

#[test]
fn old_versions_go_over_openssl() {
    let gateway = gateway_with(Leaf::default(), Some(SslVersion::TLS1_1), login(keep));
    let refused = run(&gateway, &[]);
    assert_eq!(refused.code, 2, "{refused:?}");
    let mut program = start(&gateway, &["--tls-min", "1.0"]);
    program.wait_for("stage tls-handshake: done TLSv1.1 ");
    program.wait_for("configured: ");
    program.signal("INT");
    assert_eq!(program.finish().code, 0);
}
