//! The server's half: the files that deployed clients ask for.

use crate::http::{Request, Response, percent_decode, request_cookie};

const EMPTY_PAGE: &[u8] = b"<html></html>\n";
const EMPTY_MANIFEST: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<vpn rev=\"1.0\">\n</vpn>\n";
const NO_UPDATE: &[u8] = b"0,0,0000\n";
const NO_DOWNLOADER: &[u8] = b"#!/bin/sh\n\nexit 0\n";

/// The fixed files, by path, type and content.
const FIXED: [(&str, &str, &[u8]); 12] = [
    ("/VPNManifest.xml", "text/xml", EMPTY_MANIFEST),
    ("/1/VPNManifest.xml", "text/xml", EMPTY_MANIFEST),
    ("/1/index.html", "text/html", EMPTY_PAGE),
    ("/1/Linux", "text/html", EMPTY_PAGE),
    ("/1/Linux_64", "text/html", EMPTY_PAGE),
    ("/1/Windows", "text/html", EMPTY_PAGE),
    ("/1/Windows_ARM64", "text/html", EMPTY_PAGE),
    ("/1/Darwin_i386", "text/html", EMPTY_PAGE),
    ("/1/binaries/vpndownloader.sh", "application/x-shellscript", NO_DOWNLOADER),
    ("/1/binaries/update.txt", "text/xml", NO_UPDATE),
    ("/+CSCOT+/translation-table", "text/xml", EMPTY_MANIFEST),
    ("/+CSCOT+/oem-customization", "text/xml", EMPTY_MANIFEST),
];

/// The profile that is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedProfile {
    /// Its path, such as `/profiles/profile.xml`.
    pub uri: String,
    /// Its content; `None` when it is announced and not there.
    pub content: Option<Vec<u8>>,
}

/// The files that a server has. They lie in memory, so that no path can lead to another file (AC-AUTH-37).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServedFiles {
    /// The profile, if there is one.
    pub profile: Option<ServedProfile>,
}

impl ServedFiles {
    /// Answers a GET for one of the files or for anything under `/profiles/`; `None` when it is for something else.
    ///
    /// `is_valid` says whether the value of a cookie `webvpn` belongs to a session; a profile is shown to no one else.
    pub fn answer(&self, request: &Request, is_valid: impl FnOnce(&str) -> bool) -> Option<Response> {
        if request.method != "GET" {
            return None;
        }
        let path = percent_decode(request.path());
        if let Some((_, kind, content)) = FIXED.iter().find(|(fixed, _, _)| *fixed == path) {
            return Some(file(request, kind, content));
        }
        let own = self.profile.as_ref().filter(|profile| percent_decode(&profile.uri) == path);
        if own.is_none() && path != "/profiles" && !path.starts_with("/profiles/") {
            return None;
        }
        if !request_cookie(&request.headers, "webvpn").is_some_and(is_valid) {
            return Some(crate::authenticate::refuse(request, 401, "Cookie is not acceptable"));
        }
        let content = own.and_then(|profile| profile.content.as_deref());
        Some(
            content
                .map_or_else(|| crate::authenticate::not_found(request), |content| file(request, "text/xml", content)),
        )
    }
}

fn file(request: &Request, kind: &str, content: &[u8]) -> Response {
    let mut response = Response { version: request.version, ..Response::new(200, "OK") };
    response.headers.push("Connection", if request.closes() { "close" } else { "Keep-Alive" });
    response.headers.push("Content-Type", kind);
    response.headers.push("X-Transcend-Version", "1");
    response.headers.push("Content-Length", content.len().to_string());
    response.body = content.to_vec();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(files: &ServedFiles, target: &str, cookie: Option<&str>) -> Option<(u16, Vec<u8>)> {
        let mut request = Request::new("GET", target);
        if let Some(cookie) = cookie {
            request.headers.push("Cookie", format!("webvpnc=x; webvpn={cookie}"));
        }
        files.answer(&request, |cookie| cookie == "good").map(|response| (response.status, response.body))
    }

    fn files() -> ServedFiles {
        ServedFiles { profile: Some(ServedProfile { uri: "/profiles/p.xml".into(), content: Some(b"<p/>".to_vec()) }) }
    }

    #[test]
    fn a_profile_needs_a_valid_cookie() {
        let files = files();
        assert_eq!(answer(&files, "/profiles/p.xml", Some("good")), Some((200, b"<p/>".to_vec())));
        assert_eq!(
            answer(&files, "/profiles%2Fp.xml", Some("good")),
            Some((200, b"<p/>".to_vec())),
            "as openconnect asks"
        );
        assert_eq!(answer(&files, "/profiles/p.xml", Some("bad")).unwrap().0, 401);
        assert_eq!(answer(&files, "/profiles/p.xml", None).unwrap().0, 401);
        assert_eq!(answer(&files, "/profiles/other.xml", None).unwrap().0, 401, "nobody learns which files there are");
    }

    #[test]
    fn no_path_leads_to_another_file() {
        for target in [
            "/profiles/../p.xml",
            "/profiles/p.xml/../../etc/passwd",
            "/profiles/%2e%2e/p.xml",
            "/profiles/",
            "/profiles/p.xml%00",
        ] {
            assert_eq!(answer(&files(), target, Some("good")).unwrap().0, 404, "{target}");
        }
        assert_eq!(answer(&files(), "/etc/passwd", Some("good")), None);
        assert_eq!(answer(&files(), "/profiles/../../etc/passwd", Some("good")).unwrap().0, 404);
    }

    #[test]
    fn an_announced_profile_may_be_missing() {
        let files = ServedFiles { profile: Some(ServedProfile { uri: "/profiles/p.xml".into(), content: None }) };
        assert_eq!(answer(&files, "/profiles/p.xml", Some("good")).unwrap().0, 404);
    }

    #[test]
    fn what_clients_ask_for_is_there_without_a_cookie() {
        for (path, _, content) in FIXED {
            assert_eq!(answer(&ServedFiles::default(), path, None), Some((200, content.to_vec())));
        }
        assert_eq!(answer(&ServedFiles::default(), "/1/binaries/update.txt?a=b", None).unwrap().1, NO_UPDATE);
        assert_eq!(answer(&ServedFiles::default(), "/1/Solaris", None), None);
        let mut post = Request::new("POST", "/1/index.html");
        post.body = b"x".to_vec();
        assert_eq!(ServedFiles::default().answer(&post, |_| true), None);
    }
}
