//! All files of a run at once.

use std::fs;
use std::path::{Path, PathBuf};

use interop_evidence::RunResults;

use crate::file::write_atomically;
use crate::{Options, ReportError, html, junit, markdown, write_results};

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
}

/// Writes `results.json`, `junit.xml`, `report.md` and `report.html` into a folder, which is made if need be.
///
/// The bundles of the cells are looked for below the same folder. `results.json` comes first, so that the others
/// can be made again whatever happens to them.
pub fn write_all(results: &RunResults, folder: &Path, options: Options) -> Result<Written, ReportError> {
    fs::create_dir_all(folder).map_err(|source| ReportError::Write { path: folder.to_owned(), source })?;
    let written = Written {
        results: folder.join("results.json"),
        junit: folder.join("junit.xml"),
        markdown: folder.join("report.md"),
        html: folder.join("report.html"),
    };
    write_results(results, &written.results)?;
    write_atomically(&written.junit, junit(results, options)?.as_bytes())?;
    write_atomically(&written.markdown, markdown(results, options).as_bytes())?;
    write_atomically(&written.html, html(results, folder, options)?.as_bytes())?;
    Ok(written)
}
