//! The client's half: which items to fetch, and what to make of the replies.

use std::collections::VecDeque;

use super::sha1_hex;
use crate::defects::{Defects, Mutant};
use crate::http::{CookieJar, Request, Response, ServerUrl, UrlError};
use crate::login::{LoginResult, get_request};
use crate::profile::ClientProfile;
use crate::xml::AnnouncedFile;

/// One announced file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadItem {
    /// Where it is and what its SHA-1 is.
    pub file: AnnouncedFile,
    /// The SHA-1 of what the program has stored, in hexadecimal digits.
    pub stored: Option<String>,
    /// Whether a failure ends the attempt; else it is only told.
    pub required: bool,
}

/// What a program has to do next.
#[derive(Debug)]
pub enum DownloadAction {
    /// Send this request on a new TLS session to [`Downloader::url`] and report the response.
    Send {
        /// The request.
        request: Request,
    },
    /// Store what came in place of what is stored.
    Store {
        /// Where it was.
        uri: String,
        /// Its [`file_name`].
        name: String,
        /// The content.
        content: Vec<u8>,
    },
    /// What is stored is what the server has; nothing was sent.
    Unchanged {
        /// Where it is.
        uri: String,
    },
    /// A file could not be had, and the attempt goes on without it.
    Warn {
        /// Where it is.
        uri: String,
        /// Why.
        error: DownloadError,
    },
    /// Everything has been dealt with.
    Done,
    /// A file that is required could not be had.
    Failed {
        /// Where it is.
        uri: String,
        /// Why.
        error: DownloadError,
    },
}

/// A file that could not be had; the message reads after "failed to download the profile: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownloadError {
    /// The server answered with another status than 200.
    #[error("the server answered with HTTP status {status} {reason}")]
    Http {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
    },
    /// What came is not what was announced.
    #[error("its SHA-1 is {found}, and {announced} was announced")]
    WrongHash {
        /// The SHA-1 that the server announced.
        announced: String,
        /// That of what came.
        found: String,
    },
    /// The address cannot be used.
    #[error("its address is unusable: {0}")]
    Address(#[from] UrlError),
    /// The address is on another server, which would be shown the session's cookie.
    #[error("its address is on another server, {0}")]
    Foreign(String),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Transport(String),
}

/// Fetches announced files one after the other.
pub struct Downloader {
    profile: ClientProfile,
    url: ServerUrl,
    cookies: CookieJar,
    defects: Defects,
    items: VecDeque<DownloadItem>,
    waiting: bool,
    ready: Option<DownloadAction>,
    failed: Option<(String, DownloadError)>,
}

impl Downloader {
    /// Starts with these items; there are none when the profile has no downloader.
    pub fn new(profile: ClientProfile, login: &LoginResult, items: Vec<DownloadItem>) -> Self {
        let items = if profile.downloader { items.into() } else { VecDeque::new() };
        Self {
            url: login.url.clone(),
            cookies: login.cookies.clone(),
            profile,
            defects: Defects::NONE,
            items,
            waiting: false,
            ready: None,
            failed: None,
        }
    }

    /// Returns the items that a login announces; `stored` returns the SHA-1 of what the program has stored for a URI.
    pub fn items(
        profile: &ClientProfile,
        login: &LoginResult,
        stored: impl Fn(&str) -> Option<String>,
    ) -> Vec<DownloadItem> {
        let required = profile.profile_required;
        let item = |file: &AnnouncedFile| DownloadItem { stored: stored(&file.uri), file: file.clone(), required };
        login.profile.iter().map(item).collect()
    }

    /// Makes the client wrong on purpose.
    pub fn with_defects(mut self, defects: Defects) -> Self {
        self.defects = defects;
        self
    }

    /// Returns where the request has to go.
    pub fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// Returns what to do next.
    #[expect(clippy::should_implement_trait, reason = "an iterator would have an end")]
    pub fn next(&mut self) -> DownloadAction {
        if let Some(action) = self.ready.take() {
            return action;
        }
        if let Some((uri, error)) = &self.failed {
            return DownloadAction::Failed { uri: uri.clone(), error: error.clone() };
        }
        let Some(item) = self.items.front() else { return DownloadAction::Done };
        let uri = item.file.uri.clone();
        let same = |stored: &String| item.file.sha1.as_ref().is_some_and(|sha1| sha1.eq_ignore_ascii_case(stored));
        if item.stored.as_ref().is_some_and(same) {
            self.items.pop_front();
            return DownloadAction::Unchanged { uri };
        }
        match self.request(&uri) {
            Ok(request) => {
                self.waiting = true;
                DownloadAction::Send { request }
            }
            Err(error) => self.lose(error),
        }
    }

    /// Takes the response to the request that was to be sent.
    pub fn on_response(&mut self, response: Response) {
        if !std::mem::take(&mut self.waiting) {
            return;
        }
        let Some(item) = self.items.front() else { return };
        let found = sha1_hex(&response.body);
        let wrong = item.file.sha1.clone().filter(|announced| !announced.eq_ignore_ascii_case(&found));
        let action = if response.status != 200 {
            self.lose(DownloadError::Http { status: response.status, reason: response.reason })
        } else if let Some(announced) = wrong {
            self.lose(DownloadError::WrongHash { announced, found })
        } else {
            let uri = item.file.uri.clone();
            self.items.pop_front();
            DownloadAction::Store { name: file_name(&uri), uri, content: response.body }
        };
        self.ready = Some(action);
    }

    /// Reports that the connection failed, or that its certificate was not accepted (AC-TLS-19).
    pub fn on_transport_error(&mut self, message: &str) {
        if std::mem::take(&mut self.waiting) {
            let action = self.lose(DownloadError::Transport(message.to_owned()));
            self.ready = Some(action);
        }
    }

    fn request(&self, uri: &str) -> Result<Request, DownloadError> {
        let root = ServerUrl { path: "/".to_owned(), ..self.url.clone() };
        let url = root.join(uri)?;
        if !url.same_host(&self.url) {
            return Err(DownloadError::Foreign(url.authority()));
        }
        Ok(get_request(&self.profile, &url, &self.cookies))
    }

    /// Gives the first item up.
    fn lose(&mut self, error: DownloadError) -> DownloadAction {
        let Some(item) = self.items.pop_front() else { return DownloadAction::Done };
        let uri = item.file.uri;
        if item.required && !self.defects.has(Mutant::IgnoresProfileError) {
            self.items.clear();
            self.failed = Some((uri.clone(), error.clone()));
            return DownloadAction::Failed { uri, error };
        }
        DownloadAction::Warn { uri, error }
    }
}

/// Returns the last part of an announced URI as a file name without any path, made of letters, digits, `.`, `-` and `_`.
pub fn file_name(uri: &str) -> String {
    let path = crate::http::percent_decode(uri.split(['?', '#']).next().unwrap_or_default());
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let name: String = last.chars().map(|letter| if plain(letter) { letter } else { '_' }).take(128).collect();
    if name.trim_start_matches('.').is_empty() {
        "profile.xml".to_owned()
    } else {
        name.trim_start_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> LoginResult {
        let mut cookies = CookieJar::new();
        cookies.set("webvpn", "secret");
        LoginResult {
            cookie: "secret".into(),
            cookies,
            url: "https://vpn.test:444/auth".parse().unwrap(),
            session_id: None,
            banner: None,
            server_cert_hash: None,
            profile: Some(AnnouncedFile { uri: "/profiles/p.xml".into(), sha1: Some(sha1_hex(b"new")) }),
            manifest: vec![],
            group: None,
        }
    }

    fn downloader(id: &str, stored: Option<&[u8]>) -> Downloader {
        let (profile, login) = (ClientProfile::named(id).unwrap(), login());
        let items = Downloader::items(&profile, &login, |_| stored.map(|bytes| sha1_hex(bytes).to_lowercase()));
        Downloader::new(ClientProfile { downloader: true, ..profile }, &login, items)
    }

    fn response(status: u16, body: &[u8]) -> Response {
        Response { body: body.to_vec(), ..Response::new(status, "x") }
    }

    #[test]
    fn a_profile_that_is_stored_is_not_fetched() {
        let mut same = downloader("anyconnect-desktop", Some(b"new"));
        assert!(matches!(same.next(), DownloadAction::Unchanged { uri } if uri == "/profiles/p.xml"));
        assert!(matches!(same.next(), DownloadAction::Done));
    }

    #[test]
    fn another_profile_is_fetched_checked_and_stored() {
        let mut other = downloader("anyconnect-desktop", Some(b"old"));
        let DownloadAction::Send { request } = other.next() else { panic!("nothing is sent") };
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/profiles/p.xml"));
        assert_eq!(request.headers.get("Cookie"), Some("webvpn=secret"));
        assert_eq!(request.headers.get("Host"), Some("vpn.test:444"));
        other.on_response(response(200, b"new"));
        let DownloadAction::Store { name, content, .. } = other.next() else { panic!("nothing is stored") };
        assert_eq!((name.as_str(), content.as_slice()), ("p.xml", &b"new"[..]));
        assert!(matches!(other.next(), DownloadAction::Done));
    }

    #[test]
    fn what_cannot_be_had_ends_the_attempt_or_is_told_as_the_profile_says() {
        type Report = fn(&mut Downloader);
        let reports: [Report; 3] = [
            |downloader| downloader.on_response(response(404, b"new")),
            |downloader| downloader.on_response(response(200, b"forged")),
            |downloader| downloader.on_transport_error("reset"),
        ];
        for report in reports {
            let mut strict = downloader("anyconnect-desktop", None);
            assert!(matches!(strict.next(), DownloadAction::Send { .. }));
            report(&mut strict);
            assert!(matches!(strict.next(), DownloadAction::Failed { .. }));
            assert!(matches!(strict.next(), DownloadAction::Failed { .. }), "and it stays failed");
            let mut lenient = downloader("openconnect", None);
            assert!(matches!(lenient.next(), DownloadAction::Send { .. }));
            report(&mut lenient);
            assert!(matches!(lenient.next(), DownloadAction::Warn { .. }));
            assert!(matches!(lenient.next(), DownloadAction::Done));
            let mutant = [Mutant::IgnoresProfileError].into_iter().collect();
            let mut wrong = downloader("anyconnect-desktop", None).with_defects(mutant);
            assert!(matches!(wrong.next(), DownloadAction::Send { .. }));
            report(&mut wrong);
            assert!(matches!(wrong.next(), DownloadAction::Warn { .. }));
        }
    }

    #[test]
    fn a_profile_without_downloader_sends_nothing() {
        let (profile, login) = (ClientProfile::named("anyconnect-desktop").unwrap(), login());
        let items = Downloader::items(&profile, &login, |_| None);
        let mut none = Downloader::new(ClientProfile { downloader: false, ..profile }, &login, items);
        assert!(matches!(none.next(), DownloadAction::Done));
    }

    #[test]
    fn the_cookie_is_not_shown_to_another_server() {
        let mut login = login();
        login.profile = Some(AnnouncedFile { uri: "https://evil.test/p.xml".into(), sha1: None });
        let profile = ClientProfile { downloader: true, ..ClientProfile::named("anyconnect-desktop").unwrap() };
        let items = Downloader::items(&profile, &login, |_| None);
        let mut foreign = Downloader::new(profile, &login, items);
        assert!(
            matches!(foreign.next(), DownloadAction::Failed { error: DownloadError::Foreign(host), .. } if host == "evil.test")
        );
    }

    #[test]
    fn file_names_are_harmless() {
        for (uri, name) in [
            ("/profiles/p.xml", "p.xml"),
            ("/profiles%2f..%2F..%2fetc%2fpasswd?x", "passwd"),
            ("/a/..", "profile.xml"),
            ("/a/.bashrc", "bashrc"),
            ("/a/b c\u{e9}", "b_c_"),
            ("", "profile.xml"),
            ("..\\x", "x"),
        ] {
            assert_eq!(file_name(uri), name);
        }
    }
}
