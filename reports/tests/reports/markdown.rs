//! Markdown for a job summary.

use interop_evidence::Verdict;
use interop_reports::{Options, attribute, markdown};

use crate::common::{cell, many_results, peer, results, run};

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
    assert!(text.contains("Cut: 50 of") && text.contains("Cut: 400 of"));
}
