//! Captures are complete and open in Wireshark.

use std::path::Path;
use std::process::Command;

use interop_evidence::{Bundle, Layer, TraceLine, Verdict, View};

use crate::support::{Run, has_anyconnect, has_command, has_reference, need};

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

#[test]
fn tshark_shows_the_http_of_the_reference_without_a_key_file() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    need!(has_command("tshark"), "tshark is not here");
    let run = Run::of(["--scenario", "baseline", "--client", "reference", "--server", "reference"]);
    let cell = run.expect("baseline", Verdict::Pass);
    let capture = run.folder.path().join(cell.bundle.unwrap()).join("capture.pcapng");
    let fields = ["-Y", "http", "-T", "fields", "-e", "http.request.method", "-e", "http.response.code"];
    let shown = tshark(&capture, &fields);
    let words: Vec<&str> = shown.split_whitespace().collect();
    assert!(["POST", "CONNECT", "200"].iter().all(|word| words.contains(word)), "{shown}");
}

#[test]
fn a_dtls_session_that_was_taken_up_is_open_in_the_capture() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    need!(has_command("tshark"), "tshark is not here");
    // GnuTLS as ocserv has it logs keys of such sessions that are none: those of the CONNECT headers take their place.
    let run = Run::of(
        ["--scenario", "dtls-families", "--param", "family=cisco12", "--param", "tls=1.3"].into_iter().chain([
            "--client",
            "openconnect",
            "--server",
            "ocserv",
        ]),
    );
    let cell = run.expect("dtls-families", Verdict::Pass);
    let bundle = run.folder.path().join(cell.bundle.unwrap());
    let data = "frame.interface_name == lan && dtls.record.content_type == 23";
    let frames = tshark(&bundle.join("capture.pcapng"), &["-Y", data]).lines().count();
    let opened = tshark(&bundle.join("capture.pcapng"), &["-x", "-Y", data]).matches("Decrypted DTLS").count();
    assert!(frames > 100 && opened >= frames, "{opened} of {frames} frames are open");

    let trace = Bundle::open(&bundle).read_trace().unwrap();
    let cstp: Vec<&TraceLine> =
        trace.lines.iter().filter(|line| line.layer == Layer::Cstp && line.flow.contains("UDP/443")).collect();
    assert!(cstp.iter().any(|line| line.text.contains("DPD")) && cstp.iter().any(|line| line.text.contains("data")));
    let resumed = |line: &TraceLine| line.view == View::OuterFlow && line.text.contains("DTLS ServerHello");
    assert!(trace.lines.iter().any(resumed), "the handshake is there");
    let asked = |line: &TraceLine| line.text.contains("ClientKeyExchange") && line.flow.contains("UDP/");
    assert!(!trace.lines.iter().any(asked), "and it is a short one");
}

fn tshark(capture: &Path, args: &[&str]) -> String {
    let output = Command::new("tshark").arg("-r").arg(capture).args(args).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
