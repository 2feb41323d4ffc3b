//! Keys for packet analysers, in the NSS format.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use crate::failure::{Exit, Failure};

/// A file that lines of keys are appended to; readable by its owner only.
#[derive(Clone)]
pub struct KeyLogFile {
    file: Arc<Mutex<File>>,
    path: Arc<Path>,
}

impl KeyLogFile {
    /// Opens the file for appending, and makes it when it is not there.
    ///
    /// # Errors
    ///
    /// Status 66 when it cannot be opened.
    pub fn open(path: PathBuf) -> Result<Self, Failure> {
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = opened.map_err(|error| {
            let message = format!("write the key log {}: {error}", path.display());
            Failure::new(Exit::Unreadable, message, "check `tls.key-log` and the variable SSLKEYLOGFILE")
        })?;
        Ok(Self { file: Arc::new(Mutex::new(file)), path: path.into() })
    }

    /// Returns where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line.
    pub fn line(&self, line: &str) {
        if let Ok(mut file) = self.file.lock() {
            // A full disk must not end connections; the log is for analysis only.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }
}

impl fmt::Debug for KeyLogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyLogFile").field(&self.path).finish()
    }
}

impl rustls::KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.line(&format!("{label} {} {}", hex::encode(client_random), hex::encode(secret)));
    }
}
