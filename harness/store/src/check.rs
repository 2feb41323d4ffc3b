//! Whether a root is still what was unpacked.

use crate::error::Result;
use crate::{InstalledRelease, Store, manifest};

impl Store {
    /// How the root of a release differs from what was unpacked, in words; nothing if it does not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn verify(&self, release: &InstalledRelease) -> Result<Vec<String>> {
        let list = manifest::read(&self.manifest_named(&release.digest))?;
        manifest::differences(&self.root(release), &list)
    }

    /// Bytes of the files of a release; 0 when nobody knows.
    pub fn bytes(&self, release: &InstalledRelease) -> u64 {
        manifest::read(&self.manifest_named(&release.digest)).map_or(0, |list| manifest::bytes(&list))
    }
}
