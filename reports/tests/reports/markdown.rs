//! Markdown for a job summary.

use interop_evidence::Verdict;
use interop_reports::{Options, attribute, markdown};

use crate::common::{cell, many_results, peer, results, run, versions, versions_of};

#[test]
fn a_run_in_full() {
    let mut results = results();
    attribute(&mut results);
    insta::assert_snapshot!(markdown(&results, Options::default()));
}

#[test]
fn a_green_run_is_short() {
    let results = run(vec![cell("story", peer("a", "1"), peer("b", "2"), Verdict::Pass)]);
    insta::assert_snapshot!(markdown(&results, Options::default()));
    insta::assert_snapshot!(markdown(&run(Vec::new()), Options::default()));
}

#[test]
fn a_stranger_cannot_break_the_table_or_the_page() {
    let mut hostile = cell("a|b", peer("a", "1 `x`"), peer("b", "<script>"), Verdict::Fail);
    hostile.reason = "x | y\n## heading\n<img src=x> @team `code` [a](b) \u{202e}".into();
    hostile.reproduce = "run ``` me\n```".into();
    hostile.bundle = Some("cells/`x`".into());
    let text = markdown(&run(vec![hostile]), Options::default());
    assert!(!text.contains("<script>") && !text.contains("<img"), "{text}");
    assert!(!text.contains("\n## heading") && !text.contains(" @team") && !text.contains('\u{202e}'), "{text}");
    let columns = |line: &str| line.replace("\\|", "").matches('|').count();
    let table: Vec<_> = text.lines().filter(|line| line.starts_with('|')).map(columns).collect();
    assert!(!table.is_empty() && table.iter().all(|count| *count == 3), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_large_run_fits_into_a_job_summary() {
    let text = markdown(&many_results(10_000), Options::default());
    assert!(text.len() < 1 << 20, "{}", text.len());
    // 370 scenarios of the same reason are one entry.
    assert!(text.contains("other scenarios\n") && text.contains("Cut: 400 of"));
    let mut results = many_results(10_000);
    for (index, cell) in results.cells.iter_mut().enumerate() {
        cell.reason = format!("{} {}", cell.reason, "y".repeat(index % 480));
    }
    let text = markdown(&results, Options::default());
    assert!(text.len() < 1 << 20, "{}", text.len());
    assert_eq!(text.matches("\n#### ").count(), 50);
    assert!(text.contains("\nCut: "));
}

#[test]
fn each_family_of_versions_has_a_table() {
    insta::assert_snapshot!(markdown(&versions(), Options::default()));
}

#[test]
fn of_a_large_family_only_what_is_to_be_seen_is_shown() {
    let text = markdown(&versions_of(100), Options::default());
    assert!(text.len() < 200_000, "{}", text.len());
    let (large, small) = text.split_once("#### openconnect × reference").expect("the next family");
    assert!(large.contains("34 of 100 rows are left out: every cell passes, or is unsupported."), "{large}");
    assert!(!large.contains("| connect-and-ping-5 |") && large.contains("| mtu-blackhole-5 |"));
    assert!(small.contains("| connect-and-ping-5 |"), "a small family is shown as a whole");
}
