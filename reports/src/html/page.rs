//! What the template of the main page shows: facts, legends, what needs attention, matrix.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use interop_evidence::{CellRecord, PeerRecord, RunResults};
use serde::Serialize;

use super::changes::{Changes, Mark, marks};
use super::columns::Heading;
use super::overview::{Grid, PeerView, grids, peers, worst};
use super::place::Place;
use crate::family::braces;
use crate::groups::{Group, groups};
use crate::look::{symbol, tone};
use crate::summary::state;
use crate::text::{duration, measurements, one_line, params_label, plural, printable, version_tag};
use crate::{Counts, Matrix, Options, decisive_check};

/// Entries of the list at the top; the rest are found by filter.
const ATTENTION: usize = 100;
/// Scenarios of an entry, and cells of a scenario.
const SCENARIOS: usize = 20;
const LINKS: usize = 60;
/// Measurements of a cell in the matrix; its page has all.
const MEASURED: usize = 4;
/// Up to this many pairs, a cell of the matrix has room for words.
const ROOMY: usize = 8;
const REASON: usize = 300;

#[derive(Serialize)]
pub(super) struct Page {
    title: String,
    state: String,
    tone: &'static str,
    total: String,
    facts: Vec<(&'static str, String)>,
    command: String,
    legend: Vec<Legend>,
    /// For the filters: ids and names of the peers.
    clients: Vec<(String, BTreeSet<String>)>,
    servers: Vec<(String, BTreeSet<String>)>,
    releases: BTreeSet<String>,
    roomy: bool,
    heading: Heading,
    columns: usize,
    areas: Vec<AreaView>,
    attention: Vec<Entry>,
    attention_total: usize,
    attention_left: usize,
    changes: Option<Changes>,
    grids: Vec<Grid>,
    peers: Vec<PeerView>,
    /// Whether packages and libraries of the peers are known.
    packaged: bool,
    /// Entries of the expectations that nothing needs: place, entry, reason.
    stale: Vec<[String; 3]>,
    notes: Vec<String>,
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
    symbol: &'static str,
    verdict: &'static str,
    tone: &'static str,
    href: Option<String>,
    /// Reason and measurements, a line each.
    told: String,
    /// Measurements, where there is room.
    measured: Vec<String>,
    mark: Option<Mark>,
}

#[derive(Serialize)]
struct Entry {
    symbol: &'static str,
    verdict: &'static str,
    tone: &'static str,
    count: usize,
    reason: String,
    check: Option<(String, String)>,
    suspect: Option<String>,
    scenarios: Vec<ScenarioView>,
    scenarios_left: usize,
    reproduce: String,
}

#[derive(Serialize)]
struct ScenarioView {
    label: String,
    pairs: Vec<PairLinks>,
    left: usize,
}

/// Words, and behind them a link and words for each cell.
#[derive(Serialize)]
struct PairLinks {
    words: String,
    cells: Vec<(Option<String>, String)>,
}

impl Page {
    pub(super) fn of(
        results: &RunResults,
        matrix: &Matrix<'_>,
        places: &[Option<Place>],
        notes: Vec<String>,
        options: Options<'_>,
    ) -> Self {
        let counts = Counts::of(&results.cells);
        let href = |cell: &CellRecord| {
            let index = results.cells.iter().position(|other| std::ptr::eq(other, cell))?;
            Some(places.get(index)?.as_ref()?.href.clone())
        };
        let groups = groups(results, options);
        let cells = |groups: &[Group<'_>]| -> usize { groups.iter().map(|group| group.cells.len()).sum() };
        let (shown, left) = groups.split_at(groups.len().min(ATTENTION));
        let roomy = matrix.pairs.len() <= ROOMY;
        let marks = options.since.map(marks).unwrap_or_default();
        let heading = Heading::of(matrix);
        Self {
            title: format!("vpn-interop {}", one_line(&results.run.id, 80)),
            state: state(results, options),
            tone: if stale(results).is_empty() { state_tone(worst(&counts, options)) } else { "bad" },
            total: plural(counts.total(), "cell"),
            facts: facts(results),
            command: printable(&shell_words(&results.run.command)),
            legend: counts
                .iter()
                .map(|(verdict, count)| Legend {
                    verdict: verdict.as_str(),
                    symbol: symbol(verdict, true),
                    tone: tone(verdict).as_str(),
                    count,
                    meaning: verdict.meaning(),
                })
                .collect(),
            clients: names(matrix.pairs.iter().map(|pair| pair.client)),
            servers: names(matrix.pairs.iter().map(|pair| pair.server)),
            releases: matrix
                .pairs
                .iter()
                .flat_map(|pair| [pair.client, pair.server])
                .filter_map(|peer| Some(one_line(peer.release.as_ref()?, 60)))
                .collect(),
            roomy,
            heading,
            columns: matrix.pairs.len(),
            areas: areas(matrix, places, &marks, roomy),
            attention: shown.iter().map(|group| entry(group, &href)).collect(),
            attention_total: cells(&groups),
            attention_left: cells(left),
            changes: options.since.map(|since| Changes::of(since, results, places)),
            grids: grids(matrix, options),
            peers: peers(matrix),
            packaged: matrix
                .pairs
                .iter()
                .flat_map(|pair| [pair.client, pair.server])
                .any(|peer| peer.package.is_some() || peer.library.is_some()),
            stale: stale(results),
            notes,
        }
    }
}

/// Nothing for one share of a divided run, which cannot know.
fn stale(results: &RunResults) -> Vec<[String; 3]> {
    let known = crate::stale::count(results).is_some();
    let entries = results.run.stale.iter().filter(|_| known).take(ATTENTION);
    entries.map(|stale| [&stale.place, &stale.entry, &stale.reason].map(|text| one_line(text, 400))).collect()
}

/// A run in which something is degraded, or known to fail, is as expected all the same.
const fn state_tone(worst: &'static str) -> &'static str {
    match worst.as_bytes() {
        b"bad" | b"environment" => worst,
        _ => "good",
    }
}

fn names<'a>(peers: impl Iterator<Item = &'a PeerRecord>) -> Vec<(String, BTreeSet<String>)> {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for peer in peers {
        let name = format!("{}{}", one_line(&peer.name(), 80), crate::text::peer_marks(peer));
        names.entry(one_line(&peer.id, 60)).or_default().insert(name);
    }
    names.into_iter().collect()
}

fn areas(matrix: &Matrix<'_>, places: &[Option<Place>], marks: &BTreeMap<&str, Mark>, roomy: bool) -> Vec<AreaView> {
    let view = |index: usize, cell: &CellRecord| CellView {
        symbol: symbol(cell.verdict, true),
        verdict: cell.verdict.as_str(),
        tone: tone(cell.verdict).as_str(),
        href: places.get(index).and_then(|place| Some(place.as_ref()?.href.clone())),
        told: told(cell),
        measured: if roomy { few(cell) } else { Vec::new() },
        mark: marks.get(cell.key.as_str()).cloned(),
    };
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
                    cells: row.slots.iter().map(|slot| slot.map(|slot| view(slot.index, slot.cell))).collect(),
                })
                .collect(),
        })
        .collect()
}

fn few(cell: &CellRecord) -> Vec<String> {
    measurements(&cell.measurements).into_iter().take(MEASURED).collect()
}

/// What is said of a cell when somebody points at it. That all checks hold needs no words.
fn told(cell: &CellRecord) -> String {
    let mut lines = Vec::new();
    if !cell.reason.is_empty() {
        lines.push(one_line(&cell.reason, REASON));
    }
    let measured = few(cell);
    if !measured.is_empty() {
        lines.push(measured.join(", "));
    }
    lines.join("\n")
}

fn entry(group: &Group<'_>, href: &dyn Fn(&CellRecord) -> Option<String>) -> Entry {
    let first = group.first;
    let scenarios = group.scenarios();
    let view = |(label, cells): &(String, Vec<&CellRecord>)| ScenarioView {
        label: label.clone(),
        pairs: links(&cells[..cells.len().min(LINKS)], href),
        left: cells.len().saturating_sub(LINKS),
    };
    Entry {
        symbol: symbol(first.verdict, true),
        verdict: first.verdict.as_str(),
        tone: tone(first.verdict).as_str(),
        count: group.cells.len(),
        reason: one_line(&first.reason, 600),
        check: decisive_check(first).map(|check| (one_line(&check.id, 200), one_line(&check.message, 600))),
        suspect: group.suspicion(400),
        scenarios: scenarios.iter().take(SCENARIOS).map(view).collect(),
        scenarios_left: scenarios.len().saturating_sub(SCENARIOS),
        reproduce: one_line(&first.reproduce, 2000),
    }
}

/// Cells by client and server: `openconnect@trixie × ocserv@` and a link for each version.
fn links(cells: &[&CellRecord], href: &dyn Fn(&CellRecord) -> Option<String>) -> Vec<PairLinks> {
    let mut together: IndexMap<_, Vec<&CellRecord>> = IndexMap::new();
    for cell in cells {
        together.entry((&cell.client, &cell.server.id)).or_default().push(cell);
    }
    let links = |((client, server), cells): ((&PeerRecord, &String), Vec<&CellRecord>)| match cells.as_slice() {
        [cell] => {
            let words = format!("{} × {}", braces(&[client]), braces(&[&cell.server]));
            PairLinks { words: String::new(), cells: vec![(href(cell), words)] }
        }
        cells => PairLinks {
            words: format!("{} × {}@", braces(&[client]), one_line(server, 60)),
            cells: cells.iter().map(|cell| (href(cell), version_tag(&cell.server))).collect(),
        },
    };
    together.into_iter().map(links).collect()
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
