//! What is asked of a cell's process.

use std::path::{Path, PathBuf};

use super::RunOptions;
use crate::cell::CellJob;
use crate::plan::PlannedCell;

/// The job of one repeat of a cell.
pub(super) fn job(options: &RunOptions, cell: &PlannedCell, repeat: u32) -> CellJob {
    CellJob {
        key: cell.key.clone(),
        scenario: cell.scenario.clone(),
        params: cell.params.clone(),
        client: cell.client.clone(),
        server: cell.server.clone(),
        seed: options.seed,
        bundle: bundle(&options.out, cell, repeat),
        keep: options.keep,
        reproduce: reproduce(options, cell),
    }
}

/// Folder of the evidence of one repeat, from 1.
pub(super) fn bundle(out: &Path, cell: &PlannedCell, repeat: u32) -> PathBuf {
    let folder = if repeat == 1 { cell.key.clone() } else { format!("{}.{repeat}", cell.key) };
    out.join("cells").join(folder)
}

/// The folder as it stands in results.
pub(super) fn relative(bundle: &Path, out: &Path) -> Option<String> {
    Some(bundle.strip_prefix(out).ok()?.display().to_string())
}

/// The command that runs this cell alone.
fn reproduce(options: &RunOptions, cell: &PlannedCell) -> String {
    let mut words = vec!["vpn-interop".to_owned(), "run".to_owned()];
    words.extend(options.repeat_args.iter().cloned());
    words.extend(["--scenario".to_owned(), cell.scenario.clone()]);
    for (name, value) in &cell.params {
        words.extend(["--param".to_owned(), format!("{name}={value}")]);
    }
    words.extend(["--client".to_owned(), cell.client.name(), "--server".to_owned(), cell.server.name()]);
    if let Some(mutant) = cell.client.mutant.as_ref().or(cell.server.mutant.as_ref()) {
        words.extend(["--mutant".to_owned(), mutant.clone()]);
    }
    if options.repeat > 1 {
        // What shows in one of many may not show in one.
        words.extend(["--repeat".to_owned(), options.repeat.to_string()]);
    }
    words.extend(["--seed".to_owned(), options.seed.to_string()]);
    words.join(" ")
}
