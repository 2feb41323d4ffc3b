//! Taking peers out of the store.

use std::collections::BTreeSet;
use std::fs;

use crate::error::{At as _, Result, StoreError};
use crate::folder::{Made, Writing};
use crate::watch::Watcher;
use crate::{InstalledRelease, Store, dpkg, manifest, reuse, settle, unpack};

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
    let release = InstalledRelease::new(release, &current.architecture, wanted, left);
    let (from, work) = (store.root(current), writing.work("less")?);
    let root = work.path().join("root");
    fs::create_dir(&root).at(&root)?;
    unpack::prepare(&root)?;
    let mut records = dpkg::read(&from)?;
    records.retain(|name, _| !packages.contains(name));
    reuse::take_over(&from, &root, &records)?;
    dpkg::write(&root, &records)?;
    settle::settle(&root)?;
    let manifest = manifest::list(&root)?;
    writing.commit(&release, &Made { root, manifest }, false)?;
    Ok(Some(release))
}
