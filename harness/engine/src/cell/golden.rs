//! The views that a scenario claims, compared with what a person has reviewed.

use interop_checks::Evidence;
use interop_evidence::{CheckRecord, Trace};

use super::blank_record;
use super::state::Cell;
use crate::golden::{Compared, compare};
use crate::replay::golden_id;

impl Cell<'_> {
    /// One check for each view that has a golden; what cannot be compared becomes a note.
    pub(super) fn compare_with_goldens(&self, trace: &Trace, evidence: &Evidence) -> Vec<CheckRecord> {
        let claimed = &self.scenario.golden;
        if claimed.is_empty() {
            return Vec::new();
        }
        if !self.complete || self.job.keep {
            let why = if self.job.keep { "the lab was kept for a person" } else { "steps were left out" };
            self.recorder.note(format!("golden traces are not compared: {why}"));
            return Vec::new();
        }
        let goldens = match crate::goldens(self.catalogue) {
            Ok(goldens) => goldens,
            Err(errors) => {
                self.recorder.note(format!("golden traces are not compared: {errors}"));
                return Vec::new();
            }
        };
        let record = blank_record(self.job, Some(self.scenario));
        let mut checks = Vec::new();
        for (view, compared) in compare(&goldens, &record, self.scenario, trace, evidence) {
            let id = golden_id(view);
            match compared {
                Compared::Missing => self.recorder.note(format!("{id}: {}", Compared::HOW)),
                Compared::Judged(outcome) => checks.push(outcome.record(id)),
            }
        }
        checks
    }
}
