//! `bisect`, over a family of versions in a store made here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::support::{has_reference, need, overlay, program};

/// The program is a shell, with a script of its own in the root of each version.
const PEER: &str = r#"
id: family
title: A client that refuses, and since 2.0 lets the server refuse
roles: [client]
protocols: [anyconnect]
binary: {name: family, search: [/usr/bin], package: {debian: family}}
version: {args: [-c, "echo family 1.0"], pattern: 'family (\d+\.\d+)'}
command: ["{{ binary }}", /usr/share/family/start]
connected-when: {log: 'never'}
refusals: [{pattern: 'not wanted there', by: server, why: it is not wanted}]
"#;
const CASE: &str = "id: refused\ntitle: x\narea: x\ntopology: direct\nsteps:\n  \
                    - attempt: {within: 10s, right: [client-refuses]}\n";
const VERSIONS: [(&str, &str); 7] = [
    ("a", "1.0-1"),
    ("b", "1.9-2"),
    ("c", "1.10-1"),
    ("d", "1:1.11-1"),
    ("e", "2.0-1"),
    ("f", "2.1-3"),
    ("g", "2.2-1"),
];
/// From here on the server refuses.
const BROKEN: [&str; 3] = ["e", "f", "g"];

/// A store with a release for each version.
struct Family {
    store: TempDir,
    catalogue: TempDir,
}

impl Family {
    fn new() -> Self {
        let store = TempDir::new().unwrap();
        fs::create_dir_all(store.path().join("releases")).unwrap();
        for (release, version) in VERSIONS {
            install(store.path(), release, version);
        }
        Self { store, catalogue: overlay(&[("peers/family.yaml", PEER), ("cases/refused.yaml", CASE)]) }
    }

    fn bisect(&self, scenario: &str, args: &[&str]) -> Output {
        program()
            .env("VPN_INTEROP_STORE", self.store.path())
            .arg("--catalogue")
            .arg(self.catalogue.path())
            .args(["bisect", scenario, "--server", "reference", "--out"])
            .arg(self.store.path().join("out"))
            .args(args)
            .output()
            .unwrap()
    }
}

/// A root file system with a shell, its libraries and the script of this version.
fn install(store: &Path, release: &str, version: &str) {
    let sum = sha256(version);
    let path = format!("pool/family_{release}.deb");
    let digest = sha256(&format!("layout 1 amd64\nfamily {version} {sum}\n"));
    let record = json!({
        "release": release, "layout": 1, "architecture": "amd64", "digest": digest, "wanted": ["family"],
        "packages": {"family": {"version": version, "path": path, "sha256": sum, "size": 1}},
    });
    fs::write(store.join(format!("releases/{release}.json")), record.to_string()).unwrap();
    let root = store.join("roots").join(digest);
    for folder in
        ["dev", "etc", "proc", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64", "usr/share/family", "var"]
    {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for link in ["bin", "lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{link}"), root.join(link)).unwrap();
    }
    for library in libraries(Path::new("/bin/sh")) {
        // Where it is looked for: below /lib and /lib64, which lie below /usr.
        let inside = root.join(library.strip_prefix("/usr").map_or_else(
            |_| PathBuf::from("usr").join(library.strip_prefix("/").unwrap()),
            |below| PathBuf::from("usr").join(below),
        ));
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(&library, inside).unwrap();
    }
    for name in ["family", "sh"] {
        fs::copy("/bin/sh", root.join("usr/bin").join(name)).unwrap();
    }
    let says = if BROKEN.contains(&release) { "not wanted there" } else { "not today" };
    fs::write(root.join("usr/share/family/start"), format!("echo 'refused: {says}'\nexit 3\n")).unwrap();
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The loader and the libraries of a program, as `ldd` tells them.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let told = Command::new("ldd").arg(program).output().unwrap();
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    told.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_first_version_that_changes_the_verdict_is_found_in_few_runs() {
    need!(has_reference(), "the reference is not built, or this is not root");
    need!(cfg!(target_arch = "x86_64"), "the store made here is that of amd64");
    let family = Family::new();
    let output = family.bisect("refused", &["--client", "family@1.0..2.2", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let story = json_of(&output);
    assert_eq!(story["outcome"]["result"], "changed", "{story:#}");
    assert_eq!((&story["outcome"]["last"], &story["outcome"]["first"]), (&json!("family@d"), &json!("family@e")));
    let steps = story["steps"].as_array().unwrap();
    assert!(steps.len() <= 5, "two ends and the logarithm of what is between: {}", steps.len());
    let change = &story["outcome"]["comparison"]["changes"][0];
    assert_eq!((&change["kind"], &change["old"]["verdict"]), (&json!("new-failure"), &json!("pass")));
    assert!(change["new"]["reproduce"].as_str().unwrap().contains("--client family@e"), "{change:#}");
    let bundle = steps.last().unwrap()["bundle"].as_str().unwrap();
    assert!(Path::new(bundle).join("cell.json").is_file(), "{bundle}");

    // As text, with releases as ends, and the verdict that is searched for.
    let output = family.bisect("refused", &["--client", "family@b..f", "--verdict", "fail"]);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("family@e 2.0-1 (fail) is the first that differs; before it, family@d 1:1.11-1 (not fail)"),
        "{text}"
    );
    assert!(text.contains("new failures (1)") && text.contains("again"), "{text}");

    let output = family.bisect("refused", &["--client", "family@..1.11"]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("the ends do not differ: family@a 1.0-1 (pass), family@d 1:1.11-1 (pass)"));
}

#[test]
fn what_cannot_be_searched_is_said_before_anything_runs() {
    need!(cfg!(target_arch = "x86_64"), "the store made here is that of amd64");
    let family = Family::new();
    for (scenario, client, hint) in [
        ("refusde", "family@*", "did you mean `refused`?"),
        ("refused", "family", "one side must name several versions"),
        ("refused", "famly@*", "did you mean `family`?"),
        ("refused", "family@1.9..1.9", "two versions or more are needed; the store has family@a (1.0), family@b (1.9)"),
        ("refused", "family@2.0..1.0", "the older version comes first"),
        ("refused", "family@woody..sid", "`woody` is neither a version nor a release"),
        ("refused", "family@3.0..4.0", "two versions or more are needed"),
    ] {
        let output = family.bisect(scenario, &["--client", client]);
        assert_eq!(output.status.code(), Some(64), "{client}: {}", said(&output));
        assert!(said(&output).contains(hint), "{client}: {}", said(&output));
    }
}
