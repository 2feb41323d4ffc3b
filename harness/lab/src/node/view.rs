//! The mount view of a node: its own `/etc` (an overlay on the machine's) and `/run/vpnc`.
//!
//! VPN programs rewrite `/etc/resolv.conf`, replace it by renaming, and keep state in `/var/run/vpnc` under a process
//! id. Each node has its own copy of both. What a peer changed in `/etc` lies in the overlay's upper folder, so
//! that it can be listed.

use std::fs::{self, File};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use sha2::{Digest as _, Sha256};

use crate::sandbox_mounts::none_to;
use crate::{LabError, Result};

/// Files that the lab itself puts into a node's `/etc`.
const OURS: [&str; 3] = ["resolv.conf", "hosts", "nsswitch.conf"];

/// A mount namespace that the processes of one node share.
#[derive(Debug)]
pub struct View {
    namespace: File,
    upper: PathBuf,
}

impl View {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let upper = folder.join("etc");
        for path in [upper.clone(), folder.join("work"), folder.join("vpnc"), PathBuf::from("/run/vpnc")] {
            fs::create_dir_all(&path).map_err(|source| LabError::file(path, source))?;
        }
        write(&upper.join("hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
        write(&upper.join("nsswitch.conf"), "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n")?;
        if !upper.join("resolv.conf").exists() {
            write(&upper.join("resolv.conf"), "")?;
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

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|source| LabError::file(path, source))
}
