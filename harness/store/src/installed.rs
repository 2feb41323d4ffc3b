//! What is in the store.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Environment variable that names another folder.
const STORE: &str = "VPN_INTEROP_STORE";
/// Below the user's cache folder.
const CACHE: &str = "vpn-interop/store";

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder cannot be used.
    #[error("use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the store is damaged.
    #[error("read {}: {message}; `vpn-interop peers install` makes it anew", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// A folder of root file systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    folder: PathBuf,
}

/// A release that is in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRelease {
    /// `trixie`.
    pub release: String,
    /// Names the root: a hash over all packages.
    pub digest: String,
    /// Packages that were asked for; the others are what these need.
    pub wanted: Vec<String>,
    /// Every package in the root, by name.
    pub packages: BTreeMap<String, Package>,
}

/// A package in a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Exact version: `9.12-3+b1`.
    pub version: String,
    /// Path below the mirror.
    pub path: String,
    /// SHA-256 of the package file, in hex.
    pub sha256: String,
    /// Bytes of the package file.
    pub size: u64,
}

impl Store {
    /// The user's store: `VPN_INTEROP_STORE`, or below the cache folder. None without a home.
    pub fn of_user() -> Option<Self> {
        let named = env::var_os(STORE).filter(|path| !path.is_empty()).map(PathBuf::from);
        let cache = || {
            let cache = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
            cache
                .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
                .map(|cache| cache.join(CACHE))
        };
        named.or_else(cache).map(Self::at)
    }

    /// The store in a folder, which need not exist.
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is installed, by name of the release.
    ///
    /// # Errors
    /// When a file of the store is damaged.
    pub fn releases(&self) -> Result<Vec<InstalledRelease>, StoreError> {
        let folder = self.folder.join("releases");
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for path in
            entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
        {
            let text = fs::read_to_string(&path).map_err(|source| StoreError::File { path: path.clone(), source })?;
            let release: InstalledRelease = serde_json::from_str(&text)
                .map_err(|error| StoreError::Damaged { path: path.clone(), message: error.to_string() })?;
            if self.root(&release).is_dir() {
                found.push(release);
            }
        }
        found.sort_by(|a, b| a.release.cmp(&b.release));
        Ok(found)
    }

    /// The root file system of a release.
    pub fn root(&self, release: &InstalledRelease) -> PathBuf {
        self.folder.join("roots").join(&release.digest)
    }
}
