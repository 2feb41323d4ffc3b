//! Two runs beside each other: what broke, what was repaired, what became slower, what appeared and what is gone.
//!
//! Cells of both runs are matched ([`matching`](self::matching)), each pair is judged by an order of verdicts
//! ([`judge`](self::judge)) and by its measurements ([`measured`](self::measured)). Whether the traces differ is not known
//! here: whoever can read captures hands it in.

mod change;
mod judge;
mod markdown;
mod matching;
mod measured;
mod peers;
mod text;

use interop_evidence::{CellRecord, Exit, RunResults};
use serde::Serialize;

pub use change::{CellChange, CellSide, ChangeKind, CheckChange, MeasuredChange, TraceChange};
pub use markdown::comparison_markdown;
pub use matching::{MatchBy, matched};
pub use measured::Limits;
pub use peers::PeerChange;
pub use text::comparison_text;

/// How runs are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareOptions {
    /// How cells are matched.
    pub by: MatchBy,
    /// When a measurement counts as changed; none to leave measurements out.
    pub limits: Option<Limits>,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self { by: MatchBy::Peer, limits: Some(Limits::default()) }
    }
}

/// What is different between two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The earlier run.
    pub old: RunSide,
    /// The later run.
    pub new: RunSide,
    /// Cells that both runs have.
    pub matched: usize,
    /// Of these, the ones in which nothing changed.
    pub same: usize,
    /// Peers that are not the same programs as before.
    pub peers: Vec<PeerChange>,
    /// One for each cell in which something changed: the worst kind first, then as planned.
    pub changes: Vec<CellChange>,
    /// What limits the comparison: an interrupted run, cells without a trace.
    pub notes: Vec<String>,
}

/// What is said of a run as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunSide {
    /// Id of the run.
    pub id: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// Its seed.
    pub seed: u64,
    /// Number of its cells.
    pub cells: usize,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// Folder of its `results.json`, below which bundles lie; whoever has read it fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
}

impl RunSide {
    fn of(results: &RunResults) -> Self {
        Self {
            id: results.run.id.clone(),
            started: results.run.started.clone(),
            seed: results.run.seed,
            cells: results.cells.len(),
            interrupted: results.run.interrupted,
            folder: None,
        }
    }

    /// Where the evidence of one of its cells lies.
    pub(crate) fn evidence(&self, cell: &CellSide) -> Option<String> {
        let bundle = cell.bundle.as_ref()?;
        Some(match &self.folder {
            Some(folder) => format!("{}/{bundle}", folder.trim_end_matches('/')),
            None => bundle.clone(),
        })
    }
}

impl Comparison {
    /// Compares what `results.json` says.
    pub fn of(old: &RunResults, new: &RunResults, options: &CompareOptions) -> Self {
        Self::with_traces(old, new, options, &mut |_, _| Vec::new())
    }

    /// Compares what `results.json` says, and the traces: `traces` is asked for each cell that took place in both runs.
    pub fn with_traces(
        old: &RunResults,
        new: &RunResults,
        options: &CompareOptions,
        traces: &mut dyn FnMut(&CellRecord, &CellRecord) -> Vec<TraceChange>,
    ) -> Self {
        let pairs = matched(old, new, options.by);
        let mut changes = Vec::new();
        let mut same = 0;
        let mut is_matched = (vec![false; old.cells.len()], vec![false; new.cells.len()]);
        for &(before, after) in &pairs {
            is_matched.0[before] = true;
            is_matched.1[after] = true;
            let (before, after) = (&old.cells[before], &new.cells[after]);
            let both = before.verdict.took_place() && after.verdict.took_place();
            let traces = if both { traces(before, after) } else { Vec::new() };
            match judge::change(before, after, options.limits.as_ref(), traces) {
                Some(change) => changes.push(change),
                None => same += 1,
            }
        }
        let rest = |cells: &[CellRecord], is_matched: &[bool], of: fn(&CellRecord) -> CellChange| -> Vec<CellChange> {
            cells.iter().zip(is_matched).filter(|(_, matched)| !**matched).map(|(cell, _)| of(cell)).collect()
        };
        changes.extend(rest(&new.cells, &is_matched.1, CellChange::appeared));
        changes.extend(rest(&old.cells, &is_matched.0, CellChange::gone));
        // The sort is stable: within a kind the order is that of the plan.
        changes.sort_by_key(|change| change.kind);
        let sides = [("earlier", old), ("later", new)];
        let interrupted = sides.iter().filter(|(_, results)| results.run.interrupted);
        Self {
            old: RunSide::of(old),
            new: RunSide::of(new),
            matched: pairs.len(),
            same,
            peers: peers::changes(old, new, &pairs),
            changes,
            notes: interrupted
                .map(|(which, _)| format!("the {which} run was interrupted: cells that never ran are missing"))
                .collect(),
        }
    }

    /// Changes of one kind, in planned order.
    pub fn of_kind(&self, kind: ChangeKind) -> impl Iterator<Item = &CellChange> {
        self.changes.iter().filter(move |change| change.kind == kind)
    }

    /// How many changes of each kind, in a few words: `2 new failures, 1 repaired`.
    pub fn summary(&self) -> String {
        let counts = ChangeKind::ALL.map(|kind| (kind, self.of_kind(kind).count()));
        let words: Vec<String> =
            counts.iter().filter(|(_, n)| *n > 0).map(|(kind, n)| format!("{n} {}", kind.word(*n))).collect();
        match words.as_slice() {
            [] => "no cell changed".to_owned(),
            words => words.join(", "),
        }
    }

    /// Whether some cell does worse than before.
    pub fn is_worse(&self) -> bool {
        self.changes.iter().any(|change| change.is_worse)
    }

    /// Whether nothing changed at all: neither a cell nor a peer.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.peers.is_empty()
    }

    /// Exit code of `diff`.
    pub fn exit(&self) -> Exit {
        if self.is_worse() { Exit::Unexpected } else { Exit::Ok }
    }
}
