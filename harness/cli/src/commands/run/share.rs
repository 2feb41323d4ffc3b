//! One share of a divided run.

use std::path::PathBuf;

use interop_engine::{Durations, Partition, Plan, Share};

use crate::display::say;

/// The seed of shares for which none is given: they are started apart, but must agree.
pub(super) const SEED: u64 = 1;

/// The share that `text` names. Shares are balanced by the durations that are named: what this machine remembers of its own, no
/// other one knows.
pub(super) fn share(plan: &Plan, text: &str, durations: &[PathBuf]) -> Result<Share, String> {
    let partition =
        Partition::parse(text, |name| std::env::var(name).ok()).map_err(|error| format!("--partition: {error}"))?;
    let durations = Durations::read(durations).map_err(|error| format!("failed to {error}"))?;
    let share = plan.share(partition, |cell| durations.estimate(cell));
    say(&sentence(&share, partition));
    Ok(share)
}

fn sentence(share: &Share, partition: Partition) -> String {
    let gates = share.plan.cells.iter().filter(|cell| cell.gate_only).count();
    let (own, planned) = (share.plan.cells.len() - gates, share.planned.len());
    match (own, gates) {
        (0, _) => {
            format!("share {partition} is empty: there is nothing to run, the {planned} cells are in other shares")
        }
        (own, 0) => format!("share {partition}: {own} of {planned} cells"),
        (own, 1) => format!("share {partition}: {own} of {planned} cells, and the baseline of a pair as a gate"),
        (own, gates) => {
            format!("share {partition}: {own} of {planned} cells, and the baselines of {gates} pairs as gates")
        }
    }
}
