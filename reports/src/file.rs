//! Files that are either whole or not there.

use std::io::Write as _;
use std::path::Path;

use crate::ReportError;

/// Writes a file so that a reader sees the old or the new contents, never a part.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), ReportError> {
    write(path, contents, true)
}

/// The same for what can be made again at any time: it does not wait for the disk.
pub(crate) fn write_unsynced(path: &Path, contents: &[u8]) -> Result<(), ReportError> {
    write(path, contents, false)
}

fn write(path: &Path, contents: &[u8], sync: bool) -> Result<(), ReportError> {
    let fail = |source| ReportError::Write { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A temporary file is private by default; a report is for whoever the umask allows.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder).map_err(fail)?;
    file.write_all(contents).map_err(fail)?;
    if sync {
        file.as_file().sync_all().map_err(fail)?;
    }
    file.persist(path).map_err(|error| fail(error.error))?;
    Ok(())
}

/// A name as that of a file: short, without folders, and no name of something hidden.
pub(crate) fn file_name(name: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_.+@=,".contains(c) { c } else { '_' };
    let name: String = name.chars().take(180).map(fit).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_folder() {
        assert_eq!(file_name("openconnect@trixie+ocserv@sid"), "openconnect@trixie+ocserv@sid");
        assert_eq!(file_name("../a b/\u{202e}"), "_.._a_b__");
        assert_eq!(file_name(""), "_");
        assert_eq!(file_name(&"x".repeat(1000)).len(), 180);
    }
}
