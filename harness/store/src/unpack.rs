//! From package files to a root file system. Nothing is installed: no script of a package runs.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io::Read as _;
use std::num::NonZero;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::dpkg;
use crate::error::{At as _, Result, StoreError};
use crate::folder::Writing;
use crate::tool;
use crate::watch::{StoreEvent, Watcher};

/// Folders that are links into /usr in newer releases; so they are in every root.
const MERGED: [&str; 4] = ["bin", "sbin", "lib", "lib64"];
/// Brings the links itself, and must not meet another package while it replaces them.
const FIRST: &str = "base-files";
/// Read by nobody in a lab.
const LEFT_OUT: [&str; 10] = [
    "./usr/share/doc",
    "./usr/share/man",
    "./usr/share/locale",
    "./usr/share/info",
    "./usr/share/lintian",
    "./usr/share/doc-base",
    "./usr/share/bash-completion",
    "./usr/share/zsh",
    "./usr/lib/udev/hwdb.d",
    "./lib/udev/hwdb.d",
];
/// Packages that are unpacked at a time, at most.
const MOST_AT_A_TIME: usize = 4;
const HINT: &str = "install the packages `dpkg` and `tar`";

/// Makes the links that packages of every release are unpacked through.
pub(crate) fn prepare(root: &Path) -> Result<()> {
    for name in MERGED {
        let folder = root.join("usr").join(name);
        fs::create_dir_all(&folder).at(&folder)?;
        let link = root.join(name);
        symlink(Path::new("usr").join(name), &link).at(&link)?;
    }
    Ok(())
}

/// Unpacks packages, by name, into a folder, and returns their records.
pub(crate) fn unpack(
    writing: &Writing<'_>,
    watcher: &dyn Watcher,
    release: &str,
    files: &BTreeMap<String, PathBuf>,
    root: &Path,
) -> Result<dpkg::Records> {
    let done = Mutex::new(BTreeMap::new());
    let finished = |name: &str, record: dpkg::Record| {
        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert(name.to_owned(), record);
        watcher.show(&StoreEvent::Unpacking { release: release.to_owned(), done: done.len(), total: files.len() });
    };
    if let Some(file) = files.get(FIRST) {
        finished(FIRST, one(writing, watcher, file, root)?);
    }
    let waiting: Mutex<VecDeque<(&String, &PathBuf)>> =
        Mutex::new(files.iter().filter(|(name, _)| *name != FIRST).collect());
    let at_a_time = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_AT_A_TIME);
    let work = || -> Result<()> {
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((name, file)) = next else { return Ok(()) };
            match one(writing, watcher, file, root) {
                Ok(record) => finished(name, record),
                Err(error) => {
                    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
                    return Err(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..at_a_time).map(|_| scope.spawn(work)).collect();
        let ended: Vec<Result<()>> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        ended.into_iter().collect::<Result<()>>()
    })?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Unpacks one package.
fn one(writing: &Writing<'_>, watcher: &dyn Watcher, file: &Path, root: &Path) -> Result<dpkg::Record> {
    let folder = writing.store().folder();
    let doing = || format!("unpack {}", file.display());
    let mut reader = tool::command("dpkg-deb");
    reader.arg("--fsys-tarfile").arg(file).stdin(writing.held()?).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut reader = tool::start(&mut reader, HINT)?;
    let Some(archive) = reader.stdout.take() else {
        return Err(StoreError::Failed { doing: doing(), said: "dpkg-deb has no output".to_owned() });
    };
    let mut tar = tool::command("tar");
    tar.args(["--extract", "--verbose", "--quoting-style=literal", "--keep-directory-symlink", "--no-same-owner"]);
    tar.arg("--directory").arg(root).args(["--anchored", "--no-wildcards"]);
    tar.args(LEFT_OUT.iter().map(|path| format!("--exclude={path}"))).stdin(archive);
    let ended = tool::run(&mut tar, HINT, watcher, &|| ());
    // It ends when its reader does.
    let mut said = String::new();
    let _ = reader.stderr.take().map(|mut errors| errors.read_to_string(&mut said));
    let read = reader.wait();
    let ended = ended?;
    if !ended.status.success() {
        return Err(ended.failure(&doing(), folder));
    }
    if !read.is_ok_and(|status| status.success()) {
        return Err(StoreError::Failed { doing: doing(), said: said.trim().to_owned() });
    }
    let mut control = tool::command("dpkg-deb");
    let control = tool::run(control.arg("--field").arg(file).stdin(writing.held()?), HINT, watcher, &|| ())?;
    if !control.status.success() {
        return Err(control.failure(&doing(), folder));
    }
    Ok(dpkg::Record::of(&control.output, &ended.output))
}
