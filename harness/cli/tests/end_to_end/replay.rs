//! `replay`: the checks again, from the evidence alone.

use std::fs;
use std::path::Path;
use std::process::Output;

use interop_evidence::{Bundle, CheckRecord, EventKind, Verdict};
use serde_json::Value;

use crate::support::{Run, has_reference, need, program};

fn replay(path: &Path, args: &[&str]) -> Output {
    program().arg("replay").arg(path).args(args).output().unwrap()
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn checks(output: &Output) -> Vec<Value> {
    let value: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    value["checks"].as_array().unwrap().clone()
}

#[test]
fn every_verdict_comes_out_again_and_changed_evidence_changes_it() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(["--scenario", "udp-blocked-from-start", "--client", "reference", "--server", "reference"]);
    let cell = run.cell("udp-blocked-from-start");
    let folder = run.folder.path().join(cell.bundle.unwrap());
    let bundle = Bundle::open(&folder);
    let output = replay(&folder, &["--json"]);
    let before = checks(&output);
    let recorded: Vec<CheckRecord> = bundle.read_cell().unwrap().checks;
    assert_eq!(before.len(), recorded.len());
    assert!(before.iter().all(|check| check["differs"] == false), "{before:#?}");
    let judged = before.iter().filter(|check| !check["now"].is_null()).count();
    assert!(judged * 2 > before.len(), "{judged} of {} are judged again", before.len());
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));

    // The fault did not bite, says the changed evidence.
    let mut timeline = bundle.read_events().unwrap();
    for event in &mut timeline.events {
        if let EventKind::FaultProven { proof } = &mut event.kind {
            proof.bit = false;
        }
    }
    bundle.write_events(&timeline).unwrap();
    let output = replay(&folder, &[]);
    assert_eq!(output.status.code(), Some(100), "{}", shown(&output));
    assert!(shown(&output).contains("1 verdict differs"), "{}", shown(&output));
    assert!(shown(&output).lines().any(|line| line.starts_with("! fault ")), "{}", shown(&output));
}

#[test]
fn a_failing_cell_fails_again() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(["--scenario", "full-tunnel-dns-leak", "--mutant", "leaks-dns"].into_iter().chain([
        "--client",
        "reference",
        "--server",
        "reference",
    ]));
    let cell = run.expect("full-tunnel-dns-leak", Verdict::Fail);
    let folder = run.folder.path().join(cell.bundle.unwrap());
    let output = replay(&folder, &["--json"]);
    assert_eq!(output.status.code(), Some(100));
    let leak = checks(&output).into_iter().find(|check| check["id"] == "no-leak").unwrap();
    assert_eq!(leak["now"]["verdict"], "fail", "flows are computed from the capture: {leak:#}");
    // Not from the list that the cell made.
    Bundle::open(&folder).write_outer_flows(&[]).unwrap();
    let leak = checks(&replay(&folder, &["--json"])).into_iter().find(|check| check["id"] == "no-leak").unwrap();
    assert_eq!(leak["now"]["verdict"], "fail");
}

#[test]
fn a_bare_capture_says_what_is_in_it() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(["--scenario", "baseline", "--client", "reference", "--server", "reference"]);
    let folder = run.folder.path().join(run.expect("baseline", Verdict::Pass).bundle.unwrap());
    let bare = folder.join("from-elsewhere.pcapng");
    fs::copy(folder.join("capture.pcapng"), &bare).unwrap();
    let output = replay(&bare, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = shown(&output);
    for part in ["TLS ServerHello, version 0x0304", "first DTLS application data", "  dtls: ", "vpn.example.test"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    assert!(!text.contains("openvpn"), "{text}");
    assert_eq!(replay(&folder.join("cell.json"), &[]).status.code(), Some(64));
    let half = replay(&bare, &["--scenario", "baseline"]);
    assert_eq!(half.status.code(), Some(64), "a scenario without a pair");
}
