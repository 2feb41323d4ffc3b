//! The mount view of a node: its own `/etc` (an overlay on the machine's) and `/run/vpnc`; where a peer comes from another
//! release, also the root file system of that release, read-only, with the cell's `/dev`, `/proc`, `/sys`, `/run` and `/tmp`.
//!
//! VPN programs rewrite `/etc/resolv.conf`, replace it by renaming, and keep state in `/var/run/vpnc` under a process
//! id. Each node has its own copy of both. What a peer changed in `/etc` lies in the overlay's upper folder, so
//! that it can be listed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, pivot_root};
use sha2::{Digest as _, Sha256};

use crate::sandbox_mounts::{none_to, set_read_only};
use crate::{LabError, Result};

/// Files that the lab itself puts into a node's `/etc`.
const OURS: [&str; 3] = ["resolv.conf", "hosts", "nsswitch.conf"];

/// Folders of the cell that a root file system of another release gets instead of its own.
const OF_THE_CELL: [&str; 5] = ["dev", "proc", "sys", "run", "tmp"];

/// Where the node's folder names the root file system, for whoever makes the view once more.
const ROOT_FILE: &str = "root.path";

/// A mount namespace that the processes of one node share.
#[derive(Debug)]
pub struct View {
    namespace: File,
    upper: PathBuf,
}

impl View {
    pub(super) fn create(folder: &Path, root: Option<&Path>) -> Result<Self> {
        let upper = folder.join("etc");
        for path in [upper.clone(), folder.join("work"), folder.join("vpnc"), PathBuf::from("/run/vpnc")] {
            fs::create_dir_all(&path).map_err(|source| LabError::file(path, source))?;
        }
        write(&upper.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        write(&upper.join("nsswitch.conf"), "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")?;
        if !upper.join("resolv.conf").exists() {
            write(&upper.join("resolv.conf"), "")?;
        }
        if let Some(root) = root {
            let path = folder.join(ROOT_FILE);
            fs::write(&path, root.as_os_str().as_encoded_bytes()).map_err(|source| LabError::file(path, source))?;
        }
        let folder = folder.to_path_buf();
        let made = std::thread::spawn(move || {
            mount_view(&folder)?;
            const OWN: &str = "/proc/thread-self/ns/mnt";
            File::open(OWN).map_err(|source| LabError::file(OWN, source))
        })
        .join();
        let namespace =
            made.map_err(|_| LabError::system("make a mount view", std::io::Error::other("thread ended")))??;
        Ok(Self { namespace, upper })
    }

    /// The namespace, to be entered with `setns`.
    pub(super) fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    /// Writes a file below the node's `/etc`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_etc(&self, name: &str, text: &str) -> Result<()> {
        write(&self.upper.join(name), text)
    }

    /// Reads a file below the node's `/etc` that the lab or a peer wrote there; `None` if neither did.
    pub fn read_etc(&self, name: &str) -> Option<String> {
        let bytes = fs::read(self.upper.join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What peers changed below `/etc`, with SHA-256; the lab's own files only if their content is not the lab's.
    pub(super) fn changed_files(&self) -> IndexMap<String, String> {
        let mut changed = IndexMap::new();
        collect(&self.upper, &self.upper, &mut changed);
        changed.retain(|name, _| !OURS.contains(&name.as_str()));
        changed.sort_unstable_keys();
        changed
    }
}

fn collect(root: &Path, folder: &Path, into: &mut IndexMap<String, String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(root, &path, into);
        } else {
            let digest = fs::read(&path).map(|bytes| hex::encode(Sha256::digest(bytes)));
            into.insert(name, digest.unwrap_or_else(|_| "removed".to_owned()));
        }
    }
}

/// Gives this thread a mount namespace with the view of the node that keeps its files in `folder`.
pub(crate) fn mount_view(folder: &Path) -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(|errno| LabError::system("make a mount namespace", errno))?;
    none_to("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE, "detach the mounts of a node")?;
    let root = fs::read(folder.join(ROOT_FILE)).ok().map(|bytes| PathBuf::from(OsString::from_vec(bytes)));
    if let Some(root) = &root {
        enter_root(root, &folder.join("root"))?;
    }
    let options =
        format!("lowerdir=/etc,upperdir={},workdir={}", folder.join("etc").display(), folder.join("work").display());
    let overlay = |options: &str| {
        mount(Some("overlay"), "/etc", Some("overlay"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options))
    };
    overlay(&options)
        .or_else(|_| overlay(&format!("{options},userxattr")))
        .map_err(|errno| LabError::system("mount an overlay over /etc (kernel feature overlayfs)", errno))?;
    mount(Some(&folder.join("vpnc")), "/run/vpnc", None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|errno| LabError::system("give a node its own /run/vpnc", errno))
}

/// Makes `root` the root of this thread's mount namespace, read-only, with the folders of the cell in it. `at` is where it is
/// mounted on the way.
fn enter_root(root: &Path, at: &Path) -> Result<()> {
    fs::create_dir_all(at).map_err(|source| LabError::file(at, source))?;
    let bind = |from: &Path, to: &Path, what: &str| {
        mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>).map_err(|errno| {
            LabError::system(
                format!("mount {} as {what} of a node's root file system {}", from.display(), root.display()),
                errno,
            )
        })
    };
    bind(root, at, "the root")?;
    set_read_only(at, true, true)?;
    for name in OF_THE_CELL {
        bind(&Path::new("/").join(name), &at.join(name), name)?;
    }
    // Packages bring a folder; only an installation makes it a link.
    let var_run = at.join("var/run");
    if fs::symlink_metadata(&var_run).is_ok_and(|meta| meta.is_dir()) {
        bind(Path::new("/run"), &var_run, "var/run")?;
    }
    let failed = |errno| LabError::system(format!("change the root file system to {}", root.display()), errno);
    chdir(at).map_err(failed)?;
    // The old root goes on top of the new one, and is taken away from there.
    pivot_root(".", ".").map_err(failed)?;
    umount2(".", MntFlags::MNT_DETACH).map_err(failed)?;
    chdir("/").map_err(failed)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| LabError::file(path, source))
}
