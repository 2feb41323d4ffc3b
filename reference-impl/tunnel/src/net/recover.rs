//! Undoes what processes that have ended left behind.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use super::NetError;
use super::change::Undo;
use super::journal::{Journal, Line, Record, append, owner_of_file};
use super::netlink::Netlink;
use super::owner::Owner;
use super::undo::{Outcome, perform};

/// How long to wait for another process that recovers.
const WAIT: Duration = Duration::from_secs(5);

/// Longest journal that is read, in bytes; a client writes a few kilobytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What [`Journal::recover`] did; one line for each change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Changes that were undone.
    pub undone: Vec<String>,
    /// Changes that were gone already.
    pub gone: Vec<String>,
    /// What was left alone, with the reason: its process lives, or somebody else has changed it since.
    pub kept: Vec<String>,
    /// Changes that could not be undone, with the reason; they stay in the journal.
    pub failed: Vec<String>,
    /// Lines that could not be read.
    pub damaged: Vec<DamagedLine>,
}

/// A line of a journal that could not be read; the others of the file were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedLine {
    /// The file; it is renamed to end in `.damaged` when the rest of it is undone.
    pub file: PathBuf,
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Recovery {
    /// Returns whether everything that was found is undone.
    pub fn is_clean(&self) -> bool {
        self.failed.is_empty() && self.damaged.is_empty()
    }
}

impl Journal {
    /// Undoes what processes left that have ended, the latest change first. What belongs to a living process, or to
    /// another network namespace, is not touched.
    ///
    /// # Errors
    /// When the folder cannot be read, or another process recovers and does not end within five seconds. What fails
    /// for a single change is in the result.
    pub async fn recover(&self) -> Result<Recovery, NetError> {
        let _lock = lock(self.folder()).await?;
        let mut recovery = Recovery::default();
        let (living, dead) = self.files()?;
        let mut in_use: Vec<PathBuf> = Vec::new();
        for (path, pid) in living {
            recovery.kept.push(format!("{}: process {pid} lives", path.display()));
            // It may end, and remove its journal, at any time.
            let journal = read(&path).unwrap_or_default();
            in_use.extend(journal.open.values().filter_map(|record| changed_file(&record.undo)));
        }
        let netlink = if dead.is_empty() { None } else { Some(Netlink::open()?) };
        for path in dead {
            if let Some(netlink) = &netlink {
                let result = self.recover_file(&path, netlink, &in_use, &mut recovery).await;
                recovery.failed.extend(result.err().map(|error| error.to_string()));
            }
        }
        Ok(recovery)
    }

    /// Journal files of living processes with their numbers, and those of dead ones, the youngest first.
    #[expect(clippy::type_complexity, reason = "used once, in the function above")]
    fn files(&self) -> Result<(Vec<(PathBuf, u32)>, Vec<PathBuf>), NetError> {
        let failed = |source| NetError::file(self.folder(), source);
        let mut living = Vec::new();
        let mut dead = Vec::new();
        for entry in fs::read_dir(self.folder()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some((pid, start)) = entry.file_name().to_str().and_then(owner_of_file) else { continue };
            match Owner::lives(pid, start) {
                true => living.push((entry.path(), pid)),
                false => dead.push((start, entry.path())),
            }
        }
        living.sort();
        dead.sort();
        Ok((living, dead.into_iter().rev().map(|(_, path)| path).collect()))
    }

    async fn recover_file(
        &self,
        path: &Path,
        netlink: &Netlink,
        in_use: &[PathBuf],
        recovery: &mut Recovery,
    ) -> Result<(), NetError> {
        let failed = |source| NetError::file(path, source);
        let journal = read(path)?;
        if journal.owner.as_ref().is_some_and(|owner| !owner.shares_network_with(self.owner())) {
            recovery.kept.push(format!("{}: made in another network namespace", path.display()));
            return Ok(());
        }
        let mut file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        let mut left = 0;
        for record in journal.open.values().rev() {
            let waits = changed_file(&record.undo).is_some_and(|changed| in_use.contains(&changed));
            match perform(&record.undo, netlink).await {
                Ok(Outcome::Undone) => recovery.undone.push(record.change.clone()),
                Ok(Outcome::Gone) => recovery.gone.push(record.change.clone()),
                Ok(Outcome::Kept(reason)) => {
                    recovery.kept.push(format!("{}: {reason}", record.change));
                    if waits {
                        left += 1;
                        continue;
                    }
                }
                Err(error) => {
                    recovery.failed.push(error.to_string());
                    left += 1;
                    continue;
                }
            }
            append(&mut file, &Line::Undone(record.id)).map_err(failed)?;
        }
        if left == 0 {
            match journal.damaged.is_empty() {
                true => fs::remove_file(path).map_err(failed)?,
                false => fs::rename(path, damaged_name(path)).map_err(failed)?,
            }
        }
        recovery.damaged.extend(journal.damaged);
        Ok(())
    }
}

/// A journal file as it was read.
#[derive(Debug, Default)]
struct Contents {
    owner: Option<Owner>,
    /// What is not undone, by number.
    open: BTreeMap<u64, Record>,
    damaged: Vec<DamagedLine>,
}

fn read(path: &Path) -> Result<Contents, NetError> {
    let failed = |source| NetError::file(path, source);
    if fs::metadata(path).map_err(failed)?.len() > LONGEST {
        return Err(failed(std::io::Error::other(format!("longer than {LONGEST} bytes"))));
    }
    Ok(parse(path, &fs::read(path).map_err(failed)?))
}

/// A last line without its end was cut off while it was written; its change was not made yet.
fn parse(path: &Path, bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let complete = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    for (number, line) in bytes[..complete].split_inclusive(|&byte| byte == b'\n').enumerate() {
        match serde_json::from_slice::<Line>(line) {
            Ok(Line::Owner(owner)) => contents.owner = Some(owner),
            Ok(Line::Did(record)) => {
                contents.open.insert(record.id, record);
            }
            Ok(Line::Undone(id)) => {
                contents.open.remove(&id);
            }
            Err(error) => contents.damaged.push(DamagedLine {
                file: path.to_owned(),
                line: number + 1,
                reason: error.to_string(),
            }),
        }
    }
    contents
}

fn changed_file(undo: &Undo) -> Option<PathBuf> {
    match undo {
        Undo::RestoreFile { path, .. } => Some(path.clone()),
        _ => None,
    }
}

fn damaged_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    PathBuf::from(name)
}

/// The lock is let go when the file is closed, also when the process is killed.
async fn lock(folder: &Path) -> Result<Flock<File>, NetError> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|source| NetError::file(&path, source))?;
    let deadline = Instant::now() + WAIT;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EWOULDBLOCK)) if Instant::now() < deadline => file = again,
            Err((_, Errno::EWOULDBLOCK)) => {
                return Err(NetError::JournalBusy { path: folder.to_owned(), within: WAIT });
            }
            Err((_, errno)) => return Err(NetError::system(format!("lock {}", path.display()), errno)),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::Forwarding;
    use super::*;

    const DID: &str = r#"{"did":{"id":ID,"change":"c","undo":{"restore-forwarding":{"which":"ipv6","original":"0"}}}}"#;

    fn did(id: u64) -> String {
        DID.replace("ID", &id.to_string())
    }

    #[test]
    fn damaged_lines_are_named_and_the_others_count() {
        let text = format!("rubbish\n{}\n{{\"did\":7}}\n{}\n{}\n{{\"undone\":2}}\n", did(1), did(2), did(3));
        let contents = parse(Path::new("x.jsonl"), text.as_bytes());
        assert_eq!(contents.open.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(contents.damaged.iter().map(|damaged| damaged.line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(contents.damaged[0].file, Path::new("x.jsonl"));
        assert_eq!(
            contents.open[&1].undo,
            Undo::RestoreForwarding { which: Forwarding::Ipv6, original: "0".to_owned() }
        );
    }

    #[test]
    fn a_cut_last_line_is_no_damage() {
        let whole = format!("{}\n{}\n", did(1), did(2));
        for cut in did(1).len() + 1..whole.len() {
            let contents = parse(Path::new("x"), &whole.as_bytes()[..cut]);
            assert_eq!((contents.open.len(), contents.damaged.len()), (1, 0), "{cut}");
        }
        assert_eq!(parse(Path::new("x"), whole.as_bytes()).open.len(), 2);
    }

    #[test]
    fn bytes_that_are_no_text_are_damage() {
        let contents = parse(Path::new("x"), b"\xff\xfe\n\0\n\n");
        assert_eq!(contents.damaged.len(), 3);
    }
}
