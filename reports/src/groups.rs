//! Cells that need attention, put together where they have the same reason: a new version that breaks something breaks it
//! with every partner.

use indexmap::IndexMap;
use interop_evidence::{CellRecord, RunResults, Verdict};

use crate::family::compact;
use crate::text::{scenario_label, suspect, suspicion};
use crate::{Options, Pair, attention};

/// Cells with the same verdict for the same reason; never empty.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// The one that speaks for the others.
    pub(crate) first: &'a CellRecord,
    /// All of them, in planned order.
    pub(crate) cells: Vec<&'a CellRecord>,
}

/// The groups of a run: unexpected ones first, then those where the environment failed, in planned order.
pub(crate) fn groups<'a>(results: &'a RunResults, options: Options<'_>) -> Vec<Group<'a>> {
    let mut groups: IndexMap<(Verdict, String), Group<'a>> = IndexMap::new();
    for cell in attention(results, options.fail_on_degraded) {
        let key = (cell.verdict, without_numbers(&cell.reason));
        groups.entry(key).or_insert_with(|| Group { first: cell, cells: Vec::new() }).cells.push(cell);
    }
    groups.into_values().collect()
}

impl<'a> Group<'a> {
    /// Each scenario with its parameters, and the cells of it.
    pub(crate) fn scenarios(&self) -> Vec<(String, Vec<&'a CellRecord>)> {
        let mut scenarios: IndexMap<String, Vec<&CellRecord>> = IndexMap::new();
        for cell in &self.cells {
            scenarios.entry(scenario_label(&cell.scenario, &cell.params)).or_default().push(cell);
        }
        scenarios.into_iter().collect()
    }

    /// Who is probably at fault, if anybody is named; how often each, if the cells do not agree.
    pub(crate) fn suspicion(&self, limit: usize) -> Option<String> {
        let mut named: IndexMap<Option<&str>, usize> = IndexMap::new();
        for cell in &self.cells {
            *named.entry(cell.suspect.as_ref().map(|found| suspect(found.who))).or_default() += 1;
        }
        if named.len() == 1 {
            return self.first.suspect.as_ref().map(|found| suspicion(found, limit));
        }
        let counted = named.iter().map(|(who, count)| format!("{} in {count}", who.unwrap_or("nobody")));
        Some(counted.collect::<Vec<_>>().join(", "))
    }
}

/// The pairs of cells in few words.
pub(crate) fn pairs_of(cells: &[&CellRecord]) -> String {
    compact(cells.iter().map(|cell| Pair::of(cell))).join("; ")
}

/// A reason in which every number is the same one: how long an outage lasted is no other reason.
pub(crate) fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !out.ends_with('#') {
            out.push('#');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_reason() {
        assert_eq!(without_numbers("outage 41.2 s, 10 s wanted"), without_numbers("outage 7.25 s, 5 s wanted"));
        assert_ne!(without_numbers("tls, not dtls"), without_numbers("dtls, not tls"));
    }
}
