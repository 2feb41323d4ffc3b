//! Which programs are others than before.

use std::collections::BTreeSet;

use interop_evidence::{PeerRecord, PeerRole, RunResults};
use serde::Serialize;

/// A peer that is not the same program as before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PeerChange {
    /// Client or server.
    pub role: PeerRole,
    /// Before; nothing if it takes part only now.
    pub old: Option<PeerRecord>,
    /// Now; nothing if it takes part no more.
    pub new: Option<PeerRecord>,
}

/// Peers of matched cells that differ, and those that only one run has.
pub(super) fn changes(old: &RunResults, new: &RunResults, pairs: &[(usize, usize)]) -> Vec<PeerChange> {
    let mut found = BTreeSet::new();
    for role in [PeerRole::Client, PeerRole::Server] {
        let mut seen: [BTreeSet<&PeerRecord>; 2] = Default::default();
        for &(before, after) in pairs {
            let (before, after) = (old.cells[before].peer(role), new.cells[after].peer(role));
            seen[0].insert(before);
            seen[1].insert(after);
            if before != after {
                found.insert(PeerChange { role, old: Some(before.clone()), new: Some(after.clone()) });
            }
        }
        let alone = |results: &RunResults, seen: &BTreeSet<&PeerRecord>, other: &RunResults| -> Vec<PeerRecord> {
            let elsewhere: BTreeSet<&PeerRecord> = other.cells.iter().map(|cell| cell.peer(role)).collect();
            let here = results.cells.iter().map(|cell| cell.peer(role));
            here.filter(|peer| !seen.contains(peer) && !elsewhere.contains(peer)).cloned().collect()
        };
        let gone = alone(old, &seen[0], new).into_iter();
        found.extend(gone.map(|peer| PeerChange { role, old: Some(peer), new: None }));
        let came = alone(new, &seen[1], old).into_iter();
        found.extend(came.map(|peer| PeerChange { role, old: None, new: Some(peer) }));
    }
    found.into_iter().collect()
}
