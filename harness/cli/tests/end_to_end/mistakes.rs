//! Mistakes in YAML end with 64 and show the place.

use std::fs;

use crate::support::{overlay, program};

/// Runs `list` over a catalogue with these files and gives what it says.
fn complaint(files: &[(&str, &str)]) -> String {
    let folder = overlay(files);
    said(folder.path().to_str().unwrap())
}

fn said(folder: &str) -> String {
    let output = program().args(["--catalogue", folder, "list"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{text}");
    text
}

fn case(steps: &str) -> String {
    format!("id: wrong\ntitle: x\narea: x\ntopology: direct\nsteps:\n{steps}")
}

#[test]
fn ten_mistakes_show_file_line_and_hint() {
    let table: &[(&str, String, &str, &[&str])] = &[
        ("unknown field", case("  - connect: {witin: 10s}\n"), ":6:", &["witin", "within"]),
        ("wrong unit", case("  - connect: {within: 10}\n"), ":6:", &["10s"]),
        ("unknown fault", case("  - fault: {udp-blockd: {at: core}}\n"), ":6:", &["udp-blocked"]),
        ("missing topology", case("  - connect: {}\n").replace("direct", "dirct"), ":4:", &["dirct", "direct"]),
        ("wrong type", case("  - connect: [1, 2]\n"), ":6:", &["connect"]),
        ("empty file", String::new(), "wrong.yaml", &["empty"]),
    ];
    for (what, text, place, words) in table {
        let said = complaint(&[("cases/wrong.yaml", text)]);
        assert!(said.contains("wrong.yaml") && said.contains(place), "{what}: {said}");
        for word in *words {
            assert!(said.contains(word), "{what}: no `{word}` in {said}");
        }
    }
}

#[test]
fn cycle_in_includes() {
    let said = complaint(&[
        ("cases/wrong.yaml", &case("  - connect: {}\n").replace("steps", "include: [parts/a.yaml]\nsteps")),
        ("cases/parts/a.yaml", "include: [parts/b.yaml]\n"),
        ("cases/parts/b.yaml", "include: [parts/a.yaml]\n"),
    ]);
    assert!(said.contains("a.yaml") && said.contains("b.yaml"), "{said}");
}

#[test]
fn duplicate_id() {
    let text = "id: baseline\ntitle: x\narea: x\ntopology: direct\nsteps: [{connect: {}}]\n";
    let said = complaint(&[("cases/baseline.yaml", text)]);
    assert!(said.contains("baseline") && said.contains("replaces"), "{said}");
}

#[test]
fn ten_megabytes_and_invalid_utf8() {
    let folder = overlay(&[]);
    let cases = folder.path().join("cases");
    fs::create_dir(&cases).unwrap();
    fs::write(cases.join("big.yaml"), vec![b'#'; 10 * 1024 * 1024]).unwrap();
    let text = said(folder.path().to_str().unwrap());
    assert!(text.contains("big.yaml") && text.contains("MiB"), "{text}");
    fs::remove_file(cases.join("big.yaml")).unwrap();
    fs::write(cases.join("bytes.yaml"), b"id: bytes\ntitle: \xff\xfe\n").unwrap();
    let text = said(folder.path().to_str().unwrap());
    assert!(text.contains("bytes.yaml") && text.contains("UTF-8") && text.contains('2'), "{text}");
}
