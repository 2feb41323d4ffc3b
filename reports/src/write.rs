//! All files of a run at once.

use std::fs;
use std::path::{Path, PathBuf};

use interop_evidence::RunResults;

use crate::file::write_atomically;
use crate::{Matrix, Options, ReportError, badge, junit, markdown, write_html, write_results};

/// The files that [`write_all`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// `results.json`
    pub results: PathBuf,
    /// `junit.xml`
    pub junit: PathBuf,
    /// `report.md`
    pub markdown: PathBuf,
    /// `report.html`
    pub html: PathBuf,
    /// `badge.svg`
    pub badge: PathBuf,
}

/// Writes `results.json`, `junit.xml`, `report.md`, badges, and `report.html` with the pages of the cells into a folder, which is
/// made if need be.
///
/// The bundles of the cells are looked for below the same folder. `results.json` comes first, so that the others
/// can be made again whatever happens to them.
pub fn write_all(results: &RunResults, folder: &Path, options: Options<'_>) -> Result<Written, ReportError> {
    fs::create_dir_all(folder).map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
    let written = Written {
        results: folder.join("results.json"),
        junit: folder.join("junit.xml"),
        markdown: folder.join("report.md"),
        html: folder.join("report.html"),
        badge: folder.join("badge.svg"),
    };
    write_results(results, &written.results)?;
    write_atomically(&written.junit, junit(results, options)?.as_bytes())?;
    write_atomically(&written.markdown, markdown(results, options).as_bytes())?;
    badge::write(results, &Matrix::of(results), folder, options)?;
    write_html(results, folder, options)?;
    Ok(written)
}
