//! Secrets from files and standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::error::ClientError;

/// Longest password, in bytes.
const PASSWORD: usize = 4096;

/// Reads on a thread of its own: somebody may still have to type what is read, and signals are heeded meanwhile.
pub(crate) async fn aside<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    tokio::task::spawn_blocking(read).await.map_err(ClientError::internal)?
}

/// Reads the first line of a file, or of standard input when the path is `-`.
pub(crate) fn read_line(what: &'static str, path: &Path) -> Result<String, ClientError> {
    let text = read_text(what, path, PASSWORD)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads a text file of at most `most` bytes, or standard input when the path is `-`.
pub(crate) fn read_text(what: &'static str, path: &Path, most: usize) -> Result<String, ClientError> {
    let bytes = read(what, path, most)?;
    String::from_utf8(bytes).map_err(|_| ClientError::unreadable(what, path, "it is not UTF-8"))
}

/// Reads a file of at most `most` bytes, or standard input when the path is `-`.
pub(crate) fn read(what: &'static str, path: &Path, most: usize) -> Result<Vec<u8>, ClientError> {
    let failed = |reason: io::Error| ClientError::unreadable(what, path, reason);
    let source: Box<dyn Read> =
        if path.as_os_str() == "-" { Box::new(io::stdin()) } else { Box::new(File::open(path).map_err(failed)?) };
    let mut bytes = Vec::new();
    source.take(most as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > most {
        return Err(ClientError::unreadable(what, path, format!("it is longer than {most} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "pass word\r\nsecond\n").unwrap();
        assert_eq!(read_line("the password", file.path()).unwrap(), "pass word");
    }

    #[test]
    fn a_file_that_is_too_long_or_missing_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'x'; PASSWORD + 1]).unwrap();
        let error = read_line("the password", file.path()).unwrap_err();
        assert!(error.to_string().ends_with("it is longer than 4096 bytes"), "{error}");
        assert_eq!(error.exit().code(), 66);
        let error = read_line("the password", Path::new("/nonexistent/file")).unwrap_err();
        assert!(error.to_string().starts_with("read the password from /nonexistent/file: "), "{error}");
    }
}
