//! Entries of the expectations that nothing needs any more, in each report: they fail a run as an unexpected pass does.

use std::fmt::Write as _;

use interop_evidence::{RunResults, StaleExpectation};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::markdown::escape::{code, inline};
use crate::text::{one_line, plural};

/// Entries that are shown where a person reads; `results.json` has all of them.
const SHOWN: usize = 25;
const TEXT: usize = 400;

/// How many, in words: `1 stale expectation`. Nothing for a run without, and for one share, which cannot know.
pub(crate) fn count(results: &RunResults) -> Option<String> {
    match entries(results).len() {
        0 => None,
        count => Some(plural(count, "stale expectation")),
    }
}

/// What a reader is told about: one share of a divided run does not see what the others need.
fn entries(results: &RunResults) -> &[StaleExpectation] {
    if results.run.partition.is_some() { &[] } else { &results.run.stale }
}

/// For a terminal, preceded by an empty line.
pub(crate) fn lines(results: &RunResults) -> Vec<String> {
    let entries = entries(results);
    if entries.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), format!("stale expectations ({})", entries.len())];
    for stale in entries.iter().take(SHOWN) {
        lines.push(format!("  {}  {}", one_line(&stale.place, TEXT), one_line(&stale.entry, TEXT)));
        lines.push(format!("      {}", one_line(&stale.reason, TEXT)));
    }
    if entries.len() > SHOWN {
        lines.push(format!("  {} more are in results.json", entries.len() - SHOWN));
    }
    lines
}

/// A section in Markdown.
pub(crate) fn markdown(results: &RunResults) -> String {
    let entries = entries(results);
    if entries.is_empty() {
        return String::new();
    }
    let mut out = format!("### Stale expectations ({})\n\n", entries.len());
    for stale in entries.iter().take(SHOWN) {
        let (place, entry) = (code(&one_line(&stale.place, TEXT)), inline(&one_line(&stale.entry, TEXT)));
        let _ = writeln!(out, "- {place} {entry}: {}", inline(&one_line(&stale.reason, TEXT)));
    }
    if entries.len() > SHOWN {
        let _ = writeln!(out, "\nCut: {SHOWN} of {} are shown.", entries.len());
    }
    out
}

/// A test suite with a failure for each.
pub(crate) fn junit(results: &RunResults) -> Option<TestSuite> {
    let entries = entries(results);
    if entries.is_empty() {
        return None;
    }
    let mut suite = TestSuite::new("expectations");
    for stale in entries {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("stale");
        status.set_message(format!("stale: {}", one_line(&stale.reason, TEXT)));
        let mut case = TestCase::new(one_line(&stale.entry, TEXT), status);
        case.set_classname(one_line(&stale.place, TEXT).replace('.', "_"));
        suite.add_test_case(case);
    }
    Some(suite)
}
