//! The checks of a cell, judged again from its evidence: without privileges, on any machine.

mod capture;
mod steps;
mod stored;

use std::collections::BTreeSet;
use std::path::Path;

use interop_catalogue::{Catalogue, Params, Scenario};
use interop_checks::{ALWAYS, always};
use interop_evidence::{BundleError, CheckOutcome, CheckRecord, EventKind, HandshakeSeen, Trace, Verdict, View};
use interop_trace::{Goldens, Keys, Setup};

pub use capture::{Seen, look};
pub use stored::Stored;

use crate::golden::{Compared, compare};
use crate::judge;
use crate::trace::setup;

/// A check, then and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Again {
    /// Its name.
    pub id: String,
    /// What was said when the cell ran; nothing for a golden that came later.
    pub recorded: Option<CheckOutcome>,
    /// What the evidence says now; nothing for what only the lab could tell.
    pub now: Option<CheckOutcome>,
}

impl Again {
    /// Whether the evidence says something else than what was recorded.
    pub fn differs(&self) -> bool {
        let verdict = |outcome: &Option<CheckOutcome>| outcome.as_ref().map(|outcome| outcome.verdict);
        match (verdict(&self.recorded), verdict(&self.now)) {
            (Some(recorded), Some(now)) => recorded != now,
            _ => false,
        }
    }

    /// Whether the check does not hold now; of one that cannot be judged again, whether it did not hold then.
    pub fn fails(&self) -> bool {
        let outcome = self.now.as_ref().or(self.recorded.as_ref());
        outcome.is_some_and(|outcome| !matches!(outcome.verdict, Verdict::Pass | Verdict::Degraded))
    }
}

/// What a replay came to.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The evidence.
    pub stored: Stored,
    /// The checks, in the order in which they were made.
    pub checks: Vec<Again>,
    /// The capture as it is decoded now.
    pub trace: Trace,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// Judges a cell again.
///
/// # Errors
/// When the evidence cannot be read.
pub fn replay(folder: &Path, catalogue: &Catalogue, goldens: &Goldens) -> Result<Replay, BundleError> {
    let mut stored = Stored::read(folder)?;
    let mut notes = Vec::new();
    let scenario = catalogue.scenarios.get(&stored.record.scenario).map(|entry| &entry.value);
    if scenario.is_none() {
        notes.push(format!(
            "the catalogue has no scenario `{}`: its steps are not judged again",
            stored.record.scenario
        ));
    }
    let wires = capture::outside_wires(&stored, scenario, catalogue);
    let (trace, handshakes) = if stored.bundle.capture().exists() {
        decode_again(&mut stored, &wires, &mut notes)?
    } else {
        notes.push(
            "the bundle has no capture (`run --captures notable` keeps those of cells that did not pass): its trace, flows and \
             handshakes are taken as they were recorded"
                .to_owned(),
        );
        (stored.bundle.read_trace()?, stored.bundle.read_handshakes()?)
    };
    let mut now = Vec::new();
    if let Some((scenario, params)) = scenario.and_then(|scenario| Some((scenario, params_of(scenario, &stored)?))) {
        let context = steps::Context { stored: &stored, params: &params, handshakes: &handshakes };
        for (index, step) in scenario.steps.iter().enumerate() {
            let id = crate::cell::check_id(index, &step.value);
            now.extend(context.judge(index, &step.value).map(|outcome| outcome.record(id)));
        }
    }
    now.extend(proofs(&stored));
    let asked: Vec<String> = stored.record.checks.iter().map(|check| check.id.clone()).collect();
    let known = asked.into_iter().filter(|id| ALWAYS.iter().any(|check| check.id == id)).collect::<Vec<_>>();
    now.extend(always(&known, &stored.evidence));
    now.extend(golden_checks(&stored, scenario, goldens, &trace, &mut notes));
    Ok(Replay { checks: side_by_side(&stored.record.checks, now), stored, trace, notes })
}

/// What the capture shows now. Of one that cannot be read nothing is shown, and a note says why.
fn decode_again(
    stored: &mut Stored,
    wires: &BTreeSet<String>,
    notes: &mut Vec<String>,
) -> Result<(Trace, Vec<HandshakeSeen>), BundleError> {
    let decoded = interop_trace::decode_file(
        stored.bundle.capture(),
        Setup { keys: Keys::new(), ..setup(&stored.evidence.facts, &stored.evidence.timeline) },
    );
    let trace = match decoded {
        Ok(decoded) => {
            notes.extend(decoded.broken.map(|broken| format!("the capture ends early: {broken}")));
            decoded.trace
        }
        Err(error) => {
            notes.push(format!("failed to {error}"));
            Trace::default()
        }
    };
    let handshakes = match capture::recompute(stored, wires) {
        Ok(recomputed) => {
            stored.evidence.flows = recomputed.flows;
            recomputed.handshakes
        }
        Err(error) => {
            notes.push(format!("what was recorded of flows and handshakes is taken as it is: failed to {error}"));
            stored.bundle.read_handshakes()?
        }
    };
    Ok((trace, handshakes))
}

/// The parameters of the cell, if the scenario still has such a cell.
fn params_of(scenario: &Scenario, stored: &Stored) -> Option<Params> {
    scenario.cells().into_iter().find(|params| params.axis_texts() == stored.record.params)
}

/// Whether faults bit.
fn proofs(stored: &Stored) -> impl Iterator<Item = CheckRecord> {
    stored.evidence.timeline.events.iter().filter_map(|event| match &event.kind {
        EventKind::FaultProven { proof } => {
            Some(judge::proof(&proof.name, proof).record(format!("fault {}", proof.name)))
        }
        _ => None,
    })
}

/// The goldens of the views that the scenario claims, where the cell went to its end.
fn golden_checks(
    stored: &Stored,
    scenario: Option<&Scenario>,
    goldens: &Goldens,
    trace: &Trace,
    notes: &mut Vec<String>,
) -> Vec<CheckRecord> {
    let Some(scenario) = scenario.filter(|scenario| !scenario.golden.is_empty()) else { return Vec::new() };
    if !stored.went_to_the_end(scenario) {
        notes.push("golden traces are not compared: steps were left out".to_owned());
        return Vec::new();
    }
    let mut checks = Vec::new();
    for (view, compared) in compare(goldens, &stored.record, scenario, trace, &stored.evidence) {
        match compared {
            Compared::Missing => notes.push(format!("{}: {}", golden_id(view), Compared::HOW)),
            Compared::Judged(outcome) => checks.push(outcome.record(golden_id(view))),
        }
    }
    checks
}

/// How the id of the check of a golden trace begins.
pub(crate) const GOLDEN_CHECK: &str = "golden ";

/// The name of the check of a view: `golden outer-flow`.
pub(crate) fn golden_id(view: View) -> String {
    format!("{GOLDEN_CHECK}{view}")
}

/// Pairs checks by name; names that come more than once, by their order.
fn side_by_side(recorded: &[CheckRecord], now: Vec<CheckRecord>) -> Vec<Again> {
    let outcome = |check: CheckRecord| CheckOutcome { verdict: check.verdict, message: check.message };
    let mut left: Vec<Option<CheckRecord>> = now.into_iter().map(Some).collect();
    let mut checks: Vec<Again> = recorded
        .iter()
        .map(|check| {
            let same = left.iter_mut().find(|now| now.as_ref().is_some_and(|now| now.id == check.id));
            let now = same.and_then(Option::take).map(outcome);
            Again { id: check.id.clone(), recorded: Some(outcome(check.clone())), now }
        })
        .collect();
    // Steps that were never reached have no evidence; goldens may have come later.
    let new = left.into_iter().flatten().filter(|check| check.id.starts_with("golden "));
    checks.extend(new.map(|check| Again { id: check.id.clone(), recorded: None, now: Some(outcome(check)) }));
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_of_one_name_are_paired_in_their_order() {
        let recorded = [
            CheckOutcome::pass("").record("fault block"),
            CheckOutcome::invalid("").record("fault block"),
            CheckOutcome::pass("").record("2 expect route"),
        ];
        let now = vec![
            CheckOutcome::pass("").record("fault block"),
            CheckOutcome::pass("bites").record("fault block"),
            CheckOutcome::fail("frame 7").record("golden dns"),
        ];
        let checks = side_by_side(&recorded, now);
        let said: Vec<(&str, bool, bool)> =
            checks.iter().map(|check| (check.id.as_str(), check.differs(), check.fails())).collect();
        let expected = [
            ("fault block", false, false),
            ("fault block", true, false),
            ("2 expect route", false, false),
            ("golden dns", false, true),
        ];
        assert_eq!(said, expected);
        assert_eq!(checks[2].now, None, "only the lab could tell");
    }
}
