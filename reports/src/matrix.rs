//! The matrix: one row a scenario with its parameters, one column a pair of peers, rows grouped by area.

use indexmap::{IndexMap, IndexSet};
use interop_evidence::{CellRecord, PeerRecord, RunResults, Verdict};

use crate::order::by_version;
use crate::text::{peer_label, scenario_label};

/// The cells of a run in the order in which every report shows them: rows as planned, columns by client, its version,
/// server and its version.
#[derive(Clone, Debug)]
pub struct Matrix<'a> {
    /// The columns.
    pub pairs: Vec<Pair<'a>>,
    /// The rows.
    pub areas: Vec<Area<'a>>,
}

/// A column: a client and a server, each in one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair<'a> {
    /// The client.
    pub client: &'a PeerRecord,
    /// The server.
    pub server: &'a PeerRecord,
}

/// The rows of one area.
#[derive(Clone, Debug)]
pub struct Area<'a> {
    /// Name of the area; `other` for cells without one.
    pub name: &'a str,
    /// The rows.
    pub rows: Vec<Row<'a>>,
}

/// A scenario with one choice of its parameters.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Id of the scenario.
    pub scenario: &'a str,
    /// Its title.
    pub title: &'a str,
    /// The parameters.
    pub params: &'a IndexMap<String, String>,
    /// One for each pair; none where the run had no such cell.
    pub slots: Vec<Option<Slot<'a>>>,
}

/// A cell in its place.
#[derive(Clone, Copy, Debug)]
pub struct Slot<'a> {
    /// Index into the cells of the run.
    pub index: usize,
    /// The cell.
    pub cell: &'a CellRecord,
}

impl<'a> Matrix<'a> {
    /// Arranges the cells of a run. Every cell has a place: should two claim the same one, the row is repeated.
    pub fn of(results: &'a RunResults) -> Self {
        let mut pairs: Vec<Pair<'a>> = Vec::new();
        for cell in &results.cells {
            let pair = Pair::of(cell);
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        let clients: IndexSet<_> = pairs.iter().map(|pair| pair.client.id.as_str()).collect();
        let servers: IndexSet<_> = pairs.iter().map(|pair| pair.server.id.as_str()).collect();
        let rank = |pair: &Pair<'_>| {
            (clients.get_index_of(pair.client.id.as_str()), servers.get_index_of(pair.server.id.as_str()))
        };
        pairs.sort_by(|a, b| {
            (rank(a).0.cmp(&rank(b).0))
                .then_with(|| by_version(a.client, b.client))
                .then_with(|| rank(a).1.cmp(&rank(b).1))
                .then_with(|| by_version(a.server, b.server))
        });
        let mut areas: IndexMap<&str, Vec<Row<'a>>> = IndexMap::new();
        for (index, cell) in results.cells.iter().enumerate() {
            let pair = Pair::of(cell);
            let Some(column) = pairs.iter().position(|known| *known == pair) else { continue };
            let area = if cell.area.is_empty() { "other" } else { &cell.area };
            let rows = areas.entry(area).or_default();
            let fits = |row: &Row<'_>| {
                row.scenario == cell.scenario && *row.params == cell.params && row.slots[column].is_none()
            };
            let row = rows.iter().position(fits).unwrap_or_else(|| {
                rows.push(Row {
                    scenario: &cell.scenario,
                    title: &cell.title,
                    params: &cell.params,
                    slots: vec![None; pairs.len()],
                });
                rows.len() - 1
            });
            rows[row].slots[column] = Some(Slot { index, cell });
        }
        Self { pairs, areas: areas.into_iter().map(|(name, rows)| Area { name, rows }).collect() }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.areas.iter().map(|area| area.rows.len()).sum()
    }
}

impl Row<'_> {
    /// Whether nothing is to be seen in it: every cell passes, or is unsupported.
    pub(crate) fn is_quiet(&self) -> bool {
        let quiet = |slot: &Slot<'_>| matches!(slot.cell.verdict, Verdict::Pass | Verdict::Unsupported);
        self.slots.iter().flatten().all(quiet)
    }
}

impl<'a> Pair<'a> {
    /// The pair of a cell.
    pub fn of(cell: &'a CellRecord) -> Self {
        Self { client: &cell.client, server: &cell.server }
    }
}

impl std::fmt::Display for Pair<'_> {
    /// `openconnect 9.01 × ocserv 1.1.6`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} × {}", peer_label(self.client), peer_label(self.server))
    }
}

impl std::fmt::Display for Row<'_> {
    /// `udp-blocked (dpd=3s)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&scenario_label(self.scenario, self.params))
    }
}
