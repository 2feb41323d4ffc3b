//! `trace`: any capture, line by line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use interop_capture::CaptureReader;
use interop_evidence::{Bundle, MarkKind, Trace, Verdict, View};
use serde_json::Value;

use crate::support::{Run, builtin, has_anyconnect, has_command, has_reference, need, overlay, program};

fn trace(path: &Path, args: &[&str]) -> Output {
    program().arg("trace").arg(path).args(args).output().unwrap()
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_trace_of_a_cell_is_in_its_bundle_and_is_printed_from_its_capture() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(["--scenario", "baseline", "--client", "reference", "--server", "reference"]);
    let folder = run.folder.path().join(run.expect("baseline", Verdict::Pass).bundle.unwrap());
    let bundle = Bundle::open(&folder);
    let kept = bundle.read_trace().unwrap();
    let marks: Vec<MarkKind> = kept.marks.iter().map(|mark| mark.kind).collect();
    assert_eq!(marks, [MarkKind::ClientStarts, MarkKind::Disconnect]);
    // Lines lie between the marks where they belong.
    let (begin, end) = (kept.marks[0].at, kept.marks[1].at);
    let hello = kept.lines.iter().find(|line| line.text.contains("TLS ClientHello")).unwrap();
    assert!(begin < hello.at && hello.at < end, "{hello:?}");
    let left = kept.lines.iter().rfind(|line| line.flow.contains("TCP/443") && line.text.contains("FIN")).unwrap();
    assert!(end < left.at, "{left:?}");
    let facts = bundle.read_facts().unwrap();
    assert_eq!(facts.port, 443);
    assert!(facts.nodes.keys().any(|node| node == "client") && facts.epoch_ns > 0);
    assert!(facts.nodes["client"].contains(&"10.30.0.2".parse().unwrap()), "its address in the tunnel, too");

    let printed: Trace = serde_json::from_slice(&trace(&folder, &["--json"]).stdout).unwrap();
    assert_eq!(printed, kept, "the file in the bundle needs no keys beside it");
    assert_eq!(shown(&trace(&folder, &[])), fs::read_to_string(bundle.trace_text()).unwrap());
    assert_eq!(shown(&trace(&bundle.capture(), &[])), fs::read_to_string(bundle.trace_text()).unwrap());

    let dns: Trace = serde_json::from_slice(&trace(&folder, &["--view", "dns", "--json"]).stdout).unwrap();
    assert!(!dns.lines.is_empty() && dns.lines.iter().all(|line| line.view == View::Dns));
    let udp = shown(&trace(&folder, &["--view", "outer-flow", "--flow", "UDP/443"]));
    assert!(udp.contains("DTLS") && !udp.contains("TCP/443"), "{udp}");
    let wan: Trace = serde_json::from_slice(&trace(&folder, &["--wire", "wan", "--json"]).stdout).unwrap();
    assert!(!wan.lines.is_empty() && wan.lines.iter().all(|line| line.wire == "wan"));
    let all: Trace = serde_json::from_slice(&trace(&folder, &["--all-wires", "--json"]).stdout).unwrap();
    assert!(all.lines.len() > kept.lines.len());
    assert_ne!(shown(&trace(&folder, &["--raw"])), shown(&trace(&folder, &[])));

    // What is not whole ends in the trace so far.
    let whole = fs::read(bundle.capture()).unwrap();
    let cut = folder.join("cut.pcapng");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let output = trace(&cut, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(shown(&output).contains("TLS ClientHello"), "{}", shown(&output));
    assert!(complaint(&output).contains("ends early"), "{}", complaint(&output));
    let nonsense = trace(&bundle.cell(), &[]);
    assert_eq!(nonsense.status.code(), Some(64), "{}", complaint(&nonsense));
    assert_eq!(trace(Path::new("/nowhere.pcap"), &[]).status.code(), Some(64));
    assert_eq!(trace(&folder, &["--view", "inner"]).status.code(), Some(64));
}

#[test]
fn a_capture_as_tcpdump_writes_it_gives_the_same_lines() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let run = Run::of(["--scenario", "baseline", "--client", "reference", "--server", "reference"]);
    let folder = run.folder.path().join(run.expect("baseline", Verdict::Pass).bundle.unwrap());
    let bare = folder.join("tcpdump.pcap");
    fs::write(&bare, as_tcpdump(&folder.join("capture.pcapng"), "access")).unwrap();
    let (known, bare) = (outer_lines(&folder), outer_lines(&bare));
    assert!(known.len() > 15 && known == bare, "{known:#?}\n{bare:#?}");
}

/// OpenConnect whose start begins a capture on the client's wire, and whose end waits until the capture has everything.
fn beside_tcpdump(capture: &Path) -> String {
    let script = format!(
        "\
files:
  tcpdump.sh: |
    exec 3<&0
    setsid tcpdump -i access -Z root -U -w '{capture}' 2> '{capture}.log' &
    dump=$!
    tries=0
    while [ ! -s '{capture}' ] && [ \"$tries\" -lt 200 ]; do tries=$((tries + 1)); sleep 0.05; done
    \"$@\" <&3 &
    client=$!
    trap 'kill -INT \"$client\"' INT
    trap 'kill -TERM \"$client\"' TERM
    wait \"$client\"
    wait \"$client\"
    status=$?
    # It looks for packets once a second.
    sleep 1.5
    kill -INT \"$dump\"
    wait \"$dump\"
    exit \"$status\"
",
        capture = capture.display()
    );
    let peer = builtin("peers/openconnect.yaml");
    let command = "command:\n  - \"{{ binary }}\"\n";
    assert!(peer.contains("\nfiles:\n") && peer.contains(command));
    let peer = peer.replacen("files:\n", &script, 1);
    let wrapped = "command:\n  - /bin/sh\n  - \"{{ dir }}/tcpdump.sh\"\n  - \"{{ binary }}\"\n";
    format!("replaces: true\n{}", peer.replacen(command, wrapped, 1))
}

#[test]
fn a_capture_that_tcpdump_took_in_the_lab_gives_the_lines_of_the_bundle() {
    need!(has_anyconnect(), "openconnect or ocserv is missing, or this is not root");
    need!(has_command("tcpdump"), "tcpdump is not installed");
    let out = tempfile::TempDir::new().unwrap();
    // A cell sees no other folder of the machine's temporary ones.
    let capture = out.path().join("cells/baseline+openconnect+ocserv/tcpdump.pcap");
    let catalogue = overlay(&[("peers/openconnect.yaml", &beside_tcpdump(&capture))]);
    let pair = ["--scenario", "baseline", "--client", "openconnect", "--server", "ocserv"];
    let mut command = program();
    command.arg("run").arg("--catalogue").arg(catalogue.path()).arg("--out").arg(out.path()).args(pair);
    let output = command.output().unwrap();
    let run = Run { folder: out, output };
    let folder = run.folder.path().join(run.expect("baseline", Verdict::Pass).bundle.unwrap());
    let (known, bare) = (outer_lines(&folder), outer_lines(&capture));
    assert!(known.len() > 15 && known == bare, "{known:#?}\n{bare:#?}");

    let replayed = program().arg("replay").arg(&capture).arg("--json").output().unwrap();
    assert_eq!(replayed.status.code(), Some(0), "{}", complaint(&replayed));
    let seen: Value = serde_json::from_slice(&replayed.stdout).unwrap();
    let messages: Vec<&Value> = seen["handshakes"].as_array().unwrap().iter().map(|it| &it["message"]).collect();
    for message in ["tls-client-hello", "tls-server-hello", "dtls-client-hello", "dtls-server-hello", "dtls-data"] {
        assert!(messages.contains(&&Value::from(message)), "{message}: {messages:?}");
    }
}

/// Service and text of each line of the VPN. What a scenario did is not known of a bare capture: repeats are folded over
/// its marks. Hosts have other names without the lab's; `UDP/443 #1` stays.
fn outer_lines(path: &Path) -> BTreeSet<(String, String)> {
    let output = trace(path, &["--view", "outer-flow", "--json"]);
    let trace: Trace = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", complaint(&output)));
    let vpn = trace.lines.into_iter().filter(|line| line.flow.contains("/443"));
    vpn.map(|line| (line.flow.split_once(' ').unwrap().1.to_owned(), line.text)).collect()
}

#[test]
fn the_trace_of_an_exemplar_changes_only_with_the_decoder() {
    let exemplar = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/goldens/baseline/exemplar.pcapng");
    need!(exemplar.is_file(), "the baseline has no exemplar yet");
    let output = trace(&exemplar, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    insta::assert_snapshot!("trace-of-the-baseline", shown(&output));
}

/// The frames of one interface as `tcpdump -w` has them: one link, microseconds, no names and no keys.
fn as_tcpdump(capture: &Path, interface: &str) -> Vec<u8> {
    const ETHERNET: u32 = 1;
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, ETHERNET] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for frame in
        CaptureReader::open(capture).unwrap().map(Result::unwrap).filter(|frame| *frame.interface == *interface)
    {
        let length = u32::try_from(frame.data.len()).unwrap();
        for word in [u32::try_from(frame.time.as_secs()).unwrap(), frame.time.subsec_micros(), length, length] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&frame.data);
    }
    file
}
