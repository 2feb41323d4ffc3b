//! Reports of a run, made from [`RunResults`](interop_evidence::RunResults) and the bundles beside it.
//!
//! | report | reader | made by |
//! |---|---|---|
//! | `results.json` | programs, `report`, `diff` | [`write_results`], [`read_results`] |
//! | `junit.xml` | continuous integration | [`junit`] |
//! | `report.md` | a job summary | [`markdown`] |
//! | `report.html`, and a page in each bundle | a person who looks for the cause | [`html`], [`write_html`] |
//! | `badge.svg`, `badge.json`, `badges/` | whoever reads a README | [`write_all`] |
//! | the terminal | a person who waits for the run | [`terminal`] |
//!
//! [`write_all`] makes all files, [`attribute`] names suspects before that. What counts as needing
//! attention, and how the matrix is ordered, is decided once: [`attention`], [`Counts`], [`Matrix`].
//!
//! Whatever a peer said (log lines, reasons, versions) is data of a stranger: it is made printable and bounded
//! here, and escaped by each format.

#![forbid(unsafe_code)]

mod attribute;
mod badge;
mod compare;
mod error;
mod family;
mod file;
mod groups;
mod html;
mod json;
mod junit;
mod look;
mod markdown;
mod matrix;
mod merge;
mod order;
mod since;
mod stale;
mod summary;
mod terminal;
mod text;
mod write;

pub use attribute::attribute;
pub use compare::{
    CellChange, CellSide, ChangeKind, CheckChange, CompareOptions, Comparison, Limits, MatchBy, MeasuredChange,
    PeerChange, RunSide, TraceChange, comparison_markdown, comparison_text, matched,
};
pub use error::ReportError;
pub use html::{html, write_html};
pub use json::{read_results, write_results};
pub use junit::junit;
pub use markdown::markdown;
pub use matrix::{Area, Matrix, Pair, Row, Slot};
pub use merge::{Double, Merged, Part, merge};
pub use summary::{Counts, Options, attention, decisive_check, needs_attention};
pub use terminal::{Style, terminal};
pub use write::{Written, write_all};
