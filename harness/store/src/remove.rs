//! Taking peers out of the store.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::{At as _, Result, StoreError};
use crate::folder::{Made, Writing};
use crate::walk::{Kind, walk};
use crate::watch::Watcher;
use crate::{InstalledRelease, Store, dpkg, manifest, settle};

/// Takes packages that were wanted out of a release; a release from which the last one is taken goes. What other packages brought along
/// for them stays until the release is made anew. Needs no network.
///
/// # Errors
/// When the release is not there, or the store cannot be used.
pub fn remove(
    store: &Store,
    release: &str,
    packages: &BTreeSet<String>,
    watcher: &dyn Watcher,
) -> Result<Option<InstalledRelease>> {
    let writing = Writing::begin(store, watcher)?;
    let releases = store.recorded()?;
    let Some(current) = releases.iter().find(|one| one.release == release) else {
        return Err(StoreError::Absent {
            what: format!("the release `{release}`"),
            hint: "`vpn-interop peers list` shows what is there".to_owned(),
        });
    };
    let wanted: Vec<String> = current.wanted.iter().filter(|name| !packages.contains(*name)).cloned().collect();
    if wanted.is_empty() {
        writing.forget(release)?;
        return Ok(None);
    }
    let mut left = current.packages.clone();
    left.retain(|name, _| !packages.contains(name));
    let mut release = InstalledRelease::new(release, &current.architecture, wanted, left);
    if current.layout != release.layout {
        // What is copied was made the old way, and says so.
        release = release.of_layout(current.layout);
    }
    let (from, work) = (store.root(current), writing.work("less")?);
    let root = work.path().join("root");
    let gone: Vec<&String> = packages.iter().filter(|name| current.packages.contains_key(*name)).collect();
    let mut without = BTreeSet::new();
    for package in &gone {
        without.extend(dpkg::files_of(&from, package)?.iter().filter_map(|path| inside(&from, path)));
    }
    copy(&from, &root, &without)?;
    for package in gone {
        dpkg::forget(&root, package)?;
    }
    settle::settle(&root)?;
    let manifest = manifest::list(&root)?;
    writing.commit(&release, &Made { root, manifest }, false)?;
    Ok(Some(release))
}

/// Where a path of a package lies in a root, relative to it; None for folders.
fn inside(root: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    // Only what leads there goes through links; the last part may be a link itself.
    let folder = crate::resolve(root, path.parent()?)?;
    let full = folder.join(path.file_name()?);
    let is_folder = full.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    if is_folder { None } else { Some(full.strip_prefix(root).ok()?.to_path_buf()) }
}

/// Copies a root, without some files. Files are hard links: none of them ever changes.
fn copy(from: &Path, to: &Path, without: &BTreeSet<PathBuf>) -> Result<()> {
    let make = |path: &Path, mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::create_dir(path).at(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).at(path)
    };
    make(to, 0o755)?;
    for entry in walk(from) {
        let entry = entry?;
        if without.contains(&entry.path) {
            continue;
        }
        let (old, new) = (from.join(&entry.path), to.join(&entry.path));
        match entry.kind {
            Kind::Folder => make(&new, entry.mode)?,
            Kind::Link => symlink(fs::read_link(&old).at(&old)?, &new).at(&new)?,
            Kind::File => fs::hard_link(&old, &new).at(&new)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_copy_lacks_what_it_should_and_shares_the_rest() {
        let folder = TempDir::new().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("usr/bin")).unwrap();
        symlink("usr/bin", from.join("bin")).unwrap();
        for name in ["keep", "drop"] {
            fs::write(from.join("usr/bin").join(name), name).unwrap();
        }
        symlink("keep", from.join("usr/bin/link")).unwrap();
        let without: BTreeSet<PathBuf> =
            ["/.", "/bin", "/bin/drop", "/usr/bin/link", "/usr/bin", "/no/such"].iter().filter_map(|path| inside(&from, path)).collect();
        let expected = ["bin", "usr/bin/drop", "usr/bin/link"].map(PathBuf::from);
        assert_eq!(without, expected.clone().into());
        copy(&from, &to, &expected[1..].iter().cloned().collect()).unwrap();
        assert_eq!(fs::read(to.join("bin/keep")).unwrap(), b"keep");
        assert!(!to.join("usr/bin/drop").exists() && to.join("usr/bin/link").symlink_metadata().is_err());
    }
}
