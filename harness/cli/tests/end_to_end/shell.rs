//! A shell in a node of a kept cell.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{has_anyconnect, need, overlay, program};

#[test]
fn a_command_runs_in_the_node_with_its_resolver_and_tunnel() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let stories = overlay(&[(
        "cases/open.yaml",
        "id: open\ntitle: The tunnel stays up\narea: basics\ntopology: direct\nsteps:\n  - connect: {within: 20s}\n",
    )]);
    let folder = tempfile::TempDir::new().unwrap();
    let mut run = program()
        .arg("--catalogue")
        .arg(stories.path())
        .args([
            "run",
            "--keep",
            "--no-gate",
            "--scenario",
            "open",
            "--client",
            "openconnect",
            "--server",
            "ocserv",
            "--out",
        ])
        .arg(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let bundle = folder.path().join("cells/open+openconnect+ocserv");
    let deadline = Instant::now() + Duration::from_secs(40);
    while !fs::read_to_string(bundle.join("logs/client.log")).is_ok_and(|text| text.contains("connect finished")) {
        assert!(Instant::now() < deadline, "no tunnel");
        std::thread::sleep(Duration::from_millis(20));
    }
    let inside = |node: &str, command: &str| {
        let output = program().arg("shell").arg(&bundle).args([node, "/bin/sh", "-c", command]).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = inside("client", "cat /etc/resolv.conf /proc/net/dev; hostname");
    assert_eq!(code, Some(0));
    assert!(text.contains("10.20.0.10") && text.contains("tun0") && text.contains("cell"), "{text}");
    assert_eq!(inside("gateway", "exit 7").0, Some(7));
    assert_eq!(inside("nowhere", "true").0, Some(64));
    run.stdin.take().unwrap().write_all(b"\n").unwrap();
    let status = run.wait().unwrap();
    assert_eq!(status.code(), Some(0), "Enter ends a kept run in the ordinary way");
    assert!(folder.path().join("results.json").is_file());
    assert_eq!(inside("client", "true").0, Some(64), "afterwards there is nothing to attach to");
}
