//! What dpkg would have written down of the packages of a root, so that apt and dpkg understand what is in there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{At as _, Result};
use crate::folder::write_whole;

/// Of one package.
pub(crate) struct Record {
    /// Its control file.
    pub(crate) control: Vec<u8>,
    /// What was unpacked, one path a line, as tar says it: `./usr/bin/x`.
    pub(crate) files: Vec<u8>,
}

/// Where apt finds what is installed in a root.
pub(crate) fn status_of(root: &Path) -> PathBuf {
    root.join("var/lib/dpkg/status")
}

fn list_of(root: &Path, package: &str) -> PathBuf {
    root.join("var/lib/dpkg/info").join(format!("{package}.list"))
}

/// Writes the records of all packages.
pub(crate) fn write(root: &Path, records: &BTreeMap<String, Record>) -> Result<()> {
    let info = root.join("var/lib/dpkg/info");
    fs::create_dir_all(&info).at(&info)?;
    let mut status = String::new();
    for (name, record) in records {
        let control = String::from_utf8_lossy(&record.control);
        for (index, line) in control.trim_end().lines().enumerate() {
            status.push_str(line);
            status.push('\n');
            if index == 0 {
                status.push_str("Status: install ok installed\n");
            }
        }
        status.push('\n');
        let files = String::from_utf8_lossy(&record.files);
        let paths = files.lines().filter_map(|line| line.strip_prefix('.')).map(|path| match path.trim_end_matches('/') {
            "" => "/.",
            path => path,
        });
        let list: String = paths.flat_map(|path| [path, "\n"]).collect();
        let path = list_of(root, name);
        fs::write(&path, list).at(&path)?;
    }
    let path = status_of(root);
    fs::write(&path, status).at(&path)
}

/// The paths of a package, as seen inside of the root.
pub(crate) fn files_of(root: &Path, package: &str) -> Result<Vec<String>> {
    let path = list_of(root, package);
    Ok(fs::read_to_string(&path).at(&path)?.lines().map(str::to_owned).collect())
}

/// Takes a package out of the records.
pub(crate) fn forget(root: &Path, package: &str) -> Result<()> {
    let list = list_of(root, package);
    fs::remove_file(&list).at(&list)?;
    let path = status_of(root);
    let status = fs::read_to_string(&path).at(&path)?;
    let first = format!("Package: {package}\n");
    let kept: String = status.split_inclusive("\n\n").filter(|record| !record.starts_with(&first)).collect();
    write_whole(&path, kept.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_written_and_forgotten() {
        let root = tempfile::TempDir::new().unwrap();
        let record = |name: &str| Record {
            control: format!("Package: {name}\nVersion: 1\nDescription: x\n y\n").into_bytes(),
            files: format!("./\n./usr/\n./usr/bin/{name}\n").into_bytes(),
        };
        write(root.path(), &["a", "b"].map(|name| (name.to_owned(), record(name))).into()).unwrap();
        assert_eq!(files_of(root.path(), "a").unwrap(), ["/.", "/usr", "/usr/bin/a"]);
        forget(root.path(), "a").unwrap();
        let status = fs::read_to_string(status_of(root.path())).unwrap();
        assert_eq!(status, "Package: b\nStatus: install ok installed\nVersion: 1\nDescription: x\n y\n\n");
        assert!(files_of(root.path(), "a").is_err());
    }
}
