//! Whether a scenario caught a mutant: its cells with the defect are compared with the same cells without.

use interop_evidence::{CellRecord, CheckRecord, Verdict};
use serde::Serialize;

/// A mutant, a scenario that claims to catch it, and the cells that show whether it does: without the defect, and with it.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) mutant: String,
    pub(super) scenario: String,
    pub(super) pairs: Vec<(String, String)>,
}

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// A check failed with the defect that holds without it.
    Caught,
    /// Everything held with the defect as well.
    Escaped,
    /// The scenario fails without the defect, so that its failure with it says nothing.
    HealthyFails,
    /// The cells did not take place.
    NotJudged,
}

/// A claim with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Proof {
    pub(super) mutant: String,
    pub(super) scenario: String,
    pub(super) state: State,
    /// The check that caught it, and what it said; else why there is none.
    pub(super) check: Option<String>,
    pub(super) message: String,
    /// The golden traces that differ with the defect, and did not without: what each says. They do not decide: a check that
    /// knows what is wrong must see it as well.
    pub(super) goldens: Vec<String>,
    /// The cell with the defect that decided.
    pub(super) cell: Option<String>,
}

/// One cell that catches the mutant is enough: a scenario's axes may make it harmless in others.
pub(super) fn judge(claim: &Claim, cells: &[CellRecord]) -> Proof {
    let find = |key: &str| cells.iter().find(|cell| cell.key == key);
    let proof = |state, check: Option<String>, message: String, cell: Option<&CellRecord>| Proof {
        mutant: claim.mutant.clone(),
        scenario: claim.scenario.clone(),
        state,
        check,
        message,
        goldens: Vec::new(),
        cell: cell.map(|cell| cell.key.clone()),
    };
    let mut worst: Option<Proof> = None;
    for (healthy, defective) in &claim.pairs {
        let (Some(healthy), Some(defective)) = (find(healthy), find(defective)) else { continue };
        if let (Verdict::Pass | Verdict::Degraded, Verdict::Fail) = (healthy.verdict, defective.verdict)
            && let Some(check) = new_failure(healthy, defective)
        {
            let goldens = new_failures(healthy, defective).filter(|check| is_golden(check));
            return Proof {
                goldens: goldens.map(|check| format!("{}: {}", check.id, check.message)).collect(),
                ..proof(State::Caught, Some(check.id.clone()), check.message.clone(), Some(defective))
            };
        }
        let found = match (healthy.verdict, defective.verdict) {
            (Verdict::Pass | Verdict::Degraded, verdict) if verdict.is_environment() || !verdict.took_place() => {
                proof(State::NotJudged, None, format!("{verdict}: {}", defective.reason), Some(defective))
            }
            (Verdict::Pass | Verdict::Degraded, verdict) => {
                proof(State::Escaped, None, format!("the cell is {verdict}"), Some(defective))
            }
            (verdict, _) if verdict.is_environment() || !verdict.took_place() => {
                proof(State::NotJudged, None, format!("without it: {verdict}: {}", healthy.reason), Some(healthy))
            }
            (verdict, _) => {
                proof(State::HealthyFails, None, format!("without it: {verdict}: {}", healthy.reason), Some(healthy))
            }
        };
        let rank = |state: State| match state {
            State::Escaped => 0,
            State::HealthyFails => 1,
            State::NotJudged | State::Caught => 2,
        };
        if worst.as_ref().is_none_or(|worst| rank(found.state) < rank(worst.state)) {
            worst = Some(found);
        }
    }
    worst.unwrap_or_else(|| proof(State::NotJudged, None, "no pair of peers runs this scenario".to_owned(), None))
}

/// The checks that fail with the defect, and did not without.
fn new_failures<'c>(healthy: &CellRecord, defective: &'c CellRecord) -> impl Iterator<Item = &'c CheckRecord> {
    let failed = |check: &&CheckRecord| check.verdict == Verdict::Fail;
    let before: Vec<String> = healthy.checks.iter().filter(failed).map(|check| check.id.clone()).collect();
    defective.checks.iter().filter(failed).filter(move |check| !before.contains(&check.id))
}

/// The first of them that knows what is wrong: a golden only knows that something is.
fn new_failure<'c>(healthy: &CellRecord, defective: &'c CellRecord) -> Option<&'c CheckRecord> {
    new_failures(healthy, defective).find(|check| !is_golden(check))
}

fn is_golden(check: &CheckRecord) -> bool {
    check.id.starts_with("golden ")
}

/// The proofs as lines, and how many mutants are caught.
pub(super) fn table(proofs: &[Proof]) -> String {
    let width = |of: fn(&Proof) -> &str| proofs.iter().map(|proof| of(proof).len()).max().unwrap_or_default();
    let (mutants, scenarios) = (width(|proof| &proof.mutant), width(|proof| &proof.scenario));
    let mut text = String::new();
    for proof in proofs {
        let outcome = match (proof.state, &proof.check) {
            (State::Caught, Some(check)) => format!("caught by {check}: {}", proof.message),
            (State::Caught, None) => format!("caught: {}", proof.message),
            (State::Escaped, _) => format!("ESCAPED: {}", proof.message),
            (State::HealthyFails, _) => format!("NO PROOF, {}", proof.message),
            (State::NotJudged, _) => format!("not judged, {}", proof.message),
        };
        text.push_str(&format!("{:mutants$}  {:scenarios$}  {}\n", proof.mutant, proof.scenario, one_line(&outcome)));
    }
    let count = |state: State| proofs.iter().filter(|proof| proof.state == state).count();
    text.push_str(&format!(
        "\n{} claims: {} caught, {} escaped, {} without proof, {} not judged\n",
        proofs.len(),
        count(State::Caught),
        count(State::Escaped),
        count(State::HealthyFails),
        count(State::NotJudged)
    ));
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use interop_evidence::PeerRecord;

    use super::*;

    fn cell(key: &str, verdict: Verdict, checks: &[(&str, Verdict)]) -> CellRecord {
        let check = |(id, verdict): &(&str, Verdict)| CheckRecord {
            id: (*id).to_owned(),
            verdict: *verdict,
            message: format!("{id} says"),
        };
        CellRecord {
            key: key.to_owned(),
            scenario: "s".to_owned(),
            title: String::new(),
            area: String::new(),
            params: Default::default(),
            client: PeerRecord::new("reference", "1"),
            server: PeerRecord::new("reference", "1"),
            verdict,
            reason: "because".to_owned(),
            suspect: None,
            duration_ms: 0,
            measurements: Default::default(),
            checks: checks.iter().map(check).collect(),
            bundle: None,
            repeats: Vec::new(),
            reproduce: String::new(),
        }
    }

    fn judged(cells: &[CellRecord]) -> Proof {
        let pairs = vec![("healthy".to_owned(), "defective".to_owned())];
        judge(&Claim { mutant: "m".to_owned(), scenario: "s".to_owned(), pairs }, cells)
    }

    #[test]
    fn a_check_that_fails_with_the_defect_only_catches_it() {
        let healthy = cell("healthy", Verdict::Pass, &[("1 expect", Verdict::Pass)]);
        let defective = cell("defective", Verdict::Fail, &[("0 connect", Verdict::Pass), ("1 expect", Verdict::Fail)]);
        let proof = judged(&[healthy, defective]);
        assert_eq!((proof.state, proof.check.as_deref()), (State::Caught, Some("1 expect")));
        assert!(table(&[proof]).contains("m  s  caught by 1 expect: 1 expect says"), "one line each");
    }

    #[test]
    fn a_golden_is_told_but_catches_nothing() {
        let golden = ("golden dns", Verdict::Fail);
        let healthy = || cell("healthy", Verdict::Pass, &[]);
        let proof = judged(&[healthy(), cell("defective", Verdict::Fail, &[golden])]);
        assert_ne!(proof.state, State::Caught);
        let proof = judged(&[healthy(), cell("defective", Verdict::Fail, &[golden, ("1 expect", Verdict::Fail)])]);
        assert_eq!((proof.state, proof.check.as_deref()), (State::Caught, Some("1 expect")));
        assert_eq!(proof.goldens, ["golden dns: golden dns says"]);
    }

    #[test]
    fn a_pass_escapes_and_a_failure_without_the_defect_proves_nothing() {
        let pass = |key| cell(key, Verdict::Pass, &[]);
        let fail = |key| cell(key, Verdict::Fail, &[("x", Verdict::Fail)]);
        assert_eq!(judged(&[pass("healthy"), pass("defective")]).state, State::Escaped);
        assert_eq!(judged(&[fail("healthy"), fail("defective")]).state, State::HealthyFails);
        assert_eq!(judged(&[pass("healthy"), cell("defective", Verdict::Invalid, &[])]).state, State::NotJudged);
        assert_eq!(judged(&[cell("healthy", Verdict::Skipped, &[]), fail("defective")]).state, State::NotJudged);
        assert_eq!(judged(&[]).state, State::NotJudged);
    }
}
