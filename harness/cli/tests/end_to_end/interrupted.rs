//! Ctrl-C ends a run cleanly and keeps what is finished.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use interop_evidence::{RunResults, Verdict};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{has_anyconnect, need, overlay, program};

#[test]
fn results_so_far_are_kept_and_the_code_is_130() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let stories = overlay(&[(
        "cases/long.yaml",
        "id: long\ntitle: A story that takes its time\narea: basics\ntopology: direct\nsteps:\n  \
         - connect: {within: 20s}\n  - hold: {for: 120s}\n",
    )]);
    let folder = tempfile::TempDir::new().unwrap();
    let mut run = program()
        .arg("--catalogue")
        .arg(stories.path())
        .args(["run", "--scenario", "long", "--client", "openconnect", "--server", "ocserv", "--out"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let log = folder.path().join("cells/long+openconnect+ocserv/logs/client.log");
    let deadline = Instant::now() + Duration::from_secs(40);
    while !fs::read_to_string(&log).is_ok_and(|text| text.contains("connect finished")) {
        assert!(Instant::now() < deadline, "the long cell has not begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).unwrap();
    let status = run.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let results: RunResults = serde_json::from_slice(&fs::read(folder.path().join("results.json")).unwrap()).unwrap();
    assert!(results.run.interrupted);
    let kept: Vec<(&str, Verdict)> = results.cells.iter().map(|cell| (cell.scenario.as_str(), cell.verdict)).collect();
    assert_eq!(kept, [("baseline", Verdict::Pass)], "the finished cell is kept, the other is absent");
    assert!(folder.path().join("report.html").is_file());
}
