//! Reading files that anybody may have written: bounded, and with clear errors.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Problem, Source, Span};

/// Largest file, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;
/// Deepest folder below a section's.
const MAX_DEPTH: usize = 6;

/// Reads a file of a user's folder.
pub(super) fn read(path: &Path) -> Result<Arc<Source>, Box<Problem>> {
    let unreadable =
        |error: io::Error| Box::new(Problem::without_place(format!("failed to read `{}`: {error}", path.display())));
    // Asked before opening: opening a FIFO would wait for a writer.
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Box::new(Problem::without_place(format!("`{}` is not a regular file", path.display()))));
    }
    let mut bytes = Vec::new();
    let limit = if metadata.len() > MAX_BYTES { 200 } else { MAX_BYTES + 1 };
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    let length = metadata.len().max(bytes.len() as u64);
    if length > MAX_BYTES {
        bytes.truncate(200);
        let source = Source::new(path.to_owned(), false, String::from_utf8_lossy(&bytes).into_owned());
        let message = format!("the file has {length} bytes; at most {MAX_BYTES} (1 MiB) are read");
        return Err(Box::new(
            Problem::new(message, &Span::new(&source, 0, 1), "this file is too large")
                .help("a catalogue file is a page or two; was something else saved under this name?"),
        ));
    }
    decode(path, false, bytes)
}

/// Makes a source of bytes that should be UTF-8.
pub(super) fn decode(path: &Path, builtin: bool, bytes: Vec<u8>) -> Result<Arc<Source>, Box<Problem>> {
    String::from_utf8(bytes).map(|text| Source::new(path.to_owned(), builtin, text)).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let byte = bytes[at];
        let source = Source::new(path.to_owned(), builtin, String::from_utf8_lossy(&bytes).into_owned());
        let message = format!("not valid UTF-8: byte 0x{byte:02x} at offset {at}, line {line}");
        let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
        Box::new(
            Problem::new(message, &Span::new(&source, at, end), "this byte")
                .help("save the file as UTF-8; in Latin-1 an accented letter is such a byte"),
        )
    })
}

/// The files below a folder whose names end so, as paths relative to it with `/`, sorted; hidden ones are left out.
pub(super) fn list(folder: &Path, ending: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    walk(folder, "", ending, &mut Vec::new(), &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(
    folder: &Path,
    prefix: &str,
    ending: &str,
    above: &mut Vec<PathBuf>,
    found: &mut Vec<String>,
) -> io::Result<()> {
    let real = folder.canonicalize()?;
    // A symbolic link to a folder above would never end.
    if above.contains(&real) || above.len() > MAX_DEPTH {
        return Ok(());
    }
    above.push(real);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let relative = format!("{prefix}{name}");
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{relative}/"), ending, above, found)?;
        } else if name.ends_with(ending) {
            found.push(relative);
        }
    }
    above.pop();
    Ok(())
}
