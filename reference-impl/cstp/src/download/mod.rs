//! The downloader: what the server announces is fetched before CONNECT, each item on a new TLS session.
//!
//! A profile whose SHA-1 the program has already is not fetched (AC-AUTH-36); what comes is compared with the announced SHA-1
//! (AC-AUTH-35). The server's half answers the requests that deployed clients are known to send.

mod client;
mod server;

use sha1::{Digest as _, Sha1};

pub use client::{DownloadAction, DownloadError, DownloadItem, Downloader, file_name};
pub use server::{ServedFiles, ServedProfile};

/// Returns the SHA-1 in upper-case hexadecimal digits, as servers announce it.
pub fn sha1_hex(bytes: &[u8]) -> String {
    hex::encode_upper(Sha1::digest(bytes))
}
