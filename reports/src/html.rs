//! The page of a run with its matrix, and a page for each cell that took place.
//!
//! The main page stays small however many cells there are: a sign, a reason and a link for each. What a bundle has to
//! show stands on the page of its cell, which lies in the bundle ([`place`]). Every page is whole without a server, without other
//! files and without scripts: templates that escape everything make them. Scripts only filter, point, move and copy what is
//! there. A content security policy allows the one script of a page, by its hash, and no request at all.

mod cell;
mod changes;
mod columns;
mod detail;
mod diff;
mod embed;
mod evidence;
mod ladder;
mod link;
mod logs;
mod moments;
mod overview;
mod page;
mod pages;
mod place;
mod snapshots;
mod timeline;

use std::path::{Path, PathBuf};

use interop_evidence::RunResults;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use self::place::Place;
use crate::file::write_atomically;
use crate::text::plural;
use crate::{Matrix, Options, ReportError};

const STYLE: &str = include_str!("../templates/common.css");
const PAGE_STYLE: &str = include_str!("../templates/report.css");
const CELL_STYLE: &str = include_str!("../templates/cell.css");
const PAGE_SCRIPT: &str = include_str!("../templates/report.js");
const CELL_SCRIPT: &str = include_str!("../templates/cell.js");

/// Makes the main page: `report.html`.
///
/// `folder` is where `results.json` and the page are: links to the pages of cells are relative to it.
pub fn html(results: &RunResults, folder: &Path, options: Options<'_>) -> Result<String, ReportError> {
    let matrix = Matrix::of(results);
    main_page(&environment()?, results, &matrix, &place::places(results, folder), Vec::new(), options)
}

/// Writes `report.html` into a folder, and a page for each cell that took place: into its bundle, if that is below the
/// folder, and else into `pages/`.
///
/// Excerpts of the evidence are cut so that pages stay small, and each cut is said; what is missing or broken in a bundle is
/// said on the page. It is no error if a page of a cell cannot be written: the main page says so, and has no link to it.
pub fn write_html(results: &RunResults, folder: &Path, options: Options<'_>) -> Result<PathBuf, ReportError> {
    let environment = environment()?;
    let matrix = Matrix::of(results);
    let mut places = place::places(results, folder);
    let marks = options.since.map(changes::marks).unwrap_or_default();
    let context = cell::Context { environment: &environment, results, matrix: &matrix, places: &places, options };
    let (failed, why) = pages::write(&context, &marks);
    for index in &failed {
        places[*index] = None;
    }
    let notes =
        why.map(|why| format!("{} could not be written: failed to {why}", plural(failed.len(), "page of a cell")));
    let page = main_page(&environment, results, &matrix, &places, notes.into_iter().collect(), options)?;
    let path = folder.join("report.html");
    write_atomically(&path, page.as_bytes())?;
    Ok(path)
}

fn environment() -> Result<Environment<'static>, ReportError> {
    let mut environment = Environment::new();
    for (name, source) in [
        ("report.html", include_str!("../templates/report.html")),
        ("attention.html", include_str!("../templates/attention.html")),
        ("changes.html", include_str!("../templates/changes.html")),
        ("overview.html", include_str!("../templates/overview.html")),
        ("peers.html", include_str!("../templates/peers.html")),
        ("matrix.html", include_str!("../templates/matrix.html")),
        ("cell.html", include_str!("../templates/cell.html")),
        ("trace.html", include_str!("../templates/trace.html")),
        ("evidence.html", include_str!("../templates/evidence.html")),
    ] {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

fn main_page(
    environment: &Environment<'_>,
    results: &RunResults,
    matrix: &Matrix<'_>,
    places: &[Option<Place>],
    notes: Vec<String>,
    options: Options<'_>,
) -> Result<String, ReportError> {
    let page = environment.get_template("report.html")?.render(context! {
        page => Value::from(Serde(page::Page::of(results, matrix, places, notes, options))),
        policy => embed::policy(PAGE_SCRIPT),
        style => Value::from_safe_string(format!("{STYLE}{PAGE_STYLE}")),
        script => Value::from_safe_string(PAGE_SCRIPT.to_owned()),
        data => Value::from_safe_string(embed::json(&columns::columns(matrix))?),
    })?;
    Ok(page)
}
