//! Room on the disk for evidence and results.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;

/// What the bundle of a cell may need, beside those of the cells that run: the logs of two peers at their limit, and a capture.
const BUNDLE: u64 = 16 << 20;
/// With less than this no evidence is trusted to be whole.
const FULL: u64 = 128 << 10;
/// What results and reports need however small the run is.
const RESULTS: u64 = 256 << 10;
/// What a cell adds to results and reports.
const RESULT: u64 = 12 << 10;

/// Watches the file system with the results, and keeps room for them.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    /// An unlinked file that takes the room of the results until they are written: gone with this process, however it ends.
    reserve: Option<File>,
}

impl Room {
    /// Sets aside what the results of so many cells need.
    pub(super) fn new(folder: &Path, cells: usize) -> std::io::Result<Self> {
        Ok(Self { folder: folder.to_owned(), reserve: reserve(folder, RESULTS + RESULT * cells as u64)? })
    }

    /// Whether there is room for one more cell beside those that run.
    pub(super) fn fits(&self, running: usize) -> bool {
        self.free().is_none_or(|free| free >= BUNDLE * (running as u64 + 1))
    }

    /// Whether the disk is so full that what was written last may be incomplete.
    pub(super) fn is_full(&self) -> bool {
        self.free().is_some_and(|free| free < FULL)
    }

    /// What to tell a user.
    pub(super) fn complaint(&self) -> String {
        let free = self.free().unwrap_or(0) >> 20;
        format!(
            "no space left for evidence: {} has {free} MB, and a cell may need {}",
            self.folder.display(),
            BUNDLE >> 20
        )
    }

    /// Gives the room free for the results.
    pub(super) fn release(self) {
        drop(self.reserve);
    }

    /// Bytes that this user may still write; none where the file system does not say.
    fn free(&self) -> Option<u64> {
        let stat = statvfs(&self.folder).ok()?;
        Some(stat.blocks_available().saturating_mul(stat.fragment_size()))
    }
}

fn reserve(folder: &Path, bytes: u64) -> std::io::Result<Option<File>> {
    let path = folder.join(format!(".reserve.{}", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes.cast_signed()) {
        Ok(()) => Ok(Some(file)),
        // Not every file system can; then there is only the watch.
        Err(nix::errno::Errno::EOPNOTSUPP | nix::errno::Errno::ENOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_takes_room_and_no_name() {
        let folder = tempfile::TempDir::new().unwrap();
        let room = Room::new(folder.path(), 10).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        if let Some(file) = &room.reserve {
            assert!(file.metadata().unwrap().len() >= RESULTS);
        }
        assert!(!room.fits(usize::try_from(u32::MAX).unwrap()), "nobody has room for so many");
        room.release();
    }
}
