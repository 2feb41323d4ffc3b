//! Counting, and what needs attention.

use interop_evidence::Verdict;
use interop_reports::{Counts, Matrix, attention, decisive_check};

use crate::common::{cell, peer, results, run};

#[test]
fn counts_read_as_a_sentence() {
    let counts = Counts::of(&results().cells);
    insta::assert_snapshot!(counts, @"27 cells: 14 pass, 3 degraded, 1 fail, 1 known-fail, 1 unexpected-pass, 1 flaky, 1 broken-promise, 1 unsupported, 1 blocked, 1 skipped, 1 invalid, 1 env-error");
    assert_eq!((counts.unexpected(false), counts.unexpected(true), counts.environment()), (4, 7, 2));
    assert_eq!(Counts::of([]).to_string(), "0 cells");
}

#[test]
fn unexpected_cells_come_before_those_of_the_environment() {
    let results = results();
    let verdicts = |fail_on_degraded| -> Vec<_> {
        attention(&results, fail_on_degraded).iter().map(|cell| cell.verdict).collect()
    };
    use Verdict::{BrokenPromise, Degraded, EnvError, Fail, Flaky, Invalid, UnexpectedPass};
    assert_eq!(verdicts(false), [Fail, UnexpectedPass, Flaky, BrokenPromise, Invalid, EnvError]);
    assert_eq!(verdicts(true).iter().filter(|verdict| **verdict == Degraded).count(), 3);
}

#[test]
fn the_decisive_check_has_the_verdict_of_the_cell() {
    let results = results();
    for cell in &results.cells {
        let decisive = decisive_check(cell).map(|check| check.id.as_str());
        let expected = match cell.verdict {
            Verdict::Pass | Verdict::UnexpectedPass => None,
            verdict if !verdict.took_place() => None,
            _ => Some("5 expect transport"),
        };
        assert_eq!(decisive, expected, "{}", cell.key);
    }
}

#[test]
fn every_cell_has_a_place_even_twice_the_same() {
    let again = || cell("twice", peer("openconnect", "9.01"), peer("ocserv", "1.1.6"), Verdict::Pass);
    let results = run(vec![again(), again()]);
    let matrix = Matrix::of(&results);
    assert_eq!((matrix.pairs.len(), matrix.rows()), (1, 2));
}
