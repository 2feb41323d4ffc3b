//! `diff`: two runs beside each other.

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use indicatif::ProgressBar;
use interop_catalogue::Catalogue;
use interop_engine::compare_traces;
use interop_evidence::{CellRecord, Exit, RunResults};
use interop_reports::{
    CompareOptions, Comparison, Limits, MatchBy, TraceChange, comparison_markdown, comparison_text, read_results,
};

use super::print;
use crate::args::{CatalogueArgs, DiffArgs};
use crate::display::style;
use crate::load::{complain, load};

pub(crate) fn diff(catalogue: &CatalogueArgs, args: &DiffArgs) -> ExitCode {
    // Only traces need to know what a scenario holds golden.
    let catalogue = match (!args.ignore_traces).then(|| load(catalogue)).transpose() {
        Ok(catalogue) => catalogue,
        Err(code) => return code,
    };
    let compared = Side::read(&args.old)
        .and_then(|old| Ok((old, Side::read(&args.new)?)))
        .map(|(old, new)| compared(&old, &new, catalogue.as_ref(), &options(args)));
    let comparison = match compared {
        Ok(comparison) => comparison,
        Err(message) => {
            complain(&message);
            return crate::exit(Exit::Usage);
        }
    };
    if args.json {
        match serde_json::to_string_pretty(&comparison) {
            Ok(text) => print(&format!("{text}\n")),
            Err(error) => complain(&format!("failed to write JSON: {error}")),
        }
    } else if args.markdown {
        print(&comparison_markdown(&comparison));
    } else {
        print(&comparison_text(&comparison, style()));
    }
    crate::exit(comparison.exit())
}

fn options(args: &DiffArgs) -> CompareOptions {
    let limits = Limits { factor: args.slower_factor, time_ms: args.slower_by.as_secs_f64() * 1e3 };
    CompareOptions {
        by: if args.by == "key" { MatchBy::Key } else { MatchBy::Peer },
        limits: (!args.ignore_measurements).then_some(limits),
    }
}

/// A run that is compared.
pub(super) struct Side {
    pub(super) results: RunResults,
    /// Where its bundles lie.
    pub(super) folder: PathBuf,
}

impl Side {
    /// Reads the folder of a run, or its `results.json`.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let (file, folder) = if path.is_dir() {
            (path.join("results.json"), path.to_owned())
        } else {
            (path.to_owned(), path.parent().map(Path::to_owned).unwrap_or_default())
        };
        match read_results(&file) {
            Ok(results) => Ok(Self { results, folder }),
            Err(error) => Err(format!("failed to {error}; give the folder of a run, or its results.json")),
        }
    }

    /// The evidence of a cell, if it is still there.
    fn bundle(&self, cell: &CellRecord) -> Option<PathBuf> {
        let path = Path::new(cell.bundle.as_ref()?);
        // The file may come from anybody: it does not choose what is read.
        let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
        Some(self.folder.join(path)).filter(|folder| is_below && folder.is_dir())
    }
}

/// Compares two runs; traces only with a catalogue, which says what is golden of a scenario.
pub(super) fn compared(old: &Side, new: &Side, catalogue: Option<&Catalogue>, options: &CompareOptions) -> Comparison {
    let mut left_out: Vec<String> = Vec::new();
    let progress = ProgressBar::new(new.results.cells.len() as u64);
    let mut traces = |before: &CellRecord, after: &CellRecord| {
        progress.inc(1);
        let Some(catalogue) = catalogue else { return Vec::new() };
        let found = traces(catalogue, old.bundle(before).as_deref(), new.bundle(after).as_deref(), after);
        found.unwrap_or_else(|why| {
            left_out.push(why);
            Vec::new()
        })
    };
    let mut comparison = Comparison::with_traces(&old.results, &new.results, options, &mut traces);
    progress.finish_and_clear();
    comparison.old.folder = Some(old.folder.display().to_string());
    comparison.new.folder = Some(new.folder.display().to_string());
    if let Some(first) = left_out.first() {
        let cells = if left_out.len() == 1 { "1 cell".to_owned() } else { format!("{} cells", left_out.len()) };
        comparison.notes.push(format!("the traces of {cells} are not compared: {first}"));
    }
    comparison
}

/// Where the traces of a cell differ; the error says why they cannot be compared.
fn traces(
    catalogue: &Catalogue,
    old: Option<&Path>,
    new: Option<&Path>,
    cell: &CellRecord,
) -> Result<Vec<TraceChange>, String> {
    let Some(scenario) = catalogue.scenarios.get(&cell.scenario).map(|entry| &entry.value) else {
        return Err(format!("the catalogue has no scenario `{}`", cell.scenario));
    };
    if scenario.golden.is_empty() {
        return Ok(Vec::new());
    }
    let (Some(old), Some(new)) = (old, new) else {
        return Err(format!("a bundle of {} is not there", cell.key));
    };
    let found = compare_traces(scenario, old, new).map_err(|error| format!("failed to {error}"))?;
    Ok(found.into_iter().map(|found| TraceChange { view: found.view, message: found.message }).collect())
}
