//! What can go wrong, each with what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A failure of the store; reads after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder cannot be used.
    #[error("use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of the store is damaged.
    #[error("read {}: {message}; `vpn-interop peers install --refresh` makes it anew", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The disk is full.
    #[error(
        "write to {}: the disk is full, and a release takes up to 300 MB for a while. Packages that were downloaded are kept. \
         Make room, or name a folder elsewhere with VPN_INTEROP_STORE",
        folder.display()
    )]
    Full {
        /// Folder of the store.
        folder: PathBuf,
    },
    /// A program of the machine is missing.
    #[error("start `{program}`: {source}; {hint}")]
    Program {
        /// Which.
        program: String,
        /// What it is needed for, or what can be done without.
        hint: String,
        /// Why it does not start.
        source: io::Error,
    },
    /// A program of the machine failed.
    #[error("{doing}: {said}")]
    Failed {
        /// What it was to do.
        doing: String,
        /// What it said.
        said: String,
    },
    /// The machine's configuration names no mirror of Debian.
    #[error("find a mirror: {0}")]
    NoMirror(String),
    /// Signatures cannot be verified.
    #[error("verify signatures: {0}")]
    Signature(String),
    /// The mirror does not answer.
    #[error(
        "reach the mirror {mirror}: {said}; the network, a proxy (`Acquire::http::Proxy` of apt) or --mirror may be wrong"
    )]
    Unreachable {
        /// Which.
        mirror: String,
        /// What apt said.
        said: String,
    },
    /// There is no such release.
    #[error("find the release `{release}`: {why}; known are {}", crate::KNOWN_RELEASES.join(", "))]
    UnknownRelease {
        /// Name that was given.
        release: String,
        /// Who says so.
        why: String,
    },
    /// The mirror has no such package any more.
    #[error(
        "fetch {package} {version} of {release}: {why}; import a store that was exported while it was there \
         (`vpn-interop peers import`), or take what the mirror has now with --refresh"
    )]
    Dropped {
        /// Release of the lock.
        release: String,
        /// Name of the package.
        package: String,
        /// Its exact version.
        version: String,
        /// What the mirror says.
        why: String,
    },
    /// A lock does not fit.
    #[error("use the lock {}: {message}", path.display())]
    Lock {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// An archive is refused.
    #[error("import {}: {message}; nothing of it was taken", path.display())]
    Refused {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// It is not in the store.
    #[error("find {what} in the store; {hint}")]
    Absent {
        /// What was asked for.
        what: String,
        /// What is there, or how to get it.
        hint: String,
    },
    /// The user stopped it.
    #[error("finish: interrupted; what was downloaded is kept, and the same command goes on from there")]
    Interrupted,
}

/// For results of the store.
pub(crate) type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// A failure on a file; a full disk has words of its own.
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull || source.kind() == io::ErrorKind::QuotaExceeded {
            return Self::Full { folder: path.to_path_buf() };
        }
        Self::File { path: path.to_path_buf(), source }
    }
}

/// Adds the path to failures of the file system.
pub(crate) trait At<T> {
    /// Names the file or folder that it was about.
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| StoreError::file(path, source))
    }
}
