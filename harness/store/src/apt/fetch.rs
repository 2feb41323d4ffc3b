//! Package files from a mirror, by path and hash.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::private::Apt;
use super::uris::address;
use crate::Package;
use crate::digest::sha256_of;
use crate::error::{At as _, Result, StoreError};
use crate::tool;
use crate::watch::StoreEvent;

/// Not in the search path.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// Package files that are there and are what they should be.
pub(crate) struct Fetched {
    /// By name of the package.
    pub(crate) files: BTreeMap<String, PathBuf>,
    /// Bytes that had to be downloaded.
    pub(crate) downloaded: u64,
}

/// Brings the files of these packages here. What an interrupted download left is used.
pub(crate) fn fetch(apt: &Apt<'_>, packages: &BTreeMap<String, Package>) -> Result<Fetched> {
    let folder = apt.writing.partial(&apt.release);
    fs::create_dir_all(&folder).at(&folder)?;
    let files: BTreeMap<String, PathBuf> =
        packages.iter().map(|(name, package)| (name.clone(), folder.join(format!("{}.deb", package.sha256)))).collect();
    clear_others(&folder, &files)?;
    let mut missing = Vec::new();
    for (name, package) in packages {
        let file = &files[name];
        if !is_good(file, package)? {
            // The beginning of a file is gone on with, a wrong one is not.
            if file.metadata().is_ok_and(|meta| meta.len() >= package.size) {
                fs::remove_file(file).at(file)?;
            }
            missing.push((name, package, file));
        }
    }
    let downloaded: u64 = missing.iter().map(|(_, package, _)| package.size).sum();
    if !missing.is_empty() {
        let total: u64 = packages.values().map(|package| package.size).sum();
        let told = Cell::new(u64::MAX);
        let tick = || {
            let there =
                missing.iter().filter_map(|(_, _, file)| file.metadata().ok()).map(|meta| meta.len()).sum::<u64>();
            let done = total - downloaded + there.min(downloaded);
            if told.replace(done) != done {
                apt.watcher.show(&StoreEvent::Downloading { release: apt.release.clone(), done, total });
            }
        };
        let mut command = apt.command(HELPER);
        command.args(["-qq", "download-file"]);
        for (_, package, file) in &missing {
            command.arg(address(&apt.mirror, &package.path)).arg(file).arg(format!("SHA256:{}", package.sha256));
        }
        let ended = apt.run(&mut command, &tick)?;
        for (name, package, file) in &missing {
            if is_good(file, package)? {
                continue;
            }
            let all = ended.errors();
            if tool::is_full(&all) {
                return Err(ended.failure("download", apt.writing.store().folder()));
            }
            let about = all.lines().find(|line| line.contains(package.path.rsplit('/').next().unwrap_or_default()));
            let about = about.map_or_else(|| ended.said(), |line| line.trim().to_owned());
            let gone =
                ["404", "Not Found", "File not found", "Hash Sum mismatch"].iter().find(|why| about.contains(**why));
            return Err(match gone {
                Some(why) => StoreError::Dropped {
                    release: apt.release.clone(),
                    package: (*name).clone(),
                    version: package.version.clone(),
                    why: if why.starts_with("Hash") {
                        format!("{} has another file in its place", apt.mirror)
                    } else {
                        format!("{} does not have it any more", apt.mirror)
                    },
                },
                None => StoreError::Unreachable { mirror: apt.mirror.clone(), said: about },
            });
        }
    }
    Ok(Fetched { files, downloaded })
}

/// Whether a file is the package.
fn is_good(file: &Path, package: &Package) -> Result<bool> {
    let Ok(meta) = fs::metadata(file) else { return Ok(false) };
    Ok(meta.len() == package.size && sha256_of(file)? == package.sha256)
}

/// Removes what belongs to none of these packages: an older version, or a file that was refused.
fn clear_others(folder: &Path, files: &BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).at(folder)?.flatten() {
        if !files.values().any(|file| *file == entry.path()) {
            fs::remove_file(entry.path()).at(&entry.path())?;
        }
    }
    Ok(())
}
