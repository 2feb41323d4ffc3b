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
    let caught: BTreeSet<&str> = proofs.iter().filter_map(|proof| proof["mutant"].as_str()).collect();
    let listed = program().args(["mutants", "list", "--json"]).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let listed: BTreeSet<&str> = listed.iter().filter_map(|mutant| mutant["name"].as_str()).collect();
    assert_eq!(caught, listed);
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
