//! The program with a device, in a network of its own: a namespace that ends with the test.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
mod support;

use std::process::Command;

use support::gateway::{Tunnel, complete, tunnel, xml_form};
use support::program::Program;
use support::sound_gateway;

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
