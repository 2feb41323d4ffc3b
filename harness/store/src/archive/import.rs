//! Reading an archive, which may come from anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufReader, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Entry, EntryType};

use crate::architecture::architecture;
use crate::digest::is_sha256;
use crate::error::{At as _, Result, StoreError};
use crate::folder::{Made, Work, Writing};
use crate::installed::MOST_RECORD;
use crate::manifest::{self, MOST_MANIFEST};
use crate::walk::MOST_ENTRIES;
use crate::watch::{StoreEvent, Watcher};
use crate::{InstalledRelease, Store};

/// Longest path or target of a link.
const MOST_PATH: u64 = 4096;
/// Releases in one archive.
const MOST_RELEASES: usize = 256;

/// A release that was taken out of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Which.
    pub release: InstalledRelease,
    /// Bytes of its root file system.
    pub bytes: u64,
    /// Whether it was there already, the same.
    pub was_there: bool,
}

/// Puts the releases of an archive into a store; a release of the same name is replaced.
///
/// Everything is unpacked and compared with its manifest first, and nothing in the archive can name a place outside of the folder that
/// it is unpacked into. Whoever made the archive decides which programs are in it, though: import what you exported.
///
/// # Errors
/// When the archive is not what [`export`](super::export) writes, is for another architecture, or the store cannot be used.
pub fn import(store: &Store, file: &Path, watcher: &dyn Watcher) -> Result<Vec<Imported>> {
    let content = BufReader::with_capacity(1 << 16, File::open(file).at(file)?);
    let writing = Writing::begin(store, watcher)?;
    let mut reader = Reader {
        file,
        work: writing.work("import")?,
        watcher,
        releases: BTreeMap::new(),
        manifests: BTreeMap::new(),
        folders: BTreeSet::new(),
        promised: 0,
        taken: 0,
    };
    reader.read(content)?;
    reader.verify()?;
    let mut imported = Vec::new();
    for release in reader.releases.values() {
        let was_there = store.readable(&release.release).as_ref() == Some(release);
        let list = reader.manifests.get(&release.digest).map(String::as_str).unwrap_or_default();
        let root = reader.place(&Path::new("roots").join(&release.digest));
        let made = Made { root, manifest: list.as_bytes().to_vec() };
        let damaged = was_there && !store.verify(release).is_ok_and(|differences| differences.is_empty());
        writing.commit(release, &made, damaged)?;
        imported.push(Imported { release: release.clone(), bytes: manifest::bytes(list), was_there });
    }
    Ok(imported)
}

/// An archive on its way into a folder.
struct Reader<'a> {
    file: &'a Path,
    work: Work,
    watcher: &'a dyn Watcher,
    releases: BTreeMap<String, InstalledRelease>,
    /// By digest.
    manifests: BTreeMap<String, String>,
    /// Made by this import, and no links: only in these is anything made.
    folders: BTreeSet<PathBuf>,
    /// Bytes of files that the manifests list.
    promised: u64,
    taken: u64,
}

impl Reader<'_> {
    fn refuse(&self, message: impl Into<String>) -> StoreError {
        StoreError::Refused { path: self.file.to_path_buf(), message: message.into() }
    }

    /// An error while reading the archive.
    fn broken(&self, error: &io::Error) -> StoreError {
        self.refuse(format!("it is no archive of `vpn-interop peers export`, or is cut off ({error})"))
    }

    fn place(&self, path: &Path) -> PathBuf {
        self.work.path().join(path)
    }

    fn read(&mut self, content: impl io::Read) -> Result<()> {
        let mut archive = Archive::new(content);
        let entries = archive.entries().map_err(|error| self.broken(&error))?;
        // Names that do not fit into a header come as entries before the one that they are for. They are read here, as the library
        // would take as much memory for them as an archive wants.
        let (mut long_path, mut long_target) = (None, None);
        for (number, entry) in entries.raw(true).enumerate() {
            if self.watcher.stop() {
                return Err(StoreError::Interrupted);
            }
            if number > 2 * MOST_ENTRIES {
                return Err(self.refuse("it has too many files"));
            }
            let mut entry = entry.map_err(|error| self.broken(&error))?;
            match entry.header().entry_type() {
                EntryType::GNULongName => long_path = Some(self.long_name(&mut entry)?),
                EntryType::GNULongLink => long_target = Some(self.long_name(&mut entry)?),
                kind => {
                    let path = long_path.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                    let target = long_target.take().or_else(|| entry.link_name_bytes().map(|name| name.into_owned()));
                    self.take(&mut entry, kind, &path, target)?;
                }
            }
        }
        Ok(())
    }

    fn long_name(&self, entry: &mut Entry<'_, impl io::Read>) -> Result<Vec<u8>> {
        if entry.size() > MOST_PATH {
            return Err(self.refuse("a path in it is too long"));
        }
        let mut name = self.content(entry)?;
        while name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    /// The whole content of an entry whose size is bounded.
    fn content(&self, entry: &mut Entry<'_, impl io::Read>) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|error| self.broken(&error))?;
        if content.len() as u64 == entry.size() {
            Ok(content)
        } else {
            Err(self.broken(&io::ErrorKind::UnexpectedEof.into()))
        }
    }

    fn take(
        &mut self,
        entry: &mut Entry<'_, impl io::Read>,
        kind: EntryType,
        path: &[u8],
        target: Option<Vec<u8>>,
    ) -> Result<()> {
        let path = Path::new(OsStr::from_bytes(path)).to_path_buf();
        let shown = path.display().to_string();
        let mut parts = Vec::new();
        for part in path.components() {
            match part {
                Component::Normal(part) => parts.push(part),
                _ => return Err(self.refuse(format!("`{shown}` leaves the folder of the store"))),
            }
        }
        let first = parts.first().and_then(|part| part.to_str()).unwrap_or_default();
        let second = parts.get(1).and_then(|part| part.to_str()).unwrap_or_default().to_owned();
        match (first, parts.len(), kind) {
            ("releases", 2, EntryType::Regular) => self.take_release(entry, &second),
            ("manifests", 2, EntryType::Regular) => self.take_manifest(entry, &second),
            ("roots", 2.., _) => {
                if !self.manifests.contains_key(&second) {
                    return Err(self.refuse(format!("`{shown}` belongs to no release before it")));
                }
                self.take_part(entry, kind, &path, parts.len() == 2, target)
            }
            _ => Err(self.refuse(format!("`{shown}` is not what a store has"))),
        }
    }

    fn take_release(&mut self, entry: &mut Entry<'_, impl io::Read>, name: &str) -> Result<()> {
        if entry.size() > MOST_RECORD || self.releases.len() >= MOST_RELEASES {
            return Err(self.refuse(format!("`releases/{name}` is too much")));
        }
        let text = self.content(entry)?;
        let release: InstalledRelease =
            serde_json::from_slice(&text).map_err(|error| self.refuse(format!("`releases/{name}`: {error}")))?;
        release.validate().map_err(|message| self.refuse(format!("`releases/{name}`: {message}")))?;
        if format!("{}.json", release.release) != name {
            return Err(self.refuse(format!("`releases/{name}` is about `{}`", release.release)));
        }
        if release.architecture != architecture() {
            let (theirs, ours) = (&release.architecture, architecture());
            return Err(self.refuse(format!("{} is for {theirs}, this machine is {ours}", release.release)));
        }
        self.releases.insert(release.release.clone(), release);
        Ok(())
    }

    fn take_manifest(&mut self, entry: &mut Entry<'_, impl io::Read>, digest: &str) -> Result<()> {
        let named = self.releases.values().any(|release| release.digest == digest);
        if !is_sha256(digest) || !named || self.manifests.contains_key(digest) {
            return Err(self.refuse(format!("`manifests/{digest}` belongs to no release before it")));
        }
        if entry.size() > MOST_MANIFEST {
            return Err(self.refuse(format!("`manifests/{digest}` is too much")));
        }
        let text = String::from_utf8(self.content(entry)?)
            .map_err(|error| self.refuse(format!("`manifests/{digest}`: {error}")))?;
        self.promised = self.promised.saturating_add(manifest::bytes(&text));
        self.manifests.insert(digest.to_owned(), text);
        Ok(())
    }

    /// A folder, file or link of a root.
    fn take_part(
        &mut self,
        entry: &mut Entry<'_, impl io::Read>,
        kind: EntryType,
        path: &Path,
        is_root: bool,
        target: Option<Vec<u8>>,
    ) -> Result<()> {
        let shown = path.display();
        let place = self.place(path);
        let mode = entry.header().mode().map_err(|error| self.broken(&error))?;
        if mode & !0o1777 != 0 {
            return Err(self.refuse(format!("`{shown}` would give its user more rights")));
        }
        if is_root {
            if kind != EntryType::Directory {
                return Err(self.refuse(format!("`{shown}` is no folder")));
            }
            fs::create_dir_all(&place).at(&place)?;
            self.folders.insert(path.to_path_buf());
            return Ok(());
        }
        if !path.parent().is_some_and(|parent| self.folders.contains(parent)) {
            return Err(self.refuse(format!("`{shown}` lies in no folder of the archive")));
        }
        if place.symlink_metadata().is_ok() {
            return Err(self.refuse(format!("`{shown}` is there twice")));
        }
        match kind {
            EntryType::Directory => {
                fs::create_dir(&place).at(&place)?;
                self.folders.insert(path.to_path_buf());
                // As in every root; with less it could not be filled or removed.
                let mode = mode | 0o700;
                fs::set_permissions(&place, Permissions::from_mode(mode)).at(&place)
            }
            EntryType::Symlink => match target {
                Some(target) if !target.is_empty() && !target.contains(&0) => {
                    symlink(OsStr::from_bytes(&target), &place).at(&place)
                }
                _ => Err(self.refuse(format!("`{shown}` is a link to nothing"))),
            },
            EntryType::Regular => {
                self.taken = self.taken.saturating_add(entry.size());
                if self.taken > self.promised {
                    return Err(self.refuse(format!("`{shown}` is more than the manifest lists")));
                }
                let size = entry.size();
                let mut file = OpenOptions::new().write(true).create_new(true).open(&place).at(&place)?;
                let mut limited = entry.take(size);
                if io::copy(&mut limited, &mut file).map_err(|error| self.while_copying(&place, error))? != size {
                    return Err(self.refuse(format!("it is cut off at `{shown}`")));
                }
                file.set_permissions(Permissions::from_mode(mode)).at(&place)?;
                self.watcher.show(&StoreEvent::Copying { done: self.taken, total: self.promised });
                Ok(())
            }
            _ => Err(self.refuse(format!("`{shown}` is neither a file nor a folder nor a link"))),
        }
    }

    /// Reading and writing fail with the same type.
    fn while_copying(&self, place: &Path, error: io::Error) -> StoreError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::file(place, error),
            _ => self.broken(&error),
        }
    }

    /// That every release is whole.
    fn verify(&self) -> Result<()> {
        if self.releases.is_empty() {
            return Err(self.refuse("it has no release"));
        }
        for release in self.releases.values() {
            let root = Path::new("roots").join(&release.digest);
            let list = self.manifests.get(&release.digest).filter(|_| self.folders.contains(&root));
            let Some(list) = list else {
                return Err(self.refuse(format!("the root of {} is not in it", release.release)));
            };
            if let Some(first) = manifest::differences(&self.place(&root), list)?.first() {
                return Err(self.refuse(format!("{}: {first}", release.release)));
            }
        }
        Ok(())
    }
}
