//! A small part of a plan in which every two values still meet.
//!
//! Most defects need one value, or two that meet: this DPD with that server, this family with that client. Of a scenario with
//! five axes on sixteen pairs of peers it is therefore enough to run so many cells that each value of each axis (client and
//! server are two of them) occurs once with each value of each other one.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};

use super::cell::{CellFate, PlannedCell};
use super::select::Plan;

impl Plan {
    /// The plan with as many cells of each scenario as are needed for every two values that meet in it to meet at least once.
    ///
    /// Baselines stay, and cells that would not run, which cost nothing. The seed decides among cells that are worth the same:
    /// nightly runs with seeds of their own see more of the whole than one run does.
    #[must_use]
    pub fn pairwise(&self, seed: u64) -> Self {
        let is_choice = |cell: &PlannedCell| !cell.baseline && cell.fate == CellFate::Run;
        let mut scenarios: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, cell) in self.cells.iter().enumerate().filter(|(_, cell)| is_choice(cell)) {
            scenarios.entry(&cell.scenario).or_default().push(index);
        }
        let mut kept: Vec<bool> = self.cells.iter().map(|cell| !is_choice(cell)).collect();
        for indices in scenarios.values() {
            let rows: Vec<Vec<String>> = indices.iter().map(|index| values(&self.cells[*index])).collect();
            for row in covering(&rows, seed) {
                kept[indices[row]] = true;
            }
        }
        let cells = self.cells.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(cell, _)| cell.clone());
        Self { cells: cells.collect() }
    }
}

/// The value of each factor: client, server, and the axes in the order of their names.
fn values(cell: &PlannedCell) -> Vec<String> {
    let params: BTreeMap<&String, &String> = cell.params.iter().collect();
    let (client, server) = cell.pair();
    [client, server].into_iter().chain(params.into_iter().map(|(name, value)| format!("{name}={value}"))).collect()
}

/// Two values of two factors, by the numbers of the factors.
type Meeting<'r> = ((usize, &'r str), (usize, &'r str));

/// Positions of rows, in their order, in which every two values meet that meet in all of them.
///
/// Greedy: always the row with the most meetings that are still missing. Rows that others made unnecessary are taken out
/// again.
fn covering(rows: &[Vec<String>], seed: u64) -> Vec<usize> {
    let (meetings, count) = meetings(rows);
    // The order in which rows of the same worth are taken.
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|row| scattered(seed, *row));
    let mut times = vec![0_u32; count];
    let mut missing = count;
    let mut taken = Vec::new();
    while missing > 0 {
        let worth = |row: &usize| meetings[*row].iter().filter(|meeting| times[**meeting] == 0).count();
        // The first of the best, so that the seed decides.
        let Some(best) = order.iter().rev().max_by_key(|row| worth(row)).copied() else { break };
        missing -= worth(&best);
        for meeting in &meetings[best] {
            times[*meeting] += 1;
        }
        taken.push(best);
    }
    taken.retain(|row| {
        let is_spare = meetings[*row].iter().all(|meeting| times[*meeting] > 1);
        if is_spare {
            for meeting in &meetings[*row] {
                times[*meeting] -= 1;
            }
        }
        !is_spare
    });
    taken.sort_unstable();
    taken
}

/// For each row the numbers of its meetings, and how many there are in all. A row of one value meets itself, so that the value
/// is not lost.
fn meetings(rows: &[Vec<String>]) -> (Vec<Vec<usize>>, usize) {
    let mut numbers: HashMap<Meeting<'_>, usize> = HashMap::new();
    let of_row = |row: &'_ Vec<String>| -> Vec<(usize, usize)> {
        let pairs = (0..row.len()).flat_map(|one| (one + 1..row.len()).map(move |other| (one, other)));
        if row.len() == 1 { vec![(0, 0)] } else { pairs.collect() }
    };
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        let mut of_this = Vec::new();
        for (one, other) in of_row(row) {
            let next = numbers.len();
            let number = match numbers.entry(((one, &row[one]), (other, &row[other]))) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => *new.insert(next),
            };
            of_this.push(number);
        }
        all.push(of_this);
    }
    (all, numbers.len())
}

/// A number that looks random and is the same everywhere (the finaliser of SplitMix64).
fn scattered(seed: u64, row: usize) -> u64 {
    let mut x = seed ^ (row as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Every two values that meet in these rows.
    fn met(rows: &[&Vec<String>]) -> BTreeSet<(usize, String, usize, String)> {
        let mut met = BTreeSet::new();
        for row in rows {
            for one in 0..row.len() {
                for other in one + 1..row.len() {
                    met.insert((one, row[one].clone(), other, row[other].clone()));
                }
            }
        }
        met
    }

    /// Rows of up to five factors with up to four values, not always every combination.
    fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
        (1_usize..=5).prop_flat_map(|factors| {
            let row = proptest::collection::vec((0_u8..4).prop_map(|value| value.to_string()), factors);
            proptest::collection::vec(row, 0..80)
        })
    }

    proptest! {
        #[test]
        fn every_two_values_that_meet_meet_in_the_part(rows in rows(), seed in any::<u64>()) {
            let kept = covering(&rows, seed);
            prop_assert!(kept.len() <= rows.len());
            prop_assert!(kept.is_sorted() && kept.windows(2).all(|two| two[0] != two[1]), "each row once, in order");
            let part: Vec<&Vec<String>> = kept.iter().map(|row| &rows[*row]).collect();
            prop_assert_eq!(met(&part), met(&rows.iter().collect::<Vec<_>>()));
            prop_assert_eq!(covering(&rows, seed), kept, "the same seed, the same part");
            prop_assert!(rows.is_empty() || !covering(&rows, seed).is_empty(), "no scenario is lost");
        }
    }

    #[test]
    fn many_axes_need_few_rows() {
        // Four clients, four servers, three axes of three values: 432 cells.
        let mut rows = Vec::new();
        for number in 0..4 * 4 * 27 {
            let (pair, axes) = (number % 16, number / 16);
            let values = [pair % 4, pair / 4, axes % 3, axes / 3 % 3, axes / 9];
            rows.push(values.iter().map(ToString::to_string).collect::<Vec<String>>());
        }
        let kept = covering(&rows, 7);
        assert!((16..=24).contains(&kept.len()), "16 pairs of peers are the least: {}", kept.len());
        assert_ne!(kept, covering(&rows, 8), "another seed sees other cells");
    }
}
