//! A run in shares: each runs its part, and merged they say what one undivided run says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use interop_evidence::{RunResults, Verdict};
use tempfile::TempDir;

use crate::support::{Run, has_anyconnect, has_reference, need, overlay, program};

/// Verdicts by key.
pub(crate) fn verdicts(results: &RunResults) -> BTreeMap<&str, Verdict> {
    results.cells.iter().map(|cell| (cell.key.as_str(), cell.verdict)).collect()
}

pub(crate) fn read(folder: &Path) -> RunResults {
    let path = folder.join("results.json");
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// Four pairs and short stories, of which one is not supported by all. The reference joins the real pair.
pub(crate) const SELECTION: [&str; 14] = [
    "--scenario",
    "baseline",
    "--scenario",
    "double-nat",
    "--scenario",
    "certificate-expired",
    "--client",
    "reference",
    "--client",
    "openconnect",
    "--server",
    "reference",
    "--server",
    "ocserv",
];

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

struct Shares {
    root: TempDir,
    folders: Vec<PathBuf>,
}

/// Runs each share of a selection, on a clean environment but for these variables.
fn run_shares(count: usize, partition: impl Fn(usize) -> String, selection: &[&str]) -> Shares {
    let root = TempDir::new().unwrap();
    let mut folders = Vec::new();
    for index in 1..=count {
        let folder = root.path().join(format!("share-{index}"));
        let output = program()
            .arg("run")
            .args(selection)
            .args(["--seed", "5", "--partition", &partition(index), "--out"])
            .arg(&folder)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "share {index}: {}", stderr(&output));
        assert!(stderr(&output).contains(&format!("share {index}/{count}")), "{}", stderr(&output));
        folders.push(folder);
    }
    Shares { root, folders }
}

fn report(folders: &[PathBuf], more: &[&str], out: &Path) -> Output {
    program().arg("report").args(folders).args(more).arg("--out").arg(out).output().unwrap()
}

#[test]
fn four_shares_merge_to_what_one_run_says() {
    need!(has_anyconnect(), "openconnect or ocserv is not here, or this is not root");
    need!(has_reference(), "the reference client and server are not built");
    // Two of the pairs are enough here.
    let selection = &SELECTION[..SELECTION.len() - 4];
    let selection = [selection, &["--server", "ocserv"]].concat();
    let whole = Run::of(selection.iter().copied().chain(["--seed", "5"]));
    assert_eq!(whole.code(), 0, "{}", whole.stderr());
    let whole = whole.results();
    assert!(whole.cells.len() >= 6 && whole.run.planned.is_empty());

    let shares = run_shares(4, |index| format!("{index}/4"), &selection);
    let parts: Vec<RunResults> = shares.folders.iter().map(|folder| read(folder)).collect();
    for (part, index) in parts.iter().zip(1..) {
        assert!(!part.cells.is_empty());
        assert_eq!(part.run.partition.map(|share| (share.index, share.count)), Some((index, 4)));
        assert_eq!(part.run.planned.len(), whole.cells.len());
        for cell in &part.cells {
            assert_eq!(whole.cells.iter().filter(|other| other.key == cell.key).count(), 1, "{}", cell.key);
        }
    }
    assert_eq!(parts.iter().map(|part| part.cells.len()).sum::<usize>(), whole.cells.len(), "no cell twice");

    let merged = shares.root.path().join("merged");
    let output = report(&shares.folders, &[], &merged);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!stderr(&output).contains("warning"), "{}", stderr(&output));
    let results = read(&merged);
    assert_eq!(verdicts(&results), verdicts(&whole));
    let keys = |results: &RunResults| results.cells.iter().map(|cell| cell.key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&results), keys(&whole), "in the order of the plan");
    for cell in results.cells.iter().filter(|cell| cell.verdict.took_place()) {
        let bundle = merged.join(cell.bundle.as_ref().unwrap());
        assert!(bundle.join("cell.json").is_file(), "the way to the share holds: {}", bundle.display());
    }
    for file in ["results.json", "junit.xml", "report.md", "report.html"] {
        assert!(merged.join(file).is_file(), "{file}");
    }

    // With copies the shares are not needed any more.
    let copied = shares.root.path().join("copied");
    let output = report(&shares.folders, &["--copy"], &copied);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for folder in &shares.folders {
        fs::remove_dir_all(folder).unwrap();
    }
    let results = read(&copied);
    assert_eq!(verdicts(&results), verdicts(&whole));
    for cell in results.cells.iter().filter(|cell| cell.verdict.took_place()) {
        let bundle = cell.bundle.as_ref().unwrap();
        assert!(bundle.starts_with("cells/") && copied.join(bundle).join("cell.json").is_file(), "{bundle}");
    }
}

/// Stories that the catalogue declares for nobody: they need no programs and no lab, and still are cells.
fn idle_stories() -> TempDir {
    let story = |n: usize| {
        format!(
            "id: idle-{n}\ntitle: For others\narea: basics\ntopology: direct\nonly: {{client: [openvpn]}}\nsteps:\n  \
             - connect: {{within: 20s}}\n"
        )
    };
    let files: Vec<(String, String)> = (1..=3).map(|n| (format!("cases/idle-{n}.yaml"), story(n))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    overlay(&files)
}

#[test]
fn missing_and_double_cells_are_told_and_an_empty_share_is_good() {
    let stories = idle_stories();
    let catalogue = stories.path().to_str().unwrap();
    let selection = [
        "--catalogue",
        catalogue,
        "--scenario",
        "idle-*",
        "--client",
        "reference",
        "--server",
        "reference",
        "--no-gate",
    ];
    let shares = run_shares(4, |index| format!("{index}/4"), &selection);
    let empty = read(&shares.folders[3]);
    assert!(empty.cells.is_empty() && empty.run.planned.len() == 3, "three cells in four shares");
    let again = program()
        .arg("run")
        .args(selection)
        .args(["--partition", "4/4", "--out"])
        .arg(shares.root.path().join("again"))
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(0));
    assert!(stderr(&again).contains("share 4/4 is empty"), "{}", stderr(&again));
    assert_eq!(read(&shares.root.path().join("again")).run.seed, 1, "shares have a seed in common");

    let merged = shares.root.path().join("merged");
    let whole = report(&shares.folders, &[], &merged);
    assert_eq!(whole.status.code(), Some(0), "{}", stderr(&whole));
    assert_eq!(read(&merged).cells.len(), 3);

    let without = report(&[&shares.folders[..1], &shares.folders[2..]].concat(), &[], &merged);
    let text = stderr(&without);
    assert_eq!(without.status.code(), Some(96), "{text}");
    assert!(text.contains("1 of 3 planned cells are missing") && text.contains("share 2 of 4 is not here"), "{text}");
    let second = &read(&shares.folders[1]).cells[0].key;
    assert!(text.contains(second.as_str()), "{text}");

    // A share that did not leave its results is as good as none.
    fs::write(shares.root.path().join("again/results.json"), "{\"version\": 1, \"run\"").unwrap();
    let broken = [&shares.folders[..1], &shares.folders[2..], &[shares.root.path().join("again")]].concat();
    let broken = report(&broken, &[], &merged);
    assert_eq!(broken.status.code(), Some(96), "{}", stderr(&broken));
    assert!(stderr(&broken).contains("again/results.json"), "{}", stderr(&broken));

    // A cell twice: with one verdict it is told, with two it is an error.
    let twice = shares.root.path().join("twice");
    fs::create_dir(&twice).unwrap();
    let mut results = read(&shares.folders[0]);
    fs::write(twice.join("results.json"), serde_json::to_vec(&results).unwrap()).unwrap();
    let with_twice = [&shares.folders[..], std::slice::from_ref(&twice)].concat();
    let output = report(&with_twice, &[], &merged);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("is there twice: unsupported in"), "{}", stderr(&output));
    results.cells[0].verdict = Verdict::Skipped;
    fs::write(twice.join("results.json"), serde_json::to_vec(&results).unwrap()).unwrap();
    let output = report(&with_twice, &[], &merged);
    assert_eq!(output.status.code(), Some(96), "{}", stderr(&output));
    assert!(stderr(&output).contains("the verdicts differ"), "{}", stderr(&output));
}

#[test]
fn wrong_usage_is_64() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("merged");
    let run = |partition: &str, variables: &[(&str, &str)]| {
        let mut command = program();
        for name in
            ["CI_NODE_INDEX", "CI_NODE_TOTAL", "CIRCLE_NODE_INDEX", "JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"]
        {
            command.env_remove(name);
        }
        command.args(["run", "--dry-run", "--scenario", "baseline", "--partition", partition]);
        command.envs(variables.iter().copied()).output().unwrap()
    };
    for (partition, variables, part) in [
        ("5/4", &[][..], "no share 5 of 4"),
        ("auto", &[], "nothing says which share this is"),
        ("auto", &[("JOB_COMPLETION_INDEX", "1")], "not how many there are"),
        ("auto", &[("CI_NODE_INDEX", "5"), ("CI_NODE_TOTAL", "4")], "out of range"),
    ] {
        let output = run(partition, variables);
        assert_eq!(output.status.code(), Some(64), "{partition}");
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    let dealt = |partition: &str, variables: &[(&str, &str)]| {
        let output = run(partition, variables);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        output.stdout
    };
    assert_eq!(dealt("auto", &[("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "3")]), dealt("2/3", &[]));
    assert_eq!(dealt("auto/3", &[("JOB_COMPLETION_INDEX", "1")]), dealt("2/3", &[]));

    let nothing = report(&[folder.path().join("a"), folder.path().join("b")], &[], &out);
    assert_eq!(nothing.status.code(), Some(64), "{}", stderr(&nothing));
    assert!(
        stderr(&nothing).contains("a/results.json") && stderr(&nothing).contains("none of the folders has results")
    );
    let same = folder.path().join("same");
    fs::create_dir(&same).unwrap();
    let twice = report(&[same.clone(), same.join(".")], &[], &out);
    assert_eq!(twice.status.code(), Some(64));
    assert!(stderr(&twice).contains("is named twice"), "{}", stderr(&twice));
    let onto = report(std::slice::from_ref(&same), &[], &same);
    assert_eq!(onto.status.code(), Some(64));
    assert!(stderr(&onto).contains("is one of the shares"), "{}", stderr(&onto));
}
