//! Whether a cell does worse or better than the same cell of an earlier run.

use std::collections::BTreeSet;

use interop_evidence::{CellRecord, Verdict};

use super::change::{CellChange, CellSide, ChangeKind, CheckChange, TraceChange};
use super::measured::{self, Limits};

/// What a cell says of its peers, from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Holds,
    Degraded,
    /// Fails as somebody expected.
    Known,
    /// Holds sometimes.
    Flaky,
    Fails,
    /// Says nothing of the peers.
    Silent,
}

impl Rank {
    fn of(cell: &CellRecord) -> Self {
        match cell.verdict {
            Verdict::Pass => Self::Holds,
            Verdict::Degraded => Self::Degraded,
            Verdict::KnownFail => Self::Known,
            Verdict::Flaky => Self::Flaky,
            Verdict::Fail | Verdict::BrokenPromise => Self::Fails,
            // The listing is wrong, not the peer; but an expired one may stand before a cell that fails.
            Verdict::UnexpectedPass => [(Verdict::Fail, Self::Fails), (Verdict::Degraded, Self::Degraded)]
                .into_iter()
                .find(|(verdict, _)| cell.checks.iter().any(|check| check.verdict == *verdict))
                .map_or(Self::Holds, |(_, rank)| rank),
            Verdict::Unsupported | Verdict::Blocked | Verdict::Skipped | Verdict::Invalid | Verdict::EnvError => {
                Self::Silent
            }
        }
    }

    /// Nothing that anybody would have to look at.
    const fn is_accepted(self) -> bool {
        matches!(self, Self::Holds | Self::Degraded | Self::Known)
    }
}

/// What changed in a cell, if anything did.
pub(super) fn change(
    old: &CellRecord,
    new: &CellRecord,
    limits: Option<&Limits>,
    traces: Vec<TraceChange>,
) -> Option<CellChange> {
    let measurements =
        limits.map(|limits| measured::changes(&old.measurements, &new.measurements, limits)).unwrap_or_default();
    let checks = checks(old, new);
    let measured_worse = measurements.iter().any(|change| change.is_worse);
    let kind = match by_verdict(old, new) {
        Some(kind) => kind,
        None if measured_worse => ChangeKind::MeasuredWorse,
        None if !measurements.is_empty() => ChangeKind::MeasuredBetter,
        None if !traces.is_empty() => ChangeKind::Trace,
        None => return None,
    };
    let is_worse = match kind {
        ChangeKind::NewFailure | ChangeKind::Worse | ChangeKind::MeasuredWorse => true,
        // Something was known of the peers, and is not any more; what failed before is no loss.
        ChangeKind::NotJudged => Rank::of(old).is_accepted(),
        _ => false,
    };
    Some(CellChange {
        kind,
        is_worse,
        scenario: new.scenario.clone(),
        params: new.params.clone(),
        old: Some(CellSide::of(old)),
        new: Some(CellSide::of(new)),
        checks,
        measurements,
        traces,
    })
}

/// What the verdicts say; where they are the same, the checks behind them.
fn by_verdict(old: &CellRecord, new: &CellRecord) -> Option<ChangeKind> {
    let (before, after) = (Rank::of(old), Rank::of(new));
    if old.verdict == new.verdict && before == after {
        return by_checks(old, new);
    }
    Some(match (before, after) {
        (Rank::Silent, Rank::Silent) => ChangeKind::Otherwise,
        (_, Rank::Silent) => ChangeKind::NotJudged,
        (Rank::Silent, after) if after.is_accepted() => ChangeKind::Better,
        (Rank::Silent, _) => ChangeKind::NewFailure,
        (before, after) if before.is_accepted() && !after.is_accepted() => ChangeKind::NewFailure,
        (before, after) if before < after => ChangeKind::Worse,
        (before, after) if before == after => ChangeKind::Otherwise,
        (before, Rank::Holds | Rank::Degraded) if before >= Rank::Known => ChangeKind::Repaired,
        _ => ChangeKind::Better,
    })
}

/// A cell with the verdict that it had may have it for another reason.
fn by_checks(old: &CellRecord, new: &CellRecord) -> Option<ChangeKind> {
    if !matches!(new.verdict, Verdict::Fail | Verdict::KnownFail | Verdict::Degraded | Verdict::BrokenPromise) {
        return None;
    }
    let (before, after) = (broken(old), broken(new));
    if after.difference(&before).next().is_some() {
        return Some(ChangeKind::Worse);
    }
    before.difference(&after).next().map(|_| ChangeKind::Better)
}

/// Checks that do not hold, each with what came of it.
fn broken(cell: &CellRecord) -> BTreeSet<(&str, Verdict)> {
    let broken = cell.checks.iter().filter(|check| matters(check.verdict));
    broken.map(|check| (check.id.as_str(), check.verdict)).collect()
}

const fn matters(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Fail | Verdict::Degraded | Verdict::BrokenPromise)
}

/// Checks of which the verdict differs; one that is not reached counts where it does not hold in the other run.
fn checks(old: &CellRecord, new: &CellRecord) -> Vec<CheckChange> {
    let mut found = Vec::new();
    for check in &new.checks {
        let before = old.checks.iter().find(|other| other.id == check.id).map(|other| other.verdict);
        if before.map_or_else(|| matters(check.verdict), |before| before != check.verdict) {
            let (id, message) = (check.id.clone(), check.message.clone());
            found.push(CheckChange { id, old: before, new: Some(check.verdict), message });
        }
    }
    let is_gone = |id: &str| new.checks.iter().all(|check| check.id != id);
    for check in old.checks.iter().filter(|check| matters(check.verdict) && is_gone(&check.id)) {
        let (id, message) = (check.id.clone(), check.message.clone());
        found.push(CheckChange { id, old: Some(check.verdict), new: None, message });
    }
    found
}
