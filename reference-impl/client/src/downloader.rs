//! The downloader: what the login announced is fetched before CONNECT, each item over a TLS session of its own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use reference_cstp::download::{DownloadAction, Downloader, file_name, sha1_hex};
use reference_cstp::http::Expect;
use reference_cstp::login::{LoginResult, Stage};

use crate::dialer::Dialer;
use crate::error::ClientError;
use crate::events::{Event, FileAction};
use crate::report::Reporter;
use crate::stages::Stages;

/// Largest stored file that is compared, in bytes.
const MOST: u64 = 4 << 20;

/// Fetches what is announced and not stored yet (AC-AUTH-35, AC-AUTH-36).
pub(crate) async fn download(
    dialer: &Dialer,
    login: &LoginResult,
    stages: &mut Stages,
    reporter: &Reporter,
) -> Result<(), ClientError> {
    let settings = &dialer.settings;
    let folder = settings.profile_dir.as_deref();
    let items = Downloader::items(&settings.profile, login, |uri| stored(folder, uri));
    if items.is_empty() || !settings.profile.downloader {
        stages.skipped(
            Stage::Downloader,
            if items.is_empty() { "nothing is announced" } else { "not part of this profile" },
        );
        return Ok(());
    }
    stages.begin(Stage::Downloader);
    let tell = |action, uri: &str, reason: String| {
        reporter.tell(&Event::Profile { action, uri: uri.to_owned(), reason });
    };
    let mut downloader = Downloader::new(settings.profile.clone(), login, items).with_defects(settings.defects);
    loop {
        match downloader.next() {
            DownloadAction::Send { request } => {
                // A stranger in the place of the gateway is a matter of its own, whatever the file is worth (AC-TLS-19).
                let fetched = match dialer.http(downloader.url(), true).await {
                    Ok(mut channel) => {
                        let response = channel.exchange(&request, Expect::Body).await;
                        channel.close().await;
                        response
                    }
                    Err(error @ ClientError::Certificate { .. }) => return Err(error),
                    Err(error) => Err(error),
                };
                match fetched {
                    Ok(response) => downloader.on_response(response),
                    Err(error) => downloader.on_transport_error(&error.to_string()),
                }
            }
            DownloadAction::Store { uri, name, content } => {
                if let Some(folder) = folder {
                    store(folder, &name, &content)?;
                }
                tell(FileAction::Downloaded, &uri, String::new());
            }
            DownloadAction::Unchanged { uri } => tell(FileAction::Unchanged, &uri, String::new()),
            DownloadAction::Warn { uri, error } => tell(FileAction::Failed, &uri, error.to_string()),
            DownloadAction::Done => {
                stages.done("");
                return Ok(());
            }
            DownloadAction::Failed { uri, error } => {
                tell(FileAction::Failed, &uri, error.to_string());
                return Err(ClientError::Download { uri, reason: error.to_string() });
            }
        }
    }
}

/// The SHA-1 of what is stored for a URI.
fn stored(folder: Option<&Path>, uri: &str) -> Option<String> {
    let path = folder?.join(file_name(uri));
    if fs::metadata(&path).ok()?.len() > MOST {
        return None;
    }
    Some(sha1_hex(&fs::read(path).ok()?))
}

/// Replaces a stored file as a whole.
fn store(folder: &Path, name: &str, content: &[u8]) -> Result<(), ClientError> {
    let path = folder.join(name);
    let draft = path.with_extension("part");
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        file.write_all(content)?;
        fs::rename(&draft, &path)
    };
    write().map_err(|error: std::io::Error| ClientError::Unwritable {
        what: "the profile",
        path: path.clone(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_known_by_its_sha1() {
        let folder = tempfile::tempdir().unwrap();
        let (uri, path) = ("/profiles/staff.xml", folder.path().join("deeper"));
        assert_eq!(stored(Some(&path), uri), None);
        store(&path, &file_name(uri), b"abc").unwrap();
        assert_eq!(stored(Some(&path), uri).unwrap(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
        assert_eq!(stored(None, uri), None);
        store(&path, &file_name("/profiles/..%2f..%2fstaff.xml"), b"abc").unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no draft is left");
    }
}
