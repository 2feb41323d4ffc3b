//! Every deliberate defect is caught by a scenario that claims to.

use std::collections::BTreeSet;

use interop_evidence::Verdict;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, has_reference, need, program};

#[test]
fn each_mutant_is_caught_by_every_scenario_that_claims_it() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let folder = TempDir::new().unwrap();
    let output = program().args(["mutants", "prove", "--json", "--out"]).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let proofs: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let open: Vec<&Value> = proofs.iter().filter(|proof| proof["state"] != "caught").collect();
    assert!(open.is_empty(), "{open:#?}");
    assert_eq!(output.status.code(), Some(0), "{said}");
    goldens_notice(&proofs);
    let caught: BTreeSet<&str> = proofs.iter().filter_map(|proof| proof["mutant"].as_str()).collect();
    let listed = program().args(["mutants", "list", "--json"]).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let listed: BTreeSet<&str> = listed.iter().filter_map(|mutant| mutant["name"].as_str()).collect();
    assert_eq!(caught, listed);
}

/// Defects that change packets, routes or DNS, with the view whose golden must differ and what it must name first.
const ALTER: &[(&str, &str, &str)] = &[
    ("answers-from-wrong-address", "outer-flow", "expected `> DTLS ClientKeyExchange"),
    ("falls-back-without-return", "outer-flow", "expected `client>gateway UDP/443 #2`"),
    ("forgets-a-route", "routes", "expected `+ client route 10.20.0.0/24 on tun0`"),
    ("ignores-dpd", "outer-flow", "expected `client>gateway TCP/443 #1 (continues)`"),
    ("ignores-profile-error", "outer-flow", "`client>gateway UDP/443 #1` came"),
    ("leaks-dns", "dns", "expected `client asks inside in the tunnel: A intranet.corp.test = 10.20.0.10`"),
    ("leaks-ipv6", "routes", "unreachable on lo"),
    ("leaves-resolver-behind", "routes", "in phase `after-disconnect`: `- client resolver"),
    ("leaves-routes-behind", "routes", "in phase `after-disconnect`: `+ client route 198.51.100.10/32"),
    ("never-falls-back", "outer-flow", "expected `client>gateway TCP/443 #1 (continues)`"),
    ("wrong-mtu", "routes", "expected `+ client tunnel tun0 mtu"),
];

/// The golden traces see them as well, name the first line that is wrong and, where it comes from the capture, its frame.
fn goldens_notice(proofs: &[Value]) {
    for (mutant, view, first) in ALTER {
        let of_mutant = proofs.iter().filter(|proof| proof["mutant"] == *mutant);
        let said: Vec<&str> = of_mutant
            .flat_map(|proof| proof["goldens"].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect();
        let found = said.iter().find(|said| said.starts_with(&format!("golden {view}: ")) && said.contains(first));
        let Some(found) = found else { panic!("{mutant}: no golden {view} with {first:?}: {said:#?}") };
        assert!(*view == "routes" || found.contains("(frame "), "{mutant}: {found}");
    }
}

#[test]
fn the_programs_know_the_mutants_of_the_catalogue_and_no_others() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let listed = program().args(["mutants", "list", "--json"]).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    for (side, name) in [("client", "vpn-ref-client"), ("server", "vpn-ref-server")] {
        let path = std::path::Path::new(env!("CARGO_BIN_EXE_vpn-interop")).with_file_name(name);
        let output = std::process::Command::new(path).arg("mutants").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let known: BTreeSet<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
        let of_side = |mutant: &&Value| mutant["side"].as_str().is_some_and(|sides| sides.contains(side));
        let declared: BTreeSet<&str> =
            listed.iter().filter(of_side).filter_map(|mutant| mutant["name"].as_str()).collect();
        assert_eq!(known, declared, "of {name}");
    }
}

#[test]
fn a_cell_with_a_mutant_is_never_taken_for_a_healthy_one() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(
        ["--scenario", "split-tunnel-routes", "--mutant", "forgets-a-route", "--client", "reference"]
            .into_iter()
            .chain(["--server", "reference"]),
    );
    let cell = run.expect("split-tunnel-routes", Verdict::Fail);
    assert_eq!(cell.client.mutant.as_deref(), Some("forgets-a-route"));
    assert!(cell.key.contains("reference,mutant=forgets-a-route"), "{}", cell.key);
    assert!(cell.reproduce.contains("--mutant forgets-a-route"), "{}", cell.reproduce);
    let shown = String::from_utf8_lossy(&run.output.stdout).into_owned();
    assert!(shown.contains("[mutant forgets-a-route]"), "{shown}");
}

#[test]
fn an_unknown_mutant_is_64() {
    let run = Run::of(["--mutant", "never-fals-back"]);
    assert_eq!(run.code(), 64);
    assert!(run.stderr().contains("did you mean `never-falls-back`?"), "{}", run.stderr());
    let output = program().args(["mutants", "prove", "--mutant", "never-fals-back"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
}
