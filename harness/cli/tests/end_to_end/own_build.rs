//! An implementer's own build, and an implementation that is one YAML file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use interop_evidence::{Bundle, EventKind, Verdict};
use tempfile::TempDir;

use crate::support::{Run, has_anyconnect, need, overlay};

/// Program and libraries that the harness found for openconnect.
fn found() -> (PathBuf, Option<PathBuf>) {
    let run = Run::of(["--scenario", "baseline", "--client", "openconnect", "--server", "ocserv"]);
    let bundle = Bundle::open(run.folder.path().join(run.expect("baseline", Verdict::Pass).bundle.unwrap()));
    let timeline = bundle.read_events().unwrap();
    let program = timeline.events.iter().find_map(|event| match &event.kind {
        EventKind::PeerStarted { argv, .. } if argv[0].ends_with("openconnect") => Some(PathBuf::from(&argv[0])),
        _ => None,
    });
    let program = program.unwrap();
    let libraries =
        program.parent().unwrap().parent().unwrap().join("lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    // Of a program of the machine itself the libraries are found anyway.
    let libraries = (!program.starts_with("/usr/sbin")).then_some(libraries).filter(|folder| folder.is_dir());
    (program, libraries)
}

#[test]
fn a_build_below_tmp_runs_in_place_of_the_peer() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let (program, libraries) = found();
    // Below /tmp on purpose: there every cell has a folder of its own, and the build must still be seen.
    let build = TempDir::new_in("/tmp").unwrap();
    let own = build.path().join("openconnect-of-mine");
    fs::copy(&program, &own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    let client = format!("openconnect={}", own.display());
    let mut args = vec!["--scenario", "baseline", "--server", "ocserv", "--client", &client];
    let libraries = libraries.map(|folder| folder.display().to_string());
    if let Some(folder) = &libraries {
        args.extend(["--with-lib-path", folder]);
    }
    let run = Run::of(args);
    let cell = run.expect("baseline", Verdict::Pass);
    let timeline = Bundle::open(run.folder.path().join(cell.bundle.unwrap())).read_events().unwrap();
    let ran = timeline.events.iter().any(
        |event| matches!(&event.kind, EventKind::PeerStarted { argv, .. } if argv[0] == own.display().to_string()),
    );
    assert!(ran, "the own build was started");
}

#[test]
fn a_build_that_is_not_there_is_64() {
    let run = Run::of(["--client", "openconnect=./no/such/program"]);
    assert_eq!(run.code(), 64);
    assert!(run.stderr().contains("no/such/program"), "{}", run.stderr());
}

#[test]
fn an_implementation_is_one_yaml_file() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    let folder = overlay(&[(
        "peers/openconnect-on-tls.yaml",
        "id: openconnect-on-tls\ntitle: OpenConnect told to leave UDP alone\nextends: openconnect\n\
         args-append: [--no-dtls]\ncapabilities-remove: [dtls]\n",
    )]);
    let catalogue = folder.path().to_str().unwrap();
    let run = Run::of([
        "--catalogue",
        catalogue,
        "--scenario",
        "tcp-only",
        "--client",
        "openconnect-on-tls",
        "--server",
        "ocserv",
    ]);
    run.expect("baseline", Verdict::Pass);
    run.expect("tcp-only", Verdict::Pass);
    let run = Run::of([
        "--catalogue",
        catalogue,
        "--scenario",
        "udp-blocked-from-start",
        "--client",
        "openconnect-on-tls",
        "--server",
        "ocserv",
    ]);
    let cell = run.expect("udp-blocked-from-start", Verdict::Unsupported);
    assert!(cell.reason.contains("dtls"), "{}", cell.reason);
}
