//! Where the page of a cell is, and how one gets from there to other things.
//!
//! A page lies in the bundle that it shows, so that whoever gets the bundle has the page. Only a bundle that really is below
//! the report is written to: results are data of strangers, and a path in them must not make this program write elsewhere.
//! The pages of other bundles (of merged runs, of results that came without them) lie in `pages/` beside the report.

use std::fs;
use std::path::{Component, Path, PathBuf};

use interop_evidence::{CellRecord, RunResults};

use super::link;
use crate::file::file_name;

/// The page of a cell.
pub(super) struct Place {
    /// The file.
    pub(super) file: PathBuf,
    /// Link from the main page.
    pub(super) href: String,
    /// From the page to the folder of the report: `../../`.
    pub(super) up: String,
    /// The bundle; none if it is not here.
    pub(super) bundle: Option<PathBuf>,
    /// Link from the page to the bundle.
    pub(super) bundle_link: String,
    /// Why there is no bundle.
    pub(super) note: Option<String>,
}

/// The place of each cell that took place, in the order of the run.
pub(super) fn places(results: &RunResults, folder: &Path) -> Vec<Option<Place>> {
    let root = folder.canonicalize().ok();
    results.cells.iter().enumerate().map(|(index, cell)| place(cell, index, folder, root.as_deref())).collect()
}

fn place(cell: &CellRecord, index: usize, folder: &Path, root: Option<&Path>) -> Option<Place> {
    let bundle = cell.bundle.as_deref()?;
    let shown = crate::text::one_line(bundle, 200);
    let aside = |bundle: Option<PathBuf>, bundle_link: String, note: Option<String>| {
        // The index keeps names apart that are equal after cutting.
        let name = format!("{index}-{}.html", file_name(&cell.key));
        let href = format!("pages/{}", link::percent(&name));
        Some(Place { file: folder.join("pages").join(name), href, up: "../".to_owned(), bundle, bundle_link, note })
    };
    let Some(link) = link::folder(bundle) else {
        let note = format!("the bundle {shown} is not below the report, so it is left alone");
        return aside(None, String::new(), Some(note));
    };
    let path = folder.join(bundle);
    if !path.is_dir() {
        return aside(None, String::new(), Some(format!("the bundle {shown} is not here")));
    }
    let names = Path::new(bundle).components().filter(|component| *component != Component::CurDir);
    let plain = names.clone().all(|component| matches!(component, Component::Normal(_)));
    let depth = names.count();
    let really_below = |root: &Path| fs::canonicalize(&path).is_ok_and(|path| path != root && path.starts_with(root));
    if !plain || depth == 0 || !root.is_some_and(really_below) {
        return aside(Some(path), format!("../{link}"), None);
    }
    let (file, href) = (path.join("index.html"), format!("{link}/index.html"));
    Some(Place { file, href, up: "../".repeat(depth), bundle: Some(path), bundle_link: ".".to_owned(), note: None })
}
