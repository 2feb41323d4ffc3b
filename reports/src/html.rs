//! One self-contained page: the matrix, filters, and the evidence of each cell.
//!
//! The matrix is rendered here, by templates that escape everything. The details are data (`detail`), embedded as JSON that
//! cannot end its script element, and put on the page by a script that only ever sets text. A content security
//! policy allows that one script, by its hash, and no request at all.
//!
//! Diagrams (`ladder`) are drawn here as well. They wait in templates, which a browser neither shows nor lays out, until
//! the script copies one into the detail of its cell.

mod budget;
mod detail;
mod diff;
mod embed;
mod evidence;
mod ladder;
mod link;
mod logs;
mod moments;
mod page;
mod snapshots;
mod timeline;

use std::path::Path;

use interop_evidence::RunResults;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use self::detail::Detail;
use crate::text::plural;
use crate::{Options, ReportError};

const PAGE: &str = include_str!("../templates/report.html");
const ATTENTION: &str = include_str!("../templates/attention.html");
const MATRIX: &str = include_str!("../templates/matrix.html");
const STYLE: &str = include_str!("../templates/report.css");
const SCRIPT: &str = include_str!("../templates/report.js");

/// Makes the page.
///
/// `folder` is where `results.json` and the page are: bundles are read from there, and linked relative to it. What is
/// missing or broken in a bundle is said in the cell's detail; it is no error. Excerpts are cut so that the page
/// stays below about 5 MB, and each cut is said.
pub fn html(results: &RunResults, folder: &Path, options: Options) -> Result<String, ReportError> {
    let mut environment = Environment::new();
    environment.add_template("report.html", PAGE)?;
    environment.add_template("attention.html", ATTENTION)?;
    environment.add_template("matrix.html", MATRIX)?;
    let details = budget::details(results, folder, options)?;
    let data = embed::json(&details)?;
    let drawings = details.iter().enumerate().filter_map(|(index, detail)| Some((index, detail.drawing()?)));
    let drawings: String =
        drawings.map(|(index, svg)| format!("<template id=\"ladder-{index}\">{svg}</template>\n")).collect();
    let traces = (
        details.iter().filter_map(Detail::drawing).count(),
        details.iter().filter(|detail| detail.has_trace()).count(),
    );
    let page = environment.get_template("report.html")?.render(context! {
        page => Value::from(Serde(page::Page::of(results, options))),
        policy => embed::policy(SCRIPT),
        style => Value::from_safe_string(STYLE.to_owned()),
        script => Value::from_safe_string(SCRIPT.to_owned()),
        data => Value::from_safe_string(data),
        undrawn => (traces.0 < traces.1).then(|| format!("Diagrams of {} of {} are on this page, of cells that need attention first; trace.txt of each bundle has the rest.", traces.0, plural(traces.1, "trace"))),
        drawings => Value::from_safe_string(drawings),
    })?;
    Ok(page)
}
