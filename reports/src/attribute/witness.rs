//! Cells that differ from a failing one in one peer only.

use interop_evidence::{CellRecord, PeerRecord, PeerRole, Verdict};

use crate::decisive_check;
use crate::text::peer_label;

/// Peers whose id begins with this are the reference (design section 9).
const REFERENCE: &str = "reference";

/// How bad a cell is: 0 no problem, 1 degraded, 2 fails; none if it says nothing about its peers.
pub(super) fn problem(cell: &CellRecord) -> Option<u8> {
    match cell.verdict {
        Verdict::Pass => Some(0),
        Verdict::Degraded => Some(1),
        Verdict::Fail | Verdict::KnownFail | Verdict::Flaky | Verdict::BrokenPromise => Some(2),
        // The listing is stale either because all holds or because it has expired; the checks say which.
        Verdict::UnexpectedPass => Some(match decisive_check(cell).map(|check| check.verdict) {
            None => 0,
            Some(Verdict::Degraded) => 1,
            Some(_) => 2,
        }),
        Verdict::Unsupported | Verdict::Blocked | Verdict::Skipped | Verdict::Invalid | Verdict::EnvError => None,
    }
}

pub(super) fn is_reference(peer: &PeerRecord) -> bool {
    peer.id.starts_with(REFERENCE) && peer.mutant.is_none()
}

/// What is known of one peer of a failing cell: how it does with other partners.
pub(super) struct Side<'a> {
    peer: &'a PeerRecord,
    same: Vec<Witness<'a>>,
    better: Vec<Witness<'a>>,
}

struct Witness<'a> {
    partner: &'a PeerRecord,
    weight: f64,
}

impl<'a> Side<'a> {
    /// Looks at every cell of `row` with the peer of `role` as in `cell` and another partner.
    pub(super) fn of(cell: &'a CellRecord, role: PeerRole, row: &[&'a CellRecord]) -> Self {
        let partner_role = match role {
            PeerRole::Client => PeerRole::Server,
            PeerRole::Server => PeerRole::Client,
        };
        let own_partner = cell.peer(partner_role);
        let mut side = Self { peer: cell.peer(role), same: Vec::new(), better: Vec::new() };
        for other in row {
            let partner = other.peer(partner_role);
            let (Some(theirs), Some(ours)) = (problem(other), problem(cell)) else { continue };
            // A partner with a deliberate defect says nothing about anybody else.
            if other.peer(role) != side.peer || partner == own_partner || partner.mutant.is_some() {
                continue;
            }
            let mut weight = if is_reference(partner) { 2.0 } else { 1.0 };
            if theirs < ours {
                side.better.push(Witness { partner, weight });
                continue;
            }
            if base(partner) == base(own_partner) {
                weight /= 2.0;
            }
            if decisive_check(other).map(|check| &check.id) != decisive_check(cell).map(|check| &check.id) {
                weight /= 2.0;
            }
            side.same.push(Witness { partner, weight });
        }
        side
    }

    pub(super) fn same(&self) -> f64 {
        self.same.iter().map(|witness| witness.weight).sum()
    }

    pub(super) fn better(&self) -> f64 {
        self.better.iter().map(|witness| witness.weight).sum()
    }

    pub(super) fn weight(&self) -> f64 {
        self.same() + self.better()
    }

    /// From 0 to 1; 0 without any witness.
    pub(super) fn same_share(&self) -> f64 {
        share(self.same(), self.weight())
    }

    /// From 0 to 1; 0 without any witness.
    pub(super) fn better_share(&self) -> f64 {
        share(self.better(), self.weight())
    }

    /// `openconnect 9.01 has the same problem with A and B, but does better with C`; none without any witness.
    pub(super) fn sentence(&self) -> Option<String> {
        let peer = peer_label(self.peer);
        let same = format!("has the same problem with {}", names(&self.same));
        let better = format!("does better with {}", names(&self.better));
        match (self.same.is_empty(), self.better.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("{peer} {same}")),
            (true, false) => Some(format!("{peer} {better}")),
            (false, false) => Some(format!("{peer} {same}, but {better}")),
        }
    }
}

fn base(peer: &PeerRecord) -> &str {
    peer.id.split('@').next().unwrap_or(&peer.id)
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn names(witnesses: &[Witness<'_>]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<_> = witnesses.iter().take(SHOWN).map(|witness| peer_label(witness.partner)).collect();
    if witnesses.len() > SHOWN {
        names.push(format!("{} more", witnesses.len() - SHOWN));
    }
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}
