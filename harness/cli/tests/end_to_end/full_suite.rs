//! The whole suite on every pair: what it must contain, and that it leaves the machine alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use interop_evidence::{CellRecord, RunResults, Verdict};

use crate::support::{Run, has_anyconnect, has_command, has_pair, has_reference, need};

/// Part of the note of a cell whose pair has no golden.
const NO_GOLDEN: &str = "no golden for this pair yet";

#[test]
fn every_scenario_takes_place_and_the_resolver_stays() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    need!(has_pair("openvpn", "openvpn-server"), "openvpn is not here");
    need!(has_reference(), "the reference client and server are not built");
    let resolver = fs::read("/etc/resolv.conf").ok();
    let run = Run::of(["--suite", "full"]);
    assert_eq!(fs::read("/etc/resolv.conf").ok(), resolver, "the machine's resolver is byte-equal");
    let results = run.results();
    assert!([0, 100].contains(&run.code()), "code {}: {}", run.code(), run.stderr());
    for file in ["results.json", "junit.xml", "report.md", "report.html"] {
        assert!(run.folder.path().join(file).is_file(), "{file}");
    }
    let environment: Vec<String> = results
        .cells
        .iter()
        .filter(|cell| cell.verdict.is_environment())
        .map(|cell| format!("{}: {} {}", cell.key, cell.verdict, cell.reason))
        .collect();
    assert!(environment.is_empty(), "{environment:#?}");
    // An unexpected verdict is a finding that nobody has looked at yet.
    let unexpected: Vec<String> = results
        .cells
        .iter()
        .filter(|cell| cell.verdict.is_unexpected(false))
        .map(|cell| format!("{}: {} {}", cell.key, cell.verdict, cell.reason))
        .collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    has_what_was_promised(&results);
    has_goldens(&run, &results);
    captures_open(&run, &results);
}

/// Scenarios that must have run, not merely be listed, for a pair.
fn has_what_was_promised(results: &RunResults) {
    let mut ran: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for cell in results.cells.iter().filter(|cell| cell.verdict.took_place()) {
        ran.entry(&cell.client.id).or_default().insert(&cell.scenario);
    }
    let everywhere = [
        "baseline",
        "double-nat",
        "mtu-blackhole",
        "path-mtu",
        "loss",
        "delay-jitter",
        "reordering",
        "certificate-expired",
        "certificate-not-yet-valid",
        "certificate-wrong-name",
        "certificate-self-signed",
        "certificate-untrusted-root",
        "certificate-missing-intermediate",
        "certificate-sha1",
        "certificate-rsa-1024",
        "certificate-wrong-eku",
        "certificate-revoked-client",
        "client-clock-wrong",
        "split-tunnel-routes",
        "full-tunnel-dns-leak",
        "ipv6-inside-ipv4-outside",
        "ipv4-inside-ipv6-outside",
        "wrong-password",
        "unknown-user",
        "port-in-use",
        "lab-004",
        "lab-004-no-source-nat",
    ];
    for client in ["openconnect", "openvpn", "openvpn-tcp", "reference"] {
        for scenario in everywhere {
            assert!(ran[client].contains(scenario), "{client} did not run {scenario}");
        }
    }
    for client in ["openconnect", "openvpn", "reference"] {
        for scenario in ["home-nat", "symmetric-nat-short-timeout", "handshake-packet-lost"] {
            assert!(ran[client].contains(scenario), "{client} did not run {scenario}, which is about datagrams");
        }
    }
    for scenario in [
        "udp-blocked-from-start",
        "udp-blocked-mid-session",
        "udp-one-way",
        "udp-rejected",
        "enterprise-dtls-filtered",
        "nat-rebinding",
        "roaming",
        "server-restart",
        "tcp-only",
        "pool-exhausted",
        "pool-freed",
        "dtls-families",
        "device-mtu",
    ] {
        for client in ["openconnect", "reference"] {
            assert!(ran[client].contains(scenario), "{client} did not run {scenario}");
        }
    }
    for scenario in ["split-dns", "client-killed-cleanup"] {
        assert!(ran["reference"].contains(scenario), "the reference client did not run {scenario}");
    }
    for client in ["anyconnect-android", "anyconnect-desktop", "anyconnect-ios"] {
        assert!(ran[client].contains("anyconnect-flow"), "{client} did not run anyconnect-flow");
    }
    for scenario in [
        "anyconnect-profile-changed",
        "anyconnect-profile-unchanged",
        "anyconnect-profile-missing",
        "anyconnect-udp-blocked",
    ] {
        assert!(ran["anyconnect-desktop"].contains(scenario), "the emulated desktop did not run {scenario}");
    }
    for server in ["ocserv", "reference"] {
        let families = results.cells.iter().filter(|cell| {
            cell.scenario == "dtls-families" && cell.client.id == "reference" && cell.server.id == server
        });
        assert_eq!(families.filter(|cell| cell.verdict == Verdict::Pass).count(), 8, "four families, TLS 1.2 and 1.3");
    }
    assert!(ran["openvpn"].contains("certificate-revoked-server"), "the OpenVPN client checks a revocation list");
    // ocserv sorts its chain before it sends it: there the defect cannot reach the wire, and the cell is `unsupported`.
    assert!(ran["openvpn"].contains("certificate-wrong-order"), "OpenVPN sends its chain as it is given");
    let outages: Vec<(&String, f64)> = results
        .cells
        .iter()
        .filter(|cell| {
            cell.scenario == "udp-blocked-mid-session" && cell.client.id == "openconnect" && cell.server.id == "ocserv"
        })
        .filter_map(|cell| Some((cell.params.get("dpd")?, *cell.measurements.get("outage-ms")?)))
        .collect();
    assert_eq!(outages.len(), 2, "one cell for each DPD: {outages:?}");
    assert!(outages.iter().all(|(_, ms)| *ms > 1000.0), "an outage takes time: {outages:?}");
}

/// A pair that nobody has looked at is a note in the events of its cell: here there is none.
fn has_goldens(run: &Run, results: &RunResults) {
    let is_new = |bundle: &str| {
        let events = fs::read_to_string(run.folder.path().join(bundle).join("events.jsonl")).unwrap();
        assert!(!events.is_empty(), "{bundle}");
        events.contains(NO_GOLDEN)
    };
    let ran = || results.cells.iter().filter(|cell| cell.bundle.is_some());
    let new: Vec<&str> =
        ran().filter(|cell| cell.bundle.as_deref().is_some_and(is_new)).map(|cell| cell.key.as_str()).collect();
    assert!(new.is_empty(), "`vpn-interop accept` makes goldens for {new:?}");
    let compared = |cell: &&CellRecord| cell.checks.iter().any(|check| check.id.starts_with("golden"));
    assert!(ran().filter(compared).count() > 100, "goldens are compared");
}

fn captures_open(run: &Run, results: &RunResults) {
    if !has_command("tshark") {
        eprintln!("SKIPPED: tshark is not here, captures of the full suite are not opened");
        return;
    }
    for cell in results.cells.iter().filter(|cell| cell.bundle.is_some()) {
        let bundle = cell.bundle.as_deref().unwrap();
        let capture = run.folder.path().join(bundle).join("capture.pcapng");
        let mut tshark = Command::new("tshark");
        tshark.args(["-r", capture.to_str().unwrap(), "-T", "fields", "-e", "frame.interface_name"]);
        if cell.scenario != "baseline" {
            // The first frames are enough to see that the file opens; the whole is read for the baselines.
            tshark.args(["-c", "20"]);
        }
        let output = tshark.output().unwrap();
        let names = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}: {}", cell.key, String::from_utf8_lossy(&output.stderr));
        assert!(!names.trim().is_empty(), "{}: no frame", cell.key);
    }
}
