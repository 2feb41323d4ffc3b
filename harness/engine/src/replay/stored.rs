//! Evidence as it lies on disk.

use std::collections::BTreeMap;
use std::path::Path;

use interop_catalogue::{Scenario, Step};
use interop_checks::Evidence;
use interop_evidence::{Bundle, BundleError, CellRecord, EventKind, Phase};

/// The bundle of a cell, read.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Where it is.
    pub bundle: Bundle,
    /// What was concluded.
    pub record: CellRecord,
    /// What it rests on.
    pub evidence: Evidence,
}

impl Stored {
    /// Reads a bundle.
    ///
    /// # Errors
    /// When a file is missing or does not hold what it should.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let bundle = Bundle::open(folder);
        let record = bundle.read_cell()?;
        let timeline = bundle.read_events()?;
        let mut snapshots = BTreeMap::new();
        for event in &timeline.events {
            let EventKind::SnapshotTaken { phase } = &event.kind else { continue };
            // The last one of a phase took the place of those before it.
            if !snapshots.contains_key::<Phase>(phase) {
                snapshots.insert(phase.clone(), bundle.read_snapshot(phase)?);
            }
        }
        let evidence = Evidence { timeline, snapshots, flows: bundle.read_outer_flows()?, facts: bundle.read_facts()? };
        Ok(Self { bundle, record, evidence })
    }

    /// Whether every step of the scenario was carried out.
    pub fn went_to_the_end(&self, scenario: &Scenario) -> bool {
        let ended =
            self.evidence.timeline.events.iter().filter(|event| matches!(event.kind, EventKind::StepEnded { .. }));
        let gave_up = |step: &Step| matches!(step, Step::Connect(_));
        let failed = scenario.steps.iter().enumerate().any(|(index, step)| {
            let id = crate::cell::check_id(index, &step.value);
            let failed = |check: &interop_evidence::CheckRecord| {
                check.id == id && check.verdict != interop_evidence::Verdict::Pass
            };
            gave_up(&step.value) && self.record.checks.iter().any(failed)
        });
        let over_time = self.record.checks.iter().any(|check| check.id == "time limit");
        ended.count() == scenario.steps.len() && !failed && !over_time
    }
}
