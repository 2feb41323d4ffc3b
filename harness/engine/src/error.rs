//! Errors of the engine. None of them is a verdict about a peer.

use std::path::PathBuf;

use interop_capture::CaptureError;
use interop_evidence::BundleError;
use interop_lab::LabError;
use interop_pki::PkiError;

/// An error of the engine; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// Evidence could not be written.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The capture could not be written.
    #[error("write the capture: {0}")]
    Capture(#[from] CaptureError),
    /// The store of releases cannot be used.
    #[error(transparent)]
    Store(#[from] interop_store::StoreError),
    /// Certificates could not be made.
    #[error("make certificates: {0}")]
    Pki(#[from] PkiError),
    /// A template of a peer or fault could not be filled in.
    #[error("fill in {what}: {message}")]
    Template {
        /// Which template.
        what: String,
        /// Why.
        message: String,
    },
    /// A file could not be used.
    #[error("use {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program of a peer was not found.
    #[error("find {0}")]
    Missing(String),
    /// The plan of a cell does not fit the catalogue or the lab.
    #[error("carry out the plan: {0}")]
    Plan(String),
    /// A fault could not be injected: the cell is invalid, not failed.
    #[error("inject fault `{name}`: {message}")]
    Fault {
        /// Name in the scenario.
        name: String,
        /// Why.
        message: String,
    },
}

impl EngineError {
    pub(crate) fn file(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Self::File { path: path.into(), source }
    }

    pub(crate) fn plan(message: impl Into<String>) -> Self {
        Self::Plan(message.into())
    }
}

/// Result of an engine operation.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
