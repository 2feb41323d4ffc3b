//! What can go wrong when reports are read or written.

use std::path::PathBuf;

/// Errors of reading or writing reports; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file could not be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("write {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is larger than any results that this program writes.
    #[error("read {}: {bytes} bytes are more than the limit of {limit}", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// A file does not hold results.
    #[error("understand {}: {source}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Why; it ends with line and column.
        source: serde_json::Error,
    },
    /// A file is JSON, but does not say which version of the format it has.
    #[error("understand {}: it has no \"version\", so it is not the results of a run", path.display())]
    NoVersion {
        /// Which file.
        path: PathBuf,
    },
    /// A file was written by a newer version of this program.
    #[error(
        "understand {}: written by a newer version: needs format {found}, this program knows up to {known}{}",
        path.display(),
        writer.as_ref().map(|writer| format!(" (the writer was {writer})")).unwrap_or_default()
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The version of the format in the file.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
        /// The version of the program that wrote it, if the file says so.
        writer: Option<String>,
    },
    /// Results could not be turned into JSON.
    #[error("write JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Results could not be turned into JUnit XML.
    #[error("write JUnit XML: {0}")]
    Junit(#[from] quick_junit::SerializeError),
    /// The embedded template does not fit the data: a bug of this crate.
    #[error("render the HTML page: {0}")]
    Template(#[from] minijinja::Error),
}
