//! Making what was seen the golden that later runs are held against, after a person has looked at it.

mod exemplar;

use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use interop_catalogue::{Catalogue, Scenario};
use interop_evidence::{BundleError, CellRecord, Exit, RunResults, Trace, Verdict, View};
use interop_trace::{Accepted, Cell, Goldens, Phases, Setup};

pub use exemplar::{Cut, Exemplar, cut};

use crate::golden::{cell_of, seen, slack_of};
use crate::replay::Stored;
use crate::run::expect;
use crate::trace::setup;

/// What is accepted, and why.
pub struct Acceptance<'a> {
    /// Only scenarios for which this holds.
    pub scenario: &'a dyn Fn(&str) -> bool,
    /// Only these views; all that scenarios claim if there are none.
    pub views: &'a [View],
    /// Why the new behaviour is right; goes into the files.
    pub reason: &'a str,
}

/// What accepting changes.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Files to be written or taken away.
    pub files: Vec<Accepted>,
    /// For each scenario of which something changes, the cell whose capture shows it best.
    pub exemplars: Vec<Shown>,
    /// Cells that were left out, by their keys, and why.
    pub left_out: Vec<(String, String)>,
    /// Cells that were taken.
    pub taken: usize,
}

/// The cell whose capture is kept beside its goldens.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Where its evidence lies.
    pub bundle: PathBuf,
    /// Id of its scenario.
    pub scenario: String,
    /// What it is.
    pub cell: Cell,
}

/// A cell that is fit to be accepted.
struct Fit {
    stored: Stored,
    trace: Trace,
    cell: Cell,
}

/// The bundles of a run, or the bundle itself, with the record as it was published: known deviations count.
///
/// # Errors
/// When there is neither.
pub fn bundles_of(folder: &Path, catalogue: &Catalogue) -> Result<Vec<(PathBuf, CellRecord)>, String> {
    let results = folder.join("results.json");
    if results.is_file() {
        let text = fs::read(&results).map_err(|error| format!("read {}: {error}", results.display()))?;
        let results: RunResults =
            serde_json::from_slice(&text).map_err(|error| format!("understand {}: {error}", results.display()))?;
        let of = |cell: CellRecord| Some((folder.join(cell.bundle.as_ref()?), cell));
        return Ok(results.cells.into_iter().filter_map(of).collect());
    }
    let mut record = Stored::read(folder).map_err(|error| error.to_string())?.record;
    expect(catalogue, &mut record);
    Ok(vec![(folder.to_owned(), record)])
}

/// What changes when these cells become golden.
///
/// # Errors
/// When the evidence of a cell cannot be read.
pub fn accept(
    bundles: &[(PathBuf, CellRecord)],
    catalogue: &Catalogue,
    goldens: &Goldens,
    wanted: &Acceptance<'_>,
) -> Result<Changes, BundleError> {
    let mut changes = Changes::default();
    let mut by_scenario: IndexMap<String, Vec<Fit>> = IndexMap::new();
    for (folder, record) in bundles.iter().filter(|(_, record)| (wanted.scenario)(&record.scenario)) {
        match fit(folder, record, catalogue)? {
            Ok(fit) => {
                let cells = by_scenario.entry(record.scenario.clone()).or_default();
                // Of several bundles of one cell the last counts.
                cells.retain(|other| other.cell != fit.cell);
                cells.push(fit);
                changes.taken += 1;
            }
            Err(why) => changes.left_out.push((record.key.clone(), why)),
        }
    }
    for (id, cells) in &by_scenario {
        let Some(scenario) = catalogue.scenarios.get(id).map(|entry| &entry.value) else { continue };
        let views = scenario.golden.iter().filter(|view| wanted.views.is_empty() || wanted.views.contains(view));
        for view in views {
            let slack = slack_of(scenario);
            let seen: Vec<(Cell, Phases)> = cells
                .iter()
                .map(|fit| (fit.cell.clone(), seen(*view, &fit.trace, &fit.stored.evidence, slack)))
                .collect();
            changes.files.extend(goldens.accept_within(*view, &seen, slack, wanted.reason));
        }
        changes.exemplars.extend(shown(cells));
    }
    Ok(changes)
}

/// Whether a cell may become golden; the inner error says why not.
fn fit(folder: &Path, record: &CellRecord, catalogue: &Catalogue) -> Result<Result<Fit, String>, BundleError> {
    let Some(scenario) = catalogue.scenarios.get(&record.scenario).map(|entry| &entry.value) else {
        return Ok(Err(format!("the catalogue has no scenario `{}`", record.scenario)));
    };
    if let Some(why) = unfit(record, scenario) {
        return Ok(Err(why));
    }
    let stored = Stored { record: record.clone(), ..Stored::read(folder)? };
    if !stored.went_to_the_end(scenario) {
        return Ok(Err("steps were left out".to_owned()));
    }
    if !stored.bundle.capture().exists() {
        return Ok(Err(
            "its capture was not kept (`run --captures notable`); run it again with `--captures all`".to_owned()
        ));
    }
    let known: Setup = setup(&stored.evidence.facts, &stored.evidence.timeline);
    let decoded = match interop_trace::decode_file(stored.bundle.capture(), known) {
        Ok(decoded) => decoded,
        Err(error) => return Ok(Err(format!("failed to {error}"))),
    };
    if let Some(broken) = decoded.broken {
        return Ok(Err(format!("its capture ends early: {broken}")));
    }
    Ok(Ok(Fit { cell: cell_of(record), trace: decoded.trace, stored }))
}

/// Why a cell shows nothing that should be golden.
fn unfit(record: &CellRecord, scenario: &Scenario) -> Option<String> {
    if scenario.golden.is_empty() {
        return Some(format!("scenario `{}` claims no golden views", scenario.id));
    }
    let mutant = record.client.mutant.as_ref().or(record.server.mutant.as_ref());
    if let Some(mutant) = mutant {
        return Some(format!("a peer had the defect `{mutant}` on purpose"));
    }
    if matches!(record.verdict, Verdict::Pass | Verdict::Degraded | Verdict::KnownFail) {
        return None;
    }
    let mut failing = record.checks.iter().filter(|check| !matches!(check.verdict, Verdict::Pass | Verdict::Degraded));
    let only_goldens = record.verdict == Verdict::Fail && failing.all(|check| check.id.starts_with("golden "));
    (!only_goldens).then(|| format!("its verdict is {}: {}", record.verdict, record.reason))
}

/// The pair that is shown: real programs on both sides before the reference, else the first.
fn shown(cells: &[Fit]) -> Option<Shown> {
    const BEST: [(&str, &str); 3] = [("openconnect", "ocserv"), ("openvpn", "openvpn"), ("reference", "reference")];
    let of =
        |pair: &(&str, &str)| cells.iter().find(|fit| (fit.cell.client.as_str(), fit.cell.server.as_str()) == *pair);
    let fit = BEST.iter().find_map(of).or_else(|| cells.first())?;
    Some(Shown {
        bundle: fit.stored.bundle.folder().to_owned(),
        scenario: fit.cell.scenario.clone(),
        cell: fit.cell.clone(),
    })
}

impl Changes {
    /// Nothing was fit: the user asked for something that is not there.
    pub fn exit(&self) -> Exit {
        if self.taken == 0 { Exit::NothingSelected } else { Exit::Ok }
    }
}
