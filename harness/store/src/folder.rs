//! The folder of the store: its lock, places for unfinished work, and how files get their final names.

use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use crate::error::{At as _, Result, StoreError};
use crate::watch::{StoreEvent, Watcher};
use crate::{InstalledRelease, Store};

/// Prefix of folders with unfinished work.
const NEW: &str = "new.";

/// A folder with unfinished work; it ends with whoever made it.
pub(crate) struct Work(PathBuf);

impl Work {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What cannot be removed now, the next writer removes.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A root file system that is finished but has no name yet.
pub(crate) struct Made {
    /// Where it is.
    pub(crate) root: PathBuf,
    /// What is in it.
    pub(crate) manifest: Vec<u8>,
}

/// The right to write to a store. Children hold it as their standard input, so that one that outlives a killed parent still keeps
/// others away from what it writes.
pub(crate) struct Writing<'s> {
    store: &'s Store,
    lock: File,
    /// Several releases are made at a time; one at a time gets its name.
    naming: Mutex<()>,
}

impl<'s> Writing<'s> {
    /// Waits for its turn, and clears what an interrupted operation left.
    pub(crate) fn begin(store: &'s Store, watcher: &dyn Watcher) -> Result<Self> {
        let folder = store.folder();
        for part in ["releases", "roots", "manifests", "partial"] {
            let part = folder.join(part);
            fs::create_dir_all(&part).at(&part)?;
        }
        let path = folder.join("store.lock");
        let lock = File::options().create(true).append(true).open(&path).at(&path)?;
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if watcher.stop() => return Err(StoreError::Interrupted),
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        watcher.show(&StoreEvent::Waiting);
                        told = true;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
                Err(TryLockError::Error(source)) => return Err(StoreError::file(&path, source)),
            }
        }
        let writing = Self { store, lock, naming: Mutex::new(()) };
        writing.clear()?;
        Ok(writing)
    }

    /// Standard input for children: holds the lock, and is empty.
    pub(crate) fn held(&self) -> Result<Stdio> {
        Ok(self.lock.try_clone().at(self.store.folder())?.into())
    }

    pub(crate) const fn store(&self) -> &'s Store {
        self.store
    }

    /// A new folder for unfinished work.
    pub(crate) fn work(&self, name: &str) -> Result<Work> {
        for number in 0..10_000_u32 {
            let path = self.store.folder().join(format!("{NEW}{name}.{number}"));
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Work(path)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(StoreError::file(&path, source)),
            }
        }
        let path = self.store.folder().join(NEW);
        Err(StoreError::Damaged { path, message: "there are too many folders with this prefix".to_owned() })
    }

    fn clear(&self) -> Result<()> {
        let folder = self.store.folder();
        for entry in fs::read_dir(folder).at(folder)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(NEW) {
                fs::remove_dir_all(entry.path()).at(&entry.path())?;
            }
        }
        self.drop_unnamed()
    }

    /// Gives a finished root its place and makes it the release's; the root that the release had before is dropped. A root that is
    /// there already stays, unless it is to be replaced because it is damaged.
    pub(crate) fn commit(&self, release: &InstalledRelease, made: &Made, replace: bool) -> Result<()> {
        let _one = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let (to, list) = (self.store.root_named(&release.digest), self.store.manifest_named(&release.digest));
        if to.exists() && (replace || !list.exists()) {
            self.set_aside(&to)?;
        }
        if !to.exists() {
            write_whole(&list, &made.manifest)?;
            fs::rename(&made.root, &to).at(&to)?;
        }
        self.write_record(release)?;
        self.drop_unnamed()
    }

    /// Writes what a release is made of; its root is there.
    pub(crate) fn record(&self, release: &InstalledRelease) -> Result<()> {
        let _one = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_record(release)?;
        self.drop_unnamed()
    }

    fn write_record(&self, release: &InstalledRelease) -> Result<()> {
        let path = self.store.release_file(&release.release);
        let mut text = serde_json::to_vec_pretty(release)
            .map_err(|error| StoreError::Damaged { path: path.clone(), message: error.to_string() })?;
        text.push(b'\n');
        write_whole(&path, &text)
    }

    /// Takes a release out of the store.
    pub(crate) fn forget(&self, release: &str) -> Result<()> {
        let _one = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.store.release_file(release);
        fs::remove_file(&path).at(&path)?;
        let partial = self.partial(release);
        if partial.exists() {
            fs::remove_dir_all(&partial).at(&partial)?;
        }
        self.drop_unnamed()
    }

    /// Where packages of a release are downloaded to.
    pub(crate) fn partial(&self, release: &str) -> PathBuf {
        self.store.folder().join("partial").join(release)
    }

    /// Removes roots that no release names, unless somebody may be running programs in them: then the next writer does.
    fn drop_unnamed(&self) -> Result<()> {
        let in_use = self.store.in_use();
        let lock = File::options().create(true).append(true).open(&in_use).at(&in_use)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(source)) => return Err(StoreError::file(&in_use, source)),
        }
        // While a record is damaged, nobody knows what it named.
        let Ok(recorded) = self.store.recorded() else { return Ok(()) };
        let named: Vec<String> = recorded.into_iter().map(|release| release.digest).collect();
        for part in ["roots", "manifests"] {
            let folder = self.store.folder().join(part);
            for entry in fs::read_dir(&folder).at(&folder)?.flatten() {
                if named.iter().any(|digest| *digest == *entry.file_name().to_string_lossy()) {
                    continue;
                }
                if entry.path().is_dir() {
                    self.discard(&entry.path())?;
                } else {
                    fs::remove_file(entry.path()).at(&entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// Takes a root's place for another one of the same packages. Whoever runs programs in it keeps it: it goes with the roots that no release
    /// names.
    fn set_aside(&self, root: &Path) -> Result<()> {
        let aside = (0_u32..).map(|number| root.with_extension(number.to_string())).find(|path| !path.exists());
        aside.map_or(Ok(()), |aside| fs::rename(root, aside).at(root))
    }

    /// Removes a root. It loses its name first: what is left half removed is nobody's root.
    fn discard(&self, root: &Path) -> Result<()> {
        let away = self.work("gone")?;
        fs::rename(root, away.path().join("root")).at(root)?;
        fs::remove_dir_all(away.path()).at(away.path())
    }
}

/// Writes a file that is there with all of its content, or not at all.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    let written = File::create(&unfinished)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, path));
    written.map_err(|source| {
        // Of no use, and perhaps what fills the disk.
        let _ = fs::remove_file(&unfinished);
        StoreError::file(path, source)
    })
}
