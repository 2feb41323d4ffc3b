//! What was changed on the machine, on disk before it is done, so that it can be undone after any end of the process.
//!
//! One file for each process, `PID-START-N.jsonl`, with one JSON object in a line: `owner` first, then `did` for each
//! change with how it is undone, and `undone` with its number. A file whose changes are all undone is removed.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::NetError;
use super::change::Undo;
use super::owner::Owner;

/// Distinguishes the journals that one process opens.
static OPENED: AtomicU32 = AtomicU32::new(0);

/// The journal of this process. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    path: PathBuf,
    owner: Owner,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    last: u64,
    open: BTreeSet<u64>,
}

/// Number of an entry in the journal of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryId(u64);

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    Owner(Owner),
    Did(Record),
    Undone(u64),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Record {
    pub(super) id: u64,
    /// The change in words.
    pub(super) change: String,
    pub(super) undo: Undo,
}

impl Journal {
    /// Opens the journal in a folder, which is made for this user alone where it is missing. Its entries belong to the
    /// process, and to the network namespace of the thread, that opened it.
    ///
    /// # Errors
    /// When the folder cannot be made, or others may write to it: what is in it is later done with root's rights.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, NetError> {
        let folder = folder.as_ref().to_owned();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| NetError::file(&folder, source))?;
        check(&folder)?;
        let owner = Owner::this_process()?;
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{}-{number}.jsonl", owner.pid, owner.start));
        Ok(Self { inner: Arc::new(Inner { folder, path, owner, state: Mutex::default() }) })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    /// Writes down a change that is about to be made, in words, and how it is undone. It is on disk on return.
    ///
    /// # Errors
    /// When it cannot be written; then the change must not be made.
    pub fn record(&self, change: &str, undo: &Undo) -> Result<EntryId, NetError> {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| NetError::file(&self.inner.path, source);
        if state.file.is_none() {
            state.file = Some(self.inner.create().map_err(failed)?);
        }
        let id = state.last + 1;
        let line = Line::Did(Record { id, change: change.to_owned(), undo: undo.clone() });
        if let Some(file) = &mut state.file {
            append(file, &line).map_err(failed)?;
        }
        state.last = id;
        state.open.insert(id);
        Ok(EntryId(id))
    }

    /// Writes down that a change was undone, or never made. With the last one the file goes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn settle(&self, id: EntryId) -> Result<(), NetError> {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| NetError::file(&self.inner.path, source);
        if !state.open.remove(&id.0) {
            return Ok(());
        }
        if let Some(file) = &mut state.file {
            append(file, &Line::Undone(id.0)).map_err(failed)?;
        }
        if state.open.is_empty() {
            state.file = None;
            match fs::remove_file(&self.inner.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(failed)?,
            }
        }
        Ok(())
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.inner.owner
    }
}

impl Inner {
    fn create(&self) -> io::Result<File> {
        let mut file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&self.path)?;
        append(&mut file, &Line::Owner(self.owner.clone()))?;
        // The name must be on disk, too.
        File::open(&self.folder)?.sync_all()?;
        Ok(file)
    }
}

/// Appends a line in one write and waits for the disk.
pub(super) fn append(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_data()
}

/// The process of a journal file, from its name.
pub(super) fn owner_of_file(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.strip_suffix(".jsonl")?.split('-');
    let owner = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let number: Option<u32> = parts.next()?.parse().ok();
    (number.is_some() && parts.next().is_none()).then_some(owner)
}

fn check(folder: &Path) -> Result<(), NetError> {
    let meta = fs::symlink_metadata(folder).map_err(|source| NetError::file(folder, source))?;
    let refuse = |reason: &str| Err(NetError::UnsafeJournal { path: folder.to_owned(), reason: reason.to_owned() });
    if !meta.is_dir() {
        return refuse("it is no folder");
    }
    if meta.uid() != nix::unistd::geteuid().as_raw() {
        return refuse("it belongs to another user");
    }
    if meta.mode() & 0o022 != 0 {
        return refuse("others may write to it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::change::{Forwarding, Undo};
    use super::*;

    fn undo() -> Undo {
        Undo::RestoreForwarding { which: Forwarding::Ipv4, original: "0".to_owned() }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_change_is_on_disk_until_it_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path().join("a/b")).unwrap();
        assert!(files(journal.folder()).is_empty());
        let first = journal.record("one", &undo()).unwrap();
        let second = journal.clone().record("two", &undo()).unwrap();
        let path = files(journal.folder()).remove(0);
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<Line> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0], Line::Owner(journal.owner().clone()));
        assert_eq!(lines[2], Line::Did(Record { id: 2, change: "two".to_owned(), undo: undo() }));
        assert_eq!(
            text.lines().nth(1).unwrap(),
            r#"{"did":{"id":1,"change":"one","undo":{"restore-forwarding":{"which":"ipv4","original":"0"}}}}"#
        );
        journal.settle(first).unwrap();
        journal.settle(first).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("{\"undone\":1}\n"));
        journal.settle(second).unwrap();
        assert!(files(journal.folder()).is_empty());
        journal.record("three", &undo()).unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("\"id\":3"));
    }

    #[test]
    fn a_folder_that_others_may_write_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Journal::open(folder.path()), Err(NetError::UnsafeJournal { .. })));
        let link = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(link.path(), link.path().join("x")).unwrap();
        assert!(matches!(Journal::open(link.path().join("x")), Err(NetError::UnsafeJournal { .. })));
    }

    #[test]
    fn names_of_journal_files() {
        assert_eq!(owner_of_file("12-345-0.jsonl"), Some((12, 345)));
        for other in ["lock", "12-345.jsonl", "12-345-0-1.jsonl", "12-345-0.jsonl.damaged", "a-b-c.jsonl"] {
            assert_eq!(owner_of_file(other), None, "{other}");
        }
    }
}
