//! What changed since an earlier run, put together where the same happened in several pairs.

use indexmap::IndexMap;
use interop_evidence::PeerRecord;

use crate::compare::{CellChange, CellSide, ChangeKind, Comparison};
use crate::family::compact;
use crate::groups::without_numbers;
use crate::text::{exact_version, measurement, one_line, peer_label, scenario_label};
use crate::{Pair, PeerChange};

/// Measurements and views of the trace of one change that are named.
const FEW: usize = 3;

/// The same change of one scenario in several pairs; never empty.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    /// The one that speaks for the others.
    pub(crate) first: &'a CellChange,
    /// All of them.
    pub(crate) changes: Vec<&'a CellChange>,
}

/// The changes of one kind.
pub(crate) fn groups(comparison: &Comparison, kind: ChangeKind) -> Vec<Group<'_>> {
    let mut groups: IndexMap<_, Group<'_>> = IndexMap::new();
    for change in comparison.of_kind(kind) {
        let reason = change.side().map(|side| without_numbers(&side.reason)).unwrap_or_default();
        // Whoever appeared or is gone has no story beyond that.
        let lone = matches!(kind, ChangeKind::Appeared | ChangeKind::Gone);
        let story = if lone { (String::new(), String::new()) } else { (change.verdicts(">"), reason) };
        let key = (scenario_label(&change.scenario, &change.params), story);
        groups.entry(key).or_insert_with(|| Group { first: change, changes: Vec::new() }).changes.push(change);
    }
    groups.into_values().collect()
}

impl Group<'_> {
    /// Scenario and parameters.
    pub(crate) fn label(&self) -> String {
        scenario_label(&self.first.scenario, &self.first.params)
    }

    /// The pairs as they are now, or were if they are gone.
    pub(crate) fn pairs(&self) -> String {
        let sides = self.changes.iter().filter_map(|change| change.side());
        compact(sides.map(|side| Pair { client: &side.client, server: &side.server })).join("; ")
    }

    /// What happened: `pass → fail: no answer`, `outage 6.7 s → 21.2 s`.
    pub(crate) fn story(&self, arrow: &str, limit: usize) -> String {
        let change = self.first;
        let reason = |side: Option<&CellSide>| side.map(|side| one_line(&side.reason, limit)).unwrap_or_default();
        match change.kind {
            ChangeKind::MeasuredWorse | ChangeKind::MeasuredBetter => {
                let numbers = change.measurements.iter().take(FEW).map(|number| {
                    let ((name, old), (_, new)) =
                        (measurement(&number.name, number.old), measurement(&number.name, number.new));
                    format!("{name} {old} {arrow} {new}")
                });
                numbers.collect::<Vec<_>>().join(", ")
            }
            ChangeKind::Trace => {
                let views = change.traces.iter().take(FEW).map(|trace| {
                    let first = trace.message.lines().next().unwrap_or_default();
                    format!("{}: {}", trace.view, one_line(first, limit / FEW))
                });
                views.collect::<Vec<_>>().join("; ")
            }
            ChangeKind::Repaired | ChangeKind::Better => {
                format!("{}; before: {}", change.verdicts(arrow), reason(change.old.as_ref()))
            }
            ChangeKind::Appeared | ChangeKind::Gone => {
                let mut verdicts: IndexMap<_, usize> = IndexMap::new();
                for side in self.changes.iter().filter_map(|change| change.side()) {
                    *verdicts.entry(side.verdict).or_default() += 1;
                }
                verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect::<Vec<_>>().join(", ")
            }
            _ => format!("{}: {}", change.verdicts(arrow), reason(change.new.as_ref())),
        }
    }
}

/// A program that is another one: `server ocserv@sid 1.3.0-2 → 1.3.1-1`.
pub(crate) fn peer_change(change: &PeerChange, arrow: &str) -> String {
    let role = change.role;
    let libraries = [&change.old, &change.new].map(|peer| peer.as_ref().and_then(|peer| peer.library.as_ref()));
    // What both have is no change.
    let known = |peer: &PeerRecord| match &peer.library {
        Some(library) if libraries[0] != libraries[1] => {
            format!("{} ({})", one_line(exact_version(peer), 60), one_line(library, 60))
        }
        _ => one_line(exact_version(peer), 60),
    };
    match (&change.old, &change.new) {
        (Some(old), Some(new)) if old.name() == new.name() => {
            format!("{role} {} {} {arrow} {}", one_line(&new.name(), 80), known(old), known(new))
        }
        (Some(old), Some(new)) => format!("{role} {} {arrow} {}", peer_label(old), peer_label(new)),
        (Some(old), None) => format!("{role} {} is gone", peer_label(old)),
        (None, Some(new)) => format!("{role} {} is new", peer_label(new)),
        (None, None) => String::new(),
    }
}
