//! The matrix for a terminal.

use std::path::Path;

use interop_evidence::{RunResults, Verdict};
use interop_reports::{Options, Style, attribute, terminal};
use unicode_width::UnicodeWidthStr as _;

use crate::common::{cell, narrow_results, peer, results, run, versions, wide_results};

const PLAIN: Style = Style { color: false, width: 80, unicode: true };

fn show(mut results: RunResults, style: Style) -> String {
    attribute(&mut results);
    terminal(&results, Options::default(), style, Some(Path::new("out/report.html")))
}

#[test]
fn eighty_columns() {
    insta::assert_snapshot!(show(results(), PLAIN));
}

#[test]
fn a_hundred_and_forty_columns() {
    insta::assert_snapshot!(show(results(), Style { width: 140, ..PLAIN }));
}

#[test]
fn colour() {
    for width in [80, 140] {
        let colour = show(results(), Style { color: true, width, ..PLAIN });
        insta::assert_snapshot!(format!("colour_{width}"), colour.replace('\u{1b}', "␛"));
        let mut rest = colour.as_str();
        let mut plain = String::new();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&plain), trimmed(&show(results(), Style { width, ..PLAIN })), "colour changes no letter");
    }
}

#[test]
fn six_pairs_in_eighty_columns_come_in_bands() {
    insta::assert_snapshot!(show(wide_results(), PLAIN));
}

#[test]
fn ascii_only() {
    let text = show(results(), Style { unicode: false, ..PLAIN });
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for results in [results(), wide_results(), narrow_results(), versions(), run(Vec::new())] {
        for width in (30..=200).step_by(7) {
            let text = show(results.clone(), Style { width, ..PLAIN });
            let may_be_long =
                |line: &str| ["  evidence", "  again", "report:"].iter().any(|start| line.starts_with(start));
            for line in text.lines().filter(|line| !may_be_long(line)) {
                assert!(line.width() <= width.max(40), "{} > {width}: {line}", line.width());
            }
        }
    }
}

#[test]
fn a_peer_cannot_write_on_the_terminal() {
    let mut hostile = cell("story\u{1b}[2J", peer("a", "1\u{1b}]0;title\u{7}"), peer("b", "\u{202e}2"), Verdict::Fail);
    hostile.reason = "red \u{1b}[31m\r\nnext \u{9b}".into();
    hostile.reproduce = "run \u{1b}[A".into();
    hostile.area = "are\u{8}a".into();
    let text = show(run(vec![hostile]), PLAIN);
    assert!(text.chars().all(|c| (!c.is_control() || c == '\n') && c != '\u{202e}'), "{text:?}");
}

#[test]
fn many_versions_are_signs_in_numbered_columns() {
    insta::assert_snapshot!(show(versions(), Style { width: 100, ..PLAIN }));
    insta::assert_snapshot!("many_versions_in_sixty_columns", show(versions(), Style { width: 60, ..PLAIN }));
    let text = show(versions(), Style { unicode: false, ..PLAIN });
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn rows_in_which_all_is_well_are_shown_when_asked_for() {
    let results = versions();
    let show = |full| terminal(&results, Options { full, ..Options::default() }, PLAIN, None);
    assert!(!show(false).contains("connect-and-ping") && show(false).contains("2 of 3 rows"));
    assert!(show(true).contains("connect-and-ping") && !show(true).contains(" of 3 rows"));
}
