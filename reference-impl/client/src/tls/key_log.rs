//! Keys for the decryption of captures, in the format of NSS, appended to the file that `SSLKEYLOGFILE` names.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use rustls::KeyLog;

use crate::error::ClientError;

/// The file, shared by both libraries. A line that cannot be written is lost.
#[derive(Debug)]
pub(super) struct KeyLogFile(Mutex<File>);

impl KeyLogFile {
    pub(super) fn open(path: &Path) -> Result<Self, ClientError> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        file.map(|file| Self(Mutex::new(file))).map_err(|reason| ClientError::Unwritable {
            what: "keys",
            path: path.to_owned(),
            reason: reason.to_string(),
        })
    }

    pub(super) fn line(&self, line: &str) {
        if let Ok(mut file) = self.0.lock() {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }
}

impl KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        self.line(&format!("{label} {} {}", hex::encode(client_random), hex::encode(secret)));
    }
}
