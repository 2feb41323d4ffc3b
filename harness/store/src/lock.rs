//! A lock file: the releases of a store with exact versions and hashes, to be installed the same elsewhere.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::InstalledRelease;
use crate::error::{At as _, Result, StoreError};
use crate::folder::write_whole;
use crate::installed::MOST_RECORD;

/// Of the format.
const VERSION: u32 = 1;

/// Releases that are locked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    version: u32,
    /// By name.
    pub releases: Vec<InstalledRelease>,
}

impl Lock {
    /// A lock of these releases.
    pub fn of(mut releases: Vec<InstalledRelease>) -> Self {
        releases.sort_by(|a, b| a.release.cmp(&b.release));
        Self { version: VERSION, releases }
    }

    /// Reads a lock file. None if there is none.
    ///
    /// # Errors
    /// When it cannot be read, is none, or is for another architecture.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let wrong = |message: String| StoreError::Lock { path: path.to_path_buf(), message };
        let size = match fs::metadata(path) {
            Ok(meta) => meta.len(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::file(path, source)),
        };
        if size > MOST_RECORD {
            return Err(wrong(format!("it has {size} bytes, which no lock has")));
        }
        let lock: Self = serde_json::from_slice(&fs::read(path).at(path)?).map_err(|error| wrong(error.to_string()))?;
        if lock.version != VERSION {
            return Err(wrong(format!("it has the version {}, known is {VERSION}", lock.version)));
        }
        for release in &lock.releases {
            release.validate().map_err(|message| wrong(format!("{}: {message}", release.release)))?;
            let own = crate::architecture::architecture();
            if release.architecture != own {
                return Err(wrong(format!(
                    "{} is for {}, this machine is {own}; keep a lock for each architecture",
                    release.release, release.architecture
                )));
            }
        }
        Ok(Some(lock))
    }

    /// A release of it.
    pub fn release(&self, name: &str) -> Option<&InstalledRelease> {
        self.releases.iter().find(|release| release.release == name)
    }

    /// Writes it.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|error| StoreError::Lock { path: path.to_path_buf(), message: error.to_string() })?;
        text.push(b'\n');
        write_whole(path, &text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::architecture::architecture;

    fn release(architecture: &str) -> InstalledRelease {
        InstalledRelease::new("trixie", architecture, Vec::new(), BTreeMap::new())
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("peers.lock");
        assert_eq!(Lock::read(&path).unwrap(), None);
        let lock = Lock::of(vec![release(architecture())]);
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), Some(lock));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("peers.lock");
        let said = |text: &str| {
            fs::write(&path, text).unwrap();
            Lock::read(&path).unwrap_err().to_string()
        };
        assert!(said("{}").contains("peers.lock: missing field `version`"));
        assert!(said("{\"version\":2,\"releases\":[]}").contains("the version 2, known is 1"));
        let other = serde_json::to_string(&Lock::of(vec![release("m68k")])).unwrap();
        assert!(said(&other).contains("trixie is for m68k"));
        let mut damaged = release(architecture());
        damaged.digest = "0".repeat(64);
        let damaged = serde_json::to_string(&Lock::of(vec![damaged])).unwrap();
        assert!(said(&damaged).contains("the digest is not that of the packages"));
    }
}
