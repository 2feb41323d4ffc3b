//! Writing an archive.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use crate::digest::hex;
use crate::error::{At as _, Result, StoreError};
use crate::folder::Writing;
use crate::walk::{Kind, walk};
use crate::watch::{StoreEvent, Watcher};
use crate::{InstalledRelease, Store};

/// An archive that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// What is in it.
    pub releases: Vec<InstalledRelease>,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// Writes releases of a store, all unless named, to a file. The same releases give the same bytes.
///
/// # Errors
/// When a release is not there or is damaged, or the file cannot be written.
pub fn export(store: &Store, names: &[String], file: &Path, watcher: &dyn Watcher) -> Result<Exported> {
    let writing = Writing::begin(store, watcher)?;
    let all = store.releases()?;
    let has = all.iter().map(|release| release.release.as_str()).collect::<Vec<_>>().join(", ");
    let absent = |what: String| StoreError::Absent {
        what,
        hint: if has.is_empty() { "it is empty".to_owned() } else { format!("it has {has}") },
    };
    if let Some(name) = names.iter().find(|name| !all.iter().any(|release| release.release == **name)) {
        return Err(absent(format!("the release `{name}`")));
    }
    let releases: Vec<InstalledRelease> =
        all.iter().filter(|release| names.is_empty() || names.contains(&release.release)).cloned().collect();
    if releases.is_empty() {
        return Err(absent("a release".to_owned()));
    }
    for release in &releases {
        if let Some(first) = store.verify(release)?.first() {
            return Err(StoreError::Damaged { path: store.root(release), message: first.clone() });
        }
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = file.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = write(store, &releases, &unfinished, watcher)
        .and_then(|exported| fs::rename(&unfinished, file).at(file).map(|()| exported));
    drop(writing);
    written.inspect_err(|_| {
        // Half an archive is of use to nobody.
        let _ = fs::remove_file(&unfinished);
    })
}

fn write(store: &Store, releases: &[InstalledRelease], file: &Path, watcher: &dyn Watcher) -> Result<Exported> {
    let out = Hashing { inner: BufWriter::new(File::create(file).at(file)?), hash: Sha256::new(), bytes: 0 };
    let mut archive = Archive { builder: Builder::new(out), file: file.to_path_buf() };
    for release in releases {
        let path = store.release_file(&release.release);
        archive.file(&format!("releases/{}.json", release.release), &path, 0o644)?;
    }
    let mut digests: Vec<&str> = releases.iter().map(|release| release.digest.as_str()).collect();
    digests.sort_unstable();
    digests.dedup();
    for digest in &digests {
        archive.file(&format!("manifests/{digest}"), &store.manifest_named(digest), 0o644)?;
    }
    let total = releases.iter().map(|release| store.bytes(release)).sum();
    let mut done = 0;
    for digest in &digests {
        let root = store.root_named(digest);
        let inside = Path::new("roots").join(digest);
        archive.entry(EntryType::Directory, &inside, 0o755)?;
        for entry in walk(&root) {
            if watcher.stop() {
                return Err(StoreError::Interrupted);
            }
            let entry = entry?;
            let (from, to) = (root.join(&entry.path), inside.join(&entry.path));
            match entry.kind {
                Kind::Folder => archive.entry(EntryType::Directory, &to, entry.mode)?,
                Kind::Link => archive.link(&to, &fs::read_link(&from).at(&from)?)?,
                Kind::File => {
                    archive.file(&to.to_string_lossy(), &from, entry.mode)?;
                    done += entry.size;
                    watcher.show(&StoreEvent::Copying { done, total });
                }
            }
        }
    }
    let mut out = archive.builder.into_inner().at(file)?;
    out.flush().at(file)?;
    Ok(Exported { releases: releases.to_vec(), bytes: out.bytes, sha256: hex(&out.hash.finalize()) })
}

struct Archive<W: Write> {
    builder: Builder<W>,
    file: PathBuf,
}

impl<W: Write> Archive<W> {
    fn file(&mut self, path: &str, from: &Path, mode: u32) -> Result<()> {
        let mut content = File::open(from).at(from)?;
        let mut header = header(EntryType::Regular, mode);
        header.set_size(content.metadata().at(from)?.len());
        self.builder.append_data(&mut header, path, &mut content).at(&self.file)
    }

    fn entry(&mut self, kind: EntryType, path: &Path, mode: u32) -> Result<()> {
        self.builder.append_data(&mut header(kind, mode), path, io::empty()).at(&self.file)
    }

    fn link(&mut self, path: &Path, target: &Path) -> Result<()> {
        self.builder.append_link(&mut header(EntryType::Symlink, 0o777), path, target).at(&self.file)
    }
}

/// Neither owners nor times: the same content is the same archive.
fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(0);
    header
}

/// Hashes what passes.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
