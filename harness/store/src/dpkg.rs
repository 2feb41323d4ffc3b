//! What dpkg would have written down of the packages of a root, so that apt and dpkg understand what is in there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{At as _, Result};

/// Of one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its control file, with the line that says that it is installed.
    stanza: String,
    /// What was unpacked, as seen inside of the root: `/usr/bin/x`.
    pub(crate) files: Vec<String>,
}

impl Record {
    /// Of a package that was just unpacked: its control file, and what tar said: `./usr/bin/x`, one path a line.
    pub(crate) fn of(control: &[u8], unpacked: &[u8]) -> Self {
        let mut stanza = String::new();
        for (index, line) in String::from_utf8_lossy(control).trim_end().lines().enumerate() {
            stanza.push_str(line);
            stanza.push('\n');
            if index == 0 {
                stanza.push_str("Status: install ok installed\n");
            }
        }
        let unpacked = String::from_utf8_lossy(unpacked);
        let paths = unpacked.lines().filter_map(|line| line.strip_prefix('.')).map(|path| path.trim_end_matches('/'));
        let files = paths.map(|path| if path.is_empty() { "/.".to_owned() } else { path.to_owned() });
        Self { stanza, files: files.collect() }
    }
}

/// Records by name of the package.
pub(crate) type Records = BTreeMap<String, Record>;

/// Where apt finds what is installed in a root.
pub(crate) fn status_of(root: &Path) -> PathBuf {
    root.join("var/lib/dpkg/status")
}

fn list_of(root: &Path, package: &str) -> PathBuf {
    root.join("var/lib/dpkg/info").join(format!("{package}.list"))
}

/// Writes the records of all packages.
pub(crate) fn write(root: &Path, records: &Records) -> Result<()> {
    let info = root.join("var/lib/dpkg/info");
    fs::create_dir_all(&info).at(&info)?;
    let mut status = String::new();
    for (name, record) in records {
        status.push_str(&record.stanza);
        status.push('\n');
        let list: String = record.files.iter().flat_map(|path| [path.as_str(), "\n"]).collect();
        let path = list_of(root, name);
        fs::write(&path, list).at(&path)?;
    }
    let path = status_of(root);
    fs::write(&path, status).at(&path)
}

/// Reads the records of a root.
pub(crate) fn read(root: &Path) -> Result<Records> {
    let path = status_of(root);
    let mut found = BTreeMap::new();
    for stanza in fs::read_to_string(&path).at(&path)?.split_terminator("\n\n") {
        let Some(name) = stanza.lines().next().and_then(|line| line.strip_prefix("Package: ")) else { continue };
        let list = list_of(root, name);
        let files = fs::read_to_string(&list).at(&list)?.lines().map(str::to_owned).collect();
        found.insert(name.to_owned(), Record { stanza: format!("{}\n", stanza.trim_end()), files });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let root = tempfile::TempDir::new().unwrap();
        let record = |name: &str| {
            let control = format!("Package: {name}\nVersion: 1\nDescription: x\n y\n");
            Record::of(control.as_bytes(), format!("./\n./usr/\n./usr/bin/{name}\n").as_bytes())
        };
        let records: Records = ["a", "b"].map(|name| (name.to_owned(), record(name))).into();
        assert_eq!(records["a"].files, ["/.", "/usr", "/usr/bin/a"]);
        write(root.path(), &records).unwrap();
        let status = fs::read_to_string(status_of(root.path())).unwrap();
        assert!(
            status.ends_with("\n\nPackage: b\nStatus: install ok installed\nVersion: 1\nDescription: x\n y\n\n"),
            "{status}"
        );
        assert_eq!(read(root.path()).unwrap(), records);
    }
}
