//! `--compare`: what changed since an earlier run, for the reports of this one.

use std::path::Path;

use interop_catalogue::Catalogue;
use interop_evidence::RunResults;
use interop_reports::{CompareOptions, Comparison};

use super::diff::{Side, compared};

/// The run that is compared with.
pub(super) struct Earlier(Side);

impl Earlier {
    /// Reads its results, if one is given: before anything is run or written, as it may be lost by then.
    pub(super) fn read(path: Option<&Path>) -> Result<Option<Self>, String> {
        let Some(path) = path else { return Ok(None) };
        let side = Side::read(path).map_err(|error| format!("--compare: {error}"))?;
        // A run that is taken up again goes to another folder.
        let folder = side.folder.canonicalize().unwrap_or(side.folder);
        Ok(Some(Self(Side { results: side.results, folder })))
    }

    /// Refuses a run that would overwrite the evidence that it is compared with.
    pub(super) fn is_not(&self, out: &Path) -> Result<(), String> {
        if out.canonicalize().is_ok_and(|out| out == self.0.folder) {
            let folder = out.display();
            return Err(format!("--compare: this run writes to {folder} itself; name another folder with --out"));
        }
        Ok(())
    }

    /// What is different in `results`, which lie in `folder`. Traces are compared with a catalogue only.
    pub(super) fn compared(&self, results: &RunResults, folder: &Path, catalogue: Option<&Catalogue>) -> Comparison {
        let new = Side { results: results.clone(), folder: folder.to_owned() };
        compared(&self.0, &new, catalogue, &CompareOptions::default())
    }
}
