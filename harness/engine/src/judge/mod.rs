//! Judging what a step saw: pure functions that a running cell and a replay of its evidence share.

mod handshake;
mod network;
mod number;

use interop_catalogue::{Attempt, Expr, Params, Quantity};
use interop_evidence::{AttemptOutcome, CheckOutcome, Proof};

pub(crate) use handshake::{HandshakeEvidence, handshake, said};
pub(crate) use network::{answers_though_it_must_not, reachable, resolves, silent, transport};
pub(crate) use number::{flow_until, limits, loss, mtu, rtt, throughput, transfer};

use crate::{EngineError, Result};

/// Evaluates an expression; that it has a value in every cell was checked when the catalogue was loaded.
pub(crate) fn eval<T: Quantity>(expr: &Expr<T>, params: &Params) -> Result<T> {
    expr.eval(params).map_err(|error| EngineError::plan(error.to_string()))
}

/// `connect`: nothing but a tunnel will do.
pub(crate) fn connect(outcome: AttemptOutcome, detail: &str) -> CheckOutcome {
    match outcome {
        AttemptOutcome::Connects => CheckOutcome::pass(detail),
        _ => CheckOutcome::fail(format!("expected a tunnel; {}: {detail}", sentence(outcome))),
    }
}

/// `attempt`: the scenario says which ends are right.
pub(crate) fn attempt(step: &Attempt, outcome: AttemptOutcome, detail: &str) -> CheckOutcome {
    let said = format!("{}: {detail}", sentence(outcome));
    if step.right.iter().any(|right| right.0 == outcome) {
        return CheckOutcome::pass(said);
    }
    let right: Vec<&str> = step.right.iter().map(|right| right.0.as_str()).collect();
    let said = format!("{said}; right is {}", right.join(" or "));
    if step.degraded.iter().any(|tolerable| tolerable.0 == outcome) {
        return CheckOutcome::degraded(said);
    }
    CheckOutcome::fail(said)
}

/// The proof of a fault: without it the scenario did not take place.
pub(crate) fn proof(fault: &str, proof: &Proof) -> CheckOutcome {
    if proof.bit {
        CheckOutcome::pass(proof.evidence.clone())
    } else {
        CheckOutcome::invalid(format!("`{fault}` did not bite: {}", proof.evidence))
    }
}

fn sentence(outcome: AttemptOutcome) -> &'static str {
    match outcome {
        AttemptOutcome::Connects => "it connects",
        AttemptOutcome::ClientRefuses => "the client refuses",
        AttemptOutcome::ServerRefuses => "the server refuses",
        AttemptOutcome::ServerRefusesToStart => "the server refuses to start",
        AttemptOutcome::HangsUntilDeadline => "it hangs until the deadline",
    }
}
