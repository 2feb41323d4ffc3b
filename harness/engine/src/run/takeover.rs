//! The evidence that an earlier part of a run has left in its folder.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use interop_evidence::{Bundle, CellRecord, Verdict};

use super::queue::Unit;
use super::request::{bundle, relative};
use crate::plan::PlannedCell;

/// A record that is taken over.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) unit: Unit,
    pub(super) record: CellRecord,
    /// When it was written.
    pub(super) written: Option<SystemTime>,
}

/// The record that a finished repeat has left. None if it did not end, or ended because the lab failed: that is tried again.
pub(super) fn finished(out: &Path, cell: &PlannedCell, unit: Unit) -> Option<Taken> {
    let folder = bundle(out, cell, unit.repeat);
    let bundle = Bundle::open(&folder);
    let record = bundle.read_cell().ok()?;
    if record.key != cell.key || record.verdict == Verdict::EnvError {
        return None;
    }
    let written = fs::metadata(bundle.cell()).and_then(|file| file.modified()).ok();
    Some(Taken { unit, record: CellRecord { bundle: relative(&folder, out), ..record }, written })
}

/// Takes away what is not this run's: an earlier run in the same folder, or a repeat that did not end.
pub(super) fn remove(out: &Path, cell: &PlannedCell, repeat: u32) {
    // What cannot be removed is found, and told, when the cell starts.
    let _ = fs::remove_dir_all(bundle(out, cell, repeat));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::{planned, record};

    #[test]
    fn only_whole_records_of_the_same_cell_are_taken() {
        let folder = tempfile::TempDir::new().unwrap();
        let cell = planned("x", "c", "s");
        let unit = Unit { position: 0, repeat: 2 };
        let place = Bundle::create(bundle(folder.path(), &cell, 2)).unwrap();
        let seen = || finished(folder.path(), &cell, unit).map(|taken| taken.record);
        assert_eq!(seen(), None, "no record");
        fs::write(place.cell(), "{\"key\": \"x+c+s\", \"scen").unwrap();
        assert_eq!(seen(), None, "half a record");
        place.write_cell(&record(Verdict::Pass)).unwrap();
        assert_eq!(seen(), None, "of another cell");
        let own = |verdict| CellRecord { key: cell.key.clone(), ..record(verdict) };
        place.write_cell(&own(Verdict::EnvError)).unwrap();
        assert_eq!(seen(), None, "the lab failed");
        place.write_cell(&own(Verdict::Fail)).unwrap();
        assert_eq!(seen().unwrap().bundle.as_deref(), Some("cells/x+c+s.2"));
        remove(folder.path(), &cell, 2);
        assert_eq!(seen(), None);
        assert!(!place.folder().exists());
    }
}
