//! How a run ends.

use std::path::PathBuf;

use interop_evidence::RunResults;

use super::ManifestError;

/// A run that has ended, and what is known of it.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What was found; of a run that ended early what is finished.
    pub results: RunResults,
    /// Why it ended before everything had run, if it did.
    pub early: Option<Early>,
}

/// Why a run ended before everything had run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Early {
    /// The user has stopped it.
    Interrupted,
    /// A verdict was unexpected, and the user wanted no more then.
    FailFast,
    /// There is no room for evidence, as the message says.
    NoSpace(String),
}

/// A run that cannot begin; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What is needed to go on with it cannot be written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Another run writes to the same folder.
    #[error("use {path}: another run is writing to it; wait for its end, or give another folder with --out")]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The folder cannot be used.
    #[error("use {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no room for results.
    #[error("keep room for the results in {path}: {source}; make room, or give another folder with --out")]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
