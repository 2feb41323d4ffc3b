//! What all reports agree on: how many, which cells need attention, and which check decided.

use std::collections::BTreeMap;

use interop_evidence::{CellRecord, CheckRecord, RunResults, Verdict};

use crate::Comparison;

/// What the reader of a report chose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options<'a> {
    /// Whether a degraded cell counts as unexpected (`--fail-on degraded`).
    pub fail_on_degraded: bool,
    /// Whether a terminal shows rows in which all is well, however many pairs there are.
    pub full: bool,
    /// What changed since an earlier run (`--compare`).
    pub since: Option<&'a Comparison>,
}

/// How many cells have which verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Verdict, usize>);

impl Counts {
    /// Counts cells.
    pub fn of<'a>(cells: impl IntoIterator<Item = &'a CellRecord>) -> Self {
        let mut counts = BTreeMap::new();
        for cell in cells {
            *counts.entry(cell.verdict).or_default() += 1;
        }
        Self(counts)
    }

    /// Cells with this verdict.
    pub fn get(&self, verdict: Verdict) -> usize {
        self.0.get(&verdict).copied().unwrap_or_default()
    }

    /// All cells.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Cells that make the run end with 100.
    pub fn unexpected(&self, fail_on_degraded: bool) -> usize {
        self.sum(|verdict| verdict.is_unexpected(fail_on_degraded))
    }

    /// Cells that make the run end with 96, if nothing is unexpected.
    pub fn environment(&self) -> usize {
        self.sum(Verdict::is_environment)
    }

    /// The verdicts that occur, in the order of the design's table.
    pub fn iter(&self) -> impl Iterator<Item = (Verdict, usize)> + '_ {
        self.0.iter().map(|(verdict, count)| (*verdict, *count))
    }

    fn sum(&self, wanted: impl Fn(Verdict) -> bool) -> usize {
        self.iter().filter(|(verdict, _)| wanted(*verdict)).map(|(_, count)| count).sum()
    }
}

impl std::fmt::Display for Counts {
    /// `36 cells: 30 pass, 4 degraded, 2 fail`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = self.total();
        write!(f, "{total} {}", if total == 1 { "cell" } else { "cells" })?;
        for (index, (verdict, count)) in self.iter().enumerate() {
            write!(f, "{}{count} {verdict}", if index == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

/// How the run went, in a few words: `2 unexpected, 1 failed in the environment`.
pub(crate) fn state(results: &RunResults, options: Options<'_>) -> String {
    let counts = Counts::of(&results.cells);
    let mut state = match (counts.unexpected(options.fail_on_degraded), counts.environment()) {
        (0, 0) if counts.total() == 0 => "no cell ran".to_owned(),
        (0, 0) => "as expected".to_owned(),
        (0, n) => format!("{n} failed in the environment"),
        (n, 0) => format!("{n} unexpected"),
        (n, m) => format!("{n} unexpected, {m} failed in the environment"),
    };
    if let Some(stale) = crate::stale::count(results) {
        state = if state == "as expected" { stale } else { format!("{state}, {stale}") };
    }
    if results.run.interrupted {
        state.push_str("; interrupted, the rest never ran");
    }
    state
}

/// Whether a person should look at this cell: it is unexpected, or the environment failed.
pub fn needs_attention(cell: &CellRecord, fail_on_degraded: bool) -> bool {
    cell.verdict.is_unexpected(fail_on_degraded) || cell.verdict.is_environment()
}

/// The cells that a person should look at: the unexpected ones, then those where the environment failed, each in
/// planned order.
pub fn attention(results: &RunResults, fail_on_degraded: bool) -> Vec<&CellRecord> {
    let mut cells: Vec<_> = results.cells.iter().filter(|cell| needs_attention(cell, fail_on_degraded)).collect();
    cells.sort_by_key(|cell| cell.verdict.is_environment());
    cells
}

/// The check that made the verdict: the first one with the worst verdict, none if every check holds.
pub fn decisive_check(cell: &CellRecord) -> Option<&CheckRecord> {
    let weight = |check: &CheckRecord| match check.verdict {
        Verdict::Pass | Verdict::Skipped | Verdict::Unsupported | Verdict::Blocked => 0,
        verdict if verdict == cell.verdict => 4,
        Verdict::Degraded => 1,
        Verdict::Invalid | Verdict::EnvError => 2,
        _ => 3,
    };
    let worst = cell.checks.iter().map(weight).max().filter(|worst| *worst > 0)?;
    cell.checks.iter().find(|check| weight(check) == worst)
}
