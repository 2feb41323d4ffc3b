//! Errors of making, reading and writing certificates.

use std::path::PathBuf;

use openssl::error::ErrorStack;

/// Why certificates could not be made or understood; reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// OpenSSL refused something.
    #[error("{doing}: {source}")]
    Openssl {
        /// What was being done.
        doing: &'static str,
        /// What OpenSSL said.
        source: ErrorStack,
    },
    /// A server certificate needs at least one name or address.
    #[error("issue a server certificate without any name or address")]
    Nameless,
    /// A chain holds no certificate at all.
    #[error("find a certificate in what should be a chain in PEM form")]
    EmptyChain,
    /// A file could not be written.
    #[error("write {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Says what was being done when OpenSSL failed.
pub(crate) trait Doing<T> {
    /// `doing` reads after "failed to".
    fn doing(self, doing: &'static str) -> Result<T, PkiError>;
}

impl<T> Doing<T> for Result<T, ErrorStack> {
    fn doing(self, doing: &'static str) -> Result<T, PkiError> {
        self.map_err(|source| PkiError::Openssl { doing, source })
    }
}
