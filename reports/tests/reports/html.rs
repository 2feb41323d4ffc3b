//! The HTML page.

use std::fs;
use std::path::Path;

use interop_evidence::{Event, EventKind, Micros, PeerRole, RunResults, Stage, StageStatus, Verdict};
use interop_reports::{Options, attribute, html};
use serde_json::Value;

use crate::common::{
    cell, hostile_results, many_results, narrow_results, peer, results, run, wide_results, write_bundles,
};

fn page(results: &RunResults, folder: &Path) -> String {
    html(results, folder, Options::default()).expect("a page")
}

/// The data that the script of the page reads.
pub(crate) fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("the data begins");
    let (json, _) = rest.split_once("</script>").expect("the data ends");
    serde_json::from_str(json).expect("the data is JSON")
}

fn with_bundles(mut results: RunResults) -> (tempfile::TempDir, RunResults, String) {
    let folder = tempfile::tempdir().expect("a folder");
    write_bundles(&results, folder.path());
    attribute(&mut results);
    let page = page(&results, folder.path());
    (folder, results, page)
}

#[test]
fn every_cell_is_in_the_matrix_and_in_the_data() {
    for results in [results(), wide_results(), narrow_results(), run(Vec::new())] {
        let (_folder, results, page) = with_bundles(results);
        assert_eq!(page.matches("class=\"cell ").count(), results.cells.len());
        assert_eq!(data(&page).as_array().unwrap().len(), results.cells.len());
    }
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let (_folder, _, page) = with_bundles(results());
    for forbidden in ["http://", "https://", "src=", "@import", "url(", "<link", "innerHTML", "eval("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src &#x27;none&#x27;; script-src &#x27;sha256-"), "a policy is set");
}

#[test]
fn a_detail_in_full() {
    let (_folder, results, page) = with_bundles(results());
    let at = results.cells.iter().position(|cell| cell.verdict == Verdict::Fail).unwrap();
    let mut detail = data(&page)[at].clone();
    for log in detail["evidence"]["logs"].as_array_mut().unwrap() {
        let text = log["text"].as_str().unwrap();
        let lines: Vec<_> = text.lines().collect();
        log["text"] = format!("{} lines from {:?} to {:?}", lines.len(), lines[0], lines[lines.len() - 1]).into();
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&detail).unwrap());
}

#[test]
fn stages_are_a_track_and_lines_of_the_time_line() {
    let mut results = run(vec![cell("flow", peer("anyconnect-desktop", "0.1.0"), peer("asa", "0.1.0"), Verdict::Pass)]);
    let only = &mut results.cells[0];
    only.bundle = Some("cells/flow".into());
    only.client.emulates = Some("A Product".into());
    only.client.mutant = Some("forgets-opaque".into());
    let folder = tempfile::tempdir().expect("a folder");
    write_bundles(&results, folder.path());
    let bundle = interop_evidence::Bundle::open(folder.path().join("cells/flow"));
    let mut timeline = bundle.read_events().expect("events");
    for (ms, status) in [(500, StageStatus::Begin), (900, StageStatus::Done)] {
        let (role, line) = (PeerRole::Client, String::new());
        let kind = EventKind::Stage { role, stage: Stage::CstpConnect, status, line };
        timeline.events.push(Event { at: Micros(ms * 1000), step: None, kind });
    }
    bundle.write_events(&timeline).expect("events");
    let data = data(&page(&results, folder.path()));
    let time = data[0]["evidence"]["timeline"].to_string();
    assert!(time.contains("\"name\":\"stages\""), "{time}");
    assert!(time.contains("[500000,900000,\"cstp-connect\"]"), "a span from its beginning to its end: {time}");
    assert!(time.contains("client: stage cstp-connect done"), "{time}");
    let notes = data[0]["notes"].to_string();
    assert!(notes.contains("emulated profile of A Product") && notes.contains("the defect forgets-opaque"), "{notes}");
    assert_eq!(data[0]["client"], "anyconnect-desktop 0.1.0 (emulated profile) [mutant forgets-opaque]");
}

#[test]
fn a_stranger_cannot_leave_his_place() {
    let folder = tempfile::tempdir().unwrap();
    let results = hostile_results(folder.path());
    let page = page(&results, folder.path());
    assert_eq!(page.matches("<script").count(), 2, "the data and the script of the page");
    assert_eq!(page.matches("</script").count(), 2);
    assert!(!page.contains("<!--") && !page.contains("49{%"));
    assert!(!page.contains(['\u{202e}', '\u{1b}', '\u{2028}']));
    let data = data(&page);
    let log = data[0]["evidence"]["logs"].as_array().unwrap().iter().find(|log| log["name"] == "evil.log").unwrap();
    let text = log["text"].as_str().unwrap();
    assert!(text.contains("</script><script>alert(1)") && text.contains("{{ 7*7 }}"), "{text}");
    assert!(text.contains("\u{fffd}\u{fffd} broken \u{fffd}("), "{text}");
    assert!(text.contains("\\u{202e}\\u{1b}[31m"), "{text}");
    assert!(data[0]["notes"].to_string().contains("snapshots/before.json cannot be read"));
    assert!(page.contains("x%22%20onclick%3D%22y.log"));
}

#[test]
fn links_lead_into_the_bundle_only() {
    for (bundle, note) in
        [("/etc", "not below the report"), ("javascript:alert(1)", "is not here"), ("gone", "is not here")]
    {
        let mut results = run(vec![cell("story", peer("a", "1"), peer("b", "2"), Verdict::Pass)]);
        results.cells[0].bundle = Some(bundle.into());
        let folder = tempfile::tempdir().unwrap();
        let data = data(&page(&results, folder.path()));
        assert_eq!(data[0]["evidence"], Value::Null);
        assert!(data[0]["notes"].to_string().contains(note), "{}", data[0]["notes"]);
    }
}

#[test]
fn half_a_line_of_events_hides_only_itself() {
    let (folder, results, _) = with_bundles(narrow_results());
    let events = folder.path().join(results.cells[0].bundle.as_ref().unwrap()).join("events.jsonl");
    let mut text = fs::read_to_string(&events).unwrap();
    let whole = text.lines().count();
    text.push_str("{\"at\":19000000,\"event\":\"from-the-future\"}\n{\"at\":1900");
    fs::write(&events, text).unwrap();
    let data = data(&page(&results, folder.path()));
    let notes = data[0]["notes"].to_string();
    assert!(notes.contains(&format!("events.jsonl, line {}", whole + 1)), "{notes}");
    assert!(notes.contains("2 lines of events.jsonl are not shown"), "{notes}");
    assert!(!data[0]["evidence"]["timeline"]["events"].as_array().unwrap().is_empty());
}

#[test]
fn four_hundred_cells_stay_below_five_megabytes_and_cuts_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let results = many_results(400);
    write_bundles(&results, folder.path());
    for cell in &results.cells {
        if let Some(bundle) = &cell.bundle {
            let noise: Vec<_> = (0..100).map(|line| format!("{line} {}\n", "noise <&> ".repeat(30))).collect();
            fs::write(folder.path().join(bundle).join("logs/noise.log"), noise.concat()).unwrap();
        }
    }
    let page = page(&results, folder.path());
    assert!(page.len() < 5_000_000, "{}", page.len());
    let data = data(&page);
    let log_bytes = |verdict: Verdict| {
        let at = results.cells.iter().position(|cell| cell.verdict == verdict).unwrap();
        data[at]["evidence"]["logs"].to_string().len()
    };
    assert!(log_bytes(Verdict::Fail) > 2 * log_bytes(Verdict::Pass), "room goes to what needs attention");
    let said = |detail: &Value| {
        let logs = detail["evidence"]["logs"].as_array().unwrap();
        let cut = |log: &Value| log["name"] == "noise.log" && log["note"].as_str().unwrap().starts_with("last ");
        logs.iter().any(cut) || detail["notes"].to_string().contains("logs are left out")
    };
    let shown: Vec<_> = data.as_array().unwrap().iter().filter(|detail| !detail["evidence"].is_null()).collect();
    assert!(shown.len() > 300 && shown.into_iter().all(said));
}
