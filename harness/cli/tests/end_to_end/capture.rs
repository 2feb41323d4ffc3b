//! Captures are complete and open in Wireshark.

use std::process::Command;

use interop_evidence::Verdict;

use crate::support::{Run, has_anyconnect, has_command, need};

#[test]
fn tshark_opens_the_capture_with_names_and_keys() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    need!(has_command("tshark"), "tshark is not here");
    let run = Run::of(["--scenario", "baseline", "--client", "openconnect", "--server", "ocserv"]);
    let cell = run.expect("baseline", Verdict::Pass);
    let capture = run.folder.path().join(cell.bundle.unwrap()).join("capture.pcapng");
    let output = Command::new("tshark")
        .args(["-r", capture.to_str().unwrap(), "-T", "fields", "-e", "frame.interface_name", "-e", "frame.time_epoch"])
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).replace("Running as user", "");
    assert!(output.status.success() && !complaints.contains("cut short"), "{complaints}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in ["access", "wan", "office", "client:tun0"] {
        assert!(text.lines().any(|line| line.starts_with(&format!("{name}\t"))), "no frame of {name}");
    }
    let times: Vec<f64> = text.lines().filter_map(|line| line.split('\t').nth(1)?.parse().ok()).collect();
    assert!(times.len() > 100 && times[0] > 1.7e9, "times since the epoch");

    // The keys stand in the file: the HTTP inside TLS is readable without any other.
    let http = Command::new("tshark")
        .args([
            "-r",
            capture.to_str().unwrap(),
            "-Y",
            "http.request.method == CONNECT",
            "-T",
            "fields",
            "-e",
            "http.request.uri",
        ])
        .output()
        .unwrap();
    let http = String::from_utf8_lossy(&http.stdout).into_owned();
    assert!(http.contains("CSCOSSLC/tunnel"), "no CONNECT in clear: {http}");
}
