//! What the templates show: facts, legend, what needs attention, matrix.

use std::collections::BTreeSet;

use interop_evidence::{CellRecord, RunResults};
use serde::Serialize;

use crate::look::{symbol, tone};
use crate::summary::state;
use crate::text::{duration, measurements, one_line, params_label, peer_label, plural, printable, scenario_label};
use crate::{Counts, Matrix, Options, Pair, attention};

/// Entries of the list at the top; the rest are found by filter.
const ATTENTION: usize = 100;
/// Measurements shown in a cell of the matrix; the detail has all.
const MEASURED: usize = 3;

#[derive(Serialize)]
pub(super) struct Page {
    title: String,
    state: String,
    tone: &'static str,
    total: String,
    facts: Vec<(&'static str, String)>,
    command: String,
    legend: Vec<Legend>,
    clients: BTreeSet<String>,
    servers: BTreeSet<String>,
    areas: Vec<AreaView>,
    pairs: Vec<PairView>,
    attention: Vec<Entry>,
    attention_total: usize,
}

#[derive(Serialize)]
struct Legend {
    verdict: &'static str,
    symbol: &'static str,
    tone: &'static str,
    count: usize,
    meaning: &'static str,
}

#[derive(Serialize)]
struct PairView {
    client: String,
    server: String,
}

#[derive(Serialize)]
struct AreaView {
    name: String,
    rows: Vec<RowView>,
}

#[derive(Serialize)]
struct RowView {
    scenario: String,
    title: String,
    params: String,
    cells: Vec<Option<CellView>>,
}

#[derive(Serialize)]
struct CellView {
    index: usize,
    symbol: &'static str,
    verdict: &'static str,
    tone: &'static str,
    measured: Vec<String>,
    label: String,
}

#[derive(Serialize)]
struct Entry {
    index: usize,
    symbol: &'static str,
    verdict: &'static str,
    tone: &'static str,
    scenario: String,
    client: String,
    server: String,
    reason: String,
}

impl Page {
    pub(super) fn of(results: &RunResults, options: Options) -> Self {
        let counts = Counts::of(&results.cells);
        let matrix = Matrix::of(results);
        let tone = match (counts.unexpected(options.fail_on_degraded), counts.environment()) {
            (0, 0) => "good",
            (0, _) => "environment",
            _ => "bad",
        };
        let wanting = attention(results, options.fail_on_degraded);
        Self {
            title: format!("vpn-interop {}", one_line(&results.run.id, 80)),
            state: state(results, options),
            tone,
            total: plural(counts.total(), "cell"),
            facts: facts(results),
            command: printable(&shell_words(&results.run.command)),
            legend: counts
                .iter()
                .map(|(verdict, count)| Legend {
                    verdict: verdict.as_str(),
                    symbol: symbol(verdict, true),
                    tone: crate::look::tone(verdict).as_str(),
                    count,
                    meaning: verdict.meaning(),
                })
                .collect(),
            clients: results.cells.iter().map(|cell| peer_label(&cell.client)).collect(),
            servers: results.cells.iter().map(|cell| peer_label(&cell.server)).collect(),
            pairs: matrix
                .pairs
                .iter()
                .map(|pair| PairView { client: peer_label(pair.client), server: peer_label(pair.server) })
                .collect(),
            areas: areas(&matrix),
            attention_total: wanting.len(),
            attention: wanting.into_iter().take(ATTENTION).map(|cell| entry(cell, results)).collect(),
        }
    }
}

fn areas(matrix: &Matrix<'_>) -> Vec<AreaView> {
    matrix
        .areas
        .iter()
        .map(|area| AreaView {
            name: one_line(area.name, 120),
            rows: area
                .rows
                .iter()
                .map(|row| RowView {
                    scenario: one_line(row.scenario, 120),
                    title: one_line(row.title, 300),
                    params: params_label(row.params),
                    cells: row.slots.iter().map(|slot| slot.map(|slot| cell_view(slot.index, slot.cell))).collect(),
                })
                .collect(),
        })
        .collect()
}

fn cell_view(index: usize, cell: &CellRecord) -> CellView {
    CellView {
        index,
        symbol: symbol(cell.verdict, true),
        verdict: cell.verdict.as_str(),
        tone: tone(cell.verdict).as_str(),
        measured: measurements(&cell.measurements).into_iter().take(MEASURED).collect(),
        label: format!("{}, {}: {}", scenario_label(&cell.scenario, &cell.params), Pair::of(cell), cell.verdict),
    }
}

fn entry(cell: &CellRecord, results: &RunResults) -> Entry {
    Entry {
        index: results.cells.iter().position(|other| std::ptr::eq(other, cell)).unwrap_or_default(),
        symbol: symbol(cell.verdict, true),
        verdict: cell.verdict.as_str(),
        tone: tone(cell.verdict).as_str(),
        scenario: scenario_label(&cell.scenario, &cell.params),
        client: peer_label(&cell.client),
        server: peer_label(&cell.server),
        reason: one_line(&cell.reason, 240),
    }
}

fn facts(results: &RunResults) -> Vec<(&'static str, String)> {
    let run = &results.run;
    let host = &run.host;
    let rights = if host.rootless { "rootless" } else { "root" };
    let mut facts = vec![("run", run.id.clone())];
    facts.extend(run.suite.clone().map(|suite| ("suite", suite)));
    facts.extend([
        ("seed", run.seed.to_string()),
        ("started", run.started.clone()),
        ("duration", duration(run.duration_ms)),
        ("jobs", run.jobs.to_string()),
        ("system", host.system.clone()),
        ("kernel", host.kernel.clone()),
        ("processors", format!("{}, {rights}", host.cpus)),
        ("harness", host.harness.clone()),
    ]);
    facts.into_iter().map(|(name, value)| (name, one_line(&value, 200))).collect()
}

/// A command line that a shell reads back as it was.
fn shell_words(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:@,+%".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}
