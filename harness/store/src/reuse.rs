//! What a new root takes over from an older one: whole packages, as hard links. No file of a root ever changes, so that they may share.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::dpkg::{Record, Records};
use crate::error::{At as _, Result, StoreError};
use crate::inside::resolve;

/// Takes over the packages with these records.
pub(crate) fn take_over(from: &Path, to: &Path, records: &Records) -> Result<()> {
    // Where a folder of a package really lies: in every root some are links.
    let mut folders: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for path in records.values().flat_map(|Record { files, .. }| files).map(Path::new) {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { continue };
        let folder = match folders.get(parent) {
            Some(folder) => folder.clone(),
            None => {
                let folder = resolve(from, parent).and_then(|full| full.strip_prefix(from).ok().map(Path::to_path_buf));
                let Some(folder) = folder else { return Err(damaged(from, path)) };
                let new = to.join(&folder);
                fs::create_dir_all(&new).at(&new)?;
                folders.insert(parent.to_path_buf(), folder.clone());
                folder
            }
        };
        let (old, new) = (from.join(&folder).join(name), to.join(&folder).join(name));
        let Ok(meta) = old.symlink_metadata() else { return Err(damaged(from, path)) };
        if new.symlink_metadata().is_ok() {
            continue;
        }
        if meta.is_dir() {
            fs::create_dir(&new).at(&new)?;
        } else if meta.is_symlink() {
            symlink(fs::read_link(&old).at(&old)?, &new).at(&new)?;
        } else {
            fs::hard_link(&old, &new).at(&new)?;
        }
    }
    Ok(())
}

fn damaged(root: &Path, path: &Path) -> StoreError {
    StoreError::Damaged { path: root.to_path_buf(), message: format!("{} is gone", path.display()) }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn packages_are_taken_over_and_nothing_else() {
        let folder = TempDir::new().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("usr/bin")).unwrap();
        symlink("usr/bin", from.join("bin")).unwrap();
        fs::create_dir_all(&to).unwrap();
        for name in ["kept", "left"] {
            fs::write(from.join("usr/bin").join(name), name).unwrap();
        }
        symlink("kept", from.join("usr/bin/link")).unwrap();
        let record = Record::of(b"Package: a\n", b"./\n./bin/\n./bin/kept\n./usr/\n./usr/bin/\n./usr/bin/link\n");
        take_over(&from, &to, &[("a".to_owned(), record)].into()).unwrap();
        assert_eq!(fs::read(to.join("bin/kept")).unwrap(), b"kept", "through the link, which came along");
        assert_eq!(fs::read_link(to.join("usr/bin/link")).unwrap(), Path::new("kept"));
        assert!(!to.join("usr/bin/left").exists());
        let gone = Record::of(b"Package: b\n", b"./usr/bin/gone\n");
        assert!(take_over(&from, &to, &[("b".to_owned(), gone)].into()).is_err());
    }
}
