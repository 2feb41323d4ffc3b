//! What is said of a cell in which something changed.

use indexmap::IndexMap;
use interop_evidence::{CellRecord, PeerRecord, Verdict, View};
use serde::Serialize;

/// Kinds of changes, those that a reader must see first at the front.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is unexpected now (`fail`, `flaky`, ...) and was not before.
    NewFailure,
    /// It does worse by the order of verdicts, or fails more checks than before.
    Worse,
    /// It had a verdict about the peers and has none any more: blocked, skipped, the lab failed.
    NotJudged,
    /// Its verdict is the same, but a number is worse: a longer outage.
    MeasuredWorse,
    /// It failed, or was flaky, and holds now.
    Repaired,
    /// It does better by the order of verdicts, or fails fewer checks.
    Better,
    /// Its verdict is the same, but a number is better.
    MeasuredBetter,
    /// Verdict and numbers are as before, but a trace differs.
    Trace,
    /// The verdict is another one that is neither worse nor better.
    Otherwise,
    /// Only the later run has it.
    Appeared,
    /// Only the earlier run has it.
    Gone,
}

impl ChangeKind {
    /// Every kind, in the order in which they are shown.
    pub const ALL: [Self; 11] = [
        Self::NewFailure,
        Self::Worse,
        Self::NotJudged,
        Self::MeasuredWorse,
        Self::Repaired,
        Self::Better,
        Self::MeasuredBetter,
        Self::Trace,
        Self::Otherwise,
        Self::Appeared,
        Self::Gone,
    ];

    /// The name used in JSON and as a class in HTML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewFailure => "new-failure",
            Self::Worse => "worse",
            Self::NotJudged => "not-judged",
            Self::MeasuredWorse => "measured-worse",
            Self::Repaired => "repaired",
            Self::Better => "better",
            Self::MeasuredBetter => "measured-better",
            Self::Trace => "trace",
            Self::Otherwise => "otherwise",
            Self::Appeared => "appeared",
            Self::Gone => "gone",
        }
    }

    /// Heading of a list of such changes.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::NewFailure => "new failures",
            Self::Worse => "worse",
            Self::NotJudged => "no verdict any more",
            Self::MeasuredWorse => "slower, or measured worse",
            Self::Repaired => "repaired",
            Self::Better => "better",
            Self::MeasuredBetter => "faster, or measured better",
            Self::Trace => "changed trace",
            Self::Otherwise => "another verdict, neither worse nor better",
            Self::Appeared => "appeared",
            Self::Gone => "gone",
        }
    }

    /// A word for a summary: `2 new failures, 1 repaired`.
    pub(super) const fn word(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::NewFailure, 1) => "new failure",
            (Self::NewFailure, _) => "new failures",
            (Self::NotJudged, _) => "without a verdict now",
            (Self::MeasuredWorse, _) => "measured worse",
            (Self::MeasuredBetter, _) => "measured better",
            (Self::Trace, 1) => "changed trace",
            (Self::Trace, _) => "changed traces",
            (Self::Otherwise, _) => "with another verdict",
            (kind, _) => kind.as_str(),
        }
    }
}

impl std::fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A cell in which something changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellChange {
    /// The most telling change; the others stand in the lists below.
    pub kind: ChangeKind,
    /// Whether this makes the later run worse than the earlier one.
    pub is_worse: bool,
    /// Id of the scenario.
    pub scenario: String,
    /// Values of its axes.
    pub params: IndexMap<String, String>,
    /// The cell in the earlier run.
    pub old: Option<CellSide>,
    /// The cell in the later run.
    pub new: Option<CellSide>,
    /// Checks that came out otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckChange>,
    /// Numbers beyond the limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<MeasuredChange>,
    /// Views of the trace that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub traces: Vec<TraceChange>,
}

impl CellChange {
    /// Only the later run has this cell.
    pub(super) fn appeared(cell: &CellRecord) -> Self {
        Self { is_worse: cell.verdict.is_unexpected(false), ..Self::lone(ChangeKind::Appeared, None, Some(cell), cell) }
    }

    /// Only the earlier run has this cell.
    pub(super) fn gone(cell: &CellRecord) -> Self {
        Self::lone(ChangeKind::Gone, Some(cell), None, cell)
    }

    fn lone(kind: ChangeKind, old: Option<&CellRecord>, new: Option<&CellRecord>, cell: &CellRecord) -> Self {
        Self {
            kind,
            is_worse: false,
            scenario: cell.scenario.clone(),
            params: cell.params.clone(),
            old: old.map(CellSide::of),
            new: new.map(CellSide::of),
            checks: Vec::new(),
            measurements: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// The later cell, or the earlier one of a cell that is gone.
    pub fn side(&self) -> Option<&CellSide> {
        self.new.as_ref().or(self.old.as_ref())
    }

    /// `pass -> fail`; one verdict where it is the same on both sides, or where there is one side only.
    pub fn verdicts(&self, arrow: &str) -> String {
        match (&self.old, &self.new) {
            (Some(old), Some(new)) if old.verdict != new.verdict => format!("{} {arrow} {}", old.verdict, new.verdict),
            _ => self.side().map(|side| side.verdict.to_string()).unwrap_or_default(),
        }
    }
}

/// A cell as one of the runs has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellSide {
    /// Its key in that run.
    pub key: String,
    /// The client.
    pub client: PeerRecord,
    /// The server.
    pub server: PeerRecord,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one line.
    pub reason: String,
    /// Folder of the evidence, relative to that run's `results.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// Command that runs the cell alone.
    pub reproduce: String,
}

impl CellSide {
    pub(super) fn of(cell: &CellRecord) -> Self {
        Self {
            key: cell.key.clone(),
            client: cell.client.clone(),
            server: cell.server.clone(),
            verdict: cell.verdict,
            reason: cell.reason.clone(),
            bundle: cell.bundle.clone(),
            reproduce: cell.reproduce.clone(),
        }
    }
}

/// A check that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckChange {
    /// Its id.
    pub id: String,
    /// What came of it before; nothing if it was not reached.
    pub old: Option<Verdict>,
    /// What comes of it now; nothing if it is not reached.
    pub new: Option<Verdict>,
    /// What it says now, or said before where it is not reached now.
    pub message: String,
}

/// A number beyond the limits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasuredChange {
    /// Its name, with the unit: `outage-ms`.
    pub name: String,
    /// Before.
    pub old: f64,
    /// Now.
    pub new: f64,
    /// Whether now is worse.
    pub is_worse: bool,
}

/// A view of the trace that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TraceChange {
    /// Which view.
    pub view: View,
    /// The first difference in words, with its neighbours on the lines below.
    pub message: String,
}
