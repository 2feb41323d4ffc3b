//! Errors of capture files; all read after "failed to".

use std::io;
use std::path::{Path, PathBuf};

use pcap_file::pcapng::PcapNgWriteError;

/// Why a capture could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A file could not be used.
    #[error("use {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A block could not be written.
    #[error("write {path}: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: PcapNgWriteError,
    },
    /// The frames of an unfinished capture could not be read back.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl CaptureError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(PcapNgWriteError) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}

/// Why a capture could not be read any further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened.
    #[error("open {path}: {source}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is neither pcapng nor pcap.
    #[error("read {path}: not a capture file: {detail}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong with its beginning.
        detail: String,
    },
    /// The file ends or goes wrong at a packet; those before it were read.
    #[error("read packet {number} of {path}: {detail}")]
    Packet {
        /// Which file.
        path: PathBuf,
        /// From 1, as Wireshark counts.
        number: u64,
        /// What is wrong.
        detail: String,
    },
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some errors repeat their cause in their own text.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
