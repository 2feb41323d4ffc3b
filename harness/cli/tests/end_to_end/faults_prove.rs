//! A fault that does not bite makes its cell `invalid`, never `pass`.

use interop_evidence::Verdict;

use crate::support::{Run, builtin, has_anyconnect, need, overlay};

/// A short story with the real fault `udp-blocked`: in place before the client comes, so that it bites at once.
const STORY: &str = "id: blocked\ntitle: UDP is blocked\narea: dtls-fallback\ntopology: double-nat\ntime-limit: 60s\n\
    steps:\n  - fault: {name: block, udp-blocked: {at: isp}}\n  - connect: {within: 40s}\n  \
    - expect: {transport: tls}\n  - disconnect: {}\n";

fn run_with_fault(change: impl Fn(&str) -> String) -> Run {
    let fault = change(&builtin("faults/udp-blocked.yaml"));
    let folder = overlay(&[("cases/blocked.yaml", STORY), ("faults/udp-blocked.yaml", &fault)]);
    let args = ["--scenario", "blocked", "--client", "openconnect", "--server", "ocserv", "--no-gate", "--catalogue"];
    Run::of(args.into_iter().chain([folder.path().to_str().unwrap()]))
}

fn replacing(fault: &str) -> String {
    format!("{fault}\nreplaces: true\n")
}

#[test]
fn the_rule_as_it_is_bites() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let cell = run_with_fault(replacing).expect("blocked", Verdict::Pass);
    let proof = cell.checks.iter().find(|check| check.id == "fault block").unwrap();
    assert!(proof.message.contains("counted"), "{}", proof.message);
}

#[test]
fn without_the_rule_the_cell_is_invalid() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let run = run_with_fault(|fault| replacing(&without_drop(fault)));
    let cell = run.cell("blocked");
    assert_eq!(cell.verdict, Verdict::Invalid, "{}", cell.reason);
    assert!(cell.reason.contains("did not bite"), "{}", cell.reason);
    assert_eq!(run.code(), 96);
}

#[test]
fn with_a_misspelt_rule_the_cell_is_invalid_and_says_where() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let run = run_with_fault(|fault| replacing(&fault.replace("drop", "dropp")));
    let cell = run.cell("blocked");
    assert_eq!(cell.verdict, Verdict::Invalid, "{}", cell.reason);
    assert!(cell.reason.contains("isp") && cell.reason.contains("dropp"), "{}", cell.reason);
    assert_eq!(run.code(), 96);
}

/// The fault without the line that counts and drops.
fn without_drop(fault: &str) -> String {
    let kept: Vec<&str> = fault.lines().filter(|line| !line.contains("counter name hit")).collect();
    assert!(kept.len() < fault.lines().count(), "the fault has such a line: {fault}");
    kept.join("\n")
}
