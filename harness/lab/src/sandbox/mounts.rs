//! The cell's view of the file system: the machine's, read-only, with private `/run`, `/tmp`, `/dev/shm` and `/proc`.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::SandboxSpec;
use crate::{LabError, Result};

/// Folders that every cell has for itself. `/var/run` is a link to `/run` on every system this runs on.
const PRIVATE: [&str; 3] = ["/run", "/tmp", "/dev/shm"];

pub(super) fn prepare(spec: &SandboxSpec) -> Result<()> {
    // Opened before anything is covered; the descriptors keep the places reachable.
    let writable = open_all(&spec.writable)?;
    let visible = open_all(&spec.visible)?;

    none_to("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE, "detach the mounts of the cell")?;
    set_read_only(Path::new("/"), true, true)?;
    for path in PRIVATE {
        if Path::new(path).is_dir() {
            tmpfs(Path::new(path), if path == "/run" { "mode=0755" } else { "mode=1777" })?;
        }
    }
    mount(
        Some("proc"),
        "/proc",
        Some("proc"),
        MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC | MsFlags::MS_NODEV,
        None::<&str>,
    )
    .map_err(|errno| LabError::system("mount a fresh /proc (masked in some containers)", errno))?;

    for (path, file) in &visible {
        rebind(path, file)?;
    }
    for (path, file) in &writable {
        rebind(path, file)?;
        set_read_only(path, false, false)?;
    }
    Ok(())
}

/// Mounts an empty tmpfs on `path`.
pub(crate) fn tmpfs(path: &Path, options: &str) -> Result<()> {
    mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options))
        .map_err(|errno| LabError::system(format!("mount a private {}", path.display()), errno))
}

fn open_all(paths: &[PathBuf]) -> Result<Vec<(PathBuf, File)>> {
    paths
        .iter()
        .map(|path| {
            let path = fs::canonicalize(path).map_err(|source| LabError::file(path, source))?;
            let file = OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_PATH)
                .open(&path)
                .map_err(|source| LabError::file(&path, source))?;
            Ok((path, file))
        })
        .collect()
}

/// Binds the opened place to the path it had, making the folders on the way where a private tmpfs covers them.
fn rebind(path: &Path, file: &File) -> Result<()> {
    let meta = file.metadata().map_err(|source| LabError::file(path, source))?;
    if !path.exists() {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| LabError::file(parent, source))?;
        }
        if meta.is_dir() {
            fs::create_dir(path).map_err(|source| LabError::file(path, source))?;
        } else {
            File::create(path).map_err(|source| LabError::file(path, source))?;
        }
    }
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    mount(Some(from.as_str()), path, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(|errno| LabError::system(format!("keep {} visible in the cell", path.display()), errno))
}

pub(crate) fn none_to(path: &str, flags: MsFlags, what: &str) -> Result<()> {
    mount(None::<&str>, path, None::<&str>, flags, None::<&str>).map_err(|errno| LabError::system(what, errno))
}

/// Sets or clears the read-only attribute of a mount (`mount_setattr`, Linux 5.12).
pub(crate) fn set_read_only(path: &Path, on: bool, recursive: bool) -> Result<()> {
    let target = std::ffi::CString::new(path.as_os_str().as_encoded_bytes())
        .map_err(|error| LabError::system("name a mount", std::io::Error::other(error)))?;
    let (attr_set, attr_clr) = if on { (libc::MOUNT_ATTR_RDONLY, 0) } else { (0, libc::MOUNT_ATTR_RDONLY) };
    let attr = libc::mount_attr { attr_set, attr_clr, propagation: 0, userns_fd: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: `target` is a NUL-terminated path, `attr` is a valid `mount_attr` of the size that is given.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            target.as_ptr(),
            flags,
            std::ptr::from_ref(&attr),
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    Err(LabError::system(format!("make {} {}", path.display(), if on { "read-only" } else { "writable" }), error))
}
