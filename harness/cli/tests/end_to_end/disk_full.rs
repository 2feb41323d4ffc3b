//! A disk without room for evidence: no verdict is made up, results are there, and the run goes on when there is room.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use interop_evidence::{RunResults, Verdict};
use tempfile::TempDir;

use crate::support::{has_command, has_reference, need, overlay};

/// Stories that leave little, and one whose client writes a large log.
fn stories() -> TempDir {
    let story = |id: &str| {
        format!(
            "id: {id}\ntitle: A story\narea: basics\ntopology: direct\nsteps:\n  - connect: {{within: 30s}}\n  \
             - disconnect: {{}}\n"
        )
    };
    let folder = overlay(&[
        ("cases/one.yaml", &story("one")),
        ("cases/two.yaml", &story("two")),
        ("suites/stories.yaml", "id: stories\ntitle: Stories\nscenarios: [one, two]\n"),
    ]);
    let program = folder.path().join("bin/writes-much");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    let script = "#!/bin/sh\nyes 'much to say, and nobody who wants to read it' | head -c 30000000\n\
                  echo all is up\nexec sleep 1000\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(folder.path().join("peers")).unwrap();
    let peer = format!(
        "id: writes-much\ntitle: A client that writes much\nroles: [client]\nprotocols: [anyconnect]\n\
         binary: {{name: writes-much, search: [\"{}\"]}}\ncapabilities: [tls]\ncommand: [\"{{{{ binary }}}}\"]\n\
         connected-when: {{log: all is up}}\nstop: {{within: 1s}}\nlimits: {{log: 100MB}}\n",
        program.parent().unwrap().display()
    );
    fs::write(folder.path().join("peers/writes-much.yaml"), peer).unwrap();
    folder
}

/// Runs a shell script in a mount namespace of its own, with a small disk at `$disk`; what it copies to `$kept` stays.
fn with_small_disk(catalogue: &Path, kept: &Path, megabytes: u32, script: &str) -> Output {
    let disk = kept.join("disk");
    fs::create_dir_all(&disk).unwrap();
    let script = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$disk\" || exit 99\n{script}");
    Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .env("program", env!("CARGO_BIN_EXE_vpn-interop"))
        .env("catalogue", catalogue)
        .env("disk", &disk)
        .env("kept", kept)
        .env("NO_COLOR", "1")
        .output()
        .unwrap()
}

fn results(kept: &Path, name: &str) -> RunResults {
    serde_json::from_slice(&fs::read(kept.join(name)).unwrap()).unwrap()
}

const RUN: &str = "run() { \"$program\" --catalogue \"$catalogue\" run \"$@\"; }\n";

#[test]
fn nothing_is_started_without_room_and_the_rest_follows_when_there_is() {
    need!(has_reference(), "the reference is not built, or this is not root");
    need!(has_command("unshare"), "unshare is not here");
    let (stories, kept) = (stories(), TempDir::new().unwrap());
    let script = format!(
        "{RUN}run --suite stories --no-gate --client reference --server reference --out \"$disk/out\" 2> \"$kept/first\"\n\
         echo $? > \"$kept/code\"; cp \"$disk/out/results.json\" \"$kept/first.json\"\n\
         mount -o remount,size=200m \"$disk\" || exit 99\n\
         run --resume \"$disk/out\" 2> \"$kept/second\"\n\
         echo $? >> \"$kept/code\"; cp \"$disk/out/results.json\" \"$kept/second.json\"; ls -A \"$disk/out\" > \"$kept/left\""
    );
    let output = with_small_disk(stories.path(), kept.path(), 6, &script);
    let said = |name: &str| fs::read_to_string(kept.path().join(name)).unwrap_or_default();
    assert!(output.status.success(), "{} {}", said("first"), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said("code"), "96\n0\n", "{}\n{}", said("first"), said("second"));
    let first = results(kept.path(), "first.json");
    assert!(first.run.interrupted);
    assert!(first.cells.is_empty(), "nothing has run: {:?}", first.cells);
    assert!(said("first").contains("no space left"), "{}", said("first"));
    assert!(said("first").contains("--resume"), "it says how to go on: {}", said("first"));
    let second = results(kept.path(), "second.json");
    assert!(!second.run.interrupted);
    let verdicts: Vec<Verdict> = second.cells.iter().map(|cell| cell.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass]);
    assert!(!said("left").contains("reserve"), "{}", said("left"));
}

#[test]
fn a_cell_whose_evidence_finds_no_room_has_no_verdict() {
    need!(has_reference(), "the reference is not built, or this is not root");
    need!(has_command("unshare"), "unshare is not here");
    let (stories, kept) = (stories(), TempDir::new().unwrap());
    let script = format!(
        "{RUN}run --suite stories --no-gate --jobs 1 --client writes-much --server reference --out \"$disk/out\" \
         2> \"$kept/first\"\n\
         echo $? > \"$kept/code\"; cp \"$disk/out/results.json\" \"$kept/first.json\"\n\
         mount -o remount,size=400m \"$disk\" || exit 99\n\
         run --resume \"$disk/out\" 2> \"$kept/second\"\n\
         echo $? >> \"$kept/code\"; cp \"$disk/out/results.json\" \"$kept/second.json\""
    );
    let output = with_small_disk(stories.path(), kept.path(), 20, &script);
    let said = |name: &str| fs::read_to_string(kept.path().join(name)).unwrap_or_default();
    assert!(output.status.success(), "{} {}", said("first"), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said("code"), "96\n0\n", "{}\n{}", said("first"), said("second"));
    let first = results(kept.path(), "first.json");
    assert!(first.run.interrupted);
    assert_eq!(first.cells.len(), 1, "the second was not started: {}", said("first"));
    assert_eq!(first.cells[0].verdict, Verdict::EnvError, "{}", first.cells[0].reason);
    assert!(first.cells[0].reason.contains("no space left"), "{}", first.cells[0].reason);
    let second = results(kept.path(), "second.json");
    let verdicts: Vec<Verdict> = second.cells.iter().map(|cell| cell.verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass], "with room its log is no reason to fail");
}
