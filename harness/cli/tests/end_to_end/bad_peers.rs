//! Peers that misbehave: each gets a true verdict in time, and the harness stays what it was.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use interop_evidence::{CellRecord, RunResults, Verdict};
use tempfile::TempDir;

use crate::processes::{children, descendants, most_memory, quiet_run, runs};
use crate::support::{has_reference, need, overlay};

/// No cell's process may need more, whatever its peers do.
const MOST_MEMORY: u64 = 150 << 20;

/// A catalogue with one client that is a shell script, and a story in which it meets the reference server.
fn catalogue(script: &str, within: &str) -> TempDir {
    let folder = overlay(&[(
        "cases/meet.yaml",
        &format!(
            "id: meet\ntitle: Two meet\narea: basics\ntopology: direct\ntime-limit: 170s\nsteps:\n  \
             - connect: {{within: {within}}}\n  - disconnect: {{}}\n"
        ),
    )]);
    let program = folder.path().join("bin/misbehaves");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(folder.path().join("peers")).unwrap();
    let peer = format!(
        "id: misbehaves\ntitle: A client that misbehaves\nroles: [client]\nprotocols: [anyconnect]\n\
         binary: {{name: misbehaves, search: [\"{}\"]}}\ncapabilities: [tls]\ncommand: [\"{{{{ binary }}}}\"]\n\
         connected-when: {{log: all is up}}\nstop: {{within: 1s}}\n",
        program.parent().unwrap().display()
    );
    fs::write(folder.path().join("peers/misbehaves.yaml"), peer).unwrap();
    folder
}

/// What was seen of the only cell of a run.
struct Seen {
    cell: CellRecord,
    code: Option<i32>,
    /// Size of the client's log.
    log: u64,
    /// The most memory that the cell's process has had.
    memory: u64,
    _folder: TempDir,
}

fn meet(catalogue: &Path) -> Seen {
    let folder = TempDir::new().unwrap();
    let mut run = quiet_run(catalogue)
        .args(["--scenario", "meet", "--no-gate", "--client", "misbehaves", "--server", "reference", "--out"])
        .arg(folder.path())
        .spawn()
        .unwrap();
    let (mut memory, mut seen) = (0, Vec::new());
    let status = loop {
        // The runner starts the warden, the warden the cell.
        for cell in children(run.id()).into_iter().flat_map(children) {
            memory = memory.max(most_memory(cell).unwrap_or(0));
        }
        let all = descendants(run.id());
        seen.extend(all.into_iter().filter(|pid| !seen.contains(pid)).collect::<Vec<_>>());
        if let Some(status) = run.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    assert!(!seen.iter().any(|pid| runs(*pid)), "something is left running");
    let results: RunResults = serde_json::from_slice(&fs::read(folder.path().join("results.json")).unwrap()).unwrap();
    let cell = results.cells.into_iter().next().unwrap();
    let bundle = folder.path().join(cell.bundle.as_ref().unwrap());
    let log = fs::metadata(bundle.join("logs/client.log")).unwrap().len();
    assert!(memory > 0, "the cell was never seen");
    assert!(memory < MOST_MEMORY, "the cell needed {} MB", memory >> 20);
    Seen { cell, code: status.code(), log, memory, _folder: folder }
}

#[test]
fn one_that_crashes_is_named_with_its_signal() {
    need!(has_reference(), "the reference is not built, or this is not root");
    // `kill` of the shell cannot be caught by it.
    let seen = meet(catalogue("echo about to fall\nsleep 1\nkill -SEGV $$", "20s").path());
    assert_eq!((seen.cell.verdict, seen.code), (Verdict::Fail, Some(100)), "{}", seen.cell.reason);
    assert!(seen.cell.reason.contains("SIGSEGV"), "{}", seen.cell.reason);
    assert!(seen.cell.reason.contains("about to fall"), "its last words: {}", seen.cell.reason);
}

#[test]
fn one_that_hangs_is_killed_at_the_deadline() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let seen = meet(catalogue("trap '' TERM INT HUP\nwhile :; do sleep 1000; done", "3s").path());
    assert_eq!((seen.cell.verdict, seen.code), (Verdict::Fail, Some(100)), "{}", seen.cell.reason);
    assert!(seen.cell.reason.contains("no tunnel after 3"), "{}", seen.cell.reason);
    assert!(seen.cell.duration_ms < 60_000, "it did not wait for the hanging one: {} ms", seen.cell.duration_ms);
}

#[test]
fn a_flood_of_lines_is_read_to_its_end_and_kept_in_bounds() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let flood = "line=$(head -c 4000 /dev/zero | tr '\\0' x)\nyes \"$line\" | head -c 200000000\necho\n\
                 echo all is up\nexec sleep 1000";
    let seen = meet(catalogue(flood, "160s").path());
    assert_eq!((seen.cell.verdict, seen.code), (Verdict::Pass, Some(0)), "the last line counts: {}", seen.cell.reason);
    assert!(seen.log <= 8_100_000, "the log has {} bytes", seen.log);
    assert!(seen.log >= 7_900_000, "as much as is allowed: {} bytes", seen.log);
    assert!(seen.memory < MOST_MEMORY);
}

#[test]
fn a_flood_in_one_line_is_cut() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let flood = "head -c 1000000000 /dev/zero | tr '\\0' x\necho\necho all is up\nexec sleep 1000";
    let seen = meet(catalogue(flood, "160s").path());
    assert_eq!((seen.cell.verdict, seen.code), (Verdict::Pass, Some(0)), "the last line counts: {}", seen.cell.reason);
    assert!(seen.log < 10_000, "the log has {} bytes", seen.log);
}
