//! `run --captures notable`: the largest file of a bundle stays where somebody will want to look at it.

use interop_evidence::{Bundle, Verdict};

use crate::support::{Run, has_reference, need, program};

const REFERENCE: [&str; 4] = ["--client", "reference", "--server", "reference"];

fn bundle_of(run: &Run, scenario: &str, verdict: Verdict) -> Bundle {
    Bundle::open(run.folder.path().join(run.expect(scenario, verdict).bundle.unwrap()))
}

#[test]
fn a_cell_that_passed_is_judged_and_read_without_its_capture() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let notable = ["--scenario", "baseline", "--repeat", "2", "--captures", "notable"];
    let run = Run::of(notable.into_iter().chain(REFERENCE));
    let first = bundle_of(&run, "baseline", Verdict::Pass);
    let second = Bundle::open(format!("{}.2", first.folder().display()));
    assert!(second.cell().is_file(), "the second repeat has its own bundle");
    for bundle in [&first, &second] {
        assert!(!bundle.capture().exists(), "{}", bundle.capture().display());
    }

    let replay = program().arg("replay").arg(first.folder()).output().unwrap();
    let said = String::from_utf8_lossy(&replay.stdout);
    assert_eq!(replay.status.code(), Some(0), "{said}");
    let golden = said.lines().find(|line| line.trim_start().starts_with("golden outer-flow")).unwrap_or_default();
    assert_eq!(golden.split_whitespace().skip(2).collect::<Vec<_>>(), ["pass", "pass"], "{said}");
    assert!(said.contains("has no capture"), "{said}");

    let trace = program().arg("trace").arg(first.folder()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&trace.stdout), std::fs::read_to_string(first.trace_text()).unwrap());
    assert!(String::from_utf8_lossy(&trace.stderr).contains("has no capture"));
    let wires = program().args(["trace", "--all-wires"]).arg(first.folder()).output().unwrap();
    assert_eq!(wires.status.code(), Some(64), "what only the capture knows is not made up");

    let report = std::fs::read_to_string(first.folder().join("index.html")).unwrap();
    assert!(!report.contains("capture.pcapng"), "its page does not point to a file that is not there");
}

#[test]
fn a_cell_that_fails_keeps_its_capture() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let leak = ["--scenario", "full-tunnel-dns-leak", "--mutant", "leaks-dns", "--captures", "notable"];
    let run = Run::of(leak.into_iter().chain(REFERENCE));
    assert!(bundle_of(&run, "full-tunnel-dns-leak", Verdict::Fail).capture().is_file());
}
