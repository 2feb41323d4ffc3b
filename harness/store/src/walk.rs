//! Everything below a folder, in order, without following links.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::error::{At as _, Result, StoreError};

/// Most files and folders of a root; one has some thousand.
pub(crate) const MOST_ENTRIES: usize = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
    Link,
}

/// One thing below the folder.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Relative to the folder.
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    /// Permissions, of a link of no meaning.
    pub(crate) mode: u32,
    pub(crate) size: u64,
}

/// Folders come before what is in them; neighbours are sorted by name.
pub(crate) fn walk(folder: &Path) -> impl Iterator<Item = Result<Entry>> {
    let folder = folder.to_path_buf();
    let mut waiting = Vec::new();
    let mut broken = list(&folder, Path::new(""), &mut waiting).err();
    let mut seen = 0;
    std::iter::from_fn(move || {
        if let Some(error) = broken.take() {
            waiting.clear();
            return Some(Err(error));
        }
        let path = waiting.pop()?;
        seen += 1;
        if seen > MOST_ENTRIES {
            waiting.clear();
            let message = format!("it has more than {MOST_ENTRIES} files");
            return Some(Err(StoreError::Damaged { path: folder.clone(), message }));
        }
        Some(entry(&folder, path).inspect(|entry| {
            if entry.kind == Kind::Folder {
                broken = list(&folder, &entry.path, &mut waiting).err();
            }
        }))
    })
}

fn entry(folder: &Path, path: PathBuf) -> Result<Entry> {
    let full = folder.join(&path);
    let meta = full.symlink_metadata().at(&full)?;
    let kind = match meta.file_type() {
        kind if kind.is_dir() => Kind::Folder,
        kind if kind.is_file() => Kind::File,
        kind if kind.is_symlink() => Kind::Link,
        _ => {
            let message = "neither a file nor a folder nor a link".to_owned();
            return Err(StoreError::Damaged { path: full, message });
        }
    };
    Ok(Entry { path, kind, mode: meta.permissions().mode() & 0o7777, size: meta.len() })
}

/// Puts what is in a folder on the stack, the first one on top.
fn list(folder: &Path, path: &Path, onto: &mut Vec<PathBuf>) -> Result<()> {
    let full = folder.join(path);
    let from = onto.len();
    for entry in fs::read_dir(&full).at(&full)? {
        onto.push(path.join(entry.at(&full)?.file_name()));
    }
    onto[from..].sort_by(|a, b| b.cmp(a));
    Ok(())
}
