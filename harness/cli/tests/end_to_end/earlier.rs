//! `run --compare`: the reports of a run say what changed since an earlier one.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{Run, has_reference, need, program};

const BASELINE: [&str; 6] = ["--scenario", "baseline", "--client", "reference", "--server", "reference"];

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn a_run_says_what_changed_since_an_earlier_one() {
    need!(has_reference(), "the reference client and server are not built, or this is not root");
    let before = Run::of(BASELINE);
    assert_eq!(before.code(), 0, "{}", before.stderr());
    let earlier = before.folder.path();
    // As if it had failed then.
    let mut results = before.results();
    results.run.id = "yesterday".into();
    results.cells[0].verdict = interop_evidence::Verdict::Fail;
    results.cells[0].reason = "the tunnel did not come up".into();
    fs::write(earlier.join("results.json"), serde_json::to_vec(&results).unwrap()).unwrap();

    let after = Run::of(BASELINE.iter().copied().chain(["--compare", &earlier.display().to_string()]));
    assert_eq!(after.code(), 0, "{}", after.stderr());
    let told = String::from_utf8_lossy(&after.output.stdout).into_owned();
    assert!(told.contains("since yesterday: 1 repaired"), "{told}");
    assert!(told.contains("fail → pass; before: the tunnel did not come up"), "{told}");
    let folder = after.folder.path();
    assert!(read(folder, "report.md").contains("### Since yesterday: 1 repaired"));
    let page = read(folder, "report.html");
    assert!(page.contains("data-since=\"repaired: was fail\""), "the cell is marked");
    let bundle = after.results().cells[0].bundle.clone().unwrap();
    assert!(read(folder, &format!("{bundle}/index.html")).contains("(repaired: was fail)"));
    assert!(read(folder, "badge.json").contains("\"message\":\"1 pass\""));
    assert!(read(folder, "badges/reference+reference.svg").starts_with("<svg "));

    // Into its own folder a run cannot go: what it is compared with would be gone.
    let refused = program().args(["run", "--out"]).arg(earlier).args(BASELINE).arg("--compare").arg(earlier).output();
    let refused = refused.unwrap();
    assert_eq!(refused.status.code(), Some(64));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("name another folder with --out"), "{told}");
    assert!(read(earlier, "results.json").contains("yesterday"), "and nothing was written");
}

#[test]
fn what_cannot_be_compared_with_is_refused_before_anything_runs() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out");
    let missing = folder.path().join("missing");
    let refused = program().arg("run").arg("--out").arg(&out).arg("--compare").arg(&missing).output().unwrap();
    assert_eq!(refused.status.code(), Some(64));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("--compare: failed to read ") && told.contains("missing"), "{told}");
    assert!(!out.exists());
}
