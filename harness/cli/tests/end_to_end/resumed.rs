//! A run that was interrupted goes on where it was, and one that failed is run again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use interop_evidence::{RunResults, Verdict};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::processes::{descendants, quiet_run, runs, send, until};
use crate::support::{has_reference, need, overlay, program};

/// Three quick stories, one of which fails, and one that takes a while.
fn stories() -> TempDir {
    let story = |id: &str, steps: &str| {
        format!(
            "id: {id}\ntitle: A story\narea: basics\ntopology: direct\nsteps:\n  - connect: {{within: 30s}}\n{steps}"
        )
    };
    overlay(&[
        ("cases/short-one.yaml", &story("short-one", "  - disconnect: {}\n")),
        ("cases/short-two.yaml", &story("short-two", "  - expect: {reachable: inside}\n  - disconnect: {}\n")),
        ("cases/wrong.yaml", &story("wrong", "  - expect: {unreachable: inside}\n  - disconnect: {}\n")),
        ("cases/slow.yaml", &story("slow", "  - hold: {for: 6s}\n  - disconnect: {}\n")),
        ("suites/pairs.yaml", "id: pairs\ntitle: Pairs\nscenarios: [short-one, short-two, slow]\n"),
        ("suites/stories.yaml", "id: stories\ntitle: Stories\nscenarios: [short-one, short-two, wrong, slow]\n"),
    ])
}

const PAIR: [&str; 4] = ["--client", "reference", "--server", "reference"];

fn results(folder: &Path) -> RunResults {
    serde_json::from_slice(&fs::read(folder.join("results.json")).unwrap()).unwrap()
}

fn verdicts(folder: &Path) -> BTreeMap<String, (Verdict, Vec<Verdict>)> {
    results(folder).cells.into_iter().map(|cell| (cell.key, (cell.verdict, cell.repeats))).collect()
}

/// Keys and repeats whose records are on the disk.
fn finished(folder: &Path) -> BTreeSet<String> {
    let bundles = fs::read_dir(folder.join("cells")).into_iter().flatten().flatten();
    let with_record = bundles.filter(|bundle| bundle.path().join("cell.json").is_file());
    with_record.map(|bundle| bundle.file_name().to_string_lossy().into_owned()).collect()
}

/// When the record of a cell was written, to see whether it ran twice.
fn written(folder: &Path, key: &str) -> std::time::SystemTime {
    fs::metadata(folder.join("cells").join(key).join("cell.json")).unwrap().modified().unwrap()
}

fn again(word: &str, folder: &Path, more: &[&str]) -> Output {
    program().args(["run", word]).arg(folder).args(more).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn after_kill_9_of_the_runner_the_rest_is_run_and_the_verdicts_are_the_same() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let stories = stories();
    let args = ["--suite", "stories", "--repeat", "2", "--seed", "7"];
    let whole = TempDir::new().unwrap();
    let status = quiet_run(stories.path()).args(args).args(PAIR).arg("--out").arg(whole.path()).status().unwrap();
    assert_eq!(status.code(), Some(100), "one of the stories fails");

    let killed = TempDir::new().unwrap();
    let mut run = quiet_run(stories.path()).args(args).args(PAIR).arg("--out").arg(killed.path()).spawn().unwrap();
    until("some cells have finished", || finished(killed.path()).len() >= 4);
    let all = descendants(run.id());
    assert!(all.len() >= 4, "something runs: {all:?}");
    send(run.id(), Signal::SIGKILL);
    run.wait().unwrap();
    until("everything is gone", || !all.iter().any(|pid| runs(*pid)));
    let before = finished(killed.path());
    assert!(!before.contains("slow+reference+reference"), "it was killed before the slow one ended");
    let kept: Vec<_> = before.iter().map(|key| (key, written(killed.path(), key))).collect();
    // As the runner leaves it when it dies between a folder and its record.
    let half = killed.path().join("cells/slow+reference+reference");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("cell.json"), "{\"key\": \"slow+refer").unwrap();
    fs::write(half.join("of-the-dead"), "").unwrap();

    let resumed = again("--resume", killed.path(), &[]);
    assert_eq!(resumed.status.code(), Some(100), "{}", text(&resumed));
    assert_eq!(verdicts(killed.path()), verdicts(whole.path()));
    for (key, at) in kept {
        assert_eq!(written(killed.path(), key), at, "{key} was finished and ran again");
    }
    assert!(!half.join("of-the-dead").exists(), "what was half done is gone");
    let results = results(killed.path());
    assert!(!results.run.interrupted);
    assert_eq!(results.run.seed, 7);
}

#[test]
fn a_share_of_a_pairwise_run_goes_on_with_its_own_cells() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let stories = stories();
    let clients = ["--client", "reference", "--client", "anyconnect-desktop", "--server", "reference"];
    // The slow story is the longest, so it is in the first share.
    let args = ["--suite", "pairs", "--pairwise", "--partition", "1/2", "--seed", "3"];
    let begin = |folder: &Path| {
        let mut command = quiet_run(stories.path());
        command.args(args).args(clients).arg("--out").arg(folder);
        command
    };
    let whole = TempDir::new().unwrap();
    assert_eq!(begin(whole.path()).status().unwrap().code(), Some(0));
    let stopped = TempDir::new().unwrap();
    let mut run = begin(stopped.path()).spawn().unwrap();
    until("a cell has finished", || !finished(stopped.path()).is_empty());
    send(run.id(), Signal::SIGINT);
    assert_eq!(run.wait().unwrap().code(), Some(130));

    let resumed = again("--resume", stopped.path(), &[]);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed));
    assert_eq!(verdicts(stopped.path()), verdicts(whole.path()));
    let (one, other) = (results(whole.path()).run, results(stopped.path()).run);
    assert_eq!(
        (one.partition, one.planned),
        (other.partition, other.planned),
        "still the same share of the same whole"
    );
}

#[test]
fn after_ctrl_c_the_rest_is_run() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let stories = stories();
    let folder = TempDir::new().unwrap();
    let args = ["--scenario", "short-one", "--scenario", "slow"];
    let mut run = quiet_run(stories.path()).args(args).args(PAIR).arg("--out").arg(folder.path()).spawn().unwrap();
    until("the short one has finished", || finished(folder.path()).contains("short-one+reference+reference"));
    send(run.id(), Signal::SIGINT);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    let first = results(folder.path());
    assert!(first.run.interrupted);
    let kept = verdicts(folder.path());
    assert!(kept.contains_key("baseline+reference+reference"), "what gated the others had ended: {kept:?}");
    assert!(!kept.contains_key("slow+reference+reference"), "it had not ended: {kept:?}");

    let resumed = again("--resume", folder.path(), &[]);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed));
    let second = results(folder.path());
    assert!(!second.run.interrupted);
    assert_eq!(second.cells.len(), 3);
    assert_eq!((&second.run.id, second.run.seed), (&first.run.id, first.run.seed), "it is the same run");
    assert!(second.cells.iter().all(|cell| cell.verdict == Verdict::Pass), "{}", text(&resumed));
    assert!(second.run.duration_ms >= first.run.duration_ms, "both parts count");
}

#[test]
fn a_run_that_has_changed_since_does_not_go_on() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let stories = stories();
    let folder = TempDir::new().unwrap();
    let status = quiet_run(stories.path())
        .args(["--scenario", "short-one", "--no-gate"])
        .args(PAIR)
        .arg("--out")
        .arg(folder.path())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let case = stories.path().join("cases/short-one.yaml");
    let changed = fs::read_to_string(&case).unwrap().replace("within: 30s", "within: 29s");
    fs::write(&case, changed).unwrap();
    let refused = again("--resume", folder.path(), &[]);
    assert_eq!(refused.status.code(), Some(64), "{}", text(&refused));
    assert!(text(&refused).contains("cases/short-one has changed"), "{}", text(&refused));
    let foreign = again("--resume", stories.path(), &[]);
    assert_eq!(foreign.status.code(), Some(64));
    assert!(text(&foreign).contains("run.json"), "{}", text(&foreign));
    let choice = again("--resume", folder.path(), &["--suite", "smoke"]);
    assert_eq!(choice.status.code(), Some(64), "it has its own choice: {}", text(&choice));
}

#[test]
fn what_failed_is_run_again_elsewhere_and_the_change_is_told() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let stories = stories();
    let folder = TempDir::new().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("first.rerun"));
    let args = ["--scenario", "short-one", "--scenario", "wrong", "--seed", "9"];
    let status = quiet_run(stories.path()).args(args).args(PAIR).arg("--out").arg(&first).status().unwrap();
    assert_eq!(status.code(), Some(100));
    // The story is put right.
    let case = stories.path().join("cases/wrong.yaml");
    let right = fs::read_to_string(&case).unwrap().replace("unreachable: inside", "reachable: inside");
    fs::write(&case, right).unwrap();
    let rerun = again("--rerun", &first, &[]);
    assert_eq!(rerun.status.code(), Some(0), "{}", text(&rerun));
    assert!(text(&rerun).contains("1 changed, 0 as before"), "{}", text(&rerun));
    let line = text(&rerun).lines().find(|line| line.contains(" -> ")).map(str::to_owned).unwrap();
    assert!(line.starts_with("fail") && line.contains("pass") && line.contains("wrong+"), "{line}");
    let results = results(&second);
    assert_eq!(results.cells.len(), 1, "only what failed");
    assert_eq!(results.run.seed, 9);
    let nothing = again("--rerun", &second, &[]);
    assert_eq!(nothing.status.code(), Some(0));
    assert!(text(&nothing).contains("nothing to run again"), "{}", text(&nothing));
}

#[test]
fn two_runs_do_not_share_a_folder() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let stories = stories();
    let folder = TempDir::new().unwrap();
    let slow = |command: &mut Command| {
        command.args(["--scenario", "slow", "--no-gate"]).args(PAIR).arg("--out").arg(folder.path());
    };
    let mut first = quiet_run(stories.path());
    slow(&mut first);
    let mut first = first.spawn().unwrap();
    until("the first one has begun", || folder.path().join("run.json").is_file());
    let mut second = program();
    second.arg("--catalogue").arg(stories.path()).arg("run");
    slow(&mut second);
    let second = second.output().unwrap();
    assert_eq!(second.status.code(), Some(96));
    assert!(text(&second).contains("another run"), "{}", text(&second));
    assert_eq!(first.wait().unwrap().code(), Some(0), "the first one was not disturbed");
}

#[test]
fn nothing_more_is_started_after_the_first_failure() {
    need!(has_reference(), "the reference is not built, or this is not root");
    let stories = stories();
    let folder = TempDir::new().unwrap();
    // One at a time, and the one that fails first, because it took longest before.
    let durations = folder.path().join("durations.json");
    let before = [("short-one", 1), ("short-two", 2), ("wrong", 9000), ("slow", 3)]
        .map(|(story, millis)| format!("\"{story}@\": {{\"reference+reference\": {millis}}}"));
    fs::write(&durations, format!("{{\"version\": 1, \"durations\": {{{}}}}}", before.join(", "))).unwrap();
    let status = quiet_run(stories.path())
        .args(["--suite", "stories", "--no-gate", "--jobs", "1", "--fail-fast"])
        .args(PAIR)
        .arg("--out")
        .arg(folder.path())
        .arg("--durations")
        .arg(&durations)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(100));
    let cells = verdicts(folder.path());
    assert_eq!(cells.keys().collect::<Vec<_>>(), ["wrong+reference+reference"], "the rest was not run");
}
