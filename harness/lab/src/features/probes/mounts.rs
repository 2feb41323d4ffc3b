//! Mounts of a cell and of its nodes.

use std::fs;
use std::io;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::features::Outcome;
use crate::sandbox_mounts::set_read_only;
use crate::{LabError, Result};

/// The whole tree at once, as in a cell (`mount_setattr`, Linux 5.12).
pub(in crate::features) fn read_only() -> Outcome {
    Outcome::of(set_read_only(Path::new("/"), true, true).and_then(|()| {
        let flags = statvfs("/").map_err(|errno| LabError::system("look at /", errno))?.flags();
        if flags.contains(FsFlags::ST_RDONLY) { Ok(String::new()) } else { Err(wrong("/", "it is still writable")) }
    }))
}

/// The place has one on `/tmp` already; this uses it.
pub(in crate::features) fn memory() -> Outcome {
    let path = "/tmp/probe";
    let used = fs::write(path, "x").and_then(|()| fs::read(path)).map_err(|source| LabError::file(path, source));
    Outcome::of(used.and_then(|bytes| if bytes == b"x" { Ok(String::new()) } else { Err(wrong(path, "lost")) }))
}

/// A node's `/etc`: files are written, replaced by renaming, and removed.
pub(in crate::features) fn overlay() -> Outcome {
    Outcome::of(overlay_on_etc())
}

fn overlay_on_etc() -> Result<String> {
    for folder in ["/tmp/upper", "/tmp/work", "/tmp/vpnc", "/run/vpnc"] {
        fs::create_dir_all(folder).map_err(|source| LabError::file(folder, source))?;
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let over = |more: &str| {
        let options = format!("lowerdir=/etc,upperdir=/tmp/upper,workdir=/tmp/work{more}");
        mount(Some("overlay"), "/etc", Some("overlay"), flags, Some(options.as_str()))
    };
    over("").or_else(|_| over(",userxattr")).map_err(|errno| LabError::system("mount it over /etc", errno))?;
    mount(Some("/tmp/vpnc"), "/run/vpnc", None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|errno| LabError::system("bind a folder", errno))?;
    let file = |path: &str, result: io::Result<()>| result.map_err(|source| LabError::file(path, source));
    let (new, name) = ("/etc/probe.new", "/etc/hosts");
    file(new, fs::write(new, "x"))?;
    file(name, fs::rename(new, name))?;
    file(name, fs::remove_file(name))?;
    if Path::new(name).exists() { Err(wrong(name, "it is back")) } else { Ok(String::new()) }
}

fn wrong(path: &str, what: &str) -> LabError {
    LabError::file(path, io::Error::other(what.to_owned()))
}
