//! What is in a root: a list with the hash of every file, made when it was unpacked.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::digest::sha256_of;
use crate::error::{At as _, Result, StoreError};
use crate::walk::{Entry, Kind, walk};

/// Most bytes of a manifest.
pub(crate) const MOST_MANIFEST: u64 = 256 << 20;
/// Differences that are told.
const TOLD: usize = 10;

/// Lists a root: a line each, sorted as the folders are walked. `f MODE SIZE SHA256 PATH`, `d MODE PATH`, `l PATH TARGET`.
pub(crate) fn list(root: &Path) -> Result<Vec<u8>> {
    let mut text = String::new();
    for entry in walk(root) {
        text.push_str(&line(root, &entry?)?);
        text.push('\n');
    }
    Ok(text.into_bytes())
}

fn line(root: &Path, entry: &Entry) -> Result<String> {
    let full = root.join(&entry.path);
    let path = escape(entry.path.as_os_str().as_bytes());
    Ok(match entry.kind {
        Kind::Folder => format!("d {:o} {path}", entry.mode),
        Kind::File => format!("f {:o} {} {} {path}", entry.mode, entry.size, sha256_of(&full)?),
        Kind::Link => format!("l {path} {}", escape(fs::read_link(&full).at(&full)?.as_os_str().as_bytes())),
    })
}

/// Bytes of all files in a manifest.
pub(crate) fn bytes(manifest: &str) -> u64 {
    let sizes = manifest.lines().filter_map(|line| line.strip_prefix("f ")?.split(' ').nth(1)?.parse::<u64>().ok());
    sizes.fold(0, u64::saturating_add)
}

/// How a root differs from its manifest, in words; nothing if it does not.
pub(crate) fn differences(root: &Path, manifest: &str) -> Result<Vec<String>> {
    let mut wanted: BTreeMap<&str, &str> = manifest.lines().filter_map(|line| Some((path_of(line)?, line))).collect();
    let mut found = Vec::new();
    for entry in walk(root) {
        let line = line(root, &entry?)?;
        let path = path_of(&line).unwrap_or_default();
        match wanted.remove(path) {
            Some(wanted) if wanted == line => {}
            Some(_) => found.push(format!("{path} is not what was unpacked")),
            None => found.push(format!("{path} was not unpacked")),
        }
    }
    found.extend(wanted.keys().map(|path| format!("{path} is gone")));
    let more = found.len().saturating_sub(TOLD);
    if more > 0 {
        found.truncate(TOLD);
        found.push(format!("and {more} more"));
    }
    Ok(found)
}

/// Reads a manifest.
pub(crate) fn read(path: &Path) -> Result<String> {
    let size = fs::metadata(path).at(path)?.len();
    if size > MOST_MANIFEST {
        let message = format!("it has {size} bytes");
        return Err(StoreError::Damaged { path: path.to_path_buf(), message });
    }
    fs::read_to_string(path).at(path)
}

fn path_of(line: &str) -> Option<&str> {
    let mut words = line.split(' ');
    match words.next()? {
        "d" => words.nth(1),
        "f" => words.nth(3),
        "l" => words.next(),
        _ => None,
    }
}

/// A path as one word.
fn escape(path: &[u8]) -> String {
    let mut text = String::new();
    for byte in path {
        match byte {
            b'%' | 0..=b' ' | 0x7f.. => text.push_str(&format!("%{byte:02x}")),
            _ => text.push(char::from(*byte)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn every_change_is_seen() {
        let root = TempDir::new().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir(path("bin")).unwrap();
        fs::write(path("bin/a b"), "one").unwrap();
        fs::write(path("bin/c"), "three").unwrap();
        symlink("c", path("bin/d")).unwrap();
        let manifest = String::from_utf8(list(root.path()).unwrap()).unwrap();
        assert_eq!(bytes(&manifest), 8);
        assert_eq!(differences(root.path(), &manifest).unwrap(), [""; 0]);
        fs::write(path("bin/a b"), "two").unwrap();
        fs::remove_file(path("bin/d")).unwrap();
        symlink("elsewhere", path("bin/d")).unwrap();
        fs::remove_file(path("bin/c")).unwrap();
        fs::write(path("new"), "").unwrap();
        let found = differences(root.path(), &manifest).unwrap();
        assert_eq!(
            found,
            [
                "bin/a%20b is not what was unpacked",
                "bin/d is not what was unpacked",
                "new was not unpacked",
                "bin/c is gone"
            ]
        );
    }

    #[test]
    fn many_changes_are_counted() {
        let root = TempDir::new().unwrap();
        for number in 0..25 {
            fs::write(root.path().join(number.to_string()), "").unwrap();
        }
        let found = differences(root.path(), "").unwrap();
        assert_eq!(found.len(), TOLD + 1);
        assert_eq!(found.last().map(String::as_str), Some("and 15 more"));
    }
}
