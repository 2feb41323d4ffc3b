//! The program with a device, in a network of its own: a namespace that ends with the test.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::gateway::{Gateway, Reply, Request, Tunnel, complete, tunnel, xml_form};
use support::pki::Leaf;
use support::program::{Outcome, Program};
use support::{gateway_with, sound_gateway};

const INSIDE: &str = "VPN_REF_CLIENT_TEST_INSIDE";

/// Runs this test again in a network and mount namespace of its own; true inside of it.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let probe = Command::new("unshare").args(["--net", "--mount", "test", "-c", "/dev/net/tun"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no right to make a network namespace, or no /dev/net/tun");
        return false;
    }
    let status = Command::new("unshare")
        .args(["--net", "--mount", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success());
    false
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn device_and_routes_come_and_go() {
    if !inside("device_and_routes_come_and_go") {
        return;
    }
    ip(&["link", "set", "lo", "up"]);
    let before = ip(&["route", "show", "table", "all"]);
    let gateway = sound_gateway(|request| match request {
        request if request.is("CONNECT ") => {
            let headers = ["X-CSTP-Split-Include: 10.20.0.0/255.255.0.0", "X-CSTP-Split-Include: 10.30.0.0/16"];
            tunnel("10.9.0.2", &headers, Tunnel::Keep)
        }
        request if request.is("POST / ") => xml_form(),
        _ => complete("the-cookie", ""),
    });
    let url = format!("127.0.0.1:{}", gateway.0.address.port());
    let ca = gateway.1.path().to_str().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("script.log");
    let script = format!("echo $reason $TUNDEV $INTERNAL_IP4_ADDRESS $CISCO_SPLIT_INC >>{}", log.display());
    let usual = ["connect", &url, "--no-system-trust", "--ca-file", &ca, "--user", "alice", "--passwd-on-stdin"];
    let built_in = ["--interface", "vpn0", "--journal", folder.path().to_str().unwrap()];
    for more in [&built_in[..], &["--interface", "vpn0", "--script", &script]] {
        let arguments: Vec<&str> = usual.iter().chain(more).copied().collect();
        let mut program = Program::start(&arguments, "secret\n");
        program.wait_for("configured: device vpn0 mtu 1400");
        if more == built_in {
            let routes = ip(&["route"]);
            assert!(routes.contains("10.20.0.0/16 dev vpn0") && routes.contains("10.30.0.0/16 dev vpn0"), "{routes}");
            assert!(ip(&["address", "show", "vpn0"]).contains("inet 10.9.0.2/24"));
            assert!(ip(&["link", "show", "vpn0"]).contains("mtu 1400"));
        }
        program.signal("TERM");
        let outcome = program.finish();
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(!outcome.says("warning: "), "{outcome:?}");
        assert_eq!(gateway.0.wait_for_frame(0x05)[0], 0xb0);
        assert_eq!(ip(&["route", "show", "table", "all"]), before);
    }
    // Defects of the network reach it.
    let broken = ["--mutant", "wrong-mtu", "--mutant", "forgets-a-route", "--i-know-this-is-broken"];
    let arguments: Vec<&str> = usual.iter().chain(&built_in).chain(&broken).copied().collect();
    let mut program = Program::start(&arguments, "secret\n");
    program.wait_for("configured: device vpn0 ");
    assert!(ip(&["link", "show", "vpn0"]).contains("mtu 1500"));
    let routes = ip(&["route"]);
    assert!(routes.contains("10.20.0.0/16") && !routes.contains("10.30.0.0/16"), "{routes}");
    program.signal("TERM");
    assert_eq!(program.finish().code, 0);
    let told = std::fs::read_to_string(&log).unwrap();
    assert_eq!(told, "pre-init\nconnect vpn0 10.9.0.2 2\ndisconnect vpn0 10.9.0.2 2\n");
}

/// Waits until something is true.
fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Ends a program that waits for something that never comes: that has to take no time.
fn stop(program: Program) -> Outcome {
    let begin = Instant::now();
    program.signal("TERM");
    let outcome = program.finish();
    assert!(begin.elapsed() < Duration::from_secs(5), "it took {:?}: {outcome:?}", begin.elapsed());
    assert_eq!(outcome.code, 0, "{outcome:?}");
    outcome
}

/// A gateway whose first tunnel ends so.
fn gateway_whose_first(end: Tunnel) -> (Gateway, tempfile::NamedTempFile) {
    let count = AtomicUsize::new(0);
    sound_gateway(move |request: &Request| -> Reply {
        match request {
            request if request.is("CONNECT ") => {
                let first = count.fetch_add(1, Ordering::Relaxed) == 0;
                tunnel("10.9.0.2", &[], if first { end } else { Tunnel::Keep })
            }
            request if request.is("POST / ") => xml_form(),
            _ => complete("the-cookie", ""),
        }
    })
}

#[test]
fn the_end_does_not_wait_for_a_script() {
    if !inside("the_end_does_not_wait_for_a_script") {
        return;
    }
    ip(&["link", "set", "lo", "up"]);
    let before = ip(&["route", "show", "table", "all"]);
    for (hangs, first, ran) in [
        ("pre-init", Tunnel::Keep, "pre-init\n"),
        ("connect", Tunnel::Keep, "pre-init\nconnect\ndisconnect\n"),
        ("attempt-reconnect", Tunnel::Drop, "pre-init\nconnect\nattempt-reconnect\ndisconnect\n"),
        ("disconnect", Tunnel::Keep, "pre-init\nconnect\ndisconnect\n"),
    ] {
        let gateway = gateway_whose_first(first);
        let url = format!("127.0.0.1:{}", gateway.0.address.port());
        let ca = gateway.1.path().to_str().unwrap().to_owned();
        let folder = tempfile::tempdir().unwrap();
        let (log, pid) = (folder.path().join("log"), folder.path().join("pid"));
        let script = format!(
            "echo $reason >>{}; if [ $reason = {hangs} ]; then echo $$ >{}; exec sleep 1000; fi",
            log.display(),
            pid.display()
        );
        let mut program = Program::start(
            &[
                "connect",
                &url,
                "--no-system-trust",
                "--ca-file",
                &ca,
                "--user",
                "alice",
                "--passwd-on-stdin",
                "--script",
                &script,
            ],
            "secret\n",
        );
        if hangs == "disconnect" {
            program.wait_for("configured: ");
            program.signal("TERM");
        }
        let running = || std::fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n'));
        until("the script does not run", running);
        let outcome = stop(program);
        assert!(outcome.says(&format!("the script was stopped during {hangs}")), "{outcome:?}");
        let pid: u32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        until("the script lives on", || !is_sleeping(pid));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), ran);
        assert_eq!(ip(&["route", "show", "table", "all"]), before);
        if first == Tunnel::Keep {
            assert_eq!(gateway.0.wait_for_frame(0x05)[0], 0xb0, "{hangs}: the session is given back");
        }
    }
}

fn is_sleeping(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"))
}

/// Answers the first questions of `gw.test` with 127.0.0.1, and none once `silent`; returns how many came since.
fn name_server(silent: Arc<AtomicUsize>) -> Arc<AtomicUsize> {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let unanswered = Arc::new(AtomicUsize::new(0));
    let count = unanswered.clone();
    thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if silent.load(Ordering::Relaxed) > 0 {
                count.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let end = 12 + buffer[12..length].iter().position(|byte| *byte == 0).unwrap() + 5;
            let is_ipv4 = buffer[end - 4..end - 2] == [0, 1];
            let mut answer = buffer[..2].to_vec();
            answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
            answer.extend(&buffer[12..end]);
            if is_ipv4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
            }
            socket.send_to(&answer, from).unwrap();
        }
    });
    unanswered
}

#[test]
fn the_end_does_not_wait_for_a_look_up() {
    if !inside("the_end_does_not_wait_for_a_look_up") {
        return;
    }
    ip(&["link", "set", "lo", "up"]);
    let folder = tempfile::tempdir().unwrap();
    let resolver = folder.path().join("resolv.conf");
    std::fs::write(&resolver, "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n").unwrap();
    let bind =
        |from: &Path, to: &str| Command::new("mount").arg("--bind").arg(from).arg(to).status().unwrap().success();
    assert!(bind(&resolver, "/etc/resolv.conf"));
    let silent = Arc::new(AtomicUsize::new(0));
    let unanswered = name_server(silent.clone());
    let tell = silent.clone();
    let gateway = gateway_with(Leaf { name: "gw.test", ..Leaf::default() }, None, move |request| match request {
        request if request.is("CONNECT ") => {
            tell.store(1, Ordering::Relaxed);
            tunnel("10.9.0.2", &["X-CSTP-DynDNS: true"], Tunnel::Drop)
        }
        request if request.is("POST / ") => xml_form(),
        _ => complete("the-cookie", ""),
    });
    let url = format!("gw.test:{}", gateway.0.address.port());
    let ca = gateway.1.path().to_str().unwrap().to_owned();
    let usual = ["connect", &url, "--no-system-trust", "--ca-file", &ca, "--user", "alice", "--passwd-on-stdin"];
    let arguments: Vec<&str> = usual.into_iter().chain(["--no-network", "--connect-timeout", "120"]).collect();
    let mut program = Program::start(&arguments, "secret\n");
    program.wait_for("reconnecting: attempt 1 in 0 s");
    until("nothing is looked up", || unanswered.load(Ordering::Relaxed) > 0);
    assert!(stop(program).says("disconnected: requested"));
    // The first look-up, too.
    let asked = unanswered.load(Ordering::Relaxed);
    let program = Program::start(&arguments, "secret\n");
    until("nothing is looked up", || unanswered.load(Ordering::Relaxed) > asked);
    assert!(stop(program).says("disconnected: requested"));
}
