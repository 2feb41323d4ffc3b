//! What the scripts of packages would have done, as far as a lab needs it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use crate::error::{At as _, Result};
use crate::walk::{Kind, walk};

/// Empty folders: places for mounts, and what programs take for granted.
const FOLDERS: [&str; 14] = [
    "dev",
    "proc",
    "sys",
    "run",
    "tmp",
    "var/tmp",
    "var/log",
    "var/lib",
    "var/cache",
    "root",
    "home",
    "etc",
    "mnt",
    "opt",
];
/// Old names of what is below /run.
const RUN: [(&str, &str); 2] = [("var/run", "/run"), ("var/lock", "/run/lock")];
/// Folders that everybody may write to.
const SHARED: [&str; 2] = ["tmp", "var/tmp"];
/// Files that are made from a template of a package unless they are there.
const FILES: [(&str, &str); 3] = [
    ("etc/passwd", "usr/share/base-passwd/passwd.master"),
    ("etc/group", "usr/share/base-passwd/group.master"),
    ("etc/nsswitch.conf", "usr/share/base-files/nsswitch.conf"),
];
/// Commands that are a choice among packages: the name, and the program that this root has.
const COMMANDS: [(&str, &str); 3] = [("sh", "dash"), ("awk", "mawk"), ("which", "which.debianutils")];

/// Makes a root of what was unpacked.
pub(crate) fn settle(root: &Path) -> Result<()> {
    for folder in FOLDERS {
        let path = root.join(folder);
        fs::create_dir_all(&path).at(&path)?;
    }
    for (name, target) in RUN {
        let path = root.join(name);
        // An empty folder of a package; one that is not empty has something to say.
        let _ = fs::remove_dir(&path);
        if path.symlink_metadata().is_err() {
            symlink(target, &path).at(&path)?;
        }
    }
    for (file, template) in FILES {
        let (file, template) = (root.join(file), root.join(template));
        if file.symlink_metadata().is_err() && template.is_file() {
            fs::copy(&template, &file).at(&file)?;
        }
    }
    for (name, program) in COMMANDS {
        let bin = root.join("usr/bin");
        if bin.join(name).symlink_metadata().is_err() && bin.join(program).is_file() {
            let link = bin.join(name);
            symlink(program, &link).at(&link)?;
        }
    }
    set_modes(root)
}

/// The same modes whoever unpacks: everything can be read and removed, nothing gives its user more rights.
fn set_modes(root: &Path) -> Result<()> {
    for entry in walk(root) {
        let entry = entry?;
        let path = root.join(&entry.path);
        let mode = match entry.kind {
            Kind::Link => continue,
            Kind::Folder if SHARED.iter().any(|shared| entry.path == Path::new(shared)) => 0o1777,
            Kind::Folder => 0o755,
            Kind::File if entry.mode & 0o100 != 0 => 0o755,
            Kind::File => 0o644,
        };
        if entry.mode != mode {
            fs::set_permissions(&path, Permissions::from_mode(mode)).at(&path)?;
        }
    }
    fs::set_permissions(root, Permissions::from_mode(0o755)).at(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_gets_users_commands_and_modes() {
        let root = tempfile::TempDir::new().unwrap();
        let path = |name: &str| root.path().join(name);
        for folder in ["usr/share/base-passwd", "usr/bin", "closed", "var/run", "var/lock/kept"] {
            fs::create_dir_all(path(folder)).unwrap();
        }
        fs::write(path("usr/share/base-passwd/passwd.master"), "nobody:*:65534:65534::/:/usr/sbin/nologin\n").unwrap();
        fs::write(path("usr/bin/dash"), "").unwrap();
        fs::set_permissions(path("usr/bin/dash"), Permissions::from_mode(0o4711)).unwrap();
        fs::set_permissions(path("closed"), Permissions::from_mode(0o500)).unwrap();
        settle(root.path()).unwrap();
        let mode = |name: &str| fs::metadata(path(name)).unwrap().permissions().mode() & 0o7777;
        assert!(fs::read_to_string(path("etc/passwd")).unwrap().starts_with("nobody:"));
        assert_eq!(fs::read_link(path("usr/bin/sh")).unwrap(), Path::new("dash"));
        assert_eq!(fs::read_link(path("var/run")).unwrap(), Path::new("/run"));
        assert!(path("var/lock/kept").is_dir());
        assert!(path("usr/bin/awk").symlink_metadata().is_err(), "no link to what is not there");
        assert_eq!((mode("usr/bin/dash"), mode("closed"), mode("tmp"), mode("proc")), (0o755, 0o755, 0o1777, 0o755));
        settle(root.path()).unwrap();
    }
}
