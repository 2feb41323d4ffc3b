//! What becomes of a cell that has ended: its record, and what follows from it for others.

use std::collections::HashMap;

use interop_evidence::{Bundle, CellRecord, Verdict};
use tokio::task::{Id, JoinError};

use super::expectations::expect;
use super::queue::Unit;
use super::request::{bundle, job};
use super::runner::Runner;
use super::{Captures, Early, RunEvent};
use crate::cell::{CellJob, blank_record};
use crate::plan::PlannedCell;
use crate::replay::GOLDEN_CHECK;

impl Runner<'_> {
    pub(super) fn ended(&mut self, done: Result<(Id, CellRecord), JoinError>, units: &mut HashMap<Id, Unit>) {
        let (id, record) = match done {
            Ok((id, record)) => (id, Ok(record)),
            Err(error) => (error.id(), Err(error.to_string())),
        };
        let Some(unit) = units.remove(&id) else { return };
        let plan = self.plan;
        let Some(cell) = plan.cells.get(unit.position) else { return };
        let record = record.unwrap_or_else(|reason| CellRecord {
            reason: format!("the runner lost the cell: {reason}"),
            ..self.blank(&job(self.options, cell, unit.repeat))
        });
        self.done += 1;
        self.forecast.ended(unit);
        self.tell(RunEvent::CellEnded { key: cell.key.clone(), repeat: unit.repeat });
        let record = self.with_whole_evidence(record);
        self.add(unit, record, true);
    }

    /// A verdict rests on evidence: one whose evidence found no room on the disk counts for nothing.
    fn with_whole_evidence(&mut self, record: CellRecord) -> CellRecord {
        let full = self.room.is_full();
        if full {
            self.no_space();
        }
        let told = record.verdict.is_environment() && record.reason.to_ascii_lowercase().contains("no space left");
        if !full && !told {
            return record;
        }
        let detail = if record.verdict == Verdict::EnvError { record.reason.as_str() } else { "it may be incomplete" };
        let reason = format!("no space left for the evidence in {}: {detail}", self.options.out.display());
        CellRecord { verdict: Verdict::EnvError, reason, ..record }
    }

    /// Takes the record of a repeat, which ran now or before.
    pub(super) fn add(&mut self, unit: Unit, record: CellRecord, now: bool) {
        let plan = self.plan;
        let Some(cell) = plan.cells.get(unit.position) else { return };
        let Some(repeats) = self.repeats.get_mut(&unit.position) else { return };
        let Some(mut record) = repeats.add(unit.repeat, record) else { return };
        expect(self.catalogue, &mut record);
        if record.title.is_empty() {
            self.describe(&mut record);
        }
        if now && self.options.fail_fast && record.verdict.is_unexpected(self.options.fail_on_degraded) {
            self.end_early(Early::FailFast);
        }
        let verdict = record.verdict;
        if now {
            self.tidy(cell, verdict);
        }
        let works = matches!(verdict, Verdict::Pass | Verdict::Degraded | Verdict::KnownFail) || differs_only(&record);
        self.tell(RunEvent::CellFinished { record: Box::new(record.clone()), ran: now });
        self.records.insert(unit.position, record);
        if cell.baseline {
            self.gate(cell, verdict, works);
        }
    }

    /// Takes away what is not to be kept of the cell's bundles: captures are by far the largest part of them.
    fn tidy(&self, cell: &PlannedCell, verdict: Verdict) {
        if self.options.captures == Captures::All || verdict != Verdict::Pass {
            return;
        }
        for repeat in 1..=self.options.repeat.max(1) {
            // A capture that stays costs room and nothing else.
            let _ = std::fs::remove_file(Bundle::open(bundle(&self.options.out, cell, repeat)).capture());
        }
    }

    /// A baseline opens its pair, or blocks it.
    fn gate(&mut self, baseline: &PlannedCell, verdict: Verdict, works: bool) {
        let pair = baseline.pair();
        if works {
            self.queue.open(&pair);
            return;
        }
        if self.early.is_some() {
            // What was not reached is not blocked either.
            return;
        }
        for unit in self.queue.block(&pair) {
            self.done += 1;
            self.forecast.forget(unit);
            // One record stands for all repeats.
            if !self.records.contains_key(&unit.position) {
                let reason = format!("the baseline of {} x {} is {verdict}", pair.0, pair.1);
                self.settle(unit.position, Verdict::Blocked, reason);
            }
        }
    }

    /// A cell that does not run has its record at once.
    pub(super) fn settle(&mut self, position: usize, verdict: Verdict, reason: String) {
        let Some(cell) = self.plan.cells.get(position) else { return };
        let record = CellRecord { verdict, reason, ..self.blank(&job(self.options, cell, 1)) };
        self.tell(RunEvent::CellFinished { record: Box::new(record.clone()), ran: false });
        self.records.insert(position, record);
    }

    fn blank(&self, job: &CellJob) -> CellRecord {
        let mut record = blank_record(job, None);
        self.describe(&mut record);
        record
    }

    fn describe(&self, record: &mut CellRecord) {
        if let Some(entry) = self.catalogue.scenarios.get(&*record.scenario) {
            record.title = entry.value.title.clone();
            record.area = entry.value.area.to_string();
        }
    }
}

/// Whether a cell failed for nothing but another look of its trace: the tunnel works, and the pair's other cells tell more.
fn differs_only(record: &CellRecord) -> bool {
    let mut failed = record.checks.iter().filter(|check| check.verdict == Verdict::Fail).peekable();
    record.verdict == Verdict::Fail && failed.peek().is_some() && failed.all(|check| check.id.starts_with(GOLDEN_CHECK))
}
