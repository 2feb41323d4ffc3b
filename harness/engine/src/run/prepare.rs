//! What is done before the first cell starts: the plan is sorted, and the folder made fit for this run.

use std::time::Duration;

use interop_catalogue::{Catalogue, Step};
use interop_evidence::Verdict;

use super::queue::Unit;
use super::repeats::Repeats;
use super::runner::Runner;
use super::takeover::{Taken, finished, remove};
use super::{RunError, RunEvent, RunManifest};
use crate::plan::{CellFate, Plan, PlannedCell};

/// What was before this part of the run.
pub(super) struct Before {
    pub(super) manifest: RunManifest,
    pub(super) spent: Duration,
}

impl Runner<'_> {
    /// Sorts the plan into what runs, what is finished and what does not run, and makes the folder fit for this run.
    pub(super) fn prepare(&mut self) -> Result<Before, RunError> {
        let taken = self.sort();
        let last = taken.iter().filter_map(|taken| taken.written).max();
        let manifest = match &self.options.manifest {
            Some(manifest) => {
                let mut manifest = manifest.clone();
                let spent = manifest.spent(last);
                manifest.next_part(spent);
                // After the evidence of earlier runs is gone: what `run.json` says is always true of what is there.
                manifest.write(&self.options.out)?;
                manifest
            }
            // Nobody goes on with it; it only names the run.
            None => {
                let nothing = Plan::default();
                let seed = self.options.seed;
                RunManifest::new(&Catalogue::default(), &nothing, &nothing, seed, Vec::new(), self.options.out.clone())
            }
        };
        self.tell(RunEvent::Started {
            cells: self.plan.cells.len(),
            to_run: self.to_run,
            finished_before: taken.len(),
            jobs: self.pace.at_most(),
            jobs_fixed: self.pace.is_fixed(),
            seed: self.options.seed,
        });
        let plan = self.plan;
        for (position, cell) in plan.cells.iter().enumerate() {
            match &cell.fate {
                CellFate::Run => {}
                CellFate::Unsupported(reason) => self.settle(position, Verdict::Unsupported, reason.clone()),
                CellFate::Skipped(reason) => self.settle(position, Verdict::Skipped, reason.clone()),
            }
        }
        for Taken { unit, record, .. } in taken {
            self.done += 1;
            self.add(unit, record, false);
        }
        let spent = manifest.spent(None);
        Ok(Before { manifest, spent })
    }

    /// Fills the queue; gives the records that an earlier part has left.
    fn sort(&mut self) -> Vec<Taken> {
        let plan = self.plan;
        let runs = |cell: &&PlannedCell| cell.fate == CellFate::Run;
        for cell in plan.cells.iter().filter(runs).filter(|cell| cell.baseline && self.options.gate) {
            self.queue.gate(cell);
        }
        let mut taken = Vec::new();
        for (position, cell) in plan.cells.iter().enumerate().filter(|(_, cell)| runs(cell)) {
            self.repeats.insert(position, Repeats::new(self.options.repeat));
            let alone = !self.pace.is_fixed() && self.needs_the_machine(cell);
            for repeat in 1..=self.options.repeat.max(1) {
                let unit = Unit { position, repeat };
                let found = self.options.resume.then(|| finished(&self.options.out, cell, unit)).flatten();
                if let Some(found) = found {
                    taken.push(found);
                    continue;
                }
                remove(&self.options.out, cell, repeat);
                let limit = Duration::from_secs(cell.time_limit);
                self.forecast.add(unit, self.options.durations.of(cell), limit);
                self.queue.add(unit, cell, self.options.durations.estimate(cell), alone);
            }
        }
        taken
    }

    /// What goes through a tunnel in a second depends on everything else that runs.
    fn needs_the_machine(&self, cell: &PlannedCell) -> bool {
        let scenario = self.catalogue.scenarios.get(&*cell.scenario);
        scenario.is_some_and(|entry| entry.value.steps.iter().any(|step| matches!(step.value, Step::Throughput(_))))
    }
}
