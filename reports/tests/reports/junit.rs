//! JUnit XML.

use interop_evidence::Verdict;
use interop_reports::{Options, attribute, junit};
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};

use crate::common::{cell, peer, results, run};

const STRICT: Options<'_> = Options { fail_on_degraded: true, full: false, since: None };

fn parse(xml: &str) -> Report {
    Report::deserialize_from_str(xml).expect("valid XML")
}

#[test]
fn verdicts_are_mapped_as_the_design_says() {
    let kind = |verdict, options| {
        let results = run(vec![cell("story", peer("a", "1"), peer("b", "2"), verdict)]);
        let report = parse(&junit(&results, options).unwrap());
        match &report.test_suites[0].test_cases[0].status {
            TestCaseStatus::Success { .. } => "passed",
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Failure, .. } => "failure",
            TestCaseStatus::NonSuccess { kind: NonSuccessKind::Error, .. } => "error",
            TestCaseStatus::Skipped { .. } => "skipped",
        }
    };
    for verdict in Verdict::ALL {
        let wanted = match verdict {
            Verdict::Pass | Verdict::Degraded => "passed",
            Verdict::Fail | Verdict::UnexpectedPass | Verdict::Flaky | Verdict::BrokenPromise => "failure",
            Verdict::KnownFail | Verdict::Unsupported | Verdict::Blocked | Verdict::Skipped => "skipped",
            Verdict::Invalid | Verdict::EnvError => "error",
        };
        assert_eq!(kind(verdict, Options::default()), wanted, "{verdict}");
    }
    assert_eq!(kind(Verdict::Degraded, STRICT), "failure");
}

#[test]
fn one_suite_a_pair_and_one_case_a_cell() {
    let report = parse(&junit(&results(), Options::default()).unwrap());
    let suites: Vec<_> = report.test_suites.iter().map(|suite| (suite.name.as_str(), suite.tests)).collect();
    assert_eq!(suites[0], ("openconnect 9.01 × ocserv 1.1.6", 9));
    assert_eq!((report.tests, report.failures, report.errors, report.skipped), (27, 4, 2, 4));
}

#[test]
fn a_case_in_full() {
    let mut results = results();
    attribute(&mut results);
    results.cells.retain(|cell| cell.verdict == Verdict::Fail);
    insta::assert_snapshot!(junit(&results, Options::default()).unwrap());
}

#[test]
fn characters_that_xml_forbids_do_not_get_in() {
    let mut hostile = cell("story", peer("a", "1\u{1b}[31m"), peer("b", "2\u{0}"), Verdict::Fail);
    hostile.reason = "bell \u{7} nul \u{0} ]]> <b>&amp; \u{fffe}".into();
    hostile.checks[2].message = "escape \u{1b}[2J \u{8}".into();
    let xml = junit(&run(vec![hostile]), Options::default()).unwrap();
    assert!(xml.chars().all(|c| !c.is_control() || c == '\n'), "{xml}");
    assert!(!xml.contains('\u{fffe}'));
    assert_eq!(parse(&xml).tests, 1);
    assert!(!xml.contains("<b>"));
}
