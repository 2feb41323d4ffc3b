//! The reference client and server as peers of the catalogue, and the profiles in which they imitate others.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use interop_evidence::{Bundle, EventKind, Stage, StageStatus, Verdict};
use tempfile::TempDir;

use crate::support::{Run, has_reference, need};

#[test]
fn the_reference_pair_has_its_baseline() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(["--scenario", "baseline", "--client", "reference", "--server", "reference"]);
    let cell = run.expect("baseline", Verdict::Pass);
    assert_eq!(cell.key, "baseline+reference+reference");
    assert_eq!(run.code(), 0);
}

#[test]
fn an_emulated_profile_says_so_everywhere_and_tells_its_stages() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(["--scenario", "anyconnect-flow", "--client", "anyconnect-desktop"]);
    let cell = run.expect("anyconnect-flow", Verdict::Pass);
    assert_eq!(cell.client.emulates.as_deref(), Some("Cisco AnyConnect 4.x for Windows"));
    assert_eq!(cell.server.emulates.as_deref(), Some("Cisco ASA 9.x"));
    let shown = String::from_utf8_lossy(&run.output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("(emulated profile)"), "{shown}");
    for file in ["report.html", "report.md", "junit.xml"] {
        let text = fs::read_to_string(run.folder.path().join(file)).unwrap();
        assert!(text.contains("emulated profile"), "{file}");
    }
    let timeline = Bundle::open(run.folder.path().join(cell.bundle.unwrap())).read_events().unwrap();
    let done: Vec<Stage> = timeline
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Stage { stage, status: StageStatus::Done | StageStatus::Skipped, .. } => Some(*stage),
            _ => None,
        })
        .collect();
    assert_eq!(done, Stage::ALL, "all six, in their order");
}

#[test]
fn without_the_programs_beside_it_the_cell_is_skipped_with_a_hint() {
    let folder = TempDir::new().unwrap();
    let alone = folder.path().join("vpn-interop");
    fs::copy(env!("CARGO_BIN_EXE_vpn-interop"), &alone).unwrap();
    fs::set_permissions(&alone, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(&alone)
        .args(["run", "--dry-run", "--scenario", "baseline", "--client", "reference", "--server", "reference"])
        .env("PATH", "/nowhere")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    need!(!Path::new("/usr/sbin/vpn-ref-client").exists(), "this machine has the program itself");
    assert!(said.contains("skipped") && said.contains("cargo build --workspace"), "{said}");
}
