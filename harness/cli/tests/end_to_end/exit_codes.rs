//! Exit codes of `run` (design section 7).

use interop_evidence::Verdict;

use crate::support::{Run, has_anyconnect, need, overlay, program};

#[test]
fn an_unknown_name_is_64_with_a_hint() {
    let run = Run::of(["--scenario", "udp-blocked-mid-sesion"]);
    assert_eq!(run.code(), 64);
    assert!(run.stderr().contains("did you mean `udp-blocked-mid-session`?"), "{}", run.stderr());
    let run = Run::of(["--suite", "smok"]);
    assert_eq!(run.code(), 64);
    assert!(run.stderr().contains("did you mean `smoke`?"), "{}", run.stderr());
    let run = Run::of(["--client", "openconect"]);
    assert_eq!(run.code(), 64);
    assert!(run.stderr().contains("did you mean `openconnect`?"), "{}", run.stderr());
}

#[test]
fn an_unknown_option_is_64() {
    assert_eq!(Run::of(["--suit", "smoke"]).code(), 64);
    assert_eq!(program().arg("nonsense").output().unwrap().status.code(), Some(64));
}

#[test]
fn help_and_version_are_0() {
    for args in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let output = program().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn nothing_selected_is_4() {
    // A client and a server that share no protocol.
    let run = Run::of(["--client", "openvpn", "--server", "ocserv"]);
    assert_eq!(run.code(), 4, "{}", run.stderr());
}

#[test]
fn a_failed_check_is_100_and_a_failed_baseline_blocks_the_rest() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let folder = overlay(&[
        (
            "cases/baseline.yaml",
            "id: baseline\nreplaces: true\ntitle: A baseline that cannot hold\narea: basics\ntopology: direct\n\
             baseline: true\nsteps:\n  - connect: {within: 20s}\n  - expect: {transport: openvpn-udp, within: 1s}\n",
        ),
        (
            "cases/other.yaml",
            "id: other\ntitle: Something else\narea: basics\ntopology: direct\nsteps:\n  - connect: {within: 20s}\n",
        ),
    ]);
    let catalogue = folder.path().to_str().unwrap();
    let pair = ["--client", "openconnect", "--server", "ocserv"];
    let run = Run::of(["--catalogue", catalogue, "--scenario", "other"].into_iter().chain(pair));
    assert_eq!(run.code(), 100, "{}", run.stderr());
    let baseline = run.expect("baseline", Verdict::Fail);
    assert!(baseline.reason.contains("the tunnel runs over dtls"), "{}", baseline.reason);
    let other = run.expect("other", Verdict::Blocked);
    assert!(other.bundle.is_none() && other.reason.contains("baseline"), "{}", other.reason);
    let ungated = Run::of(["--catalogue", catalogue, "--scenario", "other", "--no-gate"].into_iter().chain(pair));
    ungated.expect("other", Verdict::Pass);
    assert_eq!(ungated.code(), 0);
}

#[test]
fn degraded_is_0_unless_asked() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let folder = overlay(&[(
        "cases/soft.yaml",
        "id: soft\ntitle: A soft limit that cannot be met\narea: basics\ntopology: direct\nsteps:\n  \
         - connect: {within: 20s}\n  - expect: {transport: dtls}\n  \
         - expect: {transport: tls, within: 1s, or-degraded: true}\n",
    )]);
    let catalogue = folder.path().to_str().unwrap();
    let pair = ["--client", "openconnect", "--server", "ocserv"];
    let args = || ["--catalogue", catalogue, "--scenario", "soft", "--no-gate"].into_iter().chain(pair);
    let run = Run::of(args());
    run.expect("soft", Verdict::Degraded);
    assert_eq!(run.code(), 0);
    assert_eq!(Run::of(args().chain(["--fail-on", "degraded"])).code(), 100);
}
