//! What still has to run, in its order: baselines first, then long cells before short ones.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plan::PlannedCell;

/// One repeat of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Unit {
    /// Of the cell in the plan.
    pub(super) position: usize,
    /// From 1.
    pub(super) repeat: u32,
}

/// A pair of peers, by their labels.
type PairName = (String, String);

/// Place in the queue; the smallest runs first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// What gates others comes before everything.
    after_gates: bool,
    /// What must run alone comes last.
    alone: bool,
    /// The last ones to end are to be short.
    longest_first: Reverse<Duration>,
    unit: Unit,
}

/// What still has to run.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: BTreeSet<Place>,
    /// What waits for the baselines of its pair.
    parked: BTreeMap<PairName, Vec<Place>>,
    /// Baselines of a pair that have no verdict yet.
    gates: BTreeMap<PairName, usize>,
}

impl Queue {
    /// Announces a baseline that gates its pair; before the cells of the pair are added.
    pub(super) fn gate(&mut self, cell: &PlannedCell) {
        *self.gates.entry(cell.pair()).or_default() += 1;
    }

    /// Adds a repeat of a cell, which is expected to take so long.
    pub(super) fn add(&mut self, unit: Unit, cell: &PlannedCell, expected: Duration, alone: bool) {
        let place = Place { after_gates: !cell.baseline, alone, longest_first: Reverse(expected), unit };
        let pair = cell.pair();
        if cell.baseline || !self.gates.contains_key(&pair) {
            self.ready.insert(place);
        } else {
            self.parked.entry(pair).or_default().push(place);
        }
    }

    /// A baseline lets its pair through.
    pub(super) fn open(&mut self, pair: &PairName) {
        let Some(left) = self.gates.get_mut(pair) else { return };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.gates.remove(pair);
            self.ready.extend(self.parked.remove(pair).unwrap_or_default());
        }
    }

    /// A baseline failed: what its pair still had to run.
    pub(super) fn block(&mut self, pair: &PairName) -> Vec<Unit> {
        self.parked.remove(pair).unwrap_or_default().into_iter().map(|place| place.unit).collect()
    }

    /// What comes next, and whether it must run alone.
    pub(super) fn peek(&self) -> Option<(Unit, bool)> {
        self.ready.first().map(|place| (place.unit, place.alone))
    }

    /// Takes what comes next.
    pub(super) fn take(&mut self) -> Option<Unit> {
        self.ready.pop_first().map(|place| place.unit)
    }

    /// Keeps only what fits.
    pub(super) fn retain(&mut self, fits: impl Fn(Unit) -> bool) {
        self.ready.retain(|place| fits(place.unit));
        self.parked.clear();
    }

    /// How much is waiting, and what it is.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Unit> {
        self.ready.iter().chain(self.parked.values().flatten()).map(|place| place.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::planned;

    fn drain(queue: &mut Queue) -> Vec<usize> {
        std::iter::from_fn(|| queue.take()).map(|unit| unit.position).collect()
    }

    fn unit(position: usize) -> Unit {
        Unit { position, repeat: 1 }
    }

    #[test]
    fn baselines_then_long_then_short_then_alone() {
        let mut queue = Queue::default();
        let cell = planned("x", "c", "s");
        queue.add(unit(0), &cell, Duration::from_secs(1), false);
        queue.add(unit(1), &cell, Duration::from_secs(9), true);
        queue.add(unit(2), &cell, Duration::from_secs(5), false);
        let baseline = PlannedCell { baseline: true, ..planned("b", "c", "t") };
        queue.add(unit(3), &baseline, Duration::from_secs(1), false);
        assert_eq!(drain(&mut queue), [3, 2, 0, 1]);
    }

    #[test]
    fn a_pair_waits_for_all_its_baselines() {
        let mut queue = Queue::default();
        let baseline = PlannedCell { baseline: true, ..planned("b", "c", "s") };
        queue.gate(&baseline);
        queue.gate(&baseline);
        for (position, pair) in [(0, "s"), (1, "t")] {
            queue.add(unit(position), &planned("x", "c", pair), Duration::from_secs(1), false);
        }
        queue.add(unit(2), &baseline, Duration::from_secs(1), false);
        assert_eq!(drain(&mut queue), [2, 1], "the pair without a baseline need not wait");
        queue.open(&baseline.pair());
        assert!(drain(&mut queue).is_empty());
        queue.open(&baseline.pair());
        assert_eq!(drain(&mut queue), [0]);
    }

    #[test]
    fn a_failed_baseline_blocks_its_pair_only() {
        let mut queue = Queue::default();
        let baseline = PlannedCell { baseline: true, ..planned("b", "c", "s") };
        queue.gate(&baseline);
        queue.add(unit(0), &planned("x", "c", "s"), Duration::from_secs(1), false);
        queue.add(unit(1), &planned("x", "d", "s"), Duration::from_secs(1), false);
        assert_eq!(queue.block(&baseline.pair()), [unit(0)]);
        assert_eq!(drain(&mut queue), [1]);
    }
}
