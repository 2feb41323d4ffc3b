//! `results.json`: the file from which every other report can be made again.

use std::fs;
use std::path::Path;

use interop_evidence::{FORMAT_VERSION, RunResults};
use serde::Deserialize;

use crate::ReportError;
use crate::file::write_atomically;

/// Results larger than this are somebody else's file; 10 000 cells need about 20 MB.
const LIMIT: u64 = 512 << 20;

/// Writes `results.json` so that a reader sees the old or the new file, never a part.
pub fn write_results(results: &RunResults, path: &Path) -> Result<(), ReportError> {
    let mut text = serde_json::to_vec_pretty(results)?;
    text.push(b'\n');
    write_atomically(path, &text)
}

/// Reads `results.json`.
///
/// Fields that this version does not know are ignored: within a version they may be added. A newer version is
/// told apart from a broken file.
pub fn read_results(path: &Path) -> Result<RunResults, ReportError> {
    let fail = |source| ReportError::Read { path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(fail)?.len();
    if bytes > LIMIT {
        return Err(ReportError::TooLarge { path: path.to_owned(), bytes, limit: LIMIT });
    }
    let text = fs::read(path).map_err(fail)?;
    let broken = |source| ReportError::Format { path: path.to_owned(), source };
    let header: Header = serde_json::from_slice(&text).map_err(broken)?;
    let Some(found) = header.version else {
        return Err(ReportError::NoVersion { path: path.to_owned() });
    };
    if found > FORMAT_VERSION {
        let writer = header.run.and_then(|run| run.get("host")?.get("harness")?.as_str().map(str::to_owned));
        return Err(ReportError::Newer { path: path.to_owned(), found, known: FORMAT_VERSION, writer });
    }
    serde_json::from_slice(&text).map_err(broken)
}

/// The little that every version of the format has. Nothing else may be assumed of a newer file.
#[derive(Deserialize)]
struct Header {
    version: Option<u32>,
    run: Option<serde_json::Value>,
}
