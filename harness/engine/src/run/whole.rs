//! Files of a run that are either whole or not there, and are bounded when they are read.

use std::fs;
use std::io::{Error, ErrorKind, Result, Write as _};
use std::path::Path;

/// Larger files are not ours.
const LARGEST: u64 = 512 << 20;

/// Writes a file so that a reader sees the old or the new contents, never a part; the folder must be there.
pub(super) fn write(path: &Path, contents: &[u8]) -> Result<()> {
    // Two runs that end at once must not write the same temporary file.
    let part = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = fs::File::create(&part)
        .and_then(|mut file| file.write_all(contents).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // What failed to be written is no use to anybody.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Reads a file unless it is larger than any of ours.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::metadata(path)?.len();
    if bytes > LARGEST {
        return Err(Error::new(ErrorKind::FileTooLarge, format!("{bytes} bytes are more than the limit of {LARGEST}")));
    }
    fs::read(path)
}
