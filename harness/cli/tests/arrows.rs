//! The shape of the workspace: which crate uses which, where `unsafe` may stand, how long a file may be.
//!
//! The arrows are those of ARCHITECTURE.md, "Crates". An arrow that is missing here is a decision to be made there
//! first, not a line to be added in passing.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// For each crate, by its folder, the crates that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("harness/capture", &["harness/evidence"]),
    ("harness/catalogue", &[]),
    ("harness/checks", &["harness/evidence"]),
    ("harness/cli", &["harness/conformance", "harness/engine", "reports"]),
    (
        "harness/conformance",
        &["harness/engine", "reference-impl/cstp", "reference-impl/dtls", "reference-impl/openvpn"],
    ),
    (
        "harness/engine",
        &[
            "harness/capture",
            "harness/catalogue",
            "harness/checks",
            "harness/evidence",
            "harness/lab",
            "harness/pki",
            "harness/services",
            "harness/store",
            "harness/trace",
        ],
    ),
    ("harness/evidence", &[]),
    ("harness/lab", &["harness/evidence"]),
    ("harness/pki", &[]),
    ("harness/services", &["harness/evidence", "harness/lab"]),
    ("harness/store", &[]),
    ("harness/trace", &["harness/capture", "harness/evidence"]),
    (
        "reference-impl/client",
        &["reference-impl/cstp", "reference-impl/dtls", "reference-impl/openvpn", "reference-impl/tunnel"],
    ),
    ("reference-impl/cstp", &[]),
    ("reference-impl/dtls", &[]),
    ("reference-impl/openvpn", &[]),
    (
        "reference-impl/server",
        &["reference-impl/cstp", "reference-impl/dtls", "reference-impl/openvpn", "reference-impl/tunnel"],
    ),
    ("reference-impl/tunnel", &["reference-impl/cstp", "reference-impl/dtls", "reference-impl/openvpn"]),
    ("reports", &["harness/catalogue", "harness/evidence"]),
];

/// Arrows beyond those, each with its reason. One that no crate needs any more has to go.
const WIDER: &[(&str, &str, &str)] = &[
    (
        "harness/catalogue",
        "harness/evidence",
        "what a scenario may expect (carrier, outcome of an attempt, role) is what evidence may show: one word, one type",
    ),
    ("harness/cli", "harness/catalogue", "loading the catalogue and showing its mistakes is the program's own job"),
    ("harness/cli", "harness/evidence", "what the engine returns and the reports take is evidence: pure data"),
    ("harness/cli", "harness/store", "installing, listing and carrying away releases takes no cell"),
    ("harness/cli", "harness/trace", "the trace of a capture from anywhere is printed without a cell"),
];

/// May use anything.
const BENCHES: &str = "benches";
/// Its tests may use anything; the program may not.
const PROGRAM: &str = "harness/cli";
/// Crates that may have `unsafe` blocks, each with its `// SAFETY:`.
const UNSAFE: [&str; 3] = ["harness/lab", "reference-impl/dtls", "reference-impl/tunnel"];
/// From here on a file of Rust or YAML tells more than one story.
const MOST_LINES: usize = 600;

/// One crate of the workspace uses another one.
#[derive(Clone, Debug)]
struct Edge {
    from: String,
    to: String,
    kind: DependencyKind,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.kind {
            DependencyKind::Development => "in its tests",
            DependencyKind::Build => "in its build script",
            _ => "as a dependency",
        };
        write!(f, "`{}` uses `{}` {how}", self.from, self.to)
    }
}

/// What is wrong with an edge, in words.
fn objection(edge: &Edge) -> Option<String> {
    if edge.from == BENCHES || (edge.from == PROGRAM && edge.kind == DependencyKind::Development) {
        return None;
    }
    let Some((_, drawn)) = ARROWS.iter().find(|(from, _)| *from == edge.from) else {
        return Some(format!("{edge}, but no arrow is drawn for `{}`", edge.from));
    };
    let wider = WIDER.iter().filter(|(from, ..)| *from == edge.from).map(|(_, to, _)| *to);
    let allowed: Vec<&str> = drawn.iter().copied().chain(wider).collect();
    if allowed.contains(&edge.to.as_str()) {
        return None;
    }
    let allowed = if allowed.is_empty() { "no other crate".to_owned() } else { allowed.join(", ") };
    Some(format!("{edge}, but may use only: {allowed}"))
}

#[test]
fn crates_use_only_what_the_design_allows() {
    let workspace = Workspace::read();
    let wrong: Vec<String> = workspace.edges().iter().filter_map(objection).collect();
    assert!(wrong.is_empty(), "arrows that ARCHITECTURE.md does not have:\n  {}", wrong.join("\n  "));
}

#[test]
fn every_crate_has_its_arrows() {
    let workspace = Workspace::read();
    let edges = workspace.edges();
    let unused = |from: &str, to: &str| !edges.iter().any(|edge| edge.from == from && edge.to == to);
    let stale: Vec<_> = WIDER.iter().filter(|(from, to, _)| unused(from, to)).collect();
    assert!(stale.is_empty(), "arrows that were allowed for a reason and are not needed any more: {stale:?}");
    let drawn = |folder: &String| *folder == BENCHES || ARROWS.iter().any(|(from, _)| from == folder);
    let unknown: Vec<&String> = workspace.crates.keys().filter(|folder| !drawn(folder)).collect();
    assert!(unknown.is_empty(), "crates for which no arrows are drawn: {unknown:?}");
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    let workspace = Workspace::read();
    let without: Vec<&String> = workspace
        .crates
        .iter()
        .filter(|(_, made)| !has_workspace_lints(&read(&made.manifest)))
        .map(|(folder, _)| folder)
        .collect();
    assert!(without.is_empty(), "without `[lints] workspace = true` in Cargo.toml: {without:?}");
}

#[test]
fn unsafe_stays_where_it_belongs() {
    let workspace = Workspace::read();
    let mut wrong = Vec::new();
    for (folder, made) in workspace.crates.iter().filter(|(folder, _)| !UNSAFE.contains(&folder.as_str())) {
        for root in made.roots.iter().filter(|root| !read(root).contains("#![forbid(unsafe_code)]")) {
            wrong.push(format!("{} lacks `#![forbid(unsafe_code)]`", workspace.relative(root)));
        }
        for file in files_below(&workspace.root.join(folder), "rs") {
            let lines = read(&file);
            for (number, _) in lines.lines().enumerate().filter(|(_, line)| is_unsafe(line)) {
                wrong.push(format!("{}:{} is unsafe", workspace.relative(&file), number + 1));
            }
        }
    }
    let allowed = UNSAFE.join(", ");
    assert!(wrong.is_empty(), "unsafe code belongs into {allowed}:\n  {}", wrong.join("\n  "));
}

#[test]
fn files_are_short() {
    let workspace = Workspace::read();
    let rust = workspace.crates.keys().flat_map(|folder| files_below(&workspace.root.join(folder), "rs"));
    let yaml = files_below(&workspace.root.join("scenarios"), "yaml");
    let long: Vec<String> = rust
        .chain(yaml)
        .map(|file| (read(&file).lines().count(), file))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, file)| format!("{} has {lines} lines", workspace.relative(&file)))
        .collect();
    assert!(long.is_empty(), "longer than {MOST_LINES} lines, to be split:\n  {}", long.join("\n  "));
}

/// The workspace as cargo sees it, without its dependencies.
struct Workspace {
    root: PathBuf,
    /// By folder.
    crates: BTreeMap<String, Crate>,
    metadata: Metadata,
}

struct Crate {
    manifest: PathBuf,
    /// First files of its library and programs.
    roots: Vec<PathBuf>,
}

impl Workspace {
    fn read() -> Self {
        let metadata = MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .no_deps()
            .other_options(["--offline".to_owned()])
            .exec()
            .expect("cargo describes the workspace");
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let mut crates = BTreeMap::new();
        for package in &metadata.packages {
            let manifest = package.manifest_path.clone().into_std_path_buf();
            let roots = package.targets.iter().filter(|target| target.is_lib() || target.is_bin());
            let roots = roots.map(|target| target.src_path.clone().into_std_path_buf()).collect();
            crates.insert(folder_of(&root, &manifest), Crate { manifest, roots });
        }
        Self { root, crates, metadata }
    }

    fn edges(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for package in &self.metadata.packages {
            let from = folder_of(&self.root, package.manifest_path.as_std_path());
            for dependency in &package.dependencies {
                let Some(path) = &dependency.path else { continue };
                let to = folder_of(&self.root, path.join("Cargo.toml").as_std_path());
                edges.push(Edge { from: from.clone(), to, kind: dependency.kind });
            }
        }
        edges
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// The folder of a manifest, as seen from the root.
fn folder_of(root: &Path, manifest: &Path) -> String {
    let folder = manifest.parent().unwrap_or(manifest);
    folder.strip_prefix(root).unwrap_or(folder).display().to_string()
}

fn has_workspace_lints(manifest: &str) -> bool {
    let section = manifest.split("\n[").find_map(|section| section.strip_prefix("lints]"));
    section.is_some_and(|section| section.lines().any(|line| line.trim() == "workspace = true"))
}

/// Whether a line begins something unsafe. Comments do not count, nor does the word inside of another one.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("unsafe").any(|(at, word)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].trim_start();
        let begins = ["{", "fn ", "impl", "trait ", "extern "].iter().any(|what| after.starts_with(what));
        begins && !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"')
    })
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace can be read") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("failed to read {}: {error}", path.display()))
}

/// That the checks above can fail.
mod of_the_checks {
    use super::*;

    fn edge(from: &str, to: &str, kind: DependencyKind) -> Edge {
        Edge { from: from.to_owned(), to: to.to_owned(), kind }
    }

    #[test]
    fn an_arrow_that_points_back_is_named_in_words() {
        let said = objection(&edge("harness/lab", "harness/engine", DependencyKind::Development));
        assert_eq!(
            said.as_deref(),
            Some("`harness/lab` uses `harness/engine` in its tests, but may use only: harness/evidence")
        );
        let said = objection(&edge("reference-impl/cstp", "harness/evidence", DependencyKind::Normal)).unwrap();
        assert!(said.ends_with("but may use only: no other crate"), "{said}");
        assert!(objection(&edge("harness/new", "harness/lab", DependencyKind::Build)).is_some());
    }

    #[test]
    fn tests_of_the_program_and_benches_may_use_anything() {
        assert_eq!(objection(&edge("benches", "harness/lab", DependencyKind::Normal)), None);
        assert_eq!(objection(&edge("harness/cli", "harness/lab", DependencyKind::Development)), None);
        assert!(objection(&edge("harness/cli", "harness/lab", DependencyKind::Normal)).is_some());
    }

    #[test]
    fn drawn_arrows_are_sorted_and_have_no_circle() {
        assert!(ARROWS.is_sorted_by_key(|(from, _)| from));
        let wider = WIDER.iter().map(|(from, to, _)| (*from, *to));
        let drawn = ARROWS.iter().flat_map(|(from, uses)| uses.iter().map(|to| (*from, *to)));
        let mut left: Vec<(&str, &str)> = drawn.chain(wider).collect();
        while !left.is_empty() {
            let using: Vec<&str> = left.iter().map(|(from, _)| *from).collect();
            let before = left.len();
            left.retain(|(_, to)| using.contains(to));
            assert!(left.len() < before, "a circle among {using:?}");
        }
    }

    #[test]
    fn unsafe_code_is_told_from_words() {
        let word = "unsafe";
        for code in ["{word} { fork() }", "pub {word} fn x()", "{word} impl Send for X {}", "match {word} { x() } {"] {
            assert!(is_unsafe(&code.replace("{word}", word)), "{code}");
        }
        for code in ["// {word} { x }", "style-src '{word}-inline'", "#![forbid({word}_code)]", "is_{word} { x }"] {
            assert!(!is_unsafe(&code.replace("{word}", word)), "{code}");
        }
    }

    #[test]
    fn lints_of_the_workspace_are_found() {
        assert!(has_workspace_lints("[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n"));
        assert!(!has_workspace_lints("[package]\nname = \"x\"\nedition.workspace = true\n[dependencies]\n"));
        assert!(!has_workspace_lints("[lints]\n\n[dependencies.x]\nworkspace = true\n"));
    }
}
