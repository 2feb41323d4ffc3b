//! Dividing a plan into shares of about equal length that need nothing of each other.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use interop_evidence::PartitionRecord;

use super::cell::{CellFate, PlannedCell};
use super::partition::Partition;
use super::select::Plan;

/// What one share of a divided run runs.
#[derive(Clone, Debug)]
pub struct Share {
    /// Its cells, and the baselines of other shares that gate some of them (`gate_only`), in planned order.
    pub plan: Plan,
    /// Which share it is.
    pub partition: PartitionRecord,
    /// Keys of every cell of the whole plan, in planned order.
    pub planned: Vec<String>,
}

impl Plan {
    /// The cells of one share. Every cell is in exactly one share, and every share comes to the same division, if all are
    /// given the same plan and the same expected durations.
    ///
    /// A pair of peers stays together where the shares still come out even, since each share that has cells of a pair must
    /// run its baseline, too; what is left is dealt out longest first, to the share that then has the least to do. Cells
    /// that do not run weigh nothing and are dealt out evenly.
    pub fn share(&self, partition: Partition, expected: impl Fn(&PlannedCell) -> Duration) -> Share {
        let owners = Division::of(&self.cells, partition.count() as usize, expected).owners;
        let mine = partition.index() as usize - 1;
        // The same rule as the runner's: the baselines of a pair, where they run, gate its other cells.
        let gated: BTreeSet<(String, String)> = owners
            .iter()
            .zip(&self.cells)
            .filter(|(owner, cell)| **owner == mine && !cell.baseline && cell.fate == CellFate::Run)
            .map(|(_, cell)| cell.pair())
            .collect();
        let mut cells = Vec::new();
        for (owner, cell) in owners.iter().zip(&self.cells) {
            if *owner == mine {
                cells.push(cell.clone());
            } else if cell.baseline && cell.fate == CellFate::Run && gated.contains(&cell.pair()) {
                cells.push(PlannedCell { gate_only: true, ..cell.clone() });
            }
        }
        Share {
            plan: Plan { cells },
            partition: partition.record(),
            planned: self.cells.iter().map(|cell| cell.key.clone()).collect(),
        }
    }
}

/// The cells of one pair that run, by their position in the plan.
#[derive(Default)]
struct Pair {
    baselines: Vec<usize>,
    others: Vec<usize>,
}

struct Division<'p> {
    cells: &'p [PlannedCell],
    /// Milliseconds by position.
    weights: Vec<u64>,
    /// Milliseconds that each share has to do, gates included.
    loads: Vec<u64>,
    /// Number of the share by position.
    owners: Vec<usize>,
}

impl<'p> Division<'p> {
    fn of(cells: &'p [PlannedCell], count: usize, expected: impl Fn(&PlannedCell) -> Duration) -> Self {
        let weigh = |cell: &PlannedCell| match cell.fate {
            CellFate::Run => u64::try_from(expected(cell).as_millis()).unwrap_or(u64::MAX / 1_000_000).max(1),
            _ => 0,
        };
        let weights = cells.iter().map(weigh).collect();
        let mut division = Self { cells, weights, loads: vec![0; count], owners: vec![0; cells.len()] };
        let (split, idle) = division.deal_whole_pairs();
        division.deal_cells(&split);
        for (turn, position) in idle.into_iter().enumerate() {
            division.owners[position] = turn % count;
        }
        division
    }

    /// Gives away the pairs that fit as a whole, longest first, and tells the others, and the cells that do not run.
    fn deal_whole_pairs(&mut self) -> (Vec<Pair>, Vec<usize>) {
        let mut pairs: BTreeMap<(String, String), Pair> = BTreeMap::new();
        let mut idle = Vec::new();
        for (position, cell) in self.cells.iter().enumerate() {
            match &cell.fate {
                CellFate::Run => {
                    let pair = pairs.entry(cell.pair()).or_default();
                    if cell.baseline { pair.baselines.push(position) } else { pair.others.push(position) }
                }
                _ => idle.push(position),
            }
        }
        idle.sort_by_key(|position| &self.cells[*position].key);
        let fair = self.weights.iter().sum::<u64>().div_ceil(self.loads.len() as u64);
        // The map is in the order of names, and sorting keeps it among equals.
        let mut pairs: Vec<Pair> = pairs.into_values().collect();
        pairs.sort_by_key(|pair| Reverse(self.sum(&pair.baselines) + self.sum(&pair.others)));
        let mut split = Vec::new();
        for pair in pairs {
            let weight = self.sum(&pair.baselines) + self.sum(&pair.others);
            let share = self.least(|load, _| load);
            if self.loads[share] + weight <= fair {
                self.loads[share] += weight;
                for position in pair.baselines.iter().chain(&pair.others) {
                    self.owners[*position] = share;
                }
            } else {
                split.push(pair);
            }
        }
        (split, idle)
    }

    /// Deals out the cells of these pairs one by one, longest first. A share pays for the baseline of each pair it touches.
    fn deal_cells(&mut self, pairs: &[Pair]) {
        let mut cells: Vec<(usize, usize)> = Vec::new();
        for (number, pair) in pairs.iter().enumerate() {
            // Baselines that gate nothing are cells like any other.
            let dealt = if pair.others.is_empty() { &pair.baselines } else { &pair.others };
            cells.extend(dealt.iter().map(|position| (number, *position)));
        }
        cells.sort_by_key(|(_, position)| (Reverse(self.weights[*position]), &self.cells[*position].key));
        let mut touched: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); pairs.len()];
        for (number, position) in cells {
            let pair = &pairs[number];
            let gate = if pair.others.is_empty() { 0 } else { self.sum(&pair.baselines) };
            let share = self.least(|load, share| {
                let new = !touched[number].contains(&share);
                (load + if new { gate } else { 0 }, new)
            });
            self.loads[share] += self.weights[position] + if touched[number].insert(share) { gate } else { 0 };
            self.owners[position] = share;
        }
        for (pair, shares) in pairs.iter().zip(&touched) {
            // Whoever is first among those that run it anyway reports it.
            if let Some(first) = shares.first().filter(|_| !pair.others.is_empty()) {
                for position in &pair.baselines {
                    self.owners[*position] = *first;
                }
            }
        }
    }

    fn sum(&self, positions: &[usize]) -> u64 {
        positions.iter().map(|position| self.weights[*position]).sum()
    }

    /// The share for which this is least; the first among equals.
    fn least<T: Ord>(&self, by: impl Fn(u64, usize) -> T) -> usize {
        (0..self.loads.len()).min_by_key(|share| by(self.loads[*share], *share)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::PeerChoice;

    fn cell(scenario: &str, client: &str, server: &str, seconds: u64) -> PlannedCell {
        let choice = |peer: &str| PeerChoice {
            peer: peer.to_owned(),
            binary: std::path::PathBuf::new(),
            library_path: Vec::new(),
            version: String::new(),
            library: None,
            origin: None,
            emulates: None,
            mutant: None,
        };
        PlannedCell {
            key: format!("{scenario}+{client}+{server}"),
            scenario: scenario.to_owned(),
            params: indexmap::IndexMap::new(),
            client: choice(client),
            server: choice(server),
            baseline: scenario == "baseline",
            gate_only: false,
            time_limit: seconds,
            fate: CellFate::Run,
        }
    }

    /// Pairs with the same cells: a baseline of 2 s, and others of 1 s, 2 s, ...
    fn matrix(pairs: usize, cells: u64) -> Plan {
        let mut plan = Plan::default();
        for pair in 0..pairs {
            plan.cells.push(cell("baseline", "c", &format!("s{pair:02}"), 2));
            for number in 1..=cells {
                plan.cells.push(cell(&format!("story-{number}"), "c", &format!("s{pair:02}"), number));
            }
        }
        plan.cells.sort_by_key(|cell| !cell.baseline);
        plan
    }

    fn seconds(cell: &PlannedCell) -> Duration {
        Duration::from_secs(cell.time_limit)
    }

    fn shares(plan: &Plan, count: u32) -> Vec<Share> {
        let share = |index| plan.share(Partition::parse(&format!("{index}/{count}"), |_| None).unwrap(), seconds);
        (1..=count).map(share).collect()
    }

    fn own(share: &Share) -> Vec<&str> {
        share.plan.cells.iter().filter(|cell| !cell.gate_only).map(|cell| cell.key.as_str()).collect()
    }

    fn load(share: &Share) -> u64 {
        let run = share.plan.cells.iter().filter(|cell| cell.fate == CellFate::Run);
        run.map(|cell| cell.time_limit).sum()
    }

    fn gates(shares: &[Share]) -> usize {
        shares.iter().flat_map(|share| &share.plan.cells).filter(|cell| cell.gate_only).count()
    }

    #[test]
    fn every_cell_is_in_exactly_one_share_and_brings_its_gate() {
        for (pairs, cells, count) in [(1, 1, 1), (1, 9, 4), (3, 7, 4), (17, 5, 4), (2, 3, 9), (5, 0, 3), (16, 20, 7)] {
            let plan = matrix(pairs, cells);
            let shares = shares(&plan, count);
            let mut dealt: Vec<&str> = shares.iter().flat_map(own).collect();
            let mut planned: Vec<&str> = plan.cells.iter().map(|cell| cell.key.as_str()).collect();
            assert!(shares.iter().all(|share| share.planned == planned), "every share knows the whole plan");
            dealt.sort_unstable();
            planned.sort_unstable();
            assert_eq!(dealt, planned, "{pairs} pairs of {cells} cells in {count}");
            for share in &shares {
                let keys: Vec<&str> = share.plan.cells.iter().map(|cell| cell.key.as_str()).collect();
                for cell in share.plan.cells.iter().filter(|cell| !cell.baseline) {
                    let gate = format!("baseline+c+{}", cell.server.peer);
                    assert_eq!(
                        keys.iter().filter(|key| **key == gate).count(),
                        1,
                        "{} in {:?}",
                        cell.key,
                        share.partition
                    );
                }
                let needless = share
                    .plan
                    .cells
                    .iter()
                    .filter(|cell| cell.gate_only)
                    .find(|gate| !share.plan.cells.iter().any(|cell| !cell.baseline && cell.pair() == gate.pair()));
                assert_eq!(needless.map(|cell| &cell.key), None, "a gate of nothing");
                assert!(share.plan.cells.is_sorted_by_key(|cell| !cell.baseline), "baselines stay first");
            }
        }
    }

    #[test]
    fn shares_are_even() {
        for (pairs, cells, count) in [(1, 30, 4), (3, 20, 4), (17, 10, 4), (16, 20, 7)] {
            let plan = matrix(pairs, cells);
            let loads: Vec<u64> = shares(&plan, count).iter().map(load).collect();
            let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
            assert!(most - least <= cells, "by no more than the longest cell: {loads:?}");
            let fair = plan.cells.iter().map(|cell| cell.time_limit).sum::<u64>() / u64::from(count);
            assert!(*most <= fair + 2 * cells, "and gates cost little: {loads:?}, {fair} would be fair");
        }
    }

    #[test]
    fn pairs_stay_together_where_that_is_even() {
        assert_eq!(gates(&shares(&matrix(16, 10), 4)), 0, "four pairs each");
        let seventeen = shares(&matrix(17, 10), 4);
        assert!(gates(&seventeen) <= 3, "only the one pair too many is split: {}", gates(&seventeen));
        assert_eq!(gates(&shares(&matrix(1, 10), 4)), 3, "one pair in four shares");
    }

    #[test]
    fn one_long_cell_has_a_share_of_its_own() {
        let mut plan = matrix(1, 6);
        plan.cells.push(cell("long", "c", "s00", 1000));
        let shares = shares(&plan, 3);
        let with_long: Vec<Vec<&str>> = shares.iter().map(own).filter(|keys| keys.contains(&"long+c+s00")).collect();
        assert_eq!(with_long.len(), 1);
        assert!(with_long[0].iter().all(|key| *key == "long+c+s00" || key.starts_with("baseline")), "{with_long:?}");
    }

    #[test]
    fn every_share_comes_to_the_same_division_whatever_the_order_of_the_plan() {
        let plan = matrix(5, 7);
        let mut turned = plan.clone();
        turned.cells.reverse();
        for (one, other) in shares(&plan, 4).iter().zip(&shares(&turned, 4)) {
            let (mut one, mut other) = (own(one), own(other));
            one.sort_unstable();
            other.sort_unstable();
            assert_eq!(one, other);
        }
    }

    #[test]
    fn cells_that_do_not_run_weigh_nothing_and_need_no_gate() {
        let mut plan = matrix(1, 4);
        for number in 0..8 {
            let mut idle = cell(&format!("idle-{number}"), "c", "s00", 1_000_000);
            idle.fate = if number % 2 == 0 { CellFate::Unsupported("x".into()) } else { CellFate::Skipped("y".into()) };
            plan.cells.push(idle);
        }
        let shares = shares(&plan, 4);
        for share in &shares {
            assert_eq!(own(share).iter().filter(|key| key.starts_with("idle")).count(), 2, "{:?}", own(share));
            assert!(own(share).iter().any(|key| key.starts_with("story")), "{:?}", own(share));
        }
        let unsupported =
            Plan { cells: plan.cells.iter().filter(|cell| cell.fate != CellFate::Run).cloned().collect() };
        assert_eq!(gates(&super::tests::shares(&unsupported, 4)), 0);
    }

    #[test]
    fn there_may_be_more_shares_than_cells() {
        let shares = shares(&matrix(1, 1), 5);
        assert_eq!(shares.iter().filter(|share| share.plan.cells.is_empty()).count(), 4);
    }

    #[test]
    fn a_baseline_that_does_not_run_gates_nothing() {
        let mut plan = matrix(1, 8);
        plan.cells[0].fate = CellFate::Skipped("not here".into());
        let shares = shares(&plan, 2);
        assert_eq!(gates(&shares), 0);
    }
}
