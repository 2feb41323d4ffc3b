//! The main page, and the pages of cells.

use std::fs;
use std::path::Path;

use interop_evidence::{Event, EventKind, Micros, PeerRole, RunResults, Stage, StageStatus, Verdict};
use interop_reports::{CompareOptions, Comparison, Options, Style, attribute, html, markdown, terminal, write_html};
use serde_json::Value;

use crate::common::{
    cell, hostile_results, narrow_results, peer, results, run, versions, versions_of, wide_results, write_bundles,
};

fn page(results: &RunResults, folder: &Path) -> String {
    html(results, folder, Options::default()).expect("a page")
}

/// The page of a cell, which lies in its bundle.
pub(crate) fn cell_page(folder: &Path, results: &RunResults, index: usize) -> String {
    let bundle = results.cells[index].bundle.as_ref().expect("a bundle");
    read(&folder.join(bundle).join("index.html"))
}

/// A page, with slashes as they are in a browser.
fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a page").replace("&#x2f;", "/")
}

/// What the script of the page knows of the columns.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("the data begins");
    let (json, _) = rest.split_once("</script>").expect("the data ends");
    serde_json::from_str(json).expect("the data is JSON")
}

/// Bundles and all pages.
fn with_bundles(mut results: RunResults) -> (tempfile::TempDir, RunResults, String) {
    let folder = tempfile::tempdir().expect("a folder");
    write_bundles(&results, folder.path());
    attribute(&mut results);
    let path = write_html(&results, folder.path(), Options::default()).expect("pages");
    let page = read(&path);
    (folder, results, page)
}

/// The text of a page, a line each, without markup, style and script.
fn words(page: &str) -> String {
    let body = page.split_once("<main").map_or(page, |(_, body)| body);
    let body = body.split_once("<script").map_or(body, |(body, _)| body);
    // The diagram has tests of its own.
    let (before, rest) = body.split_once("<svg").unwrap_or((body, ""));
    let body = format!("{before}{}", rest.split_once("</svg>").map_or("", |(_, rest)| rest));
    let mut out = String::new();
    for (at, piece) in body.split('<').enumerate() {
        let (tag, text) = if at == 0 { ("", "") } else { piece.split_once('>').unwrap_or(("", piece)) };
        let block = ["p", "/p", "tr", "/tr", "h", "/h", "/div", "div", "/li", "li", "summary", "/summary", "pre"];
        if block
            .iter()
            .any(|name| tag.split(' ').next() == Some(name) || (name.ends_with('h') && tag.starts_with(name)))
        {
            out.push('\n');
        }
        if tag.starts_with("td") || tag.starts_with("th") || tag.starts_with("span") {
            out.push(' ');
        }
        out.push_str(text);
    }
    let lines = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.map(|line| line.replace("&gt;", ">").replace("&lt;", "<").replace("&#x27;", "'"));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_cell_is_in_the_matrix_and_those_that_took_place_have_a_page() {
    for results in [results(), wide_results(), narrow_results(), versions(), run(Vec::new())] {
        let (folder, results, page) = with_bundles(results);
        assert_eq!(page.matches("class=\"c t-").count(), results.cells.len());
        assert_eq!(
            page.matches("/index.html\" class=\"c ").count(),
            results.cells.iter().filter(|cell| cell.bundle.is_some()).count()
        );
        for (index, cell) in results.cells.iter().enumerate().filter(|(_, cell)| cell.bundle.is_some()) {
            let page = cell_page(folder.path(), &results, index);
            assert!(page.contains(&cell.key), "{}", cell.key);
        }
        assert!(!folder.path().join("pages").exists());
    }
}

#[test]
fn pages_ask_nobody_for_anything() {
    let (folder, results, page) = with_bundles(results());
    for page in [page, cell_page(folder.path(), &results, 0)] {
        for forbidden in ["http://", "https://", "src=", "@import", "url(", "<link", "innerHTML", "eval("] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src &#x27;none&#x27;; script-src &#x27;sha256-"), "a policy is set");
    }
}

#[test]
fn a_cell_in_full() {
    let (folder, results, _) = with_bundles(results());
    let at = results.cells.iter().position(|cell| cell.verdict == Verdict::Fail).unwrap();
    let words = words(&cell_page(folder.path(), &results, at));
    let lines: Vec<_> = words.lines().filter(|line| !line.starts_with('[') && !line.starts_with("ocserv[")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn versions_are_columns_below_their_peers() {
    let (_folder, _, page) = with_bundles(versions());
    let (_, rest) = page.split_once("<thead>\n      <tr class=\"h1\">").expect("the heading");
    let (heading, _) = rest.split_once("</thead>").expect("its end");
    insta::assert_snapshot!(words(heading));
    assert_eq!(data(&page)[5]["label"], "openconnect@bookworm 9.01-3 × ocserv@bullseye 1.1.2-2");
    assert_eq!(data(&page)[5]["releases"], serde_json::json!(["bookworm", "bullseye"]));
    let (_, legend) = page.split_once("class=\"peers\"").expect("the legend of peers");
    let (legend, _) = legend.split_once("</section>").expect("its end");
    assert!(words(legend).contains("openconnect@sid client 9.12 9.12-4 GnuTLS 3.8.10"), "{}", words(legend));
}

#[test]
fn the_same_reason_is_one_entry_with_a_link_for_each_pair() {
    let (_folder, results, page) = with_bundles(versions());
    let failing = results.cells.iter().filter(|cell| cell.verdict == Verdict::Fail).count();
    let (_, list) = page.split_once("class=\"attention\"").expect("the list");
    let (list, _) = list.split_once("</section>").expect("its end");
    assert_eq!((failing, list.matches("class=\"entry\"").count()), (4, 1), "{list}");
    assert_eq!(list.matches("/index.html\"").count(), failing);
    assert!(words(list).contains("openconnect@bullseye × ocserv@bullseye, bookworm, trixie, sid"), "{}", words(list));
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
    write_html(&results, folder.path(), Options::default()).expect("pages");
    let page = cell_page(folder.path(), &results, 0);
    assert!(page.contains("<div class=\"name\" title=\"stages\">"));
    assert!(page.contains("title=\"0.500 s to 0.900 s: cstp-connect\">cstp-connect"), "a span from begin to end");
    let words = words(&page);
    assert!(words.contains("client: stage cstp-connect done"), "{words}");
    assert!(words.contains("emulated profile of A Product") && words.contains("the defect forgets-opaque"), "{words}");
    assert!(words.contains("anyconnect-desktop 0.1.0 (emulated profile) [mutant forgets-opaque]"));
}

#[test]
fn a_stranger_cannot_leave_his_place() {
    let folder = tempfile::tempdir().unwrap();
    let results = hostile_results(folder.path());
    write_html(&results, folder.path(), Options::default()).unwrap();
    let main = read(&folder.path().join("report.html"));
    let page = cell_page(folder.path(), &results, 0);
    for (page, scripts) in [(&main, 2), (&page, 1)] {
        assert_eq!(page.matches("<script").count(), scripts, "the data and the script of the page");
        assert_eq!(page.matches("</script").count(), scripts);
        assert!(!page.contains("<!--") && !page.contains("<img") && !page.contains("49{%"));
        assert!(!page.contains(['\u{202e}', '\u{1b}', '\u{2028}']));
    }
    let (_, log) = page.split_once("<code>evil.log</code>").expect("the log");
    assert!(log.contains("&lt;script&gt;alert(1)&lt;") && log.contains("{{ 7*7 }}"), "{log}");
    assert!(log.contains("\u{fffd}\u{fffd} broken \u{fffd}(") && log.contains("\\u{202e}\\u{1b}[31m"), "{log}");
    assert!(page.contains("snapshots/before.json cannot be read"));
    assert!(page.contains("x%22%20onclick%3D%22y.log"));
}

#[test]
fn pages_are_written_below_the_report_only() {
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir_in(outside.path()).unwrap();
    let neighbour = outside.path().join("neighbour");
    fs::create_dir_all(&neighbour).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&neighbour, folder.path().join("link")).unwrap();
    for (bundle, note) in [
        ("/etc", "not below the report"),
        ("javascript:alert(1)", "is not here"),
        ("gone", "is not here"),
        ("../neighbour", "<a href=\"../../neighbour/\""),
        ("link", "<a href=\"../link/\""),
        (".", "<a href=\".././\""),
    ] {
        let mut results = run(vec![cell("story", peer("a", "1"), peer("b", "2"), Verdict::Pass)]);
        results.cells[0].bundle = Some(bundle.into());
        write_html(&results, folder.path(), Options::default()).unwrap();
        let pages: Vec<_> = fs::read_dir(folder.path().join("pages")).unwrap().flatten().collect();
        assert_eq!(pages.len(), 1, "{bundle}");
        let page = read(&pages[0].path());
        assert!(page.contains(note), "{bundle}: {page}");
        assert!(page.contains("<a href=\"../report.html\">"));
        assert!(!neighbour.join("index.html").exists() && !folder.path().join("index.html").exists());
        let main = read(&folder.path().join("report.html"));
        assert!(main.contains("href=\"pages/0-story"), "{main}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_a_bundle_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let results = narrow_results();
    write_bundles(&results, folder.path());
    let precious = folder.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    let page = folder.path().join(results.cells[0].bundle.as_ref().unwrap()).join("index.html");
    std::os::unix::fs::symlink(&precious, &page).unwrap();
    write_html(&results, folder.path(), Options::default()).unwrap();
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    assert!(page.symlink_metadata().unwrap().is_file());
}

#[test]
fn a_page_that_cannot_be_written_is_said_and_not_linked() {
    let folder = tempfile::tempdir().unwrap();
    let results = narrow_results();
    write_bundles(&results, folder.path());
    // A folder of that name is in the way.
    let bundle = results.cells[0].bundle.as_ref().unwrap();
    fs::create_dir_all(folder.path().join(bundle).join("index.html/x")).unwrap();
    write_html(&results, folder.path(), Options::default()).unwrap();
    let page = read(&folder.path().join("report.html"));
    let linked = results.cells.iter().filter(|cell| cell.bundle.is_some()).count() - 1;
    assert_eq!(page.matches("/index.html\" class=\"c ").count(), linked);
    assert!(page.contains("1 page of a cell could not be written: failed to write "));
}

#[test]
fn half_a_line_of_events_hides_only_itself() {
    let (folder, results, _) = with_bundles(narrow_results());
    let events = folder.path().join(results.cells[0].bundle.as_ref().unwrap()).join("events.jsonl");
    let mut text = fs::read_to_string(&events).unwrap();
    let whole = text.lines().count();
    text.push_str("{\"at\":19000000,\"event\":\"from-the-future\"}\n{\"at\":1900");
    fs::write(&events, text).unwrap();
    write_html(&results, folder.path(), Options::default()).unwrap();
    let words = words(&cell_page(folder.path(), &results, 0));
    assert!(words.contains(&format!("events.jsonl, line {}", whole + 1)), "{words}");
    assert!(words.contains("2 lines of events.jsonl are not shown"), "{words}");
    assert!(words.contains("connect within 10 s"), "{words}");
}

#[test]
fn excerpts_are_cut_and_cuts_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let results = results();
    write_bundles(&results, folder.path());
    for bundle in results.cells.iter().filter_map(|cell| cell.bundle.as_ref()) {
        let noise: Vec<_> = (0..10_000).map(|line| format!("{line} {}\n", "noise <&> ".repeat(30))).collect();
        fs::write(folder.path().join(bundle).join("logs/noise.log"), noise.concat()).unwrap();
    }
    write_html(&results, folder.path(), Options::default()).unwrap();
    let page_of = |verdict: Verdict| {
        let at = results.cells.iter().position(|cell| cell.verdict == verdict).unwrap();
        cell_page(folder.path(), &results, at)
    };
    let (pass, fail) = (page_of(Verdict::Pass), page_of(Verdict::Fail));
    assert!(pass.len() < 120_000 && fail.len() < 300_000, "{} {}", pass.len(), fail.len());
    assert!(fail.matches("noise").count() > 2 * pass.matches("noise").count(), "room goes to what needs attention");
    for page in [pass, fail] {
        let (_, log) = page.split_once("<code>noise.log</code>").unwrap();
        assert!(words(log).starts_with("last "), "{}", &words(log)[..40]);
    }
}

#[test]
fn four_thousand_cells_are_a_small_page() {
    let results = versions_of(100);
    assert_eq!(results.cells.len(), 4000);
    let page = page(&results, Path::new("nowhere"));
    assert!(page.len() < 5_000_000, "{}", page.len());
    assert_eq!(page.matches("class=\"c t-").count(), 4000);
    // Reasons as long as they get, with characters that need most room.
    let mut wordy = results;
    for cell in &mut wordy.cells {
        cell.reason = "\"<'&>".repeat(400);
    }
    let page = html(&wordy, Path::new("nowhere"), Options::default()).expect("a page");
    assert!(page.len() < 12_000_000, "{}", page.len());
}

/// A run of versions, and the one before it: one server was another version, and the oldest client did not fail.
fn before_and_after() -> (RunResults, RunResults) {
    let after = versions();
    let mut before = after.clone();
    before.run.id = "2026-08-03-1".into();
    for cell in &mut before.cells {
        if cell.verdict == Verdict::Fail {
            cell.verdict = Verdict::Pass;
            cell.reason = "7 checks hold".into();
        }
        if cell.server.release.as_deref() == Some("sid") && cell.server.id == "ocserv" {
            cell.server.package = Some("1.3.1-1".into());
        }
    }
    before.cells.retain(|cell| cell.client.id != "openvpn" || cell.scenario != "mtu-blackhole");
    (before, after)
}

#[test]
fn what_changed_since_an_earlier_run_is_listed_and_marked_in_every_report() {
    let (before, after) = before_and_after();
    let comparison = Comparison::of(&before, &after, &CompareOptions::default());
    let options = Options { since: Some(&comparison), ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    write_bundles(&after, folder.path());
    let page = read(&write_html(&after, folder.path(), options).unwrap());
    let (_, section) = page.split_once("<section class=\"since\">").expect("the section");
    let (section, _) = section.split_once("</section>").expect("its end");
    insta::assert_snapshot!("since_html", words(section));
    assert_eq!(page.matches(" changed m-bad\"").count(), 4);
    assert!(page.contains("data-since=\"new failures: was pass\""));
    let failing = after.cells.iter().position(|cell| cell.verdict == Verdict::Fail).unwrap();
    assert!(words(&cell_page(folder.path(), &after, failing)).contains("✗ fail (new failures: was pass)"));
    let text = markdown(&after, options);
    let (_, section) = text.split_once("### Since").expect("the section");
    insta::assert_snapshot!("since_markdown", section.split_once("###").expect("the next one").0);
    for (name, style) in [
        ("since_terminal", Style { color: false, width: 80, unicode: true }),
        ("since_terminal_ascii", Style { color: false, width: 60, unicode: false }),
    ] {
        let text = terminal(&after, options, style, None);
        assert!(style.unicode || text.is_ascii());
        let (_, section) = text.split_once("\nsince ").expect("the section");
        insta::assert_snapshot!(name, section);
    }
}
