//! Who watches a long operation, and may stop it.

use std::time::Duration;

/// What happens during an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreEvent {
    /// Another process writes to the store.
    Waiting,
    /// The package lists of a release are fetched.
    Lists {
        /// Which release.
        release: String,
    },
    /// Packages are downloaded.
    Downloading {
        /// Of which release.
        release: String,
        /// Bytes that are there.
        done: u64,
        /// Bytes of all packages.
        total: u64,
    },
    /// Packages are unpacked.
    Unpacking {
        /// Of which release.
        release: String,
        /// Packages that are unpacked.
        done: usize,
        /// Packages of the release.
        total: usize,
    },
    /// An archive is written or read.
    Copying {
        /// Bytes of files that are done.
        done: u64,
        /// Bytes of all files; 0 if that is not known.
        total: u64,
    },
    /// A release is in the store.
    Installed(crate::Installed),
}

/// What an installation made of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// The release as it is now.
    pub release: crate::InstalledRelease,
    /// Whether it had to be made; otherwise it was there.
    pub made: bool,
    /// Bytes of its root file system.
    pub bytes: u64,
    /// Bytes that were downloaded.
    pub downloaded: u64,
    /// How long it took.
    pub took: Duration,
}

/// Watches an operation.
pub trait Watcher: Sync {
    /// Is told what happens.
    fn show(&self, event: &StoreEvent);

    /// Whether to stop soon.
    fn stop(&self) -> bool {
        false
    }
}

/// Nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn show(&self, _: &StoreEvent) {}
}
