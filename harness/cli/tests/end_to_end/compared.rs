//! `diff`, flaky cells and expectations that nothing needs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use interop_evidence::{RunResults, Verdict};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Run, has_reference, need, overlay, program};

/// A short story on the smallest topology.
fn case(id: &str, steps: &str, more: &str) -> (String, String) {
    let text = format!(
        "id: {id}\ntitle: x\narea: basics\ntopology: direct\nsteps:\n  - connect: {{within: 30s}}\n{steps}  \
         - disconnect: {{}}\n{more}"
    );
    (format!("cases/{id}.yaml"), text)
}

fn catalogue(files: &[(String, String)]) -> TempDir {
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    overlay(&files)
}

/// Runs `diff` and gives its exit code and what it printed.
fn diff(catalogue: &Path, old: &Run, new: &Run, more: &[&str]) -> (i32, String) {
    let catalogue = catalogue.to_str().unwrap();
    let output = program()
        .args(["--catalogue", catalogue, "diff"])
        .args([old.folder.path(), new.folder.path()])
        .args(more)
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

/// A build of the reference client that never offers DTLS.
fn without_dtls(folder: &Path) -> PathBuf {
    let real = Path::new(env!("CARGO_BIN_EXE_vpn-interop")).with_file_name("vpn-ref-client");
    let build = folder.join("vpn-ref-client-of-mine");
    let text =
        format!("#!/bin/sh\n[ \"$1\" != connect ] || set -- \"$@\" --dtls=off\nexec {} \"$@\"\n", real.display());
    fs::write(&build, text).unwrap();
    fs::set_permissions(&build, fs::Permissions::from_mode(0o755)).unwrap();
    build
}

#[test]
fn diff_lists_exactly_the_cells_that_another_build_changes() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let catalogue = catalogue(&[
        case("wants-dtls", "  - expect: {transport: dtls, within: 5s}\n", ""),
        case("wants-a-tunnel", "  - expect: {reachable: inside}\n", ""),
        // Not in the middle of what follows a DTLS handshake.
        case("shows-its-trace", "  - expect: {reachable: inside}\n  - hold: {for: 1s}\n", "golden: [outer-flow]\n"),
    ]);
    let build = TempDir::new().unwrap();
    let other = format!("reference={}", without_dtls(build.path()).display());
    let run = |client: &str, seed: &str| {
        let path = catalogue.path().to_str().unwrap();
        let scenarios = ["--scenario", "wants-*", "--scenario", "shows-its-trace", "--server", "reference"];
        Run::of(["--catalogue", path, "--no-gate", "--client", client, "--seed", seed].iter().chain(&scenarios))
    };
    let (old, again, new) = (run("reference", "1"), run("reference", "2"), run(&other, "3"));
    assert_eq!((old.code(), new.code()), (0, 100), "{}", new.stderr());

    let (code, text) = diff(catalogue.path(), &old, &old, &[]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("no cell changed: no worse"), "{text}");
    let (code, text) = diff(catalogue.path(), &old, &again, &[]);
    assert!(code == 0 && text.contains("no cell changed"), "another seed is no change: {text}");

    let (code, json) = diff(catalogue.path(), &old, &new, &["--json"]);
    assert_eq!(code, 100, "{json}");
    let json: Value = serde_json::from_str(&json).unwrap();
    let of =
        |change: &Value| (change["kind"].as_str().unwrap().to_owned(), change["scenario"].as_str().unwrap().to_owned());
    let changed: Vec<_> = json["changes"].as_array().unwrap().iter().map(of).collect();
    let pair = |kind: &str, scenario: &str| (kind.to_owned(), scenario.to_owned());
    assert_eq!(changed, [pair("new-failure", "wants-dtls"), pair("trace", "shows-its-trace")]);
    assert_eq!(json["same"], 1);
    assert_eq!(json["changes"][1]["traces"][0]["view"], "outer-flow");

    let (code, text) = diff(catalogue.path(), &old, &new, &["--ignore-traces"]);
    assert_eq!(code, 100);
    assert!(text.contains("new failures (1)") && !text.contains("shows-its-trace"), "{text}");
    let (code, text) = diff(catalogue.path(), &new, &old, &[]);
    assert!(code == 0 && text.contains("repaired (1)"), "{text}");
    let (_, markdown) = diff(catalogue.path(), &old, &new, &["--markdown"]);
    assert!(markdown.contains("### New failures (1)") && markdown.contains("**wants-dtls**"), "{markdown}");
}

#[test]
fn what_is_no_run_cannot_be_compared() {
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.json");
    fs::write(&other, "{\"no\": \"run\"}").unwrap();
    for path in [folder.path(), other.as_path()] {
        let output = program().arg("diff").args([path, path]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains("give the folder of a run, or its results.json"), "{said}");
    }
}

/// A client that gives up in every second repeat: the name of the bundle, which a cell has mounted, ends with its number.
const MOODY: &str = r#"
id: moody
title: A client that gives up in every second repeat
extends: reference
command:
  - /bin/sh
  - -c
  - 'if grep -q "/cells/[^ ]*[.][0-9]*[02468] " /proc/self/mountinfo; then echo "not in the mood"; exit 7; fi; exec "$@"'
  - sh
  - "{{ binary }}"
  - connect
  - --interface={{ interface }}
  - --ca-file={{ pki.ca }}
  - --no-system-trust
  - --timestamp
  - --journal={{ dir }}/journal
  - --user={{ username }}
  - --passwd-on-stdin
  - "https://{{ server_name }}:{{ server_port }}/"
"#;

#[test]
fn a_moody_peer_is_flaky_and_a_failure_of_the_run() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let catalogue = catalogue(&[
        case("wants-a-tunnel", "  - expect: {reachable: inside}\n", ""),
        ("peers/moody.yaml".to_owned(), MOODY.to_owned()),
    ]);
    let run = |repeat: &str| {
        let path = catalogue.path().to_str().unwrap();
        let pair = ["--scenario", "wants-a-tunnel", "--client", "moody", "--server", "reference"];
        Run::of(["--catalogue", path, "--no-gate", "--repeat", repeat, "--seed", "5"].iter().chain(&pair))
    };
    let (once, moody) = (run("1"), run("6"));
    assert_eq!((once.code(), moody.code()), (0, 100), "{}", moody.stderr());
    let cell = moody.expect("wants-a-tunnel", Verdict::Flaky);
    let (pass, fail) = (Verdict::Pass, Verdict::Fail);
    assert_eq!(cell.repeats, [pass, fail, pass, fail, pass, fail]);
    assert!(
        cell.reason.contains("verdicts of 6 repeats differ (pass, fail, pass, fail, pass, fail)"),
        "{}",
        cell.reason
    );
    let (code, text) = diff(catalogue.path(), &once, &moody, &[]);
    assert!(code == 100 && text.contains("new failures (1)") && text.contains("pass → flaky"), "{text}");
    let (code, text) = diff(catalogue.path(), &moody, &once, &[]);
    assert!(code == 0 && text.contains("repaired (1)"), "{text}");
}

#[test]
fn an_expectation_that_nothing_needs_fails_the_run() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let entry = |client: &str, check: &str| {
        format!(
            "  - {{scenario: soft, client: {client}, server: reference, verdict: degraded, check: {check}, reason: seen,\n     \
             link: \"https://example.com/1\", expires: 2999-12-31}}\n"
        )
    };
    // One that explains, one that is about something else by now, one of which no cell runs.
    let entries = [entry("reference", "transport"), entry("reference", "resolver"), entry("openconnect", "transport")];
    // Once DTLS is up nothing goes over TLS any more.
    let soft =
        "  - expect: {transport: dtls, within: 20s}\n  - expect: {transport: tls, within: 1s, or-degraded: true}\n";
    let known = ("expectations/ours.yaml".to_owned(), format!("entries:\n{}", entries.concat()));
    let catalogue = catalogue(&[case("soft", soft, ""), known]);
    let path = catalogue.path().to_str().unwrap();
    let pair = ["--scenario", "soft", "--client", "reference", "--server", "reference", "--no-gate"];
    let run = Run::of(["--catalogue", path].iter().chain(&pair));
    run.expect("soft", Verdict::Degraded);
    assert_eq!(run.code(), 100, "{}", run.stderr());
    let RunResults { run: record, .. } = run.results();
    let stale: Vec<&str> = record.stale.iter().map(|stale| stale.entry.as_str()).collect();
    assert_eq!(stale, ["soft, reference x reference, degraded"]);
    assert!(record.stale[0].place.ends_with("expectations/ours.yaml:4"), "{}", record.stale[0].place);
    assert!(record.needed.len() == 1 && record.needed[0].ends_with("ours.yaml:2"), "{:?}", record.needed);
    let shown = String::from_utf8_lossy(&run.output.stdout).into_owned();
    assert!(shown.contains("stale expectations (1)") && shown.contains("because of `resolver`"), "{shown}");
    for (file, words) in [("report.md", "### Stale expectations (1)"), ("junit.xml", "name=\"expectations\"")] {
        let text = fs::read_to_string(run.folder.path().join(file)).unwrap();
        assert!(text.contains(words), "{file}: {text}");
    }
}

#[test]
fn pairwise_leaves_cells_out_but_no_two_values_that_meet() {
    let axes = "axes: {one: [a, b, c], two: [d, e, f], three: [g, h, i]}\n";
    let catalogue = catalogue(&[case("many", "  - expect: {reachable: inside}\n", axes)]);
    let dry = |more: &[&str]| {
        let args = ["--scenario", "many", "--client", "reference", "--server", "reference", "--no-gate", "--dry-run"];
        let output =
            program().arg("--catalogue").arg(catalogue.path()).arg("run").args(args).args(more).output().unwrap();
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<String>>()
    };
    let (all, part) = (dry(&[]), dry(&["--pairwise"]));
    assert_eq!(all.len(), 27);
    need!(has_reference(), "the reference is not built, or this is not root");
    assert!((9..=14).contains(&part.len()), "{part:?}");
    assert!(part.iter().all(|cell| all.contains(cell)));
    assert_eq!(part, dry(&["--pairwise"]), "the same part every time");
    assert_ne!(part, dry(&["--pairwise", "--seed", "99"]), "another seed, another part");
    for (one, other) in [("one=a", "two=d"), ("one=c", "three=g"), ("two=f", "three=i")] {
        assert!(part.iter().any(|cell| cell.contains(one) && cell.contains(other)), "{one} and {other}: {part:?}");
    }
}
