//! Golden traces: accepted once, held ever after.

use std::fs;
use std::path::Path;
use std::process::Output;

use interop_evidence::{Bundle, CellRecord, EventKind, Verdict};

use crate::support::{Run, has_reference, need, overlay, program};

/// A scenario that claims views and has no goldens yet.
const STORY: &str = "\
id: golden-story
title: A story with goldens
area: basics
topology: direct
steps:
  - connect: {within: 30s}
  - expect: {transport: dtls, within: 20s}
  - expect: {resolves: intranet.corp.test, to: 10.20.0.10}
  - disconnect: {}
golden: [outer-flow, dns, routes]
mutants: [leaks-dns, forgets-a-route]
";

fn run(catalogue: &Path, more: &[&str]) -> Run {
    let args = ["--scenario", "golden-story", "--client", "reference", "--server", "reference", "--no-gate"];
    Run::of(["--catalogue", catalogue.to_str().unwrap()].into_iter().chain(args).chain(more.iter().copied()))
}

fn accept(catalogue: &Path, bundle: &Path, args: &[&str]) -> Output {
    let mut command = program();
    command.arg("accept").arg(bundle).arg("--catalogue").arg(catalogue).arg("--into").arg(catalogue).args(args);
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn goldens_of(cell: &CellRecord) -> Vec<(&str, Verdict)> {
    let golden = |check: &interop_evidence::CheckRecord| check.id.starts_with("golden ");
    cell.checks.iter().filter(|check| golden(check)).map(|check| (check.id.as_str(), check.verdict)).collect()
}

#[test]
fn what_was_accepted_is_compared_from_then_on() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let folder = overlay(&[("cases/golden-story.yaml", STORY)]);
    let catalogue = folder.path();
    let first = run(catalogue, &[]);
    let cell = first.expect("golden-story", Verdict::Pass);
    assert_eq!(goldens_of(&cell), [], "a pair without goldens does not fail");
    let bundle = first.folder.path().join(cell.bundle.unwrap());
    let notes = Bundle::open(&bundle).read_events().unwrap().events;
    let told = |kind: &EventKind| matches!(kind, EventKind::Note { text } if text.contains("no golden for this pair"));
    assert_eq!(notes.iter().filter(|event| told(&event.kind)).count(), 3);

    let without = accept(catalogue, &bundle, &[]);
    assert_eq!(without.status.code(), Some(64), "a reason is needed");
    assert_eq!(accept(catalogue, &bundle, &["--reason", " "]).status.code(), Some(64));
    let dry = accept(catalogue, &bundle, &["--reason", "the first", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(0), "{}", text(&dry));
    assert!(text(&dry).contains("+++ ") && text(&dry).contains("TLS ClientHello"), "{}", text(&dry));
    assert!(!catalogue.join("goldens").exists(), "a dry run writes nothing");
    let done = accept(catalogue, first.folder.path(), &["--reason", "the first"]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done));
    for view in ["outer-flow", "dns", "routes"] {
        assert!(catalogue.join(format!("goldens/golden-story/{view}.golden")).is_file(), "{view}: {}", text(&done));
    }
    let exemplar = catalogue.join("goldens/golden-story/exemplar.pcapng");
    let size = fs::metadata(&exemplar).unwrap().len();
    assert!(size <= 200 * 1024, "{size} bytes");
    let shown = program().arg("trace").arg(&exemplar).output().unwrap();
    assert!(text(&shown).contains("HTTP CONNECT") || text(&shown).contains("CONNECT /"), "{}", text(&shown));

    let second = run(catalogue, &["--seed", "77"]);
    let cell = second.expect("golden-story", Verdict::Pass);
    let pass = |view| (view, Verdict::Pass);
    assert_eq!(goldens_of(&cell), [pass("golden outer-flow"), pass("golden dns"), pass("golden routes")]);
    let bundle = second.folder.path().join(cell.bundle.unwrap());
    let again = accept(catalogue, &bundle, &["--reason", "nothing new"]);
    assert!(text(&again).contains("nothing changes"), "{}", text(&again));

    // Defects are found, and the first packet is named; they never become golden.
    for (mutant, check) in [("leaks-dns", "golden dns"), ("forgets-a-route", "golden routes")] {
        let wrong = run(catalogue, &["--mutant", mutant]);
        let cell = wrong.expect("golden-story", Verdict::Fail);
        assert!(goldens_of(&cell).contains(&(check, Verdict::Fail)), "{mutant}: {:#?}", cell.checks);
        let failed = cell.checks.iter().find(|known| known.id == check).unwrap();
        assert!(check == "golden routes" || failed.message.contains("frame "), "{}", failed.message);
        let refused = accept(catalogue, wrong.folder.path(), &["--reason", "no"]);
        assert!(text(&refused).contains(&format!("defect `{mutant}`")), "{}", text(&refused));
        assert_eq!(refused.status.code(), Some(4));
    }

    // A replay uses the goldens of today.
    let outer = catalogue.join("goldens/golden-story/outer-flow.golden");
    let changed = fs::read_to_string(&outer).unwrap().replacen("TLS ClientHello 1.3", "TLS ClientHello 1.2", 1);
    fs::write(&outer, changed).unwrap();
    let output = program().arg("replay").arg(&bundle).arg("--catalogue").arg(catalogue).output().unwrap();
    assert_eq!(output.status.code(), Some(100), "{}", text(&output));
    assert!(text(&output).contains("! golden outer-flow") && text(&output).contains("frame "), "{}", text(&output));
    let listed = program().args(["list", "goldens", "--catalogue"]).arg(catalogue).output().unwrap();
    assert!(text(&listed).contains("golden-story/outer-flow.golden"), "{}", text(&listed));
}

#[test]
fn a_broken_golden_is_a_mistake_of_the_catalogue() {
    let folder = overlay(&[
        ("cases/golden-story.yaml", STORY),
        ("goldens/golden-story/dns.golden", "this is no golden at all: [\n"),
        ("goldens/nobody/dns.golden", ""),
    ]);
    let output = program().args(["list", "goldens", "--catalogue"]).arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert!(text(&output).contains("golden-story/dns.golden"), "{}", text(&output));
}
