//! Writes the pages of all cells, several at a time.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::cell::Context;
use super::changes::Mark;
use super::place::Place;
use crate::file::write_unsynced;
use crate::{ReportError, Row};

/// More threads than this wait for the disk only.
const THREADS: usize = 8;

/// Writes every page that has a place. Gives those that could not be written, and why the first of them: the rest of the
/// report is worth having without them.
pub(super) fn write(context: &Context<'_>, marks: &BTreeMap<&str, Mark>) -> (Vec<usize>, Option<ReportError>) {
    let jobs = jobs(context);
    let next = AtomicUsize::new(0);
    let failed: Mutex<(Vec<usize>, Option<ReportError>)> = Mutex::default();
    let work = || {
        while let Some((index, place, row)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mark = marks.get(context.results.cells[*index].key.as_str());
            let done = context.page(*index, place, row, mark).and_then(|page| put(place, &page));
            if let Err(error) = done
                && let Ok(mut failed) = failed.lock()
            {
                failed.0.push(*index);
                failed.1.get_or_insert(error);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(jobs.len().max(1));
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    failed.into_inner().unwrap_or_default()
}

/// The cells that get a page, each with its row of the matrix.
fn jobs<'a>(context: &'a Context<'a>) -> Vec<(usize, &'a Place, &'a Row<'a>)> {
    let rows = context.matrix.areas.iter().flat_map(|area| &area.rows);
    let slots = rows.flat_map(|row| row.slots.iter().flatten().map(move |slot| (slot.index, row)));
    slots.filter_map(|(index, row)| Some((index, context.places.get(index)?.as_ref()?, row))).collect()
}

fn put(place: &Place, page: &str) -> Result<(), ReportError> {
    if let Some(folder) = place.file.parent() {
        fs::create_dir_all(folder).map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
    }
    write_unsynced(&place.file, page.as_bytes())
}
